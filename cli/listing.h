/* SPDX-License-Identifier: MIT */
#ifndef CLI_LISTING_H
#define CLI_LISTING_H

/**
 * What the switch lists in pages, as tables.
 */

#include <stdbool.h>
#include <stdint.h>

#include "cli/table.h"

struct control;

/** The keys of the columns are the names of the fields. */
struct listing {
	bool is_of_registry; /* and not of the switch */
	const char *method;
	const void *request; /* ProtobufCMessageDescriptor */
	const void *reply;   /* ProtobufCMessageDescriptor */
	const char *rows;    /* the field that repeats */
	const char *filter;  /* the field that chooses; NULL: principal */
	const struct column *columns;
	size_t n_columns;
};

extern const struct listing listing_peers;
extern const struct listing listing_subscriptions;
extern const struct listing listing_services;
extern const struct listing listing_domains;
extern const struct listing listing_schemas;

/**
 * Add all pages to `table`, which has the listing's columns. `filter` NULL: of
 * everybody. Returns an exit code; unless it is EXIT_OK, why was told.
 */
int listing_read(const struct listing *listing, struct control *control,
		 const char *filter, struct table *table);

#endif
