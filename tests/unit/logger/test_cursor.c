/* SPDX-License-Identifier: MIT */

/*
 * A cursor: what it gives out and keeps, whatever is done to it; and what that
 * costs, which is not more for how much is given out.
 */

#include <errno.h>
#include <helio/bus/v1/control.pb-c.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/fault.h"
#include "tests/unit/logger/desk.h"

static struct desk desk;

static void open_desk(uint64_t n_records, bool is_shared, uint32_t max_deliver)
{
	Helio__Log__V1__CursorConfig config =
		HELIO__LOG__V1__CURSOR_CONFIG__INIT;

	config.has_shared = 1;
	config.shared = is_shared;
	config.has_max_deliver = 1;
	config.max_deliver = max_deliver;
	config.has_pending_max = 1;
	config.pending_max = CURSOR_ITEMS_MAX;
	desk_init(&desk, n_records, &config);
}

static struct consumer *reader(unsigned nth)
{
	return &desk.readers[nth].consumer;
}

/* The token that a reader got last for this record. */
static uint64_t token_of(unsigned nth, uint64_t sequence)
{
	const struct desk_reader *it = &desk.readers[nth];

	for (size_t i = it->n_given; i-- > 0;)
		if (it->given[i].sequence == sequence)
			return it->given[i].token;
	fail_msg("%llu was not given out", (unsigned long long)sequence);
	return 0;
}

static void ack(unsigned nth, uint64_t sequence)
{
	assert_int_equal(
		cursor_ack(desk.cursor, reader(nth), token_of(nth, sequence)),
		0);
}

static void nak(unsigned nth, uint64_t sequence, uint32_t delay_ms)
{
	assert_int_equal(cursor_nak(desk.cursor, reader(nth),
				    token_of(nth, sequence), delay_ms),
			 0);
}

/* ---- what it costs ---- */

enum { OPERATIONS = 8 };

/* Tokens that are looked for before anything is counted. */
static uint64_t tokens[OPERATIONS];

static void settle_and_commit(void)
{
	desk_settle(&desk);
	while (desk_commit(&desk, 0))
		;
}

static void ack_some(void)
{
	for (int i = 0; i < OPERATIONS; i++) {
		assert_int_equal(cursor_ack(desk.cursor, reader(0), tokens[i]),
				 0);
		settle_and_commit();
	}
}

static void nak_some(void)
{
	for (int i = 0; i < OPERATIONS; i++) {
		assert_int_equal(cursor_nak(desk.cursor, reader(0), tokens[i],
					    i % 2 ? 1000 : 0),
				 0);
		settle_and_commit();
	}
}

/* What has its time is one of many. */
static void let_time_pass(void)
{
	for (int i = 0; i < OPERATIONS; i++) {
		assert_int_equal(
			cursor_in_progress(desk.cursor, reader(0), tokens[i]),
			0);
		desk.wake_ns = 0;
		desk_wait(&desk, 1);
	}
}

/* The second reader, who has one record. */
static void come_and_go(void)
{
	for (int i = 0; i < OPERATIONS; i++) {
		cursor_leave(desk.cursor, reader(1), false);
		assert_int_equal(cursor_join(desk.cursor, reader(1)), 0);
		settle_and_commit();
	}
}

static void list_it(void)
{
	for (int i = 0; i < OPERATIONS; i++)
		assert_true(cursor_n_pending(desk.cursor) > 0);
}

struct setting {
	const char *name;
	void (*work)(void);
	bool is_shared;
	bool is_stuck; /* the first one is out for good, most others are done */
};

/* What it costs when so many are given out. */
static uint64_t count(const struct setting *setting, uint32_t n_out)
{
	uint64_t first = setting->is_shared ? n_out - 2 * OPERATIONS : 1;
	uint64_t n_steps;

	open_desk(20000, setting->is_shared, 0);
	desk_join(&desk, 0, n_out);
	if (setting->is_shared)
		desk_join(&desk, 1, 1);
	assert_int_equal(desk.readers[0].n_given, n_out);
	reader(0)->batch -= 2 * OPERATIONS;
	for (uint32_t i = 2; setting->is_stuck && i < first; i++)
		ack(0, i);
	for (uint32_t i = 0; i < OPERATIONS; i++)
		tokens[i] = token_of(0, first + i);
	if (!setting->is_stuck)
		reader(0)->batch += 2 * OPERATIONS;
	settle_and_commit();
	n_steps = desk_steps();
	setting->work();
	n_steps = desk_steps() - n_steps;
	desk_deinit(&desk);
	return n_steps / OPERATIONS;
}

