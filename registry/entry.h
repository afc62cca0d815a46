/* SPDX-License-Identifier: MIT */
#ifndef REGISTRY_ENTRY_H
#define REGISTRY_ENTRY_H

/**
 * A schema that is known: what is kept of it in memory, and its file.
 *
 * The file begins with "HELIOSC1", a length of 4 bytes and so much of a packed
 * helio.registry.v1.Schema; then come the canonical set and SHA-256 of all
 * that stands before. It is called as the set's own hash, in hex.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "helio/registry/v1/registry.pb-c.h"
#include "registry/reading.h"
#include "schema/canonical.h"

enum {
	ENTRY_TEXT_BYTES = 256, /* of a package or principal, terminated */
	ENTRY_NAME_BYTES = 2 * CANONICAL_HASH_BYTES + 1,
	ENTRY_FILE_MAX = CANONICAL_BYTES_MAX + 4096,
	ENTRY_NAMES_MAX = 64, /* of services that are told, of methods kept */
};

/** Full names of the first services, or of the first methods. */
struct entry_names {
	char *at[ENTRY_NAMES_MAX];
	size_t n;
	size_t n_all; /* in the schema */
};

struct entry {
	uint8_t hash[CANONICAL_HASH_BYTES];
	char name[ENTRY_NAME_BYTES]; /* of the file */
	char package[ENTRY_TEXT_BYTES];
	char principal[ENTRY_TEXT_BYTES]; /* who registered it first */
	uint64_t number;                  /* in the order of registration */
	uint64_t registered_at_ms;
	uint32_t n_set; /* bytes */
	bool is_pinned;
	bool is_older; /* see registry.proto, as the next */
	bool is_client_only;
	/* Its file is not what was written: only the hash counts. */
	bool is_damaged;
	struct entry_names services;
	struct entry_names methods;
};

/** Entries are on the heap. Returns NULL without memory. */
struct entry *entry_new(const uint8_t hash[CANONICAL_HASH_BYTES]);
/** Accepts NULL. Returns NULL. */
struct entry *entry_free(struct entry *entry);
DEFINE_CLEANUP(struct entry *, entry_free);

/** Note the names of its services and methods. Returns 0 or -ENOMEM. */
int entry_set_names(struct entry *entry, const struct reading *reading);

/** What goes into the file. Returns 0 or -ENOMEM; the caller frees it. */
int entry_encode(const struct entry *entry, const uint8_t *set,
		 uint8_t **ret_bytes, size_t *ret_n);

/**
 * Fill in what its file says; names are not in it. *ret_set points into the
 * bytes. Returns 0, -ENOMEM, or -EBADMSG: this is not what was written.
 */
int entry_decode(struct entry *entry, const uint8_t *bytes, size_t n,
		 const uint8_t **ret_set);

/** The hash in hex. */
void entry_print_hash(const uint8_t hash[CANONICAL_HASH_BYTES],
		      char ret_text[ENTRY_NAME_BYTES]);
/** Returns 0, or -EINVAL: this is no name of a file of ours. */
int entry_parse_hash(const char *text, uint8_t ret_hash[CANONICAL_HASH_BYTES]);

/** Fill in a message, which borrows from the entry. */
void entry_tell(const struct entry *entry,
		Helio__Registry__V1__Schema *ret_schema);

#endif
