/* SPDX-License-Identifier: MIT */

#include <string.h>

#include "base/utf8.h"
#include "storage/state/bucket.h"
#include "storage/state/state.h"

static bool is_letter_of_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '-' || c == '_';
}

bool state_is_name(const char *name)
{
	size_t n = 0;

	for (; name[n]; n++) {
		bool is_dot = name[n] == '.';

		if (n == STATE_NAME_MAX_BYTES)
			return false;
		if (!is_dot && !is_letter_of_name(name[n]))
			return false;
		if (is_dot && (!n || name[n - 1] == '.'))
			return false;
	}
	return n && name[n - 1] != '.';
}

/* What there is of control characters in Unicode: C0, DEL and C1. */
static bool is_control(uint32_t character)
{
	return character < 0x20 || (character >= 0x7f && character < 0xa0);
}

bool state_is_key(const char *key, size_t n_max)
{
	size_t n = strlen(key);

	if (!n || n > n_max)
		return false;
	while (n) {
		uint32_t character = (uint8_t)*key;
		size_t n_character = 1;

		if (character >= 0x80)
			n_character = utf8_decode((const uint8_t *)key, n,
						  &character);
		if (!n_character || is_control(character))
			return false;
		key += n_character;
		n -= n_character;
	}
	return true;
}

bool bucket_is_key(const char *key)
{
	return state_is_key(key, BUCKET_KEY_MAX_BYTES);
}
