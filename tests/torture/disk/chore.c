/* SPDX-License-Identifier: MIT */

#include "tests/torture/disk/chore.h"

#include <stdio.h>

enum {
	BUCKETS = 4,
	QUEUES = 3,
	KEYS = 40,
	NAMES = 8, /* in use at one time */
	BYTES_MAX = 60000,
};

char *a_name(struct chore *chore, char letter, unsigned n)
{
	static char names[NAMES][16];
	static unsigned last;
	char *text = names[last++ % NAMES];

	snprintf(text, sizeof(names[0]), "%c%u", letter,
		 (unsigned)below(chore, n));
	return text;
}

char *a_bucket(struct chore *chore)
{
	return a_name(chore, 'b', BUCKETS);
}

char *a_key(struct chore *chore)
{
	return a_name(chore, 'k', KEYS);
}

char *a_queue(struct chore *chore)
{
	return a_name(chore, 'q', QUEUES);
}

ProtobufCBinaryData a_body(struct chore *chore)
{
	static uint8_t data[BYTES_MAX];
	uint64_t n = below(chore, 200);

	if (is(chore, 10))
		n = below(chore, 3000);
	if (is(chore, 1))
		n = below(chore, BYTES_MAX);
	dice_fill(chore->dice, data, n);
	return (ProtobufCBinaryData){ .len = n, .data = data };
}
