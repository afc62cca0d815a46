/* SPDX-License-Identifier: MIT */

#include "tests/torture/bus/ear.h"

#include <errno.h>
#include <helio/log/v1/log.pb-c.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "proto/run.h"
#include "rpc/heliograph.h"
#include "tests/torture/bus/voice.h"
#include "tests/torture/bus/world.h"
#include "tests/torture/complaint.h"

#define READ "helio.log.v1.Logs.Read"

enum {
	CONNECT_MS = 10000,
	ANSWER_MS = 20000,
};

typedef void (*record_fn)(void *userdata, const struct run_record *record);

/* ---- records ---- */

static uint64_t hash_record(const struct run_record *record)
{
	static const struct hash_key KEY = { 1, 2 };
	const struct run_source *source = &record->source;
	uint64_t sums[] = {
		hash_bytes(&KEY, record->body, record->n_body),
		hash_bytes(&KEY, record->metadata, record->n_metadata),
		hash_bytes(&KEY, record->subject, record->n_subject),
		hash_bytes(&KEY, source->principal, source->n_principal),
		source->incarnation,
		record->kind,
		record->flags,
		record->status,
		record->n_lost,
	};

	return hash_bytes(&KEY, sums, sizeof(sums));
}

static void take_run(const uint8_t *run, size_t n, record_fn take,
		     void *userdata)
{
	static struct run_reader reader;
	struct run_record record;
	int r = run_reader_begin(&reader, run, n);

	while (!r && (r = run_reader_next(&reader, &record)) > 0) {
		take(userdata, &record);
		r = 0;
	}
	if (r < 0)
		complain("a run that cannot be read: %s", strerror(-r));
}

/* One message of the stream; it may hold several runs. */
static void take_reply(const void *body, size_t n_body, record_fn take,
		       void *userdata, uint64_t *ret_expired_to)
{
	Helio__Log__V1__ReadReply *reply =
		helio__log__v1__read_reply__unpack(NULL, n_body, body);
	size_t at = 0;

	if (!reply)
		complain("a ReadReply that cannot be unpacked");
	*ret_expired_to = reply->has_expired_to ? reply->expired_to : 0;
	while (reply->has_run && at < reply->run.len) {
		const uint8_t *run = reply->run.data + at;
		uint32_t n = 0;

		if (reply->run.len - at >= RUN_HEAD_BYTES)
			memcpy(&n, run + 4, sizeof(n));
		if (n < RUN_HEAD_BYTES || n > reply->run.len - at)
			complain("a run of %u bytes", n);
		take_run(run, n, take, userdata);
		at += n;
	}
	helio__log__v1__read_reply__free_unpacked(reply, NULL);
}

/* ---- following ---- */

static void remember(struct ear *ear, const struct run_record *record)
{
	struct heard *heard;

	if (record->sequence > ear->n_heard_max) {
		ear->n_heard_max = 2 * (size_t)record->sequence + 4096;
		ear->heard = realloc(ear->heard,
				     ear->n_heard_max * sizeof(*ear->heard));
		if (!ear->heard)
			complain("no memory");
	}
	heard = &ear->heard[record->sequence - 1];
	*heard = (struct heard){ hash_record(record), record->time_ns };
	if (record->sequence > 1 && heard[-1].time_ns > heard->time_ns)
		complain("the time of record %llu is before that of the one "
			 "before",
			 (unsigned long long)record->sequence);
}

static void tell_voice(struct ear *ear, const struct run_record *record)
{
	uint32_t index = voice_of(record->body, record->n_body);
	char name[] = "vm:voice?";

	if (record->kind == RUN_GAP) {
		ear->n_gaps++;
		for (unsigned i = 0; i < ear->n_voices; i++)
			voice_gap(&ear->voices[i]);
		return;
	}
	if (index >= ear->n_voices)
		complain("record %llu is nobody's",
			 (unsigned long long)record->sequence);
	name[8] = (char)('0' + index);
	if (record->source.n_principal != strlen(name) ||
	    memcmp(record->source.principal, name, strlen(name)) != 0)
		complain("record %llu is %.*s's instead of %s's",
			 (unsigned long long)record->sequence,
			 (int)record->source.n_principal,
			 record->source.principal, name);
	voice_found(&ear->voices[index], record->sequence, record->body,
		    record->n_body);
}

static void follow_record(void *userdata, const struct run_record *record)
{
	struct ear *ear = userdata;

	if (record->sequence != ear->next)
		complain("record %llu comes instead of %llu",
			 (unsigned long long)record->sequence,
			 (unsigned long long)ear->next);
	remember(ear, record);
	ear->next++;
	tell_voice(ear, record);
}

static void on_next(struct helio_call *call, const void *body, size_t n_body,
		    void *userdata)
{
	struct ear *ear = userdata;
	uint64_t expired_to;

	take_reply(body, n_body, follow_record, ear, &expired_to);
	if (expired_to)
		complain("records before %llu were removed before they were "
			 "read",
			 (unsigned long long)expired_to);
}

