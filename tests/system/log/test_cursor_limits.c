/* SPDX-License-Identifier: MIT */

/* Cursors: how many and how large they may be, and records they pass over. */

#include <stdio.h>
#include <string.h>

#include "tests/system/log/consuming.h"
#include "tests/system/log/scene.h"

enum { CURSORS_MAX = 256, AT_ONCE = 60 };

static struct scene scene;

static int set_up(void **state)
{
	(void)state;
	scene_open(&scene, NULL);
	scene_create(&scene, "lab", "lab.>");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	scene_close(&scene);
	return 0;
}

static void on_created(const Helio__Log__V1__CreateCursorReply *reply,
		       void *userdata)
{
	(void)reply;
	++*(unsigned *)userdata;
}

/* Not waited for: its place is sought by time, which takes a while. */
static void begin_to_make(const char *name, unsigned *n_answered)
{
	Helio__Log__V1__CreateCursorRequest request =
		HELIO__LOG__V1__CREATE_CURSOR_REQUEST__INIT;
	Helio__Log__V1__Place place = HELIO__LOG__V1__PLACE__INIT;

	place.has_unix_ns = true;
	place.unix_ns = 1;
	request.log = field("lab");
	request.name = field(name);
	request.place = &place;
	helio__log__v1__logs__create_cursor(helio_client_service(scene.client),
					    &request, on_created, n_answered);
}

static void test_as_many_as_may_be(void **state)
{
	Helio__Log__V1__ListCursorsRequest request =
		HELIO__LOG__V1__LIST_CURSORS_REQUEST__INIT;
	const Helio__Log__V1__ListCursorsReply *reply = NULL;
	unsigned n_answered = 0;
	char name[16];

	(void)state;
	scene_fill(&scene, 1);
	for (unsigned i = 0; i < CURSORS_MAX + AT_ONCE - 2; i++) {
		snprintf(name, sizeof(name), "c%u", i);
		if (i < CURSORS_MAX - 2)
			cursor_create(&scene, name, NULL);
		else
			begin_to_make(name, &n_answered);
	}
	wait_until(&scene, n_answered == AT_ONCE);
	request.log = field("lab");
	assert_int_equal(helio__log__v1__logs__list_cursors__wait(
				 scene.client, &request, &reply),
			 HELIO_OK);
	assert_int_equal(reply->n_cursors, CURSORS_MAX);
}

static unsigned try_cursor(struct scene *who, const char *log, unsigned nth,
			   uint32_t pending_max)
{
	Helio__Log__V1__CreateCursorRequest request =
		HELIO__LOG__V1__CREATE_CURSOR_REQUEST__INIT;
	Helio__Log__V1__CursorConfig config =
		HELIO__LOG__V1__CURSOR_CONFIG__INIT;
	const Helio__Log__V1__CreateCursorReply *reply;
	char name[16];

	snprintf(name, sizeof(name), "c%u", nth);
	request.log = field(log);
	request.name = name;
	request.config = &config;
	config.has_pending_max = 1;
	config.pending_max = pending_max;
	return (unsigned)helio__log__v1__logs__create_cursor__wait(
		who->client, &request, &reply);
}

