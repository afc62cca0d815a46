/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/le.h"
#include "tests/unit/rpc/fake_switch.h"

static void test_bytes_on_the_wire(void **state)
{
	static const uint8_t message[] = {
		0x2f, 0,   0,   0,   1,   3,   6,   0,   0,   0,   0,   0,
		0,    0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,
		0,    0,   0,   0,   0,   0,   0,   0,   'v', 'm', '.', 'w',
		'e',  'b', 't', 'e', 'n', ' ', 'b', 'y', 't', 'e', 's',
	};
	struct received received;
	struct fake_switch fake;

	(void)state;
	fake_connect(&fake, NULL);
	assert_int_equal(
		helio_publish(fake.bus, "vm.web", "ten bytes", 9, NULL), 0);
	assert_int_equal(helio_timeout_ms(fake.bus), 0);
	fake_expect(&fake, FRAME_MESSAGE, &received);
	assert_int_equal(received.frame.length, sizeof(message));
	assert_memory_equal(received.bytes, message, sizeof(message));
	fake_close(&fake);
}

static void test_in_place_is_the_same(void **state)
{
	struct received a, b;
	struct fake_switch fake;
	void *room;

	(void)state;
	fake_connect(&fake, NULL);
	assert_int_equal(helio_publish(fake.bus, "a.b", "hello", 5, NULL), 0);
	assert_int_equal(helio_publish_begin(fake.bus, "a.b", 100, &room), 0);
	memcpy(room, "hello", 5);
	helio_publish_end(fake.bus, 5);
	fake_expect(&fake, FRAME_MESSAGE, &a);
	fake_expect(&fake, FRAME_MESSAGE, &b);
	assert_int_equal(a.frame.length, b.frame.length);
	assert_memory_equal(a.bytes, b.bytes, a.frame.length);
	assert_int_equal(helio_publish_begin(fake.bus, "a.b", 65536, &room),
			 -EMSGSIZE);
	fake_close(&fake);
}

static void test_bad_subjects_are_refused(void **state)
{
	static const char *const subjects[] = { "",    ".", "a.", "a..b",
						"a.*", ">", "a b" };
	struct fake_switch fake;

	(void)state;
	fake_connect(&fake, NULL);
	for (size_t i = 0; i < sizeof(subjects) / sizeof(*subjects); i++)
		assert_int_equal(
			helio_publish(fake.bus, subjects[i], "", 0, NULL),
			-EINVAL);
	fake_expect_nothing(&fake);
	fake_close(&fake);
}

static void test_not_connected(void **state)
{
	struct fake_switch fake;

	(void)state;
	fake_open(&fake, FAKE_RING_BYTES, NULL);
	assert_int_equal(helio_publish(fake.bus, "a", "", 0, NULL), -ENOTCONN);
	fake_close(&fake);
}

/* Puts fragments together; checks that each is as the protocol wants it. */
static void recv_fragments(struct fake_switch *fake, uint8_t kind,
			   uint8_t *body, size_t n_total)
{
	struct received received;
	size_t n = 0;
	uint64_t id = 0;

	while (n < n_total) {
		const struct frame *frame = &received.frame;

		fake_expect(fake, kind, &received);
		assert_true(frame->length <= FAKE_FRAGMENT_BYTES);
		if (!n) {
			id = frame->correlation;
			assert_true(id);
			assert_true(frame->flags & FRAME_FIRST);
			assert_true(frame->flags & FRAME_EXTENDED);
			assert_int_equal(frame->total_bytes, n_total);
		} else {
			assert_false(frame->flags & FRAME_FIRST);
			assert_int_equal(frame->n_subject, 0);
			assert_int_equal(frame->correlation, id);
		}
		memcpy(body + n, received.body, received.n_body);
		n += received.n_body;
		assert_int_equal(!!(frame->flags & FRAME_LAST), n == n_total);
	}
}

