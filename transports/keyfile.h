/* SPDX-License-Identifier: MIT */
#ifndef TRANSPORTS_KEYFILE_H
#define TRANSPORTS_KEYFILE_H

/**
 * CURVE keys as text and as files, without ZeroMQ.
 *
 * A key is 32 bytes; as text it is 40 characters of Z85 (ZeroMQ RFC 32). Two
 * kinds of files hold keys:
 *
 *     a pair, NAME.key, mode 0600      `public Z85` and `secret Z85`, one line
 *                                      each, in any order
 *     a public key, NAME.pub           one line, the Z85 alone
 *
 * The last newline may be missing; there are no comments, for Z85 uses `#`.
 * struct transport's make_keys() draws a pair.
 */

#include <stddef.h>
#include <stdint.h>

#include "transports/transport.h"

enum { KEYFILE_TEXT_CHARS = 40 };

struct key_pair {
	uint8_t public_key[TRANSPORT_KEY_BYTES];
	uint8_t secret_key[TRANSPORT_KEY_BYTES];
};

/** With a terminator. */
void keyfile_encode(const uint8_t key[TRANSPORT_KEY_BYTES],
		    char ret_text[KEYFILE_TEXT_CHARS + 1]);

/** `text` is the Z85 alone, `n` characters. Returns 0 or -EINVAL. */
int keyfile_decode(const char *text, size_t n,
		   uint8_t ret_key[TRANSPORT_KEY_BYTES]);

/** The `n` characters of a file `NAME.pub`. Returns 0 or -EINVAL. */
int keyfile_parse_public(const char *text, size_t n,
			 uint8_t ret_key[TRANSPORT_KEY_BYTES]);

/** The `n` characters of a file `NAME.key`. Returns 0 or -EINVAL. */
int keyfile_parse_pair(const char *text, size_t n, struct key_pair *ret_pair);

/** Returns 0, -EINVAL when it is no key, or a negative errno. */
int keyfile_load_public(const char *path, uint8_t ret_key[TRANSPORT_KEY_BYTES]);

/**
 * Returns 0, -EACCES when others than the owner could read or write the file,
 * -EINVAL when it is no pair, or another negative errno.
 */
int keyfile_load_pair(const char *path, struct key_pair *ret_pair);

/**
 * Write a new file; one that is there is left alone. Returns 0, -EEXIST, or
 * another negative errno, and then there is no file.
 */
int keyfile_save_public(const char *path,
			const uint8_t key[TRANSPORT_KEY_BYTES]);
int keyfile_save_pair(const char *path, const struct key_pair *pair);

#endif