static void on_reply(struct helio_call *call, const struct helio_reply *reply,
		     void *userdata)
{
	struct ear *ear = userdata;

	if (reply->status != HELIO_UNAVAILABLE)
		complain("following ended: %s: %s",
			 helio_status_name(reply->status), reply->reason);
	ear->call = NULL;
}

static uint8_t *pack_read(const Helio__Log__V1__ReadRequest *request,
			  size_t *ret_n)
{
	uint8_t *bytes;

	*ret_n = helio__log__v1__read_request__get_packed_size(request);
	bytes = malloc(*ret_n + 1);
	if (!bytes)
		complain("no memory");
	helio__log__v1__read_request__pack(request, bytes);
	return bytes;
}

static void join(struct ear *ear)
{
	Helio__Log__V1__ReadRequest request =
		HELIO__LOG__V1__READ_REQUEST__INIT;
	Helio__Log__V1__Place place = HELIO__LOG__V1__PLACE__INIT;
	struct helio_call_options options = {
		.is_waiting = true,
		.is_patient = true,
		.on_next = on_next,
	};
	uint8_t *bytes;
	size_t n;
	int r;

	place.has_sequence = true;
	place.sequence = ear->next;
	request.log = (char *)(uintptr_t)ear->log;
	request.place = &place;
	request.has_follow = true;
	request.follow = true;
	bytes = pack_read(&request, &n);
	r = helio_call_start(ear->bus, READ, bytes, n, &options, on_reply, ear,
			     &ear->call);
	free(bytes);
	if (r < 0)
		complain("following: %s", strerror(-r));
	ear->n_joined++;
}

void ear_turn(struct ear *ear)
{
	int r;

	if (!ear->call)
		join(ear);
	r = helio_dispatch(ear->bus);
	if (r < 0)
		complain("ear: %s: %s", strerror(-r), helio_error(ear->bus));
}

static struct helio *connect_as(const struct world *world, const char *domain)
{
	struct helio_options options = {
		.program = domain,
		.no_reconnect = true,
	};
	struct helio *bus;
	char address[256];
	int r;

	world_address(world, domain, address);
	r = helio_open(address, &options, &bus);
	if (r >= 0)
		r = helio_connect_wait(bus, CONNECT_MS);
	if (r < 0)
		complain("%s: %s", domain, strerror(-r));
	return bus;
}

void ear_init(struct ear *ear, const struct world *world, const char *log,
	      struct voice *voices, unsigned n_voices)
{
	*ear = (struct ear){
		.bus = connect_as(world, "ear"),
		.log = log,
		.voices = voices,
		.n_voices = n_voices,
		.next = 1,
	};
}

void ear_deinit(struct ear *ear)
{
	helio_close(ear->bus);
	free(ear->heard);
}

/* ---- reading again ---- */

struct reading {
	const struct ear *ear;
	uint64_t next;
	uint64_t expired_to;
	unsigned status;
	bool is_over;
	uint64_t first; /* that came */
	uint64_t n;
};

static void again_record(void *userdata, const struct run_record *record)
{
	struct reading *reading = userdata;
	const struct heard *heard = &reading->ear->heard[record->sequence - 1];

	if (!reading->n++)
		reading->first = record->sequence;
	/* A place may have been asked for that is not known beforehand. */
	if (!reading->next)
		reading->next = record->sequence;
	if (record->sequence != reading->next)
		complain("read again, %llu comes instead of %llu",
			 (unsigned long long)record->sequence,
			 (unsigned long long)reading->next);
	reading->next++;
	if (record->sequence >= reading->ear->next)
		return;
	if (heard->hash != hash_record(record) ||
	    heard->time_ns != record->time_ns)
		complain("record %llu is another than before",
			 (unsigned long long)record->sequence);
}

static void again_next(struct helio_call *call, const void *body, size_t n_body,
		       void *userdata)
{
	struct reading *reading = userdata;
	uint64_t expired_to;

	take_reply(body, n_body, again_record, reading, &expired_to);
	if (expired_to && reading->next) {
		reading->expired_to = expired_to;
		if (expired_to > reading->next)
			reading->next = expired_to;
	}
}

static void again_reply(struct helio_call *call,
			const struct helio_reply *reply, void *userdata)
{
	struct reading *reading = userdata;

	reading->is_over = true;
	reading->status = reply->status;
	if (reply->status != HELIO_OK)
		complain("reading: %s: %s", helio_status_name(reply->status),
			 reply->reason);
}

static void read_all(struct ear *ear, Helio__Log__V1__ReadRequest *request,
		     struct reading *reading)
{
	struct helio_call_options options = {
		.is_waiting = true,
		.on_next = again_next,
	};
	uint64_t end_ns = clock_now_ns() + ANSWER_MS * NS_PER_MS;
	uint8_t *bytes;
	size_t n;
	int r;

	request->log = (char *)(uintptr_t)ear->log;
	bytes = pack_read(request, &n);
	r = helio_call_start(ear->bus, READ, bytes, n, &options, again_reply,
			     reading, NULL);
	free(bytes);
	while (r >= 0 && !reading->is_over) {
		r = helio_run(ear->bus, 100);
		if (clock_now_ns() > end_ns)
			complain("reading takes longer than %d ms", ANSWER_MS);
	}
	if (r < 0)
		complain("reading: %s", strerror(-r));
}