static void test_long_messages_are_cut(void **state)
{
	static const size_t sizes[] = {
		4060, 4061, 4062, 8000, 60000, 1000000
	};
	struct fake_switch fake;

	(void)state;
	fake_connect(&fake, NULL);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		uint8_t *sent = malloc(sizes[i]);
		uint8_t *got = malloc(sizes[i]);

		for (size_t k = 0; k < sizes[i]; k++)
			sent[k] = (uint8_t)(k * 31 >> 3);
		assert_int_equal(helio_publish(fake.bus, "long.one", sent,
					       sizes[i], NULL),
				 0);
		recv_fragments(&fake, FRAME_MESSAGE, got, sizes[i]);
		assert_memory_equal(sent, got, sizes[i]);
		free(sent);
		free(got);
	}
	fake_close(&fake);
}

static void test_too_long_is_refused(void **state)
{
	struct fake_switch fake;

	(void)state;
	fake_connect(&fake, NULL);
	assert_int_equal(helio_publish(fake.bus, "a", "x",
				       MESSAGE_MAX_DEFAULT + 1, NULL),
			 -EMSGSIZE);
	fake_expect_nothing(&fake);
	fake_close(&fake);
}

/* Full: said so, nothing is lost of what was accepted, and then it goes on. */
static void test_full_channel(void **state)
{
	uint8_t body[1000] = { 0 };
	struct received received;
	struct fake_switch fake;
	unsigned n_sent = 0;
	int r;

	(void)state;
	fake_connect(&fake, NULL);
	for (;;) {
		le32_store(body, n_sent);
		r = helio_publish(fake.bus, "a", body, sizeof(body), NULL);
		if (r < 0)
			break;
		n_sent++;
	}
	assert_int_equal(r, -EAGAIN);
	assert_true(n_sent > 50);
	/* It sleeps until the switch makes room, and is then woken. */
	fake_turn(&fake);
	assert_int_equal(helio_timeout_ms(fake.bus), -1);
	fake_recv(&fake, &received);
	assert_int_equal(le32_load(received.body), 0);
	assert_int_equal(helio_timeout_ms(fake.bus), 0);
	for (unsigned i = 1; i < n_sent; i++) {
		fake_expect(&fake, FRAME_MESSAGE, &received);
		assert_int_equal(le32_load(received.body), i);
	}
	assert_int_equal(helio_publish(fake.bus, "a", body, 4, NULL), 0);
	fake_expect(&fake, FRAME_MESSAGE, &received);
	fake_close(&fake);
}

static void test_nothing_passes_a_long_message(void **state)
{
	static uint8_t body[200000];
	struct received received;
	struct fake_switch fake;

	(void)state;
	fake_connect(&fake, NULL);
	assert_int_equal(helio_publish(fake.bus, "a", body, sizeof(body), NULL),
			 0);
	assert_int_equal(helio_publish(fake.bus, "b", "", 0, NULL), -EAGAIN);
	assert_int_equal(helio_publish(fake.bus, "a", body, sizeof(body), NULL),
			 -EAGAIN);
	recv_fragments(&fake, FRAME_MESSAGE, body, sizeof(body));
	assert_int_equal(helio_publish(fake.bus, "b", "", 0, NULL), 0);
	fake_expect(&fake, FRAME_MESSAGE, &received);
	assert_string_equal(received.subject, "b");
	fake_close(&fake);
}

static void test_metadata(void **state)
{
	static const uint8_t metadata[] = {
		0x0a, 2,    'k', '1',  0x12, 2,   't',  'p', 0x22, 2, 'c',
		't',  0x2a, 8,   0x0a, 1,    'h', 0x12, 3,   'v',  0, 'v',
	};
	const struct helio_header header = {
		.name = "h",
		.value = "v\0v",
		.n_value = 3,
	};
	const struct helio_publish_options options = {
		.idempotency_key = "k1",
		.traceparent = "tp",
		.content_type = "ct",
		.headers = &header,
		.n_headers = 1,
	};
	struct received received;
	struct fake_switch fake;

	(void)state;
	fake_connect(&fake, NULL);
	assert_int_equal(helio_publish(fake.bus, "a", "body", 4, &options), 0);
	fake_expect(&fake, FRAME_MESSAGE, &received);
	assert_int_equal(received.frame.n_metadata, sizeof(metadata));
	assert_memory_equal(received.body - sizeof(metadata), metadata,
			    sizeof(metadata));
	assert_memory_equal(received.body, "body", 4);
	fake_close(&fake);
}

