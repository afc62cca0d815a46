/* SPDX-License-Identifier: MIT */

#include "registry/pins.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/lines.h"
#include "registry/disk.h"

static const char file_name[] = "pins";

enum {
	LINE_BYTES = ENTRY_TEXT_BYTES + 1 + ENTRY_NAME_BYTES,
	SUM_BYTES = sizeof("sum ") - 1 + ENTRY_NAME_BYTES,
	FILE_MAX = 8 * 1024 * 1024,
};

int pins_write(int folder, struct entry *const *entries, size_t n)
{
	_cleanup_(freep) char *text = malloc(n * LINE_BYTES + SUM_BYTES + 1);
	uint8_t hash[CANONICAL_HASH_BYTES];
	char sum[ENTRY_NAME_BYTES];
	size_t at = 0;

	if (!text)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		if (entries[i]->is_pinned)
			at += (size_t)snprintf(text + at, LINE_BYTES + 1,
					       "%s %s\n", entries[i]->package,
					       entries[i]->name);
	if (canonical_hash((const uint8_t *)text, at, hash) < 0)
		return -ENOMEM;
	entry_print_hash(hash, sum);
	at += (size_t)snprintf(text + at, SUM_BYTES + 1, "sum %s\n", sum);
	return disk_write(folder, file_name, (const uint8_t *)text, at);
}

static struct entry *entry_named(struct entry *const *entries, size_t n,
				 const struct word *name)
{
	for (size_t i = 0; i < n; i++)
		if (word_is(name, entries[i]->name))
			return entries[i];
	return NULL;
}

static int check_sum(const uint8_t *text, size_t n)
{
	uint8_t hash[CANONICAL_HASH_BYTES];
	char sum[ENTRY_NAME_BYTES];
	char expected[SUM_BYTES + 1];

	if (n < SUM_BYTES)
		return -EBADMSG;
	if (canonical_hash(text, n - SUM_BYTES, hash) < 0)
		return -ENOMEM;
	entry_print_hash(hash, sum);
	snprintf(expected, sizeof(expected), "sum %s\n", sum);
	return memcmp(text + n - SUM_BYTES, expected, SUM_BYTES) ? -EBADMSG : 0;
}

static void mark(struct entry *entry, const struct word *package)
{
	if (entry->is_damaged && package->n < ENTRY_TEXT_BYTES)
		snprintf(entry->package, ENTRY_TEXT_BYTES, "%.*s",
			 WORD_ARGS(package));
	entry->is_pinned = true;
}

int pins_read(int folder, struct entry *const *entries, size_t n)
{
	_cleanup_(freep) uint8_t *text = NULL;
	struct lines lines;
	char error[256];
	size_t n_text = 0;
	int r = disk_read(folder, file_name, FILE_MAX, &text, &n_text);

	if (!r)
		r = check_sum(text, n_text);
	if (r < 0 && r != -ENOENT)
		return r;
	for (size_t i = 0; i < n; i++)
		entries[i]->is_pinned = false;
	if (r == -ENOENT)
		return 0;
	lines_init(&lines, file_name, (const char *)text, n_text - SUM_BYTES,
		   error, sizeof(error));
	while (lines_next(&lines) > 0) {
		struct entry *entry =
			lines.n_words == 2
				? entry_named(entries, n, &lines.words[1])
				: NULL;

		if (entry)
			mark(entry, &lines.words[0]);
	}
	return 0;
}
