/* SPDX-License-Identifier: MIT */

#include "vm/birth.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/folder.h"
#include "base/lines.h"

enum { TEXT_BYTES = 512, HEX_DIGITS = 16 };

static int write_text(int fd, const char *text, size_t n)
{
	ssize_t written = write(fd, text, n);

	if (written < 0)
		return -errno;
	return (size_t)written == n ? 0 : -ENOSPC;
}

int birth_write(int folder_fd, const char *name, const struct birth *birth)
{
	_cleanup_(close_fdp) int fd = -1;
	char temporary[NAME_MAX + 1];
	char text[TEXT_BYTES];
	int n, r;

	n = snprintf(temporary, sizeof(temporary), "%s.new", name);
	if (n >= (int)sizeof(temporary))
		return -ENAMETOOLONG;
	n = snprintf(text, sizeof(text),
		     "incarnation %016" PRIx64 "\nstarted-by %s\n",
		     birth->incarnation, birth->started_by);
	fd = openat(folder_fd, temporary,
		    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = write_text(fd, text, (size_t)n);
	if (r == 0 && renameat(folder_fd, temporary, folder_fd, name) < 0)
		r = -errno;
	if (r < 0)
		unlinkat(folder_fd, temporary, 0);
	return r;
}

static int parse_hex(const struct word *word, uint64_t *ret_number)
{
	static const char digits[] = "0123456789abcdef";
	uint64_t number = 0;

	if (word->n != HEX_DIGITS)
		return -EINVAL;
	for (size_t i = 0; i < word->n; i++) {
		const char *digit = memchr(digits, word->text[i], 16);

		if (!digit)
			return -EINVAL;
		number = number << 4 | (uint64_t)(digit - digits);
	}
	*ret_number = number;
	return number ? 0 : -EINVAL;
}

static int parse_principal(const struct word *word, struct birth *birth)
{
	if (word->n > BIRTH_STARTED_BY_MAX_BYTES)
		return -EINVAL;
	for (size_t i = 0; i < word->n; i++)
		if (word->text[i] < 0x21 || word->text[i] > 0x7e)
			return -EINVAL;
	memcpy(birth->started_by, word->text, word->n);
	birth->started_by[word->n] = '\0';
	return 0;
}

int birth_read(int folder_fd, const char *name, struct birth *ret_birth)
{
	_cleanup_(freep) char *text = NULL;
	struct birth birth = { 0 };
	struct lines lines;
	size_t n;
	int r = folder_read(folder_fd, name, &text, &n);

	if (r < 0)
		return r;
	lines_init(&lines, name, text, n, NULL, 0);
	while ((r = lines_next(&lines)) > 0) {
		if (lines.n_words != 2)
			return -EINVAL;
		if (word_is(&lines.words[0], "incarnation"))
			r = parse_hex(&lines.words[1], &birth.incarnation);
		else if (word_is(&lines.words[0], "started-by"))
			r = parse_principal(&lines.words[1], &birth);
		else
			r = -EINVAL;
		if (r < 0)
			return r;
	}
	if (r < 0 || !birth.incarnation || !birth.started_by[0])
		return -EINVAL;
	*ret_birth = birth;
	return 0;
}
