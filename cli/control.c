/* SPDX-License-Identifier: MIT */

#include "cli/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "cli/exit.h"
#include "cli/output.h"
#include "cli/session.h"
#include "proto/unpack.h"
#include "rpc/heliograph.h"

enum { ARENA_BYTES = 1 << 20 };

int control_init(struct control *control, struct helio *bus,
		 uint32_t timeout_ms)
{
	*control = (struct control){ .bus = bus, .timeout_ms = timeout_ms };
	control->arena = malloc(ARENA_BYTES);
	return control->arena ? 0 : -ENOMEM;
}

void control_deinit(struct control *control)
{
	free(control->arena);
	control->arena = NULL;
}

static int unpack_reply(struct control *control, const char *method,
			const struct helio_message *message,
			const ProtobufCMessageDescriptor *descriptor,
			ProtobufCMessage **ret_reply)
{
	struct unpack_arena arena = { .bytes = control->arena,
				      .n_bytes = ARENA_BYTES };
	int r = unpack(descriptor, message->body, message->n_body, &arena,
		       ret_reply);

	if (r == 0)
		return EXIT_OK;
	talk("%s: the switch's answer is %s", method, unpack_error_text(r));
	return EXIT_INTERNAL;
}

int control_call(struct control *control, const char *method,
		 const ProtobufCMessage *request,
		 const ProtobufCMessageDescriptor *descriptor,
		 ProtobufCMessage **ret_reply)
{
	struct helio_call_options options = { .timeout_ms =
						      control->timeout_ms };
	_cleanup_(freep) uint8_t *body = NULL;
	struct helio_reply reply;
	char subject[128];
	size_t n_body;
	int r;

	n_body = protobuf_c_message_get_packed_size(request);
	body = malloc(n_body + 1);
	if (!body)
		return session_complain(method, -ENOMEM, NULL);
	protobuf_c_message_pack(request, body);
	snprintf(subject, sizeof(subject), "helio.switch.v1.Switch.%s", method);

	r = helio_call_wait(control->bus, subject, body, n_body, &options,
			    &reply);
	if (r < 0)
		return session_complain(method, r, NULL);
	if (reply.status != HELIO_OK)
		return session_complain(method, (int)reply.status,
					reply.reason);
	return unpack_reply(control, method, reply.message, descriptor,
			    ret_reply);
}
