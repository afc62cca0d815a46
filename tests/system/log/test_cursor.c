/* SPDX-License-Identifier: MIT */

/* Cursors: exclusive and shared, acks, naks, time, dead letters, restarts. */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/system/log/scene.h"

enum { GIVEN_MAX = 4096, CURSORS_MAX = 256, AT_ONCE = 60 };

static struct scene scene;

/* A record that was given out. */
struct given {
	uint64_t sequence;
	uint64_t token;
	uint32_t again;
};

/* A call of Consume, and what came of it. */
struct consuming {
	struct helio_stream *stream;
	struct given given[GIVEN_MAX];
	size_t n;
	struct seen *seen;
	size_t n_seen, n_seen_max;
	uint64_t acked_to;
	uint64_t late[16];
	size_t n_late;
	bool is_over;
	unsigned status;
};

static void on_reply(struct helio_stream *stream,
		     const Helio__Log__V1__ConsumeReply *reply, void *userdata)
{
	struct consuming *consuming = userdata;
	size_t first = consuming->n_seen;

	(void)stream;
	if (reply->has_run)
		seen_add(&consuming->seen, &consuming->n_seen,
			 &consuming->n_seen_max, reply->run.data,
			 reply->run.len);
	assert_int_equal(reply->n_token, consuming->n_seen - first);
	assert_int_equal(reply->n_redelivered, reply->n_token);
	for (size_t i = 0; i < reply->n_token; i++) {
		assert_true(consuming->n < GIVEN_MAX);
		consuming->given[consuming->n++] = (struct given){
			.sequence = consuming->seen[first + i].sequence,
			.token = reply->token[i],
			.again = reply->redelivered[i],
		};
	}
	if (reply->has_acked_to)
		consuming->acked_to = reply->acked_to;
	for (size_t i = 0; i < reply->n_late; i++)
		if (consuming->n_late < 16)
			consuming->late[consuming->n_late++] = reply->late[i];
}

static void on_end(struct helio_stream *stream, const struct helio_reply *reply,
		   const Helio__Log__V1__ConsumeReply *response, void *userdata)
{
	struct consuming *consuming = userdata;

	(void)stream;
	(void)response;
	consuming->stream = NULL;
	consuming->is_over = true;
	consuming->status = reply->status;
}

static void send(struct consuming *consuming,
		 const Helio__Log__V1__ConsumeRequest *request)
{
	int r;

	wait_until(&scene, (r = helio__log__v1__logs__consume__send(
				    consuming->stream, request)) != -EAGAIN);
	assert_int_equal(r, 0);
}

static void consume(struct consuming *consuming, const char *cursor,
		    uint32_t batch)
{
	static const struct helio__log__v1__logs__consume__events events = {
		.on_message = on_reply,
		.on_end = on_end,
	};
	Helio__Log__V1__ConsumeRequest request =
		HELIO__LOG__V1__CONSUME_REQUEST__INIT;

	memset(consuming, 0, sizeof(*consuming));
	assert_int_equal(
		helio__log__v1__logs__consume__stream(
			scene.client, &events, consuming, &consuming->stream),
		0);
	request.log = field("lab");
	request.cursor = field(cursor);
	request.has_batch = batch != 0;
	request.batch = batch;
	send(consuming, &request);
}

static void stop(struct consuming *consuming)
{
	if (consuming->stream)
		helio_stream_cancel(consuming->stream);
	free(consuming->seen);
	consuming->stream = NULL;
	consuming->seen = NULL;
}

static void ack(struct consuming *consuming, size_t nth)
{
	Helio__Log__V1__ConsumeRequest request =
		HELIO__LOG__V1__CONSUME_REQUEST__INIT;

	request.ack = &consuming->given[nth].token;
	request.n_ack = 1;
	send(consuming, &request);
}

static void ack_to(struct consuming *consuming, size_t nth)
{
	Helio__Log__V1__ConsumeRequest request =
		HELIO__LOG__V1__CONSUME_REQUEST__INIT;

	request.has_ack_to = 1;
	request.ack_to = consuming->given[nth].token;
	send(consuming, &request);
}

static void nak(struct consuming *consuming, size_t nth, uint32_t delay_ms)
{
	Helio__Log__V1__ConsumeRequest request =
		HELIO__LOG__V1__CONSUME_REQUEST__INIT;
	Helio__Log__V1__Nak one = HELIO__LOG__V1__NAK__INIT;
	Helio__Log__V1__Nak *naks[1] = { &one };

	one.has_token = 1;
	one.token = consuming->given[nth].token;
	one.has_delay_ms = 1;
	one.delay_ms = delay_ms;
	request.nak = naks;
	request.n_nak = 1;
	send(consuming, &request);
}

