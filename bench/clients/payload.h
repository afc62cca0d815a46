/* SPDX-License-Identifier: MIT */
#ifndef BENCH_CLIENTS_PAYLOAD_H
#define BENCH_CLIENTS_PAYLOAD_H

/**
 * What every body holds, so that its receiver can tell that it is whole:
 *
 *	 0  u64  number, counted from 0 by the sender; PAYLOAD_PROBE: ignore
 *	 8       bytes that differ from one number to the next
 *	-8  u64  a sum over up to eight words spread evenly over the rest
 *
 * The check is the same, and costs the same, for every system.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
	PAYLOAD_MIN = 72, /* so that no word of the sum is the sum */
	PAYLOAD_MAX = 32768,
	PAYLOAD_SHIFTS = 256, /* fillings before they repeat */
};

#define PAYLOAD_PROBE UINT64_MAX

struct payload_filler {
	uint8_t bytes[PAYLOAD_MAX + PAYLOAD_SHIFTS];
};

/** Fill with bytes that show when two of them are exchanged. */
static inline void payload_filler_init(struct payload_filler *filler)
{
	uint64_t state = 88172645463325252u;

	for (size_t i = 0; i < sizeof(filler->bytes); i++) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		filler->bytes[i] = (uint8_t)state;
	}
}

static inline uint64_t payload_word(const uint8_t *body, size_t offset)
{
	uint64_t word;

	memcpy(&word, body + offset, sizeof(word));
	return word;
}

static inline uint64_t payload_sum(const uint8_t *body, size_t n_body)
{
	size_t stride = (n_body - 8) / 8;
	uint64_t sum = n_body;

	for (size_t i = 0; i < 8; i++) {
		sum = sum << 7 | sum >> 57;
		sum ^= payload_word(body, i * stride);
	}
	return sum;
}

static inline void payload_write(uint8_t *body, size_t n_body, uint64_t number,
				 const struct payload_filler *filler)
{
	uint64_t sum;

	memcpy(body, filler->bytes + number % PAYLOAD_SHIFTS, n_body);
	memcpy(body, &number, sizeof(number));
	sum = payload_sum(body, n_body);
	memcpy(body + n_body - 8, &sum, sizeof(sum));
}

static inline bool payload_is_whole(const uint8_t *body, size_t n_body)
{
	return n_body >= PAYLOAD_MIN &&
	       payload_word(body, n_body - 8) == payload_sum(body, n_body);
}

#endif