/* Fields 3 and 7 of Metadata, in the order of their numbers. */
static void test_what_a_log_judges(void **state)
{
	uint8_t hash[32];
	uint8_t metadata[34 + 3] = { 0x1a, 32 };
	const struct helio_publish_options options = {
		.schema_hash = hash,
		.has_expected = true,
		.expected_sequence = 300,
	};
	const struct helio_publish_options first = { .has_expected = true };
	struct received received;
	struct fake_switch fake;

	(void)state;
	memset(hash, 0xab, sizeof(hash));
	memset(metadata + 2, 0xab, sizeof(hash));
	memcpy(metadata + 34, "\x38\xac\x02", 3);
	fake_connect(&fake, NULL);
	assert_int_equal(helio_publish(fake.bus, "a", "body", 4, &options), 0);
	fake_expect(&fake, FRAME_MESSAGE, &received);
	assert_int_equal(received.frame.n_metadata, sizeof(metadata));
	assert_memory_equal(received.body - sizeof(metadata), metadata,
			    sizeof(metadata));
	/* 0 is said too: the log is to be empty. */
	assert_int_equal(helio_publish(fake.bus, "a", "body", 4, &first), 0);
	fake_expect(&fake, FRAME_MESSAGE, &received);
	assert_int_equal(received.frame.n_metadata, 2);
	assert_memory_equal(received.body - 2, "\x38\x00", 2);
	fake_close(&fake);
}

static void test_much_metadata_is_refused(void **state)
{
	static uint8_t value[16385];
	struct helio_header headers[3] = {
		{ .name = "h", .value = value, .n_value = sizeof(value) },
		{ .name = "i", .value = value },
		{ .name = "j", .value = value },
	};
	struct helio_publish_options options = {
		.headers = headers,
		.n_headers = 1,
	};
	struct received received;
	struct fake_switch fake;

	(void)state;
	fake_connect(&fake, NULL);
	assert_int_equal(helio_publish(fake.bus, "a", "", 0, &options), -E2BIG);
	/* A header takes 9 bytes besides its value, an empty one 7. */
	options.n_headers = 3;
	headers[0].n_value = 16384 - 9 - 7 - 7 + 1;
	assert_int_equal(helio_publish(fake.bus, "a", "", 0, &options), -E2BIG);
	headers[0].n_value--;
	assert_int_equal(helio_publish(fake.bus, "a", "", 0, &options), 0);
	fake_expect(&fake, FRAME_MESSAGE, &received);
	assert_int_equal(received.frame.n_metadata, 16384);
	memset(value, 'x', sizeof(value) - 1);
	options.n_headers = 0;
	options.content_type = (const char *)value;
	assert_int_equal(helio_publish(fake.bus, "a", "", 0, &options), -E2BIG);
	fake_close(&fake);
}

struct told {
	unsigned n;
	struct helio_ack last;
	char log[64];
};

static void note_ack(struct helio *bus, const struct helio_ack *ack,
		     void *userdata)
{
	struct told *told = userdata;

	(void)bus;
	told->n++;
	told->last = *ack;
	if (ack->log)
		memcpy(told->log, ack->log, strlen(ack->log) + 1);
}

static void put_entry(uint8_t *entry, uint64_t id, uint32_t n, uint16_t status,
		      uint8_t flags)
{
	le64_store(entry, id);
	le32_store(entry + 8, n);
	le16_store(entry + 12, status);
	entry[14] = flags;
	entry[15] = 0;
}