/* As many more as there are in seven fetches. */
static void test_a_change_costs_the_same(void **state)
{
	static const struct setting settings[] = {
		{ "ack", ack_some, true, false },
		{ "ack", ack_some, true, true },
		{ "ack", ack_some, false, false },
		{ "nak", nak_some, true, false },
		{ "nak", nak_some, true, true },
		{ "in progress, time", let_time_pass, true, false },
		{ "in progress, time", let_time_pass, false, false },
		{ "come and go", come_and_go, true, true },
		{ "list", list_it, true, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++) {
		const struct setting *setting = &settings[i];
		uint64_t few = count(setting, 64);
		uint64_t many = count(setting, 7 * 1024 + 64);

		print_message("%s, %s%s: %llu steps of 64, %llu of 7,232\n",
			      setting->name,
			      setting->is_shared ? "shared" : "in order",
			      setting->is_stuck ? ", the first stays" : "",
			      (unsigned long long)few,
			      (unsigned long long)many);
		assert_true(many < 2 * few + 10);
	}
}

/* ---- what is kept ---- */

static void test_only_what_changed_is_written(void **state)
{
	(void)state;
	open_desk(20000, true, 0);
	desk_join(&desk, 0, CURSOR_ITEMS_MAX);
	for (uint64_t i = 2; i < 8000; i += 2)
		ack(0, i);
	settle_and_commit();
	desk.n_rows_kept = desk.n_bytes_kept = 0;
	ack(0, 4001);
	nak(0, 4003, 1000);
	ack(0, 6001);
	settle_and_commit();
	/* The cursor, and two pages. */
	assert_int_equal(desk.n_rows_kept, 3);
	assert_true(desk.n_bytes_kept < 256);
	desk_deinit(&desk);
}

/* What is in order needs no page, and none stays behind. */
static void test_the_floor_needs_no_pages(void **state)
{
	struct list *link;
	size_t n = 0;

	(void)state;
	open_desk(5000, true, 0);
	desk_join(&desk, 0, 1000);
	for (uint64_t i = 1; i <= 4000; i++) {
		ack(0, i);
		if (i % 100 == 0)
			settle_and_commit();
	}
	assert_int_equal(desk.n_rows_kept, 41);
	for (uint64_t i = 4500; i > 4000; i--) {
		ack(0, i);
		desk_settle(&desk);
		desk_commit(&desk, i == 4250 ? -ENOSPC : 0);
		if (i == 4250)
			desk_wait(&desk, NS_PER_S);
	}
	settle_and_commit();
	assert_int_equal(desk.cursor->next, 4501);
	list_for_each (link, &desk.kept)
		n++;
	/* The one page that the floor is in. */
	assert_true(n <= 2);
	desk_deinit(&desk);
}

static void test_a_restart_forgets_nothing(void **state)
{
	const struct desk_given *given;

	(void)state;
	open_desk(600, true, 3);
	desk_join(&desk, 0, 600);
	ack(0, 1);
	ack(0, 3);
	ack(0, 300);
	nak(0, 2, 0);
	nak(0, 4, 0);
	settle_and_commit();
	nak(0, 2, 0);
	settle_and_commit();
	nak(0, 4, 0); /* is not on disk */
	desk_settle(&desk);
	desk_restart(&desk);
	assert_int_equal(desk.cursor->next, 2);
	desk_join(&desk, 0, 600);
	given = desk.readers[0].given;
	assert_int_equal(desk.readers[0].n_given, 597);
	assert_int_equal(given[0].sequence, 2);
	assert_int_equal(given[0].again, 2);
	assert_int_equal(given[1].sequence, 4);
	assert_int_equal(given[1].again, 1);
	assert_int_equal(given[2].again, 1);
	nak(0, 4, 0);
	desk_settle(&desk);
	assert_int_equal(desk.n_letters, 0);
	nak(0, 2, 0);
	desk_settle(&desk);
	assert_int_equal(desk.n_letters, 1);
	desk_deinit(&desk);
}

/* Who was to be buried is, by the next program, and not given out. */
static void test_the_dead_stay_dead(void **state)
{
	(void)state;
	open_desk(10, false, 1);
	desk_join(&desk, 0, 10);
	nak(0, 4, 0);
	settle_and_commit();
	assert_int_equal(desk.n_letters, 1);
	desk_restart(&desk);
	desk_join(&desk, 0, 10);
	/* It holds up what follows. */
	assert_int_equal(desk.readers[0].n_given, 3);
	assert_int_equal(desk.n_letters, 1);
	desk_answer(&desk, HELIO_UNAVAILABLE);
	assert_int_equal(desk.n_letters, 0);
	desk_wait(&desk, NS_PER_S);
	assert_int_equal(desk.n_letters, 1);
	desk_answer(&desk, HELIO_OK);
	assert_int_equal(desk.readers[0].n_given, 9);
	assert_int_equal(desk.readers[0].given[3].sequence, 5);
	assert_int_equal(cursor_ack_to(desk.cursor, reader(0),
				       desk.readers[0].given[8].token),
			 0);
	settle_and_commit();
	assert_int_equal(desk.readers[0].acked_to, 11);
	desk_deinit(&desk);
}

/* Metadata with a content type, a traceparent, and headers. */
static uint8_t *pack_metadata(size_t *ret_n)
{
	Helio__Bus__V1__Header headers[3] = { HELIO__BUS__V1__HEADER__INIT,
					      HELIO__BUS__V1__HEADER__INIT,
					      HELIO__BUS__V1__HEADER__INIT };
	Helio__Bus__V1__Header *list[3] = { &headers[0], &headers[1],
					    &headers[2] };
	Helio__Bus__V1__Metadata metadata = HELIO__BUS__V1__METADATA__INIT;
	static char names[3][16] = { "colour", "helio-source", "size" };
	static char values[3][8] = { "red", "forged", "5" };
	static char type[] = "text/plain";
	static char parent[] = "00-1-2-01";
	uint8_t *packed;

	for (int i = 0; i < 3; i++) {
		headers[i].name = names[i];
		headers[i].has_value = 1;
		headers[i].value.data = (uint8_t *)values[i];
		headers[i].value.len = strlen(values[i]);
	}
	metadata.content_type = type;
	metadata.traceparent = parent;
	metadata.headers = list;
	metadata.n_headers = 3;
	*ret_n = protobuf_c_message_get_packed_size(&metadata.base);
	packed = malloc(*ret_n);
	assert_non_null(packed);
	protobuf_c_message_pack(&metadata.base, packed);
	return packed;
}

#define LETTER_OF_LAB                                                      \
	"helio-log=lab\nhelio-cursor=c\nhelio-sequence=1\n"                \
	"helio-time=1970-01-01T00:00:00.000001000Z\nhelio-subject=lab.x\n" \
	"helio-source=uid:7\nhelio-durable-id=uid:7/web\n"

static void bury_first(const void *metadata, size_t n, size_t n_headers_max)
{
	open_desk(10, true, 1);
	desk.metadata = metadata;
	desk.n_metadata = n;
	desk.n_headers_max = n_headers_max;
	desk_join(&desk, 0, 1);
	nak(0, 1, 0);
	desk_settle(&desk);
	assert_int_equal(desk.n_letters, 1);
}

static void test_a_dead_letter_has_its_headers(void **state)
{
	size_t n;
	uint8_t *metadata = pack_metadata(&n);

	(void)state;
	bury_first(metadata, n, 0);
	assert_string_equal(desk.letters[0].text,
			    LETTER_OF_LAB "colour=red\nsize=5\n");
	assert_string_equal(desk.letters[0].content_type, "text/plain");
	assert_string_equal(desk.letters[0].traceparent, "00-1-2-01");
	desk_deinit(&desk);
	/* It is buried, too, if they are more than the bus takes, or nonsense.
	 */
	bury_first(metadata, n, 8);
	assert_string_equal(desk.letters[0].text,
			    LETTER_OF_LAB "helio-left-out=2\n");
	assert_string_equal(desk.letters[0].content_type, "");
	desk_deinit(&desk);
	bury_first(metadata, n - 1, 0);
	assert_string_equal(desk.letters[0].text, LETTER_OF_LAB);
	desk_deinit(&desk);
	free(metadata);
}

/* Of what was acknowledged before it was moved nothing is left. */
static void test_a_move_forgets(void **state)
{
	(void)state;
	open_desk(600, true, 0);
	desk_join(&desk, 0, 600);
	for (uint64_t i = 2; i <= 600; i++)
		ack(0, i);
	settle_and_commit();
	cursor_move(desk.cursor, 1);
	/* The pages could not be deleted, and the place was kept later. */
	desk_commit(&desk, -ENOSPC);
	desk_wait(&desk, NS_PER_S);
	desk_settle(&desk);
	desk_commit(&desk, 0);
	desk_restart(&desk);
	desk_join(&desk, 0, 600);
	assert_int_equal(desk.readers[0].n_given, 600);
	/* Now they are gone, and with the cursor everything is. */
	desk_commit(&desk, 0);
	assert_ptr_equal(desk.kept.next->next, &desk.kept);
	ack(0, 2);
	settle_and_commit();
	assert_ptr_not_equal(desk.kept.next->next, &desk.kept);
	cursor_forget(desk.cursor);
	desk_commit(&desk, 0);
	assert_ptr_equal(desk.kept.next->next, &desk.kept);
	desk_deinit(&desk);
}

static void test_what_was_removed_is_passed_over(void **state)
{
	(void)state;
	open_desk(2000, true, 0);
	desk_join(&desk, 0, 10);
	nak(0, 3, 0);
	desk.first = 1500;
	ack(0, 2);
	desk_leave(&desk, 0, false);
	desk.cursor->has_runs = false;
	desk_join(&desk, 0, 10);
	assert_int_equal(desk.readers[0].given[0].sequence, 1500);
	settle_and_commit();
	assert_int_equal(desk.cursor->next, 1500);
	desk_deinit(&desk);
}

static void test_without_memory(void **state)
{
	(void)state;
	for (unsigned n = 0; n == 0 || fault_hit(); n++) {
		open_desk(100, true, 0);
		desk_join(&desk, 0, 10);
		nak(0, 1, 0);
		desk_settle(&desk);
		fault_arm(n);
		(void)cursor_ack(desk.cursor, reader(0), token_of(0, 3));
		(void)cursor_nak(desk.cursor, reader(0), token_of(0, 4), 1000);
		cursor_advance(desk.cursor);
		cursor_touch(desk.cursor);
		fault_disarm();
		desk_commit(&desk, 0);
		desk_wait(&desk, NS_PER_S);
		settle_and_commit();
		assert_false(desk.cursor->is_dirty);
		desk_restart(&desk);
		desk_deinit(&desk);
	}
}

/* ---- anything in any order, held against what was acknowledged ---- */

enum { RECORDS = 600, ROUNDS = 16, STEPS = 300 };

static struct {
	uint64_t random;
	bool is_shared;
	bool is_acked[RECORDS + 1];
	bool is_asked[RECORDS + 1]; /* acked when the commit began */
	bool is_kept[RECORDS + 1];
	uint64_t token[RECORDS + 1]; /* of who has it; 0 */
	unsigned holder[RECORDS + 1];
	size_t n_seen[DESK_READERS];
	size_t n_keeps; /* that were begun */
} model;

static unsigned draw(unsigned n)
{
	model.random = model.random * UINT64_C(6364136223846793005) + 1;
	return (unsigned)(model.random >> 33) % n;
}

static void check_given(unsigned nth, const struct desk_given *given)
{
	uint64_t sequence = given->sequence;

	assert_true(sequence >= 1 && sequence <= RECORDS);
	assert_false(model.is_acked[sequence]);
	for (uint64_t i = 1; !model.is_shared && i < sequence; i++)
		assert_true(model.is_acked[i] || model.token[i]);
	model.token[sequence] = given->token;
	model.holder[sequence] = nth;
}

/* Who does not have it any more is not known to the model: it looks. */
static void look(void)
{
	for (uint64_t i = 1; i <= RECORDS; i++) {
		const struct cursor_item *item =
			cursor_items_lookup(&desk.cursor->items, i);

		if (!item || item->state != ITEM_OUT ||
		    cursor_token(item) != model.token[i])
			model.token[i] = 0;
	}
	for (unsigned n = 0; n < DESK_READERS; n++) {
		const struct desk_reader *it = &desk.readers[n];
		uint32_t n_out = 0;

		while (it->is_there && model.n_seen[n] < it->n_given)
			check_given(n, &it->given[model.n_seen[n]++]);
		for (uint64_t i = 1; i <= RECORDS; i++)
			n_out += model.token[i] && model.holder[i] == n;
		assert_true(!it->is_there || it->consumer.n_out == n_out);
		for (uint64_t i = 1; it->is_there && i < it->acked_to; i++)
			assert_true(model.is_kept[i]);
	}
}

/* One that a reader has, or 0. */
static uint64_t any_out(void)
{
	uint64_t at = 1 + draw(RECORDS);

	for (uint64_t i = 0; i < RECORDS; i++, at = at % RECORDS + 1)
		if (model.token[at])
			return at;
	return 0;
}

static void ack_alone(uint64_t sequence)
{
	model.is_acked[sequence] = true;
	assert_int_equal(cursor_ack(desk.cursor, reader(model.holder[sequence]),
				    model.token[sequence]),
			 0);
}

static void ack_any(uint64_t sequence)
{
	if (model.is_shared || draw(3)) {
		ack_alone(sequence);
		return;
	}
	for (uint64_t i = 1; i <= sequence; i++)
		model.is_acked[i] |= model.token[i] != 0;
	assert_int_equal(cursor_ack_to(desk.cursor,
				       reader(model.holder[sequence]),
				       model.token[sequence]),
			 0);
}

static void fail_any(uint64_t sequence)
{
	assert_int_equal(cursor_nak(desk.cursor, reader(model.holder[sequence]),
				    model.token[sequence],
				    draw(2) ? draw(3000) : 0),
			 0);
}

static void come_or_go(void)
{
	unsigned nth = model.is_shared ? draw(DESK_READERS) : 0;

	if (desk.readers[nth].is_there)
		desk_leave(&desk, nth, false);
	else
		desk_join(&desk, nth, 1 + draw(50));
	model.n_seen[nth] = 0;
}

static void commit_any(int r)
{
	if (!list_is_empty(&desk.keeper.keepings) && r == 0)
		memcpy(model.is_kept, model.is_asked, sizeof(model.is_kept));
	desk_commit(&desk, r);
}

static void restart(void)
{
	desk_restart(&desk);
	memset(model.n_seen, 0, sizeof(model.n_seen));
	memset(model.token, 0, sizeof(model.token));
	memcpy(model.is_acked, model.is_kept, sizeof(model.is_acked));
	memcpy(model.is_asked, model.is_kept, sizeof(model.is_asked));
	assert_true(desk.cursor->next <= RECORDS + 1);
}

/* What was begun to be kept has the acks of now. */
static void note_keeps(void)
{
	if (desk.n_keeps != model.n_keeps)
		memcpy(model.is_asked, model.is_acked, sizeof(model.is_asked));
	model.n_keeps = desk.n_keeps;
}

/* Who is buried is done with, as if acknowledged. */
static void bury(unsigned status)
{
	while (desk.n_letters) {
		uint64_t sequence = desk.letters[0].sequence;

		model.is_acked[sequence] |= status == HELIO_OK;
		desk_answer(&desk, status);
		note_keeps();
	}
}

static void settle_model(void)
{
	note_keeps();
	desk_settle(&desk);
	note_keeps();
}

static void do_anything(void)
{
	uint64_t sequence = any_out();
	unsigned what = draw(100);

	if (what < 50 && sequence)
		ack_any(sequence);
	else if (what < 65 && sequence)
		fail_any(sequence);
	else if (what < 70 && sequence)
		assert_int_equal(
			cursor_in_progress(desk.cursor,
					   reader(model.holder[sequence]),
					   model.token[sequence]),
			0);
	else if (what < 75)
		come_or_go();
	else if (what < 80)
		desk_wait(&desk, draw(2000) * NS_PER_MS);
	else if (what < 81)
		restart();
	else if (what < 85)
		bury(draw(2) ? HELIO_OK : HELIO_UNAVAILABLE);
	else
		commit_any(what < 88 ? -ENOSPC : 0);
}

/* At last all are done with. */
static void finish_all(void)
{
	for (int i = 0; i < RECORDS && desk.cursor->next <= RECORDS; i++) {
		uint64_t sequence;

		if (!desk.readers[0].is_there) {
			desk_join(&desk, 0, RECORDS);
			model.n_seen[0] = 0;
		}
		settle_model();
		look();
		sequence = any_out();
		if (!sequence)
			desk_wait(&desk, 4 * NS_PER_S);
		for (uint64_t k = 1; sequence && k <= RECORDS; k++)
			if (model.token[k])
				ack_alone(k);
		bury(HELIO_OK);
		settle_model();
		commit_any(0);
		look();
	}
}

static void play(uint64_t seed)
{
	memset(&model, 0, sizeof(model));
	model.random = seed;
	model.is_shared = seed % 2;
	open_desk(RECORDS, model.is_shared, seed % 4 < 2 ? 3 : 0);
	for (int i = 0; i < STEPS; i++) {
		do_anything();
		settle_model();
		look();
	}
	finish_all();
	assert_int_equal(desk.cursor->next, RECORDS + 1);
	desk_deinit(&desk);
}

static void test_anything(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= ROUNDS; seed++)
		play(seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_change_costs_the_same),
		cmocka_unit_test(test_only_what_changed_is_written),
		cmocka_unit_test(test_the_floor_needs_no_pages),
		cmocka_unit_test(test_a_restart_forgets_nothing),
		cmocka_unit_test(test_the_dead_stay_dead),
		cmocka_unit_test(test_a_dead_letter_has_its_headers),
		cmocka_unit_test(test_a_move_forgets),
		cmocka_unit_test(test_what_was_removed_is_passed_over),
		cmocka_unit_test(test_without_memory),
		cmocka_unit_test(test_anything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
