/* SPDX-License-Identifier: MIT */

#include "tests/unit/logger/desk.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/le.h"
#include "rpc/heliograph.h"

enum { RUN_RECORDS = 64, RUNS = 16, VERDICTS = 4096, SEES_ALL = 0xff };

#define START_NS UINT64_C(1000000000)

static struct desk *the_desk;
static struct run_builder builder;
static uint64_t n_steps;

/* ---- what the cursor calls: the linker's --wrap brings it here ---- */

int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_helio_timer_start(struct helio *bus, uint32_t after_ms,
			     void (*on_timer)(struct helio *bus,
					      void *userdata),
			     void *userdata, struct helio_timer **ret_timer);
void __wrap_helio_timer_cancel(struct helio_timer *timer);
int __wrap_helio_serving_send_packed(struct helio_serving *serving,
				     const void *packed, size_t n);
int __wrap_helio_publish(struct helio *bus, const char *subject,
			 const void *body, size_t n_body,
			 const struct helio_publish_options *options);
int __wrap_sieve_begin(struct sieve *sieve, const uint8_t *run, size_t n,
		       struct access_wait *wait);
void __wrap_fetch_start(struct fetch *fetch, struct keeper *keeper);
void __wrap_keeper_keep(struct keeper *keeper, struct keeping *keeping);
void *__real_memcpy(void *to, const void *from, size_t n);
void *__wrap_memcpy(void *to, const void *from, size_t n);
void *__real_memmove(void *to, const void *from, size_t n);
void *__wrap_memmove(void *to, const void *from, size_t n);
/* Called by what is compiled with -fsanitize-coverage=trace-pc. */
void __sanitizer_cov_trace_pc(void);

void __sanitizer_cov_trace_pc(void)
{
	n_steps++;
}

void *__wrap_memcpy(void *to, const void *from, size_t n)
{
	n_steps += n / 16;
	return __real_memcpy(to, from, n);
}

void *__wrap_memmove(void *to, const void *from, size_t n)
{
	n_steps += n / 16;
	return __real_memmove(to, from, n);
}

uint64_t desk_steps(void)
{
	return n_steps;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
	if (!the_desk)
		return __real_clock_gettime(clock, now);
	now->tv_sec = (time_t)(the_desk->now_ns / NS_PER_S);
	now->tv_nsec = (long)(the_desk->now_ns % NS_PER_S);
	return 0;
}

/* The cursor's own timer is never there: it asks again each time. */
int __wrap_helio_timer_start(struct helio *bus, uint32_t after_ms,
			     void (*on_timer)(struct helio *bus,
					      void *userdata),
			     void *userdata, struct helio_timer **ret_timer)
{
	uint64_t wake_ns = the_desk->now_ns + after_ms * NS_PER_MS;

	(void)bus;
	(void)on_timer;
	(void)userdata;
	*ret_timer = NULL;
	if (wake_ns < the_desk->wake_ns)
		the_desk->wake_ns = wake_ns;
	return 0;
}

void __wrap_helio_timer_cancel(struct helio_timer *timer)
{
	assert_null(timer);
}

static void note_given(struct desk_reader *reader,
		       const Helio__Log__V1__ConsumeReply *reply)
{
	struct run_reader runs = { 0 };
	struct run_record record;

	assert_int_equal(
		run_reader_begin(&runs, reply->run.data, reply->run.len), 0);
	for (size_t i = 0; i < reply->n_token; i++) {
		assert_int_equal(run_reader_next(&runs, &record), 1);
		assert_true(reader->n_given < DESK_GIVEN_MAX);
		reader->given[reader->n_given++] = (struct desk_given){
			.sequence = record.sequence,
			.token = reply->token[i],
			.again = reply->redelivered[i],
		};
	}
	assert_int_equal(run_reader_next(&runs, &record), 0);
	run_reader_deinit(&runs);
}

int __wrap_helio_serving_send_packed(struct helio_serving *serving,
				     const void *packed, size_t n)
{
	struct desk_reader *reader = (void *)serving;
	Helio__Log__V1__ConsumeReply *reply =
		helio__log__v1__consume_reply__unpack(NULL, n, packed);

	assert_non_null(reply);
	if (reply->has_run)
		note_given(reader, reply);
	if (reply->has_acked_to)
		reader->acked_to = reply->acked_to;
	helio__log__v1__consume_reply__free_unpacked(reply, NULL);
	return 0;
}

