/* SPDX-License-Identifier: MIT */
#ifndef TESTS_TORTURE_DISK_CONTENT_H
#define TESTS_TORTURE_DISK_CONTENT_H

/** The bytes of a file in memory, with holes: large files are mostly zeros. */

#include <stddef.h>
#include <stdint.h>

#include "tests/torture/dice.h"

enum {
	CONTENT_SECTOR = 512,
	CONTENT_PAGE = 4096,
};

/** All zero is an empty one. */
struct content {
	uint64_t n;      /* bytes */
	uint8_t **pages; /* NULL: zeros */
	size_t n_pages;
};

void content_deinit(struct content *content);
void content_copy(const struct content *content, struct content *ret_copy);

/** `bytes` NULL: zeros. What is written behind the end makes it longer. */
void content_write(struct content *content, uint64_t offset,
		   const uint8_t *bytes, size_t n);
void content_resize(struct content *content, uint64_t n);
/** Sectors from `offset` on that are zeros: some become anything else. */
void content_soil(struct content *content, uint64_t offset, struct dice *dice);

/** Abort when that fails. */
void content_load(struct content *content, const char *path);
void content_save(const struct content *content, const char *path);

#endif
