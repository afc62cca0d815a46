/* SPDX-License-Identifier: MIT */

#include "transports/keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

enum {
	GROUP_CHARS = 5, /* of text hold four bytes, the most important first */
	GROUP_BYTES = 4,
	FILE_MAX_BYTES = 256,
};

static const char alphabet[] = "0123456789abcdefghijklmnopqrstuvwxyz"
			       "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			       ".-:+=^!/*?&<>()[]{}@%$#";

_Static_assert(sizeof(alphabet) == 85 + 1, "Z85 has 85 digits");

void keyfile_encode(const uint8_t key[TRANSPORT_KEY_BYTES],
		    char ret_text[KEYFILE_TEXT_CHARS + 1])
{
	for (int i = 0; i < TRANSPORT_KEY_BYTES / GROUP_BYTES; i++) {
		const uint8_t *from = key + i * GROUP_BYTES;
		char *to = ret_text + i * GROUP_CHARS;
		uint32_t value = (uint32_t)from[0] << 24 |
				 (uint32_t)from[1] << 16 |
				 (uint32_t)from[2] << 8 | from[3];

		for (int j = GROUP_CHARS - 1; j >= 0; j--, value /= 85)
			to[j] = alphabet[value % 85];
	}
	ret_text[KEYFILE_TEXT_CHARS] = '\0';
}

/* Five digits can say more than four bytes hold. */
static int decode_group(const char *text, uint8_t *ret_bytes)
{
	uint64_t value = 0;

	for (int i = 0; i < GROUP_CHARS; i++) {
		const char *digit = text[i] ? strchr(alphabet, text[i]) : NULL;

		if (!digit)
			return -EINVAL;
		value = value * 85 + (uint64_t)(digit - alphabet);
	}
	if (value > UINT32_MAX)
		return -EINVAL;
	for (int i = 0; i < GROUP_BYTES; i++)
		ret_bytes[i] = (uint8_t)(value >> (24 - 8 * i));
	return 0;
}

int keyfile_decode(const char *text, size_t n,
		   uint8_t ret_key[TRANSPORT_KEY_BYTES])
{
	uint8_t key[TRANSPORT_KEY_BYTES];

	if (n != KEYFILE_TEXT_CHARS)
		return -EINVAL;
	for (int i = 0; i < TRANSPORT_KEY_BYTES / GROUP_BYTES; i++) {
		int r = decode_group(text + i * GROUP_CHARS,
				     key + i * GROUP_BYTES);

		if (r < 0)
			return r;
	}
	memcpy(ret_key, key, sizeof(key));
	explicit_bzero(key, sizeof(key));
	return 0;
}

int keyfile_parse_public(const char *text, size_t n,
			 uint8_t ret_key[TRANSPORT_KEY_BYTES])
{
	if (n && text[n - 1] == '\n')
		n--;
	return keyfile_decode(text, n, ret_key);
}

/* Both words are six letters and end in a space. */
static int parse_line(const char *line, size_t n, struct key_pair *pair,
		      unsigned *seen)
{
	enum { WORD_CHARS = 7 };
	static const char words[2][WORD_CHARS + 1] = { "public ", "secret " };
	uint8_t *keys[2] = { pair->public_key, pair->secret_key };

	for (unsigned i = 0; i < 2; i++) {
		if (n < WORD_CHARS || memcmp(line, words[i], WORD_CHARS) != 0)
			continue;
		if (*seen & 1U << i)
			return -EINVAL;
		*seen |= 1U << i;
		return keyfile_decode(line + WORD_CHARS, n - WORD_CHARS,
				      keys[i]);
	}
	return -EINVAL;
}

static void forget_pair(struct key_pair *pair)
{
	explicit_bzero(pair, sizeof(*pair));
}

int keyfile_parse_pair(const char *text, size_t n, struct key_pair *ret_pair)
{
	_cleanup_(forget_pair) struct key_pair pair = { { 0 }, { 0 } };
	unsigned seen = 0;

	while (n) {
		const char *newline = memchr(text, '\n', n);
		size_t n_line = newline ? (size_t)(newline - text) : n;
		size_t n_used = newline ? n_line + 1 : n_line;
		int r = parse_line(text, n_line, &pair, &seen);

		if (r < 0)
			return r;
		text += n_used;
		n -= n_used;
	}
	if (seen != 3)
		return -EINVAL;
	*ret_pair = pair;
	return 0;
}

/* Returns how many bytes the file has, or a negative errno. */
static ssize_t load(const char *path, mode_t forbidden,
		    char ret_text[FILE_MAX_BYTES])
{
	_cleanup_(close_fdp) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat stat;
	ssize_t n;

	if (fd < 0 || fstat(fd, &stat) < 0)
		return -errno;
	if (stat.st_mode & forbidden)
		return -EACCES;
	n = read(fd, ret_text, FILE_MAX_BYTES);
	if (n < 0)
		return -errno;
	return n < FILE_MAX_BYTES ? n : -EINVAL;
}

int keyfile_load_public(const char *path, uint8_t ret_key[TRANSPORT_KEY_BYTES])
{
	char text[FILE_MAX_BYTES];
	ssize_t n = load(path, 0, text);

	if (n < 0)
		return (int)n;
	return keyfile_parse_public(text, (size_t)n, ret_key);
}

int keyfile_load_pair(const char *path, struct key_pair *ret_pair)
{
	char text[FILE_MAX_BYTES];
	ssize_t n = load(path, S_IRWXG | S_IRWXO, text);
	int r;

	if (n < 0)
		return (int)n;
	r = keyfile_parse_pair(text, (size_t)n, ret_pair);
	explicit_bzero(text, sizeof(text));
	return r;
}

static int save(const char *path, mode_t mode, const char *text)
{
	_cleanup_(close_fdp) int fd = -1;
	size_t n = strlen(text);
	ssize_t n_written;
	int r;

	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0)
		return -errno;
	n_written = write(fd, text, n);
	if (n_written == (ssize_t)n && fsync(fd) == 0)
		return 0;
	r = n_written >= 0 && n_written < (ssize_t)n ? -ENOSPC : -errno;
	(void)unlink(path);
	return r;
}

int keyfile_save_public(const char *path,
			const uint8_t key[TRANSPORT_KEY_BYTES])
{
	char text[KEYFILE_TEXT_CHARS + 2];

	keyfile_encode(key, text);
	text[KEYFILE_TEXT_CHARS] = '\n';
	text[KEYFILE_TEXT_CHARS + 1] = '\0';
	return save(path, 0644, text);
}

int keyfile_save_pair(const char *path, const struct key_pair *pair)
{
	char public[KEYFILE_TEXT_CHARS + 1];
	char secret[KEYFILE_TEXT_CHARS + 1];
	char text[FILE_MAX_BYTES];
	int r;

	keyfile_encode(pair->public_key, public);
	keyfile_encode(pair->secret_key, secret);
	snprintf(text, sizeof(text), "public %s\nsecret %s\n", public, secret);
	r = save(path, 0600, text);
	explicit_bzero(secret, sizeof(secret));
	explicit_bzero(text, sizeof(text));
	return r;
}
