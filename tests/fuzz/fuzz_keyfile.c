/* SPDX-License-Identifier: MIT */

/* What passes as a key is written as it was read. */

#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "transports/keyfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	const char *text = (const char *)bytes;
	char again[KEYFILE_TEXT_CHARS + 1];
	uint8_t key[TRANSPORT_KEY_BYTES];
	struct key_pair pair;

	if (keyfile_parse_public(text, n, key) == 0) {
		keyfile_encode(key, again);
		FUZZ_CHECK(!memcmp(again, text, KEYFILE_TEXT_CHARS));
	}
	if (keyfile_parse_pair(text, n, &pair) == 0) {
		keyfile_encode(pair.secret_key, again);
		FUZZ_CHECK(memmem(text, n, again, KEYFILE_TEXT_CHARS));
	}
	return 0;
}
