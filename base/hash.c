/* SPDX-License-Identifier: MIT */

#include "base/hash.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "base/le.h"

struct sip {
	uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotl(uint64_t x, unsigned bits)
{
	return x << bits | x >> (64 - bits);
}

static inline void round_once(struct sip *s)
{
	s->v0 += s->v1;
	s->v1 = rotl(s->v1, 13) ^ s->v0;
	s->v0 = rotl(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = rotl(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = rotl(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = rotl(s->v1, 17) ^ s->v2;
	s->v2 = rotl(s->v2, 32);
}

static inline void absorb(struct sip *s, uint64_t word)
{
	s->v3 ^= word;
	round_once(s);
	s->v0 ^= word;
}

int hash_key_draw(struct hash_key *ret_key)
{
	struct hash_key key;

	if (getrandom(&key, sizeof(key), 0) != (ssize_t)sizeof(key))
		return errno ? -errno : -EIO;
	*ret_key = key;
	return 0;
}

static inline struct sip sip_init(const struct hash_key *key)
{
	return (struct sip){
		.v0 = key->k0 ^ UINT64_C(0x736f6d6570736575),
		.v1 = key->k1 ^ UINT64_C(0x646f72616e646f6d),
		.v2 = key->k0 ^ UINT64_C(0x6c7967656e657261),
		.v3 = key->k1 ^ UINT64_C(0x7465646279746573),
	};
}

/* The up to seven bytes at `end` of `n`, as the lowest of a word. */
static inline uint64_t load_rest(const uint8_t *end, size_t n)
{
	unsigned n_rest = n & 7;
	uint64_t rest = 0;

	/* With those before them in one load, which are then shifted out. */
	if (n_rest && n > 8)
		return le64_load(end + n_rest - 8) >> 8 * (8 - n_rest);
	for (unsigned i = 0; i < n_rest; i++)
		rest |= (uint64_t)end[i] << 8 * i;
	return rest;
}

static inline void absorb_all(struct sip *s, const uint8_t *at, size_t n)
{
	const uint8_t *end = at + (n & ~(size_t)7);

	for (; at < end; at += 8)
		absorb(s, le64_load(at));
	absorb(s, load_rest(end, n) | (uint64_t)n << 56);
}

static inline uint64_t finish(struct sip *s)
{
	for (int i = 0; i < 3; i++)
		round_once(s);
	return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

uint64_t hash_bytes(const struct hash_key *key, const void *bytes, size_t n)
{
	struct sip s = sip_init(key);

	absorb_all(&s, bytes, n);
	s.v2 ^= 0xff;
	return finish(&s);
}

struct hash_tag hash_bytes_tag(const struct hash_key *key, const void *bytes,
			       size_t n)
{
	struct sip s = sip_init(key);
	struct hash_tag tag;

	s.v1 ^= 0xee;
	absorb_all(&s, bytes, n);
	s.v2 ^= 0xee;
	tag.low = finish(&s);
	s.v1 ^= 0xdd;
	tag.high = finish(&s);
	return tag;
}
