/* SPDX-License-Identifier: MIT */

#include "tests/torture/disk/harm.h"

#include <stdio.h>

static void overwrite(struct harm *harm, struct content *content,
		      struct dice *dice)
{
	uint8_t bytes[64];
	size_t n = (size_t)dice_between(dice, 1, sizeof(bytes));
	uint64_t at = dice_below(dice, content->n);

	if (n > content->n - at)
		n = (size_t)(content->n - at);
	dice_fill(dice, bytes, n);
	content_write(content, at, bytes, n);
	snprintf(harm->what, sizeof(harm->what), "%zu bytes at %llu", n,
		 (unsigned long long)at);
}

static void turn_bit(struct harm *harm, struct content *content,
		     struct dice *dice)
{
	uint64_t at = dice_below(dice, content->n);
	unsigned bit = (unsigned)dice_below(dice, 8);
	const uint8_t *page = content->pages[at / CONTENT_PAGE];
	uint8_t byte = page ? page[at % CONTENT_PAGE] : 0;

	byte ^= (uint8_t)(1u << bit);
	content_write(content, at, &byte, 1);
	snprintf(harm->what, sizeof(harm->what), "bit %u at %llu", bit,
		 (unsigned long long)at);
}

static void cut_off(struct harm *harm, struct content *content,
		    struct dice *dice)
{
	uint64_t n = dice_below(dice, content->n);

	content_resize(content, n);
	snprintf(harm->what, sizeof(harm->what), "cut off at %llu",
		 (unsigned long long)n);
}

/* A sector of zeros, or one that belongs elsewhere in the file. */
static void misplace(struct harm *harm, struct content *content,
		     struct dice *dice)
{
	uint64_t n = content->n / CONTENT_SECTOR;
	uint64_t to, from;
	const uint8_t *page;

	if (!n)
		return;
	to = dice_below(dice, n) * CONTENT_SECTOR;
	from = dice_below(dice, n) * CONTENT_SECTOR;
	page = dice_is(dice, 50) ? content->pages[from / CONTENT_PAGE] : NULL;
	content_write(content, to, page ? page + from % CONTENT_PAGE : NULL,
		      CONTENT_SECTOR);
	harm->is_misplaced = true;
	snprintf(harm->what, sizeof(harm->what),
		 "sector at %llu %s that at %llu", (unsigned long long)to,
		 page ? "as" : "zero, not", (unsigned long long)from);
}

void harm_do(struct harm *ret_harm, struct content *content, struct dice *dice)
{
	uint64_t roll = dice_below(dice, 100);
	struct harm harm = { 0 };

	if (!content->n) {
		*ret_harm = harm;
		return;
	}
	if (roll < 60)
		turn_bit(&harm, content, dice);
	else if (roll < 75)
		overwrite(&harm, content, dice);
	else if (roll < 88)
		cut_off(&harm, content, dice);
	else
		misplace(&harm, content, dice);
	*ret_harm = harm;
}