/* Their memory is bounded, of each owner for itself. */
static void test_an_owner_fills_his_own_room(void **state)
{
	enum { LARGE = 8192, LARGE_FIT = 63 };
	Helio__Log__V1__DeleteCursorRequest delete =
		HELIO__LOG__V1__DELETE_CURSOR_REQUEST__INIT;
	const Helio__Log__V1__DeleteCursorReply *deleted;
	struct scene guest;

	(void)state;
	scene_visit(&scene, &guest);
	assert_int_equal(try_cursor(&scene, "none", 0, 1), HELIO_NOT_FOUND);
	for (unsigned i = 0; i < LARGE_FIT; i++)
		assert_int_equal(try_cursor(&scene, "lab", i, LARGE), HELIO_OK);
	assert_int_equal(try_cursor(&scene, "lab", LARGE_FIT, LARGE),
			 HELIO_RESOURCE_EXHAUSTED);
	assert_non_null(strstr(helio_client_reply(scene.client)->reason,
			       "pending_max"));
	assert_int_equal(try_cursor(&scene, "lab", LARGE_FIT, 1), HELIO_OK);
	assert_int_equal(try_cursor(&guest, "lab", LARGE_FIT + 1, LARGE),
			 HELIO_OK);
	delete.log = field("lab");
	delete.name = field("c0");
	assert_int_equal(helio__log__v1__logs__delete_cursor__wait(
				 scene.client, &delete, &deleted),
			 HELIO_OK);
	assert_int_equal(try_cursor(&scene, "lab", 0, LARGE), HELIO_OK);
	scene_leave(&guest);
}

/* Records that a log does not serve any more are as if acknowledged. */
static void test_the_limit_of_a_subject(void **state)
{
	static struct consuming consuming;
	Helio__Log__V1__Config config = HELIO__LOG__V1__CONFIG__INIT;
	Helio__Log__V1__ChangeRequest request =
		HELIO__LOG__V1__CHANGE_REQUEST__INIT;
	const Helio__Log__V1__ChangeReply *reply;

	(void)state;
	scene_fill(&scene, 5);
	assert_int_equal(scene_store(&scene, "lab.y", "6", NULL).sequence, 6);
	request.name = field("lab");
	request.config = &config;
	config.has_subject_records_max = 1;
	config.subject_records_max = 2;
	assert_int_equal(helio__log__v1__logs__change__wait(scene.client,
							    &request, &reply),
			 HELIO_OK);
	cursor_create(&scene, "c", NULL);
	consuming_begin(&scene, &consuming, "c", 1);
	wait_until(&scene, consuming.n == 1);
	assert_int_equal(consuming.given[0].sequence, 4);
	/* Now it is one too many, and not given out again. */
	assert_int_equal(scene_store(&scene, "lab.x", "7", NULL).sequence, 7);
	consuming_nak(&consuming, 0, 0);
	for (size_t i = 1; i < 4; i++) {
		wait_until(&scene, consuming.n == i + 1);
		assert_int_equal(consuming.given[i].sequence, i + 4);
		assert_int_equal(consuming.given[i].again, 0);
		consuming_ack(&consuming, i);
	}
	wait_until(&scene, consuming.acked_to == 8);
	consuming_deinit(&consuming);
}

/* Blocks of which the index says that nothing of it is wanted are not read. */
static void test_what_is_wanted_is_far_away(void **state)
{
	enum { FAR_BYTES = 60000, FAR = 50 };
	static struct consuming consuming;
	Helio__Log__V1__CursorConfig config =
		HELIO__LOG__V1__CURSOR_CONFIG__INIT;
	Helio__Log__V1__Filter filter = HELIO__LOG__V1__FILTER__INIT;
	char *subjects[1] = { field("lab.y") };
	static char body[FAR_BYTES + 1];

	(void)state;
	memset(body, 'x', FAR_BYTES);
	for (int i = 0; i < FAR; i++)
		scene_store(&scene, "lab.x", body, NULL);
	scene_store(&scene, "lab.y", "here", NULL);
	config.filter = &filter;
	filter.subjects = subjects;
	filter.n_subjects = 1;
	cursor_create(&scene, "c", &config);
	consuming_begin(&scene, &consuming, "c", 0);
	wait_until(&scene, consuming.n == 1);
	assert_int_equal(consuming.given[0].sequence, FAR + 1);
	consuming_ack(&consuming, 0);
	wait_until(&scene, consuming.acked_to == FAR + 2);
	consuming_deinit(&consuming);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_as_many_as_may_be, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(
			test_an_owner_fills_his_own_room, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_the_limit_of_a_subject,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_is_wanted_is_far_away,
						set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