static void in_progress(struct consuming *consuming, size_t nth)
{
	Helio__Log__V1__ConsumeRequest request =
		HELIO__LOG__V1__CONSUME_REQUEST__INIT;

	request.in_progress = &consuming->given[nth].token;
	request.n_in_progress = 1;
	send(consuming, &request);
}

static void make_cursor(const char *name,
			const Helio__Log__V1__CursorConfig *config)
{
	Helio__Log__V1__CreateCursorRequest request =
		HELIO__LOG__V1__CREATE_CURSOR_REQUEST__INIT;
	const Helio__Log__V1__CreateCursorReply *reply;

	request.log = field("lab");
	request.name = field(name);
	request.config = (Helio__Log__V1__CursorConfig *)(uintptr_t)config;
	assert_int_equal(helio__log__v1__logs__create_cursor__wait(
				 scene.client, &request, &reply),
			 HELIO_OK);
}

/* The only one, copied: texts are left out. */
static Helio__Log__V1__Cursor get_cursor(char *fault, size_t n_fault)
{
	Helio__Log__V1__ListCursorsRequest request =
		HELIO__LOG__V1__LIST_CURSORS_REQUEST__INIT;
	const Helio__Log__V1__ListCursorsReply *reply = NULL;

	request.log = field("lab");
	assert_int_equal(helio__log__v1__logs__list_cursors__wait(
				 scene.client, &request, &reply),
			 HELIO_OK);
	assert_int_equal(reply->n_cursors, 1);
	if (fault)
		snprintf(fault, n_fault, "%s",
			 reply->cursors[0]->fault ? reply->cursors[0]->fault
						  : "");
	return *reply->cursors[0];
}

static void fill(unsigned n)
{
	char body[16];

	for (unsigned i = 1; i <= n; i++) {
		snprintf(body, sizeof(body), "%u", i);
		if (i < n)
			scene_publish(&scene, "lab.x", body);
		else
			assert_int_equal(
				scene_store(&scene, "lab.x", body, NULL).status,
				HELIO_OK);
	}
}

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

static void test_exclusive_in_order(void **state)
{
	static struct consuming first, second;

	(void)state;
	fill(100);
	make_cursor("c", NULL);
	consume(&first, "c", 10);
	wait_until(&scene, first.n == 10);
	consume(&second, "c", 0);
	wait_until(&scene, second.is_over);
	assert_int_equal(second.status, HELIO_FAILED_PRECONDITION);
	ack_to(&first, 4);
	wait_until(&scene, first.n == 15 && first.acked_to == 6);
	for (size_t i = 0; i < first.n; i++)
		assert_int_equal(first.given[i].sequence, i + 1);
	stop(&first);
	/* What was not acknowledged is given out again, and then the rest. */
	consume(&first, "c", 0);
	wait_until(&scene, first.n == 95);
	for (size_t i = 0; i < first.n; i++) {
		assert_int_equal(first.given[i].sequence, i + 6);
		assert_int_equal(first.given[i].again, i < 10);
	}
	stop(&first);
	stop(&second);
}

static void test_a_nak_stops_it_there(void **state)
{
	static struct consuming consuming;

	(void)state;
	fill(20);
	make_cursor("c", NULL);
	consume(&consuming, "c", 5);
	wait_until(&scene, consuming.n == 5);
	ack(&consuming, 0);
	wait_until(&scene, consuming.acked_to == 2);
	nak(&consuming, 2, 1);
	/* 6 came for the ack of 1; then 3 and all behind it once more. */
	wait_until(&scene, consuming.n == 10);
	assert_int_equal(consuming.given[5].sequence, 6);
	for (size_t i = 6; i < 10; i++) {
		assert_int_equal(consuming.given[i].sequence, i - 3);
		assert_int_equal(consuming.given[i].again, 1);
	}
	/* Their old tokens are not valid any more. */
	ack(&consuming, 3);
	wait_until(&scene, consuming.n_late == 1);
	assert_true(consuming.late[0] == consuming.given[3].token);
	stop(&consuming);
}

static void test_shared_among_readers(void **state)
{
	Helio__Log__V1__CursorConfig config =
		HELIO__LOG__V1__CURSOR_CONFIG__INIT;
	static struct consuming a, b;
	bool was_given[101] = { false };

	(void)state;
	config.has_shared = 1;
	config.shared = 1;
	make_cursor("c", &config);
	consume(&a, "c", 8);
	consume(&b, "c", 8);
	wait_until(&scene, get_cursor(NULL, 0).readers == 2);
	fill(100);
	for (size_t i = 0, k = 0; i + k < 100;) {
		wait_until(&scene, a.n > i || b.n > k);
		while (i < a.n)
			ack(&a, i++);
		while (k < b.n)
			ack(&b, k++);
	}
	for (size_t i = 0; i < a.n + b.n; i++) {
		const struct given *one =
			i < a.n ? &a.given[i] : &b.given[i - a.n];

		assert_false(was_given[one->sequence]);
		was_given[one->sequence] = true;
	}
	assert_true(a.n > 0 && b.n > 0);
	wait_until(&scene, a.acked_to == 101 || b.acked_to == 101);
	stop(&a);
	stop(&b);
}