void ear_read_again(struct ear *ear, uint64_t from)
{
	Helio__Log__V1__ReadRequest request =
		HELIO__LOG__V1__READ_REQUEST__INIT;
	Helio__Log__V1__Place place = HELIO__LOG__V1__PLACE__INIT;
	struct reading reading = { .ear = ear, .next = from };
	uint64_t end = ear->next;

	place.has_sequence = true;
	place.sequence = from;
	request.place = &place;
	request.has_until_sequence = true;
	request.until_sequence = end;
	read_all(ear, &request, &reading);
	if (reading.expired_to && !ear->may_expire)
		complain("records before %llu are gone",
			 (unsigned long long)reading.expired_to);
	if (reading.next != end)
		complain("read again it ends before %llu instead of %llu",
			 (unsigned long long)reading.next,
			 (unsigned long long)end);
}

/* The first record that was heard at or after a time. */
static uint64_t first_at(const struct ear *ear, uint64_t time_ns)
{
	uint64_t low = 0, high = ear->next - 1;

	while (low < high) {
		uint64_t middle = low + (high - low) / 2;

		if (ear->heard[middle].time_ns < time_ns)
			low = middle + 1;
		else
			high = middle;
	}
	return low + 1;
}

void ear_seek(struct ear *ear, struct dice *dice)
{
	Helio__Log__V1__ReadRequest request =
		HELIO__LOG__V1__READ_REQUEST__INIT;
	Helio__Log__V1__Place place = HELIO__LOG__V1__PLACE__INIT;
	struct reading reading = { .ear = ear };
	uint64_t right;

	if (ear->next < 2 || ear->may_expire)
		return;
	place.has_unix_ns = true;
	place.unix_ns = ear->heard[dice_below(dice, ear->next - 1)].time_ns +
			dice_below(dice, 3) - 1;
	right = first_at(ear, place.unix_ns);
	if (right >= ear->next)
		return;
	request.place = &place;
	request.has_limit = true;
	request.limit = 3;
	read_all(ear, &request, &reading);
	if (reading.first != right)
		complain("at %llu ns comes record %llu instead of %llu",
			 (unsigned long long)place.unix_ns,
			 (unsigned long long)reading.first,
			 (unsigned long long)right);
}

/* ---- what an admin does ---- */

void ear_make_log(const struct world *world, const char *log,
		  const char *pattern, const struct ear_limits *limits)
{
	Helio__Log__V1__CreateRequest request =
		HELIO__LOG__V1__CREATE_REQUEST__INIT;
	Helio__Log__V1__Config config = HELIO__LOG__V1__CONFIG__INIT;
	struct helio_call_options options = { .is_waiting = true };
	char *patterns[] = { (char *)(uintptr_t)pattern };
	struct helio *bus = connect_as(world, "admin");
	struct helio_reply reply;
	uint8_t bytes[256];
	int r;

	config.patterns = patterns;
	config.n_patterns = 1;
	config.has_records_max = limits->records_max != 0;
	config.records_max = limits->records_max;
	config.has_bytes_max = limits->bytes_max != 0;
	config.bytes_max = limits->bytes_max;
	config.has_dedup_window_ms = limits->dedup_window_ms != 0;
	config.dedup_window_ms = limits->dedup_window_ms;
	request.name = (char *)(uintptr_t)log;
	request.config = &config;
	r = helio_call_wait(
		bus, "helio.log.v1.Logs.Create", bytes,
		helio__log__v1__create_request__pack(&request, bytes), &options,
		&reply);
	if (r < 0 || reply.status != HELIO_OK)
		complain("making the log: %s",
			 r < 0 ? strerror(-r) : reply.reason);
	helio_close(bus);
}

void ear_verify(const struct world *world, const char *log)
{
	Helio__Log__V1__VerifyRequest request =
		HELIO__LOG__V1__VERIFY_REQUEST__INIT;
	struct helio_call_options options = { .is_waiting = true };
	Helio__Log__V1__VerifyReply *verdict;
	struct helio *bus = connect_as(world, "admin");
	struct helio_reply reply;
	uint8_t bytes[256];
	int r;

	request.log = (char *)(uintptr_t)log;
	r = helio_call_wait(
		bus, "helio.log.v1.Logs.Verify", bytes,
		helio__log__v1__verify_request__pack(&request, bytes), &options,
		&reply);
	if (r < 0 || reply.status != HELIO_OK)
		complain("verify: %s", r < 0 ? strerror(-r) : reply.reason);
	verdict = helio__log__v1__verify_reply__unpack(
		NULL, reply.message->n_body, reply.message->body);
	if (!verdict || !verdict->good)
		complain("verify finds %s in %s at record %llu",
			 verdict ? verdict->fault : "?",
			 verdict ? verdict->file : "?",
			 verdict ? (unsigned long long)verdict->bad_sequence
				 : 0);
	helio__log__v1__verify_reply__free_unpacked(verdict, NULL);
	helio_close(bus);
}
