/* SPDX-License-Identifier: MIT */

/*
 * A cursor, of which anything is asked in any order: held against what was
 * acknowledged.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/logger/desk.h"

static struct desk desk;

static struct consumer *reader(unsigned nth)
{
	return &desk.readers[nth].consumer;
}

enum { RECORDS = 600, RECORDS_FIRST = 500, ROUNDS = 16, STEPS = 300 };

static struct {
	uint64_t random;
	bool is_shared;
	bool is_gone[RECORDS + 1]; /* beyond the limit of its subject */
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
	assert_false(model.is_gone[sequence]);
	for (uint64_t i = 1; !model.is_shared && i < sequence; i++)
		assert_true(model.is_acked[i] || model.token[i] ||
			    model.is_gone[i]);
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
			assert_true(model.is_kept[i] || model.is_gone[i]);
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

/* One more is stored, for which others are not served any more. */
static void grow(void)
{
	uint64_t thin_to = desk.thin_to + draw(20);

	if (desk.keeper.status.last == RECORDS)
		return;
	desk.keeper.status.last++;
	if (thin_to <= RECORDS_FIRST)
		desk.thin_to = thin_to;
	for (uint64_t i = 1; i < desk.thin_to; i++)
		model.is_gone[i] = !desk_is_served(&desk, i);
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
	else if (what < 90)
		grow();
	else
		commit_any(what < 93 ? -ENOSPC : 0);
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
	Helio__Log__V1__Config config = HELIO__LOG__V1__CONFIG__INIT;

	memset(&model, 0, sizeof(model));
	model.random = seed;
	model.is_shared = seed % 2;
	config.subject_records_max = 1;
	desk_init(&desk, RECORDS_FIRST, model.is_shared, seed % 4 < 2 ? 3 : 0);
	desk.keeper.config.proto = &config;
	for (int i = 0; i < STEPS; i++) {
		do_anything();
		settle_model();
		look();
	}
	desk.keeper.status.last = RECORDS;
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
		cmocka_unit_test(test_anything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
