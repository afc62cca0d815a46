/* SPDX-License-Identifier: MIT */

/*
 * How long a put takes in memory: judged, applied, and later committed. Keys
 * and versions are many, and chosen at random: bench_bucket [KEYS [PUTS]].
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "proto/status.h"
#include "storage/state/bucket.h"
#include "storage/state/draft.h"
#include "storage/state/judge.h"
#include "storage/state/state.h"

enum { KEY_BYTES = 32, VALUE_BYTES = 100, IN_FLIGHT = 256 };

static uint64_t random_state = 1;

static uint64_t draw(uint64_t n)
{
	random_state = random_state * UINT64_C(6364136223846793005) + 1;
	return (random_state >> 33) % n;
}

static uint64_t now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static void say(const char *what, uint64_t from_ns, uint64_t n)
{
	printf("%-28s %8.0f ns each, %8.1f ms\n", what,
	       (double)(now_ns() - from_ns) / (double)n,
	       (double)(now_ns() - from_ns) / 1e6);
}

static void must(bool is_right)
{
	if (!is_right)
		abort();
}

static void key_of(uint64_t number, char key[KEY_BYTES])
{
	snprintf(key, KEY_BYTES, "user/%08" PRIx64 "/state",
		 number * 2654435761 & 0xffffffff);
}

static void put(struct state *state, uint64_t number, uint64_t ttl_ms)
{
	static const struct caller caller = { "vm:web", "vm:web", 1 };
	static uint8_t value[VALUE_BYTES];
	Helio__Store__V1__PutRequest in = HELIO__STORE__V1__PUT_REQUEST__INIT;
	struct judgement judgement;
	struct draft draft;
	char key[KEY_BYTES];

	key_of(number, key);
	in.bucket = draft_text("b");
	in.key = key;
	in.has_value = true;
	in.value.data = value;
	in.value.len = sizeof(value);
	in.has_ttl_ms = ttl_ms != 0;
	in.ttl_ms = ttl_ms;
	draft_init(&draft, state, 1000, &caller);
	must(judge_put(&draft, &in, &judgement) == STATUS_OK);
	must(state_apply(state, &draft.step) == 0);
	draft_deinit(&draft);
}

static void drop(struct state *state)
{
	static const struct caller caller = { "vm:web", "vm:web", 1 };
	Helio__Store__V1__DropBucketRequest in =
		HELIO__STORE__V1__DROP_BUCKET_REQUEST__INIT;
	struct judgement judgement;
	struct draft draft;

	in.name = draft_text("b");
	draft_init(&draft, state, 1000, &caller);
	must(judge_bucket_drop(&draft, &in, &judgement) == STATUS_OK);
	must(state_apply(state, &draft.step) == 0);
	draft_deinit(&draft);
	state_commit(state, state->revision);
}

static void create(struct state *state)
{
	static const struct caller caller = { "vm:web", "vm:web", 1 };
	Helio__Store__V1__CreateBucketRequest in =
		HELIO__STORE__V1__CREATE_BUCKET_REQUEST__INIT;
	Helio__Store__V1__BucketConfig config =
		HELIO__STORE__V1__BUCKET_CONFIG__INIT;
	struct judgement judgement;
	struct draft draft;

	config.has_bytes_max = config.has_keys_max = true;
	config.bytes_max = config.keys_max = UINT64_C(1) << 40;
	in.name = draft_text("b");
	in.config = &config;
	draft_init(&draft, state, 1000, &caller);
	must(judge_bucket_create(&draft, &in, &judgement) == STATUS_OK);
	must(state_apply(state, &draft.step) == 0);
	draft_deinit(&draft);
}

static void get(const struct state *state, uint64_t number)
{
	const struct bucket *bucket = bucket_lookup(state, "b");
	const struct key *found;
	char key[KEY_BYTES];
	int error;

	key_of(number, key);
	found = bucket_key(bucket, key);
	must(found && key_at(found, state->committed, &error));
}

static void put_many(struct state *state, uint64_t n_keys, uint64_t n_puts,
		     uint64_t ttl_ms)
{
	for (uint64_t i = 0; i < n_puts; i++) {
		put(state, draw(n_keys), ttl_ms);
		if (i % IN_FLIGHT == 0)
			state_commit(state, state->revision);
	}
	state_commit(state, state->revision);
}

int main(int argc, char **argv)
{
	const struct state_limits limits = {
		.bytes_max = UINT64_C(1) << 40,
		.party_bytes_max = UINT64_C(1) << 40,
	};
	uint64_t n_keys = argc > 1 ? strtoull(argv[1], NULL, 0) : 100000;
	uint64_t n_puts = argc > 2 ? strtoull(argv[2], NULL, 0) : 1000000;
	struct state state;
	uint64_t from;

	must(state_init(&state, &limits) == 0);
	create(&state);
	from = now_ns();
	for (uint64_t i = 0; i < n_keys; i++)
		put(&state, i, 0);
	state_commit(&state, state.revision);
	say("put of a new key", from, n_keys);
	from = now_ns();
	put_many(&state, n_keys, n_puts, 0);
	say("put", from, n_puts);
	from = now_ns();
	put_many(&state, n_keys, n_puts, 1000000);
	say("put with a time to live", from, n_puts);
	from = now_ns();
	for (uint64_t i = 0; i < n_puts; i++)
		get(&state, draw(n_keys));
	say("get", from, n_puts);
	from = now_ns();
	for (uint64_t i = 0; i < n_puts; i++) {
		char key[KEY_BYTES];

		key_of(draw(n_keys), key);
		must(*key == 'u');
	}
	say("of each: to choose the key", from, n_puts);
	from = now_ns();
	drop(&state);
	say("drop", from, 1);
	from = now_ns();
	while (state_sweep(&state, 1024))
		;
	say("free what was dropped, a key", from, n_keys);
	state_deinit(&state);
	return 0;
}
