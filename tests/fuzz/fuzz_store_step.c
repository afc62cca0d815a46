/* SPDX-License-Identifier: MIT */

/*
 * Rows and steps of a damaged store: whatever they are, they are refused or
 * taken, and what was taken can be read, go on, and be freed. The input has the
 * snapshot's begin and end in a byte each; then messages: a byte that is odd
 * for a step, two of length, and as many as that.
 */

#include <errno.h>

#include "base/le.h"
#include "proto/unpack.h"
#include "storage/state/bucket.h"
#include "storage/state/draft.h"
#include "storage/state/image.h"
#include "tests/fuzz/fuzz.h"

enum { ARENA_BYTES = 1 << 20, ROWS_BYTES_MAX = 64 << 20 };

static uint8_t memory[ARENA_BYTES] __attribute__((aligned(16)));

static int load_one(struct state *state, bool is_step, const uint8_t *bytes,
		    size_t n, const uint8_t *marks)
{
	struct unpack_arena arena = { .bytes = memory, .n_bytes = ARENA_BYTES };
	ProtobufCMessage *message;

	if (unpack(is_step ? &helio__store__v1__step__descriptor
			   : &helio__store__v1__row__descriptor,
		   bytes, n, &arena, &message))
		return -EBADMSG;
	if (is_step)
		return image_load_step(state, (Helio__Store__V1__Step *)message,
				       marks[0], marks[1]);
	return image_load_row(state, (Helio__Store__V1__Row *)message);
}

static int load_all(struct state *state, const uint8_t *bytes, size_t n,
		    const uint8_t *marks)
{
	int r = 0;

	while (!r && n >= 3) {
		size_t n_message = le16_load(bytes + 1);

		if (n_message > n - 3)
			return -EBADMSG;
		r = load_one(state, bytes[0] & 1, bytes + 3, n_message, marks);
		bytes += 3 + n_message;
		n -= 3 + n_message;
	}
	return r < 0 ? r : image_loaded(state, marks[1]);
}

static void read_key(const struct key *key)
{
	Helio__Store__V1__Entry entry;
	int error;
	const struct version *version =
		key_at(key, key->bucket->state->committed, &error);

	FUZZ_CHECK(!error || error == -ERANGE);
	for (; version; version = version->older)
		version_describe(version, false, &entry);
}

static void read_bucket(const struct bucket *bucket)
{
	const struct key_range all = { .key = NULL };
	const struct version *version;
	const struct key *key;
	int error;

	key = bucket_next_key(bucket, &all, NULL, false);
	for (; key; key = bucket_next_key(bucket, &all, key->text, false))
		read_key(key);
	version = bucket_changes_after(bucket, bucket->first_revision, &error);
	while (version)
		version = version_next(version, bucket->state->committed);
}

/* All of it as rows once more, and what is due, taken back. */
static void go_on(struct state *state)
{
	const struct caller nobody = { .principal = NULL };
	struct image_cursor cursor;
	struct draft draft;
	struct buffer rows;

	buffer_init(&rows, ROWS_BYTES_MAX);
	image_begin(&cursor, state, state_keep_from(state));
	FUZZ_CHECK(image_next(state, &cursor, SIZE_MAX, &rows) == 0);
	FUZZ_CHECK(cursor.part == IMAGE_END);
	buffer_deinit(&rows);
	draft_init(&draft, state, UINT64_MAX - 1, &nobody);
	if (state_draft_due(state, UINT64_MAX - 1, 8, &draft) >= 0 &&
	    state->revision < UINT64_MAX)
		state_apply(state, &draft.step);
	draft_deinit(&draft);
	state_revert(state);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct order_node *node;
	struct state state;

	if (n < 2)
		return 0;
	FUZZ_CHECK(state_init(&state, NULL) == 0);
	if (load_all(&state, bytes + 2, n - 2, bytes) == 0) {
		node = order_first(&state.buckets);
		for (; node; node = order_next(node))
			read_bucket(
				const_container_of(node, struct bucket, node));
		go_on(&state);
	}
	state_deinit(&state);
	return 0;
}
