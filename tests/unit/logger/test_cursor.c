/* SPDX-License-Identifier: MIT */

/* A cursor: what it gives out and keeps, whatever is done to it. */

#include <errno.h>
#include <helio/bus/v1/control.pb-c.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/fault.h"
#include "tests/unit/logger/desk.h"

static struct desk desk;

static struct consumer *reader(unsigned nth)
{
	return &desk.readers[nth].consumer;
}

static void test_only_what_changed_is_written(void **state)
{
	(void)state;
	desk_init(&desk, 20000, true, 0);
	desk_join(&desk, 0, CURSOR_ITEMS_MAX);
	for (uint64_t i = 2; i < 8000; i += 2)
		desk_ack(&desk, 0, i);
	desk_settle_on_disk(&desk);
	desk.n_rows_kept = desk.n_bytes_kept = 0;
	desk_ack(&desk, 0, 4001);
	desk_nak(&desk, 0, 4003, 1000);
	desk_ack(&desk, 0, 6001);
	desk_settle_on_disk(&desk);
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
	desk_init(&desk, 5000, true, 0);
	desk_join(&desk, 0, 1000);
	for (uint64_t i = 1; i <= 4000; i++) {
		desk_ack(&desk, 0, i);
		if (i % 100 == 0)
			desk_settle_on_disk(&desk);
	}
	assert_int_equal(desk.n_rows_kept, 41);
	for (uint64_t i = 4500; i > 4000; i--) {
		desk_ack(&desk, 0, i);
		desk_settle(&desk);
		desk_commit(&desk, i == 4250 ? -ENOSPC : 0);
		if (i == 4250)
			desk_wait(&desk, NS_PER_S);
	}
	desk_settle_on_disk(&desk);
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
	desk_init(&desk, 600, true, 3);
	desk_join(&desk, 0, 600);
	desk_ack(&desk, 0, 1);
	desk_ack(&desk, 0, 3);
	desk_ack(&desk, 0, 300);
	desk_nak(&desk, 0, 2, 0);
	desk_nak(&desk, 0, 4, 0);
	desk_settle_on_disk(&desk);
	desk_nak(&desk, 0, 2, 0);
	desk_settle_on_disk(&desk);
	desk_nak(&desk, 0, 4, 0); /* is not on disk */
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
	desk_nak(&desk, 0, 4, 0);
	desk_settle(&desk);
	assert_int_equal(desk.n_letters, 0);
	desk_nak(&desk, 0, 2, 0);
	desk_settle(&desk);
	assert_int_equal(desk.n_letters, 1);
	desk_deinit(&desk);
}

/* Who was to be buried is, by the next program, and not given out. */
static void test_the_dead_stay_dead(void **state)
{
	(void)state;
	desk_init(&desk, 10, false, 1);
	desk_join(&desk, 0, 10);
	desk_nak(&desk, 0, 4, 0);
	desk_settle_on_disk(&desk);
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
	desk_settle_on_disk(&desk);
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
	desk_init(&desk, 10, true, 1);
	desk.metadata = metadata;
	desk.n_metadata = n;
	desk.n_headers_max = n_headers_max;
	desk_join(&desk, 0, 1);
	desk_nak(&desk, 0, 1, 0);
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
	desk_init(&desk, 600, true, 0);
	desk_join(&desk, 0, 600);
	for (uint64_t i = 2; i <= 600; i++)
		desk_ack(&desk, 0, i);
	desk_settle_on_disk(&desk);
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
	desk_ack(&desk, 0, 2);
	desk_settle_on_disk(&desk);
	assert_ptr_not_equal(desk.kept.next->next, &desk.kept);
	cursor_forget(desk.cursor);
	desk_commit(&desk, 0);
	assert_ptr_equal(desk.kept.next->next, &desk.kept);
	desk_deinit(&desk);
}

static void test_what_was_removed_is_passed_over(void **state)
{
	(void)state;
	desk_init(&desk, 2000, true, 0);
	desk_join(&desk, 0, 10);
	desk_nak(&desk, 0, 3, 0);
	desk.first = 1500;
	desk_ack(&desk, 0, 2);
	desk_leave(&desk, 0, false);
	/* Nobody reads: it takes no memory for runs. */
	assert_null(desk.cursor->fetch.memory);
	desk_join(&desk, 0, 10);
	assert_int_equal(desk.readers[0].given[0].sequence, 1500);
	desk_settle_on_disk(&desk);
	assert_int_equal(desk.cursor->next, 1500);
	desk_deinit(&desk);
}

