/* SPDX-License-Identifier: MIT */
#ifndef REGISTRY_LISTING_H
#define REGISTRY_LISTING_H

/**
 * A page of List while it is put together: the caller may see some packages and
 * not others, and about each the switch has to be asked.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "registry/entry.h"

enum {
	/* Looked at for one page, seen or not. */
	LISTING_MAX = 64,
	/* A reader of protobuf takes 2,048 fields; services are most of them.
	 */
	LISTING_FIELDS_MAX = 1500,
};

struct listing {
	uint64_t cursor; /* the number of the last entry looked at */
	size_t n_looked_at;
	size_t n_fields;
	uint64_t shown[LISTING_MAX]; /* numbers */
	size_t n_shown;
	/* The package that the switch is asked about. */
	char asked[ENTRY_TEXT_BYTES];
	/* What is known of the caller's rights. */
	struct {
		char package[ENTRY_TEXT_BYTES];
		bool is_visible;
	} packages[LISTING_MAX];
	size_t n_packages;
};

/** NULL without memory. */
struct listing *listing_new(uint64_t cursor);
/** Accepts NULL. */
void listing_free(struct listing *listing);

/** Whether there may be more on this page. */
bool listing_has_room(const struct listing *listing, uint32_t limit);

/** Whether the package may be seen is known: then *ret_is_visible says so. */
bool listing_knows(const struct listing *listing, const char *package,
		   bool *ret_is_visible);
void listing_learn(struct listing *listing, const char *package,
		   bool is_visible);

/** The entry was looked at. */
void listing_pass(struct listing *listing, const struct entry *entry,
		  bool is_shown);

#endif
