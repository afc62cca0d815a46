/* SPDX-License-Identifier: MIT */

#include "tests/unit/rpc/store/keeper.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

void keeper_bind(struct fake_switch *fake, const char *service)
{
	struct received received;
	char name[64];

	snprintf(name, sizeof(name), "helio.store.v1.%s", service);
	fake_expect(fake, FRAME_BIND, &received);
	assert_string_equal(received.subject, name);
	fake_result(fake, received.frame.correlation, 0, "");
}

void keeper_unbind(struct fake_switch *fake)
{
	struct received received;

	fake_expect(fake, FRAME_UNBIND, &received);
}

uint64_t keeper_expect(struct fake_switch *fake, const char *method,
		       struct received *received)
{
	fake_expect(fake, FRAME_CALL, received);
	assert_string_equal(received->subject, method);
	return received->frame.correlation;
}

uint64_t keeper_asked(struct fake_switch *fake, const char *method,
		      const ProtobufCMessageDescriptor *type,
		      ProtobufCMessage **ret_request)
{
	struct received received;
	uint64_t id = keeper_expect(fake, method, &received);

	*ret_request = protobuf_c_message_unpack(type, NULL, received.n_body,
						 received.body);
	assert_non_null(*ret_request);
	return id;
}

void keeper_nobody(struct fake_switch *fake, uint64_t id)
{
	struct frame frame = { .kind = FRAME_REPLY,
			       .flags = FRAME_WHOLE | FRAME_EXTENDED,
			       .correlation = id,
			       .status = HELIO_UNAVAILABLE,
			       .origin = 1 };

	fake_send(fake, &frame, NULL, "", 0);
}

void keeper_answer(struct fake_switch *fake, uint64_t id,
		   const ProtobufCMessage *message)
{
	struct frame frame = { .kind = FRAME_REPLY,
			       .flags = FRAME_WHOLE | FRAME_EXTENDED,
			       .correlation = id,
			       .handed_over = true };
	uint8_t body[4096];
	size_t n = protobuf_c_message_get_packed_size(message);

	assert_true(n <= sizeof(body));
	protobuf_c_message_pack(message, body);
	fake_send(fake, &frame, NULL, body, n);
}