/* What is not served any more, at its begin or in the midst, is as if acked. */
static void test_the_limit_of_a_subject(void **state)
{
	Helio__Log__V1__Config config = HELIO__LOG__V1__CONFIG__INIT;
	const struct desk_given *given;

	(void)state;
	config.subject_records_max = 1;
	desk_init(&desk, 400, true, 0);
	desk.keeper.config.proto = &config;
	desk.thin_to = 90;
	desk_join(&desk, 0, 10);
	given = desk.readers[0].given;
	assert_int_equal(given[0].sequence, 90);
	desk_nak(&desk, 0, 91, 0);
	desk_pump(&desk);
	assert_int_equal(given[10].sequence, 91);
	desk.keeper.status.last++;
	desk.thin_to = 300;
	desk_nak(&desk, 0, 91, 0);
	desk_pump(&desk);
	assert_int_equal(given[11].sequence, 100);
	desk_ack(&desk, 0, 90);
	for (uint64_t i = 92; i <= 100; i++)
		desk_ack(&desk, 0, i);
	for (size_t i = 12; i < desk.readers[0].n_given || i == 12; i++) {
		desk_pump(&desk);
		assert_true(desk_is_served(&desk, given[i].sequence));
		desk_ack(&desk, 0, given[i].sequence);
		desk_settle(&desk);
	}
	/* 101 to 128, 225 to 256, and from 300 on. */
	assert_int_equal(desk.readers[0].n_given, 12 + 28 + 32 + 102);
	desk_settle_on_disk(&desk);
	assert_int_equal(desk.cursor->next, 402);
	desk_deinit(&desk);
}

/* While it is found that nothing is behind, one before that comes back. */
static void test_it_comes_back_meanwhile(void **state)
{
	Helio__Log__V1__Config config = HELIO__LOG__V1__CONFIG__INIT;
	const struct desk_given *given;

	(void)state;
	config.subject_records_max = 1;
	desk_init(&desk, 299, true, 0);
	desk.keeper.config.proto = &config;
	desk.thin_to = 300;
	desk_join(&desk, 0, 100);
	given = desk.readers[0].given;
	assert_int_equal(desk.readers[0].n_given, 64);
	assert_int_equal(given[0].sequence, 97);
	desk.keeper.status.last = 300;
	desk.thin_to = 301;
	cursor_pump(desk.cursor);
	assert_non_null(desk.fetching);
	desk_nak(&desk, 0, 97, 0);
	desk_pump(&desk);
	assert_int_equal(desk.readers[0].n_given, 65);
	assert_int_equal(given[64].sequence, 97);
	desk_deinit(&desk);
}

static void test_without_memory(void **state)
{
	(void)state;
	for (unsigned n = 0; n == 0 || fault_hit(); n++) {
		desk_init(&desk, 100, true, 0);
		desk_join(&desk, 0, 10);
		desk_nak(&desk, 0, 1, 0);
		desk_settle(&desk);
		fault_arm(n);
		(void)cursor_ack(desk.cursor, reader(0),
				 desk_token(&desk, 0, 3));
		(void)cursor_nak(desk.cursor, reader(0),
				 desk_token(&desk, 0, 4), 1000);
		cursor_advance(desk.cursor);
		cursor_touch(desk.cursor);
		fault_disarm();
		desk_commit(&desk, 0);
		desk_wait(&desk, NS_PER_S);
		desk_settle_on_disk(&desk);
		assert_false(desk.cursor->is_dirty);
		desk_restart(&desk);
		desk_deinit(&desk);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_what_changed_is_written),
		cmocka_unit_test(test_the_floor_needs_no_pages),
		cmocka_unit_test(test_a_restart_forgets_nothing),
		cmocka_unit_test(test_the_dead_stay_dead),
		cmocka_unit_test(test_a_dead_letter_has_its_headers),
		cmocka_unit_test(test_a_move_forgets),
		cmocka_unit_test(test_what_was_removed_is_passed_over),
		cmocka_unit_test(test_the_limit_of_a_subject),
		cmocka_unit_test(test_it_comes_back_meanwhile),
		cmocka_unit_test(test_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
