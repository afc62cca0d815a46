/* SPDX-License-Identifier: MIT */

/*
 * How long it takes until the last of many watchers is told of a change:
 * watched ADDRESS WATCHERS SECONDS. Each has a connection of its own. A key is
 * put, and when all were told it is put again; prints the times from before the
 * put was handed to the library, the commit included.
 */

#include <errno.h>
#include <helio/store/v1/store.helio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "rpc/heliograph-store.h"

enum {
	N_BODY = 100,
	SETUP_MS = 60000,
	TURN_MS = 20000,
	RING_BYTES = 65536,
	WARM_PUTS = 20,
	SAMPLES_MAX = 100000,
	EVENTS = 256,
};

struct watched {
	struct helio **watchers;
	unsigned n_watchers;
	struct helio *writer;
	struct helio_client *buckets;
	int epoll_fd;
	unsigned n_live, n_told;
	bool is_answered;
	uint32_t samples_ns[SAMPLES_MAX];
	unsigned n_samples;
	int r; /* of what failed in a callback */
};

static char bucket[] = "bench-watched", key[] = "key";

/* ---- watchers ---- */

static void on_entry(struct helio_kv_watch *watch,
		     const struct helio_kv_entry *entry, void *userdata)
{
	struct watched *watched = userdata;

	if (entry->n_value != N_BODY)
		watched->r = -EPROTO;
	watched->n_told++;
}

static void on_live(struct helio_kv_watch *watch, void *userdata)
{
	struct watched *watched = userdata;

	watched->n_live++;
}

static void on_end(struct helio_kv_watch *watch, unsigned status,
		   const char *reason, void *userdata)
{
	struct watched *watched = userdata;

	fprintf(stderr, "watched: a watch ended: %s\n", reason);
	watched->r = -EPROTO;
}

/* All that has come, to whomever. */
static int turn(struct watched *watched)
{
	struct epoll_event events[EVENTS];
	int n = epoll_wait(watched->epoll_fd, events, EVENTS, TURN_MS);
	int r = n > 0 ? 0 : n ? -errno : -ETIMEDOUT;

	for (int i = 0; i < n && r >= 0; i++)
		r = helio_dispatch(events[i].data.ptr);
	return r < 0 ? r : watched->r;
}

static int connect_one(struct watched *watched, const char *address,
		       struct helio **ret_bus)
{
	const struct helio_options options = {
		.program = "watched",
		.ring_bytes = RING_BYTES,
		.no_reconnect = true,
	};
	struct epoll_event event = { .events = EPOLLIN };
	int r = helio_open(address, &options, ret_bus);

	if (!r)
		r = helio_connect_wait(*ret_bus, SETUP_MS);
	if (r)
		return r;
	event.data.ptr = *ret_bus;
	return epoll_ctl(watched->epoll_fd, EPOLL_CTL_ADD, helio_fd(*ret_bus),
			 &event)
		       ? -errno
		       : 0;
}

static int watch_one(struct watched *watched, const char *address,
		     struct helio **ret_bus)
{
	const struct helio_kv_watch_options options = {
		.on_entry = on_entry,
		.on_live = on_live,
		.on_end = on_end,
	};
	struct helio_kv_watch *watch;
	int r = connect_one(watched, address, ret_bus);

	if (!r)
		r = helio_kv_watch(*ret_bus, bucket, &options, watched, &watch);
	if (!r)
		r = helio_dispatch(*ret_bus);
	return r < 0 ? r : 0;
}

/* ---- the writer ---- */

static void on_put(const Helio__Store__V1__PutReply *reply, void *userdata)
{
	struct watched *watched = userdata;

	if (!reply)
		watched->r = -EPROTO;
	watched->is_answered = true;
}

static int put(struct watched *watched)
{
	static uint8_t body[N_BODY];
	Helio__Store__V1__PutRequest request =
		HELIO__STORE__V1__PUT_REQUEST__INIT;
	int r;

	watched->n_told = 0;
	watched->is_answered = false;
	body[0]++;
	request.bucket = bucket;
	request.key = key;
	request.has_value = 1;
	request.value.data = body;
	request.value.len = sizeof(body);
	helio__store__v1__buckets__put(helio_client_service(watched->buckets),
				       &request, on_put, watched);
	r = helio_dispatch(watched->writer);
	return r < 0 ? r : 0;
}

