/* SPDX-License-Identifier: MIT */
#ifndef TESTS_FUZZ_HOSTILE_H
#define TESTS_FUZZ_HOSTILE_H

/**
 * What targets that put a whole switch among hostile peers have in common: the
 * bytes of the fuzzer as choices, and channels that say anything.
 */

#include <stddef.h>
#include <stdint.h>

struct bus;
struct channel;
struct frame;

enum { HOSTILE_BODY_MAX_BYTES = 700 };

/** What is left of the fuzzer's bytes; after the last come zeros. */
struct input {
	const uint8_t *bytes;
	size_t n;
};

static inline uint8_t take(struct input *input)
{
	if (!input->n)
		return 0;
	input->n--;
	return *input->bytes++;
}

static inline uint64_t take_u64(struct input *input)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < 8; i++)
		value = value << 8 | take(input);
	return value;
}

/** A policy of this text, which is right. */
struct policy *hostile_policy(const char *text);

/** As the loop does: the last look before sleep finds who has gone. */
void hostile_settle(struct bus *bus, uint64_t now_ns);

/** If there is room: a hostile peer does not mind. NULL: it has gone. */
void hostile_send_bytes(struct channel *channel, const void *bytes, size_t n);

/** The same of a frame of which only the lengths are filled in. */
void hostile_send(struct channel *channel, struct frame *frame,
		  const char *subject, const void *body, size_t n_body);

/**
 * BIND, UNBIND, SERVE with a schema, or CALL by a handle, as the bytes choose,
 * in the name of `source`. All of it is about the service "svc", four handles
 * and two schemas.
 */
void hostile_schema(struct channel *channel, uint32_t source, uint8_t shape,
		    uint8_t id);

/**
 * A part of a stream of the call `id`: a message, a fragment of one, its end,
 * or credit, as the bytes choose; or DRAIN.
 */
void hostile_stream(struct channel *channel, uint64_t id, uint8_t shape,
		    uint8_t n);

/** The bus's registry says what the bytes choose, when they do. */
void hostile_registry_init(struct bus *bus);
void hostile_registry_say(uint8_t shape);

#endif
