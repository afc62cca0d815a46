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

void keeper_fill(struct keeper_entries *entries, const char *letters)
{
	entries->n = strlen(letters);
	for (size_t i = 0; i < entries->n; i++) {
		Helio__Store__V1__Entry *entry = &entries->at[i];

		helio__store__v1__entry__init(entry);
		snprintf(entries->keys[i], 2, "%c", letters[i] | 0x20);
		entry->key = entries->keys[i];
		entry->has_is_deleted = true;
		entry->is_deleted = !(letters[i] & 0x20);
		entries->pointers[i] = entry;
	}
}

int keeper_complete(struct helio_work *work)
{
	const struct helio_store_condition condition = { .bucket = "b",
							 .key = "c",
							 .has_revision = true };
	const struct helio_store_write writes[] = {
		{ .bucket = "b", .key = "a", .value = "v", .n_value = 1 },
		{ .bucket = "b", .key = "d", .is_delete = true },
	};
	const struct helio_store_message message = { .subject = "s.t" };
	const struct helio_store_submit submit = { .queue = "next" };
	const struct helio_store_transaction transaction = {
		.conditions = &condition,
		.n_conditions = 1,
		.writes = writes,
		.n_writes = 2,
		.messages = &message,
		.n_messages = 1,
		.submits = &submit,
		.n_submits = 1,
	};

	return helio_work_complete(work, "ok", 2, &transaction);
}

uint64_t keeper_completed(struct fake_switch *fake)
{
	Helio__Store__V1__CompleteRequest *request;
	uint64_t id =
		keeper_asked(fake, "Complete",
			     &helio__store__v1__complete_request__descriptor,
			     (ProtobufCMessage **)&request);

	assert_int_equal(request->id, 1);
	assert_int_equal(request->token, 101);
	assert_int_equal(request->result.len, 2);
	assert_int_equal(request->transaction->n_conditions, 1);
	assert_string_equal(request->transaction->conditions[0]->key, "c");
	assert_int_equal(request->transaction->n_writes, 2);
	assert_string_equal(request->transaction->writes[0]->key, "a");
	assert_true(request->transaction->writes[0]->has_value);
	assert_false(request->transaction->writes[1]->has_value);
	assert_int_equal(request->transaction->n_messages, 1);
	assert_string_equal(request->transaction->messages[0]->subject, "s.t");
	assert_int_equal(request->transaction->n_submits, 1);
	assert_string_equal(request->transaction->submits[0]->queue, "next");
	helio__store__v1__complete_request__free_unpacked(request, NULL);
	return id;
}
