/* SPDX-License-Identifier: MIT */

#include "storage/lane.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "storage/state/draft.h"

struct lane {
	struct map_node node; /* in lanes.by_subject */
	struct list link;     /* in lanes.by_age */
	uint64_t name;        /* of this life */
	uint64_t last;        /* number that it gave */
	char subject[];
};

int lanes_init(struct lanes *lanes)
{
	int r;

	*lanes = (struct lanes){ .n_begun = 0 };
	list_init(&lanes->by_age);
	r = hash_key_draw(&lanes->key);
	if (r < 0)
		return r;
	if (getrandom(&lanes->life, sizeof(lanes->life), 0) < 0)
		return -errno;
	return map_init(&lanes->by_subject);
}

static void lane_free(struct lanes *lanes, struct lane *lane)
{
	map_remove(&lanes->by_subject, &lane->node);
	list_unlink(&lane->link);
	free(lane);
}

void lanes_deinit(struct lanes *lanes)
{
	if (!lanes->by_subject.buckets)
		return;
	lanes_forget(lanes);
	map_deinit(&lanes->by_subject);
}

static uint64_t hash_of(const struct lanes *lanes, const char *subject)
{
	return hash_bytes(&lanes->key, subject, strlen(subject));
}

static struct lane *lookup(const struct lanes *lanes, const char *subject)
{
	struct map_node *node =
		map_lookup(&lanes->by_subject, hash_of(lanes, subject));

	for (; node; node = map_next(node)) {
		struct lane *lane = container_of(node, struct lane, node);

		if (!strcmp(lane->subject, subject))
			return lane;
	}
	return NULL;
}

static struct lane *lane_new(struct lanes *lanes, const char *subject)
{
	size_t n = strlen(subject) + 1;
	struct lane *lane = malloc(sizeof(*lane) + n);

	if (!lane)
		return NULL;
	if (lanes->by_subject.n_nodes >= LANES_MAX)
		lane_free(lanes,
			  container_of(lanes->by_age.next, struct lane, link));
	*lane = (struct lane){ .name = ++lanes->n_begun };
	memcpy(lane->subject, subject, n);
	list_init(&lane->link);
	map_add(&lanes->by_subject, &lane->node, hash_of(lanes, subject));
	return lane;
}

int lanes_next(struct lanes *lanes, const char *subject,
	       char ret_key[LANE_KEY_BYTES])
{
	struct lane *lane = lookup(lanes, subject);

	if (!lane)
		lane = lane_new(lanes, subject);
	if (!lane)
		return -ENOMEM;
	list_unlink(&lane->link);
	list_push_back(&lanes->by_age, &lane->link);
	snprintf(ret_key, LANE_KEY_BYTES,
		 "producer:%016" PRIx64 "-%" PRIx64 ":%" PRIu64, lanes->life,
		 lane->name, ++lane->last);
	return 0;
}

static int name(struct lanes *lanes, struct draft *draft,
		Helio__Store__V1__Outgoing *outgoing)
{
	char *key = arena_alloc(&draft->arena, LANE_KEY_BYTES);

	if (!key)
		return -ENOMEM;
	outgoing->key = key;
	return outgoing->message->is_plain
		       ? 0
		       : lanes_next(lanes, outgoing->message->subject, key);
}

int lanes_name(struct lanes *lanes, struct draft *draft)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < draft->step.n_changes; i++) {
		Helio__Store__V1__Change *change = draft->step.changes[i];

		if (change->what_case ==
		    HELIO__STORE__V1__CHANGE__WHAT_OUTGOING)
			r = name(lanes, draft, change->outgoing);
	}
	return r;
}

void lanes_forget(struct lanes *lanes)
{
	while (!list_is_empty(&lanes->by_age))
		lane_free(lanes,
			  container_of(lanes->by_age.next, struct lane, link));
}

void lanes_forget_one(struct lanes *lanes, const char *subject)
{
	struct lane *lane = lookup(lanes, subject);

	if (lane)
		lane_free(lanes, lane);
}

size_t lane_name_bytes(const char *key)
{
	const char *colon = strrchr(key, ':');

	return colon ? (size_t)(colon - key) : 0;
}
