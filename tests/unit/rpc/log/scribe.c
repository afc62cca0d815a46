/* SPDX-License-Identifier: MIT */

#include "tests/unit/rpc/log/scribe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "proto/run.h"

#define TIME_NS UINT64_C(1796045400000000000)

void scribe_run_of(struct scribe_run *run, const char *subject, uint64_t first,
		   uint64_t last)
{
	struct run_builder builder;
	const void *pieces[2];
	size_t lengths[2];
	char body[24];

	assert_int_equal(run_builder_init(&builder), 0);
	for (uint64_t i = first; i <= last; i++) {
		struct run_record record = {
			.time_ns = TIME_NS + i * NS_PER_MS,
			.kind = RUN_MESSAGE,
			.subject = subject,
			.n_subject = strlen(subject),
			.source = { .principal = "vm:web",
				    .n_principal = 6,
				    .durable_id = "u1",
				    .n_durable_id = 2,
				    .incarnation = 5 },
			.metadata = "\x0a\x01k",
			.n_metadata = 3,
			.body = body,
		};

		record.n_body = (size_t)snprintf(body, sizeof(body), "%llu",
						 (unsigned long long)i);
		assert_int_equal(run_builder_add(&builder, &record), 0);
	}
	assert_int_equal(run_builder_finish(&builder, first, pieces, lengths),
			 0);
	run->n = lengths[0] + lengths[1];
	assert_true(run->n <= sizeof(run->bytes));
	memcpy(run->bytes, pieces[0], lengths[0]);
	memcpy(run->bytes + lengths[0], pieces[1], lengths[1]);
	run_builder_deinit(&builder);
}

void scribe_run(struct scribe_run *run, uint64_t first, uint64_t last)
{
	scribe_run_of(run, "demo.a", first, last);
}

void scribe_bytes(struct fake_switch *fake, uint64_t id, const void *bytes,
		  size_t n)
{
	struct frame frame = { .kind = FRAME_NEXT,
			       .flags = FRAME_WHOLE,
			       .correlation = id };

	fake_send(fake, &frame, NULL, bytes, n);
}

void scribe_next(struct fake_switch *fake, uint64_t id,
		 const ProtobufCMessage *message)
{
	uint8_t body[4200];
	size_t n = protobuf_c_message_get_packed_size(message);

	assert_true(n <= sizeof(body));
	protobuf_c_message_pack(message, body);
	scribe_bytes(fake, id, body, n);
}

void scribe_records(struct fake_switch *fake, uint64_t id, uint64_t first,
		    uint64_t last)
{
	Helio__Log__V1__ReadReply reply = HELIO__LOG__V1__READ_REPLY__INIT;
	struct scribe_run run;

	scribe_run(&run, first, last);
	reply.has_run = true;
	reply.run = (ProtobufCBinaryData){ run.n, run.bytes };
	scribe_next(fake, id, &reply.base);
}

void scribe_reply(struct fake_switch *fake, uint64_t id, unsigned status)
{
	struct frame frame = { .kind = FRAME_REPLY,
			       .flags = FRAME_WHOLE | FRAME_EXTENDED,
			       .correlation = id,
			       .status = (uint16_t)status,
			       .handed_over = true };

	fake_send(fake, &frame, NULL, "", 0);
}

void scribe_bind(struct fake_switch *fake)
{
	struct received received;

	fake_expect(fake, FRAME_BIND, &received);
	assert_string_equal(received.subject, "helio.log.v1.Logs");
	fake_result(fake, received.frame.correlation, 0, "");
}

void scribe_wait(struct fake_switch *fake, uint64_t ms)
{
	deadlines_expire(&fake->bus->deadlines,
			 clock_now_ns() + ms * NS_PER_MS);
	fake_turn(fake);
}
