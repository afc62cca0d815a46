/* SPDX-License-Identifier: MIT */

#include "cli/roster.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/program.h"

enum { BYTES_MAX = 1024 * 1024 };

void roster_init(struct roster *roster)
{
	*roster = (struct roster){ .n = 0 };
	arena_init(&roster->arena, BYTES_MAX);
}

void roster_deinit(struct roster *roster)
{
	arena_deinit(&roster->arena);
}

static void push(struct roster *roster, char *word)
{
	roster->words =
		arena_grow(&roster->arena, roster->words, roster->n_words,
			   &roster->n_words_max, sizeof(char *));
	if (roster->words)
		roster->words[roster->n_words++] = word;
	else
		roster->r = arena_error(&roster->arena);
}

/* There is always a NULL behind the last one. */
static void add_word(struct roster *roster, const char *word)
{
	char *copy = arena_copy(&roster->arena, word, strlen(word));

	if (!copy && roster->r == 0)
		roster->r = arena_error(&roster->arena);
	if (roster->r == 0)
		push(roster, copy);
	if (roster->r == 0)
		push(roster, NULL);
	if (roster->r < 0)
		return;
	roster->n_words--;
	roster->programs[roster->n - 1].words = roster->words;
}

void roster_add(struct roster *roster, const char *name)
{
	char file[FOLDER_PATH_BYTES];

	if (roster->r == 0 && roster->n == SUPERVISOR_PROGRAMS_MAX)
		roster->r = -E2BIG;
	if (roster->r == 0)
		roster->r = program_find(name, file);
	if (roster->r < 0)
		return;
	roster->programs[roster->n++].name = name;
	roster->words = NULL;
	roster->n_words = 0;
	roster->n_words_max = 0;
	add_word(roster, file);
}

void roster_option(struct roster *roster, const char *option, const char *value)
{
	add_word(roster, option);
	add_word(roster, value);
}

void roster_number(struct roster *roster, const char *option, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	roster_option(roster, option, text);
}
