/* SPDX-License-Identifier: MIT */

/*
 * canonical_form PACKAGE < SET: the canonical form on standard output and its
 * hash on standard error, or why there is none, with status 1.
 */

#include <stdio.h>

#include "schema/canonical.h"

static uint8_t bytes[CANONICAL_INPUT_MAX + 1];

int main(int argc, char **argv)
{
	struct canonical canonical;
	struct canonical_reason reason;
	size_t n;

	if (argc != 2)
		return 2;
	n = fread(bytes, 1, sizeof(bytes), stdin);
	if (canonical_init(&canonical, bytes, n, argv[1], &reason) < 0) {
		fprintf(stderr, "%s\n", reason.text);
		return 1;
	}
	fwrite(canonical.set, 1, canonical.n_set, stdout);
	for (size_t i = 0; i < CANONICAL_HASH_BYTES; i++)
		fprintf(stderr, "%02x", canonical.hash[i]);
	canonical_deinit(&canonical);
	return 0;
}