/* All up to one: of those that are shared, some are another's. */
static void test_none_is_acked_for_another(void **state)
{
	Helio__Log__V1__CursorConfig config =
		HELIO__LOG__V1__CURSOR_CONFIG__INIT;
	static struct consuming a, b;
	struct consuming *last;

	(void)state;
	config.has_shared = 1;
	config.shared = 1;
	make_cursor("c", &config);
	consume(&a, "c", 4);
	consume(&b, "c", 4);
	wait_until(&scene, get_cursor(NULL, 0).readers == 2);
	fill(8);
	wait_until(&scene, a.n == 4 && b.n == 4);
	/* Whoever has the last: of those before some are the other's. */
	last = a.given[3].sequence == 8 ? &a : &b;
	ack_to(last, 3);
	wait_until(&scene, last->n_late == 1);
	assert_true(last->late[0] == last->given[3].token);
	for (size_t i = 0; i < 4; i++) {
		ack(&a, i);
		ack(&b, i);
	}
	wait_until(&scene, a.acked_to == 9 || b.acked_to == 9);
	assert_int_equal(a.n_late + b.n_late, 1);
	stop(&a);
	stop(&b);
}

/* What one reader does not acknowledge in time is for another. */
static void test_time_runs_out(void **state)
{
	Helio__Log__V1__CursorConfig config =
		HELIO__LOG__V1__CURSOR_CONFIG__INIT;
	static struct consuming a, b;

	(void)state;
	config.has_shared = 1;
	config.shared = 1;
	config.has_ack_wait_ms = 1;
	config.ack_wait_ms = 100;
	make_cursor("c", &config);
	consume(&a, "c", 1);
	wait_until(&scene, get_cursor(NULL, 0).readers == 1);
	fill(1);
	wait_until(&scene, a.n >= 1);
	consume(&b, "c", 1);
	wait_until(&scene, b.n >= 1);
	assert_int_equal(b.given[0].sequence, 1);
	assert_true(b.given[0].again > 0);
	ack(&b, b.n - 1);
	wait_until(&scene, b.acked_to == 2);
	stop(&a);
	stop(&b);
}

/* Who works on it longer than the cursor waits says so. */
static void test_in_progress(void **state)
{
	Helio__Log__V1__CursorConfig config =
		HELIO__LOG__V1__CURSOR_CONFIG__INIT;
	static struct consuming a, b;
	uint64_t end_ms;

	(void)state;
	config.has_shared = 1;
	config.shared = 1;
	config.has_ack_wait_ms = 1;
	config.ack_wait_ms = 1000;
	make_cursor("c", &config);
	consume(&a, "c", 1);
	wait_until(&scene, get_cursor(NULL, 0).readers == 1);
	fill(1);
	wait_until(&scene, a.n >= 1);
	consume(&b, "c", 1);
	end_ms = scene_now_ms() + 1600;
	while (scene_now_ms() < end_ms) {
		in_progress(&a, 0);
		assert_true(helio_run(scene.bus, 50) >= 0);
	}
	assert_int_equal(a.n + b.n, 1);
	wait_until(&scene, a.n + b.n == 2);
	stop(&a);
	stop(&b);
}

static void test_dead_letters(void **state)
{
	Helio__Log__V1__CursorConfig config =
		HELIO__LOG__V1__CURSOR_CONFIG__INIT;
	Helio__Log__V1__ReadRequest request =
		HELIO__LOG__V1__READ_REQUEST__INIT;
	static struct consuming consuming;
	struct reading reading;
	char fault[256];

	(void)state;
	config.has_max_deliver = 1;
	config.max_deliver = 2;
	make_cursor("c", &config);
	fill(3);
	consume(&consuming, "c", 1);
	wait_until(&scene, consuming.n == 1);
	nak(&consuming, 0, 0);
	wait_until(&scene, consuming.n == 2);
	assert_int_equal(consuming.given[1].again, 1);
	nak(&consuming, 1, 0);
	/* Nobody captures dead letters yet: it stands still, and says so. */
	wait_until(&scene, (get_cursor(fault, sizeof(fault)), fault[0]));
	assert_non_null(strstr(fault, "dead letters are not stored"));
	assert_int_equal(consuming.n, 2);
	scene_create(&scene, "graves", "dead.>");
	wait_until(&scene, consuming.n == 3);
	assert_int_equal(consuming.given[2].sequence, 2);
	assert_int_equal(get_cursor(fault, sizeof(fault)).dead, 1);
	assert_string_equal(fault, "");
	request.log = field("graves");
	reading_all(&scene, &reading, &request);
	assert_int_equal(reading.n, 1);
	assert_string_equal(reading.seen[0].subject, "dead.lab.c");
	assert_string_equal(reading.seen[0].body, "1");
	reading_deinit(&reading);
	stop(&consuming);
}