static int put_and_await(struct watched *watched, uint64_t *ret_took_ns)
{
	uint64_t begin_ns = clock_now_ns();
	int r = put(watched);

	while (!r && watched->n_told < watched->n_watchers)
		r = turn(watched);
	*ret_took_ns = clock_now_ns() - begin_ns;
	while (!r && !watched->is_answered)
		r = turn(watched);
	return r;
}

static int measure(struct watched *watched, double seconds)
{
	uint64_t took_ns, end_ns;
	int r = 0;

	for (unsigned i = 0; i < WARM_PUTS && !r; i++)
		r = put_and_await(watched, &took_ns);
	end_ns = clock_now_ns() + (uint64_t)(seconds * 1e9);
	while (!r && clock_now_ns() < end_ns &&
	       watched->n_samples < SAMPLES_MAX) {
		r = put_and_await(watched, &took_ns);
		watched->samples_ns[watched->n_samples++] =
			took_ns < UINT32_MAX ? (uint32_t)took_ns : UINT32_MAX;
	}
	return r;
}

/* ---- the beginning and the end ---- */

static int make_bucket(struct watched *watched)
{
	Helio__Store__V1__CreateBucketRequest request =
		HELIO__STORE__V1__CREATE_BUCKET_REQUEST__INIT;
	struct helio_reply reply;
	uint8_t bytes[64];
	int r;

	request.name = bucket;
	r = helio_call_wait(
		watched->writer, "helio.store.v1.Buckets.Create", bytes,
		protobuf_c_message_pack(&request.base, bytes), NULL, &reply);
	return r ? r : helio_status_errno(reply.status);
}

static int watched_open(struct watched *watched, const char *address)
{
	int r;

	watched->watchers = calloc(watched->n_watchers, sizeof(struct helio *));
	watched->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (!watched->watchers || watched->epoll_fd < 0)
		return -ENOMEM;
	r = connect_one(watched, address, &watched->writer);
	if (!r)
		r = make_bucket(watched);
	if (!r)
		r = helio_client_new(watched->writer,
				     &helio__store__v1__buckets__type, NULL,
				     &watched->buckets);
	for (unsigned i = 0; i < watched->n_watchers && !r; i++)
		r = watch_one(watched, address, &watched->watchers[i]);
	while (!r && watched->n_live < watched->n_watchers)
		r = turn(watched);
	return r;
}

static void watched_close(struct watched *watched)
{
	helio_client_free(watched->buckets);
	helio_close(watched->writer);
	for (unsigned i = 0; watched->watchers && i < watched->n_watchers; i++)
		helio_close(watched->watchers[i]);
	free(watched->watchers);
	close(watched->epoll_fd);
}

static int compare_samples(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void print_result(struct watched *watched)
{
	const uint32_t *samples_ns = watched->samples_ns;
	unsigned n = watched->n_samples;

	qsort(watched->samples_ns, n, sizeof(uint32_t), compare_samples);
	printf("{\"p50_ms\": %.3f, \"p99_ms\": %.3f}\n",
	       samples_ns[n / 2] / 1e6, samples_ns[n * 99 / 100] / 1e6);
}

int main(int argc, char **argv)
{
	static struct watched watched;
	int r;

	if (argc != 4) {
		fprintf(stderr, "usage: %s ADDRESS WATCHERS SECONDS\n",
			argv[0]);
		return 2;
	}
	watched.n_watchers = (unsigned)strtoul(argv[2], NULL, 10);
	r = watched_open(&watched, argv[1]);
	if (!r)
		r = measure(&watched, strtod(argv[3], NULL));
	if (!r)
		print_result(&watched);
	watched_close(&watched);
	if (r < 0)
		fprintf(stderr, "watched: %s\n", strerror(-r));
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