static void test_acks_come_in_runs(void **state)
{
	struct frame ack = { .kind = FRAME_ACK };
	uint8_t entry[24];
	struct received received;
	struct fake_switch fake;
	struct told told = { 0 };
	const struct helio_publish_options options = {
		.flags = HELIO_ACK_ROUTED | HELIO_ACK_STORED,
		.on_ack = note_ack,
		.userdata = &told,
	};
	uint64_t first = 0;

	(void)state;
	fake_connect(&fake, NULL);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(helio_publish(fake.bus, "a", "", 0, &options),
				 0);
		fake_expect(&fake, FRAME_MESSAGE, &received);
		assert_int_equal(received.frame.flags,
				 FRAME_WHOLE | FRAME_ACK_ROUTED |
					 FRAME_ACK_STORED);
		first = first ? first : received.frame.correlation;
	}
	put_entry(entry, first, 10, 0, 0);
	le32_store(entry + 16, 3);
	le32_store(entry + 20, 1);
	fake_send(&fake, &ack, NULL, entry, sizeof(entry));
	assert_int_equal(told.n, 0);
	put_entry(entry, first, 10, 0, 3);
	le64_store(entry + 16, 100);
	fake_send(&fake, &ack, "audit", entry, sizeof(entry));
	assert_int_equal(told.n, 10);
	assert_int_equal(told.last.sequence, 109);
	assert_int_equal(told.last.n_took, 3);
	assert_int_equal(told.last.n_refused, 1);
	assert_true(told.last.is_duplicate);
	assert_string_equal(told.log, "audit");
	fake_close(&fake);
}

static void test_a_lost_connection_answers_acks(void **state)
{
	struct fake_switch fake;
	struct told told = { 0 };
	const struct helio_publish_options options = {
		.flags = HELIO_ACK_ROUTED,
		.on_ack = note_ack,
		.userdata = &told,
	};

	(void)state;
	fake_connect(&fake, NULL);
	for (int i = 0; i < 3; i++)
		assert_int_equal(helio_publish(fake.bus, "a", "", 0, &options),
				 0);
	fake.end = channel_free(fake.end);
	fake_turn(&fake);
	assert_int_equal(told.n, 3);
	assert_int_equal(told.last.status, HELIO_UNAVAILABLE);
	fake_close(&fake);
}

static void note_refusal(struct helio *bus, unsigned status, const char *reason,
			 void *userdata)
{
	(void)bus;
	*(unsigned *)userdata = status;
	assert_string_equal(reason, "policy:3");
}

static void test_refusals(void **state)
{
	struct frame refused = {
		.kind = FRAME_REFUSED,
		.flags = FRAME_EXTENDED,
		.status = HELIO_PERMISSION_DENIED,
	};
	struct fake_switch fake;
	struct received received;
	struct told told = { 0 };
	unsigned status = 0;
	const struct helio_options options = {
		.on_refused = note_refusal,
		.userdata = &status,
	};
	const struct helio_publish_options acked = {
		.flags = HELIO_ACK_ROUTED,
		.on_ack = note_ack,
		.userdata = &told,
	};

	(void)state;
	fake_connect(&fake, &options);
	assert_int_equal(helio_publish(fake.bus, "a", "", 0, NULL), 0);
	fake_expect(&fake, FRAME_MESSAGE, &received);
	fake_send(&fake, &refused, NULL, "policy:3", 8);
	assert_int_equal(status, HELIO_PERMISSION_DENIED);
	assert_int_equal(helio_publish(fake.bus, "a", "", 0, &acked), 0);
	fake_expect(&fake, FRAME_MESSAGE, &received);
	refused.correlation = received.frame.correlation;
	fake_send(&fake, &refused, NULL, "policy:3", 8);
	assert_int_equal(told.n, 1);
	assert_int_equal(told.last.status, HELIO_PERMISSION_DENIED);
	fake_close(&fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes_on_the_wire),
		cmocka_unit_test(test_in_place_is_the_same),
		cmocka_unit_test(test_bad_subjects_are_refused),
		cmocka_unit_test(test_not_connected),
		cmocka_unit_test(test_long_messages_are_cut),
		cmocka_unit_test(test_too_long_is_refused),
		cmocka_unit_test(test_full_channel),
		cmocka_unit_test(test_nothing_passes_a_long_message),
		cmocka_unit_test(test_metadata),
		cmocka_unit_test(test_what_a_log_judges),
		cmocka_unit_test(test_much_metadata_is_refused),
		cmocka_unit_test(test_acks_come_in_runs),
		cmocka_unit_test(test_a_lost_connection_answers_acks),
		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