/* Its headers alone are nearly all that the bus takes. */
static void test_a_long_one_is_buried(void **state)
{
	Helio__Log__V1__CursorConfig config =
		HELIO__LOG__V1__CURSOR_CONFIG__INIT;
	Helio__Log__V1__ReadRequest request =
		HELIO__LOG__V1__READ_REQUEST__INIT;
	static char value[16300];
	const struct helio_header header = { "long", value, sizeof(value) };
	struct helio_publish_options options = { .headers = &header,
						 .n_headers = 1 };
	static struct consuming consuming;
	struct reading reading;

	(void)state;
	memset(value, 'x', sizeof(value));
	config.has_max_deliver = 1;
	config.max_deliver = 1;
	make_cursor("c", &config);
	scene_create(&scene, "graves", "dead.>");
	assert_int_equal(
		scene_store_with(&scene, "lab.x", "it", &options).status,
		HELIO_OK);
	consume(&consuming, "c", 1);
	wait_until(&scene, consuming.n == 1);
	nak(&consuming, 0, 0);
	wait_until(&scene, get_cursor(NULL, 0).dead == 1);
	request.log = field("graves");
	reading_all(&scene, &reading, &request);
	assert_int_equal(reading.n, 1);
	assert_string_equal(reading.seen[0].body, "it");
	reading_deinit(&reading);
	stop(&consuming);
}

static void test_a_restart_forgets_nothing(void **state)
{
	static struct consuming consuming;

	(void)state;
	fill(10);
	make_cursor("c", NULL);
	consume(&consuming, "c", 0);
	wait_until(&scene, consuming.n == 10);
	ack_to(&consuming, 5);
	ack(&consuming, 7);
	wait_until(&scene, consuming.acked_to == 7);
	/* The ack of 8 was on its way behind it: wait for a commit of it. */
	wait_until(&scene, get_cursor(NULL, 0).pending == 3);
	stop(&consuming);
	logger_process_stop(&scene.logger, SIGTERM);
	logger_process_start(&scene.logger);
	consume(&consuming, "c", 0);
	wait_until(&scene, consuming.n == 3);
	assert_int_equal(consuming.given[0].sequence, 7);
	assert_int_equal(consuming.given[1].sequence, 9);
	assert_int_equal(consuming.given[2].sequence, 10);
	stop(&consuming);
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
	fill(1);
	for (unsigned i = 0; i < CURSORS_MAX + AT_ONCE - 2; i++) {
		snprintf(name, sizeof(name), "c%u", i);
		if (i < CURSORS_MAX - 2)
			make_cursor(name, NULL);
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
	fill(5);
	assert_int_equal(scene_store(&scene, "lab.y", "6", NULL).sequence, 6);
	request.name = field("lab");
	request.config = &config;
	config.has_subject_records_max = 1;
	config.subject_records_max = 2;
	assert_int_equal(helio__log__v1__logs__change__wait(scene.client,
							    &request, &reply),
			 HELIO_OK);
	make_cursor("c", NULL);
	consume(&consuming, "c", 1);
	wait_until(&scene, consuming.n == 1);
	assert_int_equal(consuming.given[0].sequence, 4);
	/* Now it is one too many, and not given out again. */
	assert_int_equal(scene_store(&scene, "lab.x", "7", NULL).sequence, 7);
	nak(&consuming, 0, 0);
	for (size_t i = 1; i < 4; i++) {
		wait_until(&scene, consuming.n == i + 1);
		assert_int_equal(consuming.given[i].sequence, i + 4);
		assert_int_equal(consuming.given[i].again, 0);
		ack(&consuming, i);
	}
	wait_until(&scene, consuming.acked_to == 8);
	stop(&consuming);
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
	make_cursor("c", &config);
	consume(&consuming, "c", 0);
	wait_until(&scene, consuming.n == 1);
	assert_int_equal(consuming.given[0].sequence, FAR + 1);
	ack(&consuming, 0);
	wait_until(&scene, consuming.acked_to == FAR + 2);
	stop(&consuming);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_exclusive_in_order, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_a_nak_stops_it_there,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_shared_among_readers,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_none_is_acked_for_another,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_time_runs_out, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_in_progress, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_dead_letters, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_a_long_one_is_buried,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_as_many_as_may_be, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_a_restart_forgets_nothing,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_an_owner_fills_his_own_room, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_the_limit_of_a_subject,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_is_wanted_is_far_away,
						set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
