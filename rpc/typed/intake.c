/* SPDX-License-Identifier: MIT */

#include "rpc/typed/intake.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/unpack.h"

enum {
	ARENA_BASE_BYTES = 64 * 1024,
	ARENA_FACTOR = 16,
	FIELDS_MAX = 1000000,
	DEPTH_MAX = 32,
	/* So much is kept for the next message. */
	KEPT_BYTES = 256 * 1024,
};

void intake_init(struct intake *intake,
		 const struct helio_unpack_limits *limits)
{
	*intake = (struct intake){ .limits = *limits };
	if (!intake->limits.n_fields_max)
		intake->limits.n_fields_max = FIELDS_MAX;
	if (!intake->limits.depth_max)
		intake->limits.depth_max = DEPTH_MAX;
	if (intake->limits.depth_max > UNPACK_DEPTH_LIMIT)
		intake->limits.depth_max = UNPACK_DEPTH_LIMIT;
}

void intake_deinit(struct intake *intake)
{
	free(intake->copy);
	free(intake->arena);
	intake->copy = NULL;
	intake->arena = NULL;
}

/* At least `n` bytes; more than is kept only for this once. */
static int make_room(uint8_t **bytes, size_t *n_room, size_t n)
{
	if (n <= *n_room && *n_room <= KEPT_BYTES)
		return 0;
	free(*bytes);
	*n_room = 0;
	*bytes = malloc(n ? n : 1);
	if (!*bytes)
		return -ENOMEM;
	*n_room = n;
	return 0;
}

static int make_rooms(struct intake *intake, size_t n)
{
	uint64_t n_arena = intake->limits.bytes_max;
	int r;

	if (!n_arena)
		n_arena = ARENA_BASE_BYTES + (uint64_t)n * ARENA_FACTOR;
	r = make_room(&intake->copy, &intake->n_copy, n);
	if (r < 0)
		return r;
	return make_room(&intake->arena, &intake->n_arena, n_arena);
}

static unsigned refuse(struct intake *intake, unsigned status, const char *what,
		       const char *why)
{
	snprintf(intake->reason, sizeof(intake->reason), "%s: %s", what, why);
	return status;
}

unsigned intake_unpack(struct intake *intake,
		       const ProtobufCMessageDescriptor *descriptor,
		       const void *bytes, size_t n, const char *what,
		       const ProtobufCMessage **ret_message)
{
	struct unpack_arena arena = {
		.depth_max = intake->limits.depth_max,
		.n_fields_max = intake->limits.n_fields_max,
		.wants_utf8 = true,
	};
	ProtobufCMessage *message;
	int r;

	if (make_rooms(intake, n) < 0)
		return refuse(intake, HELIO_RESOURCE_EXHAUSTED, what,
			      "no memory");
	if (n)
		memcpy(intake->copy, bytes, n);
	arena.bytes = intake->arena;
	arena.n_bytes = intake->n_arena;
	r = unpack(descriptor, intake->copy, n, &arena, &message);
	if (r)
		return refuse(intake,
			      r == UNPACK_E_FIELDS || r == UNPACK_E_ARENA
				      ? HELIO_RESOURCE_EXHAUSTED
				      : HELIO_INVALID_ARGUMENT,
			      what, unpack_error_text(r));
	*ret_message = message;
	return HELIO_OK;
}