static void write_letter(struct desk_letter *letter,
			 const struct helio_publish_options *options)
{
	size_t n = 0;

	letter->text[0] = '\0';
	for (size_t i = 0; i < options->n_headers; i++)
		n += (size_t)snprintf(letter->text + n,
				      sizeof(letter->text) - n, "%s=%.*s\n",
				      options->headers[i].name,
				      (int)options->headers[i].n_value,
				      (const char *)options->headers[i].value);
	letter->sequence =
		strtoull(strstr(letter->text, "-sequence=") + 10, NULL, 10);
	snprintf(letter->content_type, sizeof(letter->content_type), "%s",
		 options->content_type ? options->content_type : "");
	snprintf(letter->traceparent, sizeof(letter->traceparent), "%s",
		 options->traceparent ? options->traceparent : "");
	letter->on_ack = options->on_ack;
	letter->userdata = options->userdata;
}

int __wrap_helio_publish(struct helio *bus, const char *subject,
			 const void *body, size_t n_body,
			 const struct helio_publish_options *options)
{
	(void)bus;
	(void)subject;
	(void)body;
	(void)n_body;
	if (the_desk->n_headers_max &&
	    options->n_headers > the_desk->n_headers_max)
		return -E2BIG;
	assert_true(the_desk->n_letters < 16);
	write_letter(&the_desk->letters[the_desk->n_letters++], options);
	return 0;
}

/* Everything is seen. */
int __wrap_sieve_begin(struct sieve *sieve, const uint8_t *run, size_t n,
		       struct access_wait *wait)
{
	(void)wait;
	if (!sieve->verdicts) {
		sieve->verdicts = malloc(VERDICTS);
		assert_non_null(sieve->verdicts);
		memset(sieve->verdicts, SEES_ALL, VERDICTS);
	}
	sieve->run = run;
	return run_reader_begin(&sieve->reader, run, n);
}

void __wrap_fetch_start(struct fetch *fetch, struct keeper *keeper)
{
	fetch->keeper = keeper;
	fetch->is_busy = true;
	the_desk->fetching = fetch;
}

void __wrap_keeper_keep(struct keeper *keeper, struct keeping *keeping)
{
	list_init(&keeping->link);
	list_push_back(&keeper->keepings, &keeping->link);
	the_desk->n_keeps += keeping->on_kept != NULL;
}

/* ---- the log ---- */

bool desk_is_served(const struct desk *desk, uint64_t sequence)
{
	return sequence >= desk->thin_to || (sequence - 1) / 32 % 4 == 3;
}

static void copy_run(struct fetch *fetch, uint64_t base)
{
	const void *pieces[2];
	size_t lengths[2];

	assert_int_equal(run_builder_finish(&builder, base, pieces, lengths),
			 0);
	for (int i = 0; i < 2; i++) {
		assert_true(fetch->n + lengths[i] <= fetch->n_room);
		memcpy(fetch_bytes(fetch) + fetch->n, pieces[i], lengths[i]);
		fetch->n += lengths[i];
	}
}

static void add_run(struct desk *desk, struct fetch *fetch, uint64_t base)
{
	struct run_record record = {
		.time_ns = 1000,
		.kind = RUN_MESSAGE,
		.subject = "lab.x",
		.n_subject = 5,
		.source = { "uid:7", 5, "uid:7/web", 9, 1 },
		.metadata = desk->metadata,
		.n_metadata = desk->n_metadata,
		.body = "body",
		.n_body = 4,
	};
	uint64_t first = 0;

	run_builder_clear(&builder);
	for (uint64_t i = base; i < base + RUN_RECORDS; i++) {
		if (i > desk->keeper.status.last || !desk_is_served(desk, i))
			continue;
		first = first ? first : i;
		record.sequence = i - first;
		assert_int_equal(run_builder_add(&builder, &record), 0);
	}
	if (first)
		copy_run(fetch, first);
}

static void fill(struct desk *desk, struct fetch *fetch)
{
	uint64_t at = fetch->from - (fetch->from - 1) % RUN_RECORDS;

	if (!fetch->memory) {
		fetch->n_room = FETCH_BYTES;
		fetch->memory = malloc(FETCH_HEADROOM + FETCH_BYTES);
		assert_non_null(fetch->memory);
	}
	fetch->n = 0;
	fetch->r = 0;
	if (fetch->from < desk->first) {
		fetch->r = -ERANGE;
		fetch->next = desk->first;
		return;
	}
	fetch->r = at <= desk->keeper.status.last ? 0 : -ENOENT;
	for (int i = 0; i < RUNS && at <= desk->keeper.status.last; i++) {
		add_run(desk, fetch, at);
		at += RUN_RECORDS;
	}
	fetch->next = at < desk->keeper.status.last
			      ? at
			      : desk->keeper.status.last + 1;
}

