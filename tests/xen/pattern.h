/* SPDX-License-Identifier: MIT */
#ifndef TESTS_XEN_PATTERN_H
#define TESTS_XEN_PATTERN_H

/** Pseudo-random traffic: what stands where depends on nothing but a seed. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The byte at `offset` of the stream of this seed. */
static inline uint8_t pattern_byte(uint64_t seed, uint64_t offset)
{
	uint64_t x = seed * 0x9e3779b97f4a7c15 + (offset >> 3);

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
	return (uint8_t)((x ^ (x >> 31)) >> (8 * (offset & 7)));
}

static inline void pattern_fill(uint64_t seed, uint64_t offset, uint8_t *data,
				size_t n)
{
	for (size_t i = 0; i < n; i++)
		data[i] = pattern_byte(seed, offset + i);
}

static inline bool pattern_is_at(uint64_t seed, uint64_t offset,
				 const uint8_t *data, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (data[i] != pattern_byte(seed, offset + i))
			return false;
	return true;
}

/** How much to write or read at once there: odd sizes, of 1 to `max`. */
static inline size_t pattern_step(uint64_t seed, uint64_t offset, size_t max)
{
	size_t wanted = (size_t)pattern_byte(seed ^ 0x5bd1, offset) << 8 |
			pattern_byte(seed ^ 0x5bd1, offset + 1);

	return (wanted % max) | 1;
}

#endif