/* ---- its life ---- */

static void begin(struct desk *desk)
{
	struct keeper *keeper = &desk->keeper;

	*keeper = (struct keeper){ .logger = &desk->logger,
				   .state = KEEPER_OPEN,
				   .config = keeper->config,
				   .status = keeper->status };
	snprintf(keeper->name, sizeof(keeper->name), "lab");
	list_init(&keeper->keepings);
	list_init(&keeper->followers);
	list_init(&keeper->cursors);
	desk->wake_ns = UINT64_MAX;
	desk->fetching = NULL;
	desk->n_letters = 0;
	for (size_t i = 0; i < DESK_READERS; i++)
		desk->readers[i].acked_to = 0;
}

static void make_cursor(struct desk *desk, bool is_shared, uint32_t max_deliver)
{
	Helio__Log__V1__CursorConfig config =
		HELIO__LOG__V1__CURSOR_CONFIG__INIT;

	config.has_shared = 1;
	config.shared = is_shared;
	config.has_max_deliver = 1;
	config.max_deliver = max_deliver;
	config.has_pending_max = 1;
	config.pending_max = CURSOR_ITEMS_MAX;
	assert_int_equal(
		cursor_new(&desk->keeper, "c", "uid:0", &config, &desk->cursor),
		0);
	cursor_move(desk->cursor, 1);
}

void desk_init(struct desk *desk, uint64_t n_records, bool is_shared,
	       uint32_t max_deliver)
{
	the_desk = desk;
	memset(desk, 0, sizeof(*desk));
	desk->now_ns = START_NS;
	desk->first = 1;
	desk->keeper.status.last = n_records;
	list_init(&desk->kept);
	assert_int_equal(run_builder_init(&builder), 0);
	for (size_t i = 0; i < DESK_READERS; i++) {
		desk->readers[i].given =
			calloc(DESK_GIVEN_MAX, sizeof(*desk->readers[i].given));
		assert_non_null(desk->readers[i].given);
	}
	begin(desk);
	make_cursor(desk, is_shared, max_deliver);
	desk_commit(desk, 0);
}

static void end(struct desk *desk)
{
	for (unsigned i = 0; i < DESK_READERS; i++)
		if (desk->readers[i].is_there)
			desk_leave(desk, i, false);
	while (desk->n_letters)
		desk_answer(desk, HELIO_UNAVAILABLE);
	keepings_free(&desk->keeper.keepings);
	cursor_free(desk->cursor);
}

void desk_deinit(struct desk *desk)
{
	end(desk);
	the_desk = NULL;
	keepings_free(&desk->kept);
	run_builder_deinit(&builder);
	for (size_t i = 0; i < DESK_READERS; i++)
		free(desk->readers[i].given);
}

void desk_restart(struct desk *desk)
{
	struct list *link;

	end(desk);
	begin(desk);
	list_for_each (link, &desk->kept) {
		const struct keeping *kept =
			container_of(link, struct keeping, link);

		cursor_found(&desk->keeper, kept->key, kept->value,
			     kept->n_value);
	}
	desk->cursor = cursor_lookup(&desk->keeper, "c");
	assert_non_null(desk->cursor);
}

void desk_pump(struct desk *desk)
{
	cursor_pump(desk->cursor);
	while (desk->fetching || desk->wake_ns <= desk->now_ns) {
		struct fetch *fetch = desk->fetching;

		desk->fetching = NULL;
		if (fetch) {
			fill(desk, fetch);
			fetch->is_busy = false;
			fetch->on_done(fetch);
			continue;
		}
		desk->wake_ns = UINT64_MAX;
		cursor_expire(desk->cursor, desk->now_ns);
		cursor_pump(desk->cursor);
	}
}

void desk_settle(struct desk *desk)
{
	cursor_advance(desk->cursor);
	if (desk->cursor->is_dirty)
		cursor_touch(desk->cursor);
	desk_pump(desk);
}

void desk_settle_on_disk(struct desk *desk)
{
	desk_settle(desk);
	while (desk_commit(desk, 0))
		;
}

void desk_wait(struct desk *desk, uint64_t ns)
{
	desk->now_ns += ns;
	desk_pump(desk);
}

void desk_answer(struct desk *desk, unsigned status)
{
	const struct helio_ack ack = { .status = status, .reason = "so" };
	const struct desk_letter letter = desk->letters[0];

	assert_true(desk->n_letters > 0);
	desk->n_letters--;
	memmove(&desk->letters[0], &desk->letters[1],
		desk->n_letters * sizeof(letter));
	letter.on_ack(NULL, &ack, letter.userdata);
	desk_pump(desk);
}
