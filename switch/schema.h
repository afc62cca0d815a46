/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_SCHEMA_H
#define SWITCH_SCHEMA_H

/**
 * Schemas of services, as the switch knows them: by name and hash.
 *
 * Each pair of service and hash is there once, so that two are the same if
 * their pointers are. Who holds one pays for it: a registration and a bound
 * service are charged to their peers, a verdict has a bound of its own.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/list.h"
#include "base/map.h"

enum {
	SCHEMA_HASH_BYTES = 32,
	/* So many bytes of it name it to people. */
	SCHEMA_SHORT_BYTES = 4,
	SCHEMA_SHORT_CHARS = 2 * SCHEMA_SHORT_BYTES + 1,
};

struct schema {
	struct map_node node; /* in schema_table.by_name */
	struct schema_table *table;
	unsigned n_refs;
	struct list registrations; /* that serve it */
	uint64_t id;               /* never used twice */
	/* In a leaf: the handle under which the host knows it; 0: it does not.
	 */
	uint32_t up_handle;
	struct list up_link; /* in uplink.bound, while it has one */
	uint8_t hash[SCHEMA_HASH_BYTES];
	size_t n_name;
	char name[]; /* of the service */
};

struct schema_table {
	struct map by_name; /* and hash */
	struct hash_key key;
	uint64_t n_ever;
	/* It is being freed; NULL: nobody wants to know. */
	void (*on_free)(void *userdata, struct schema *schema);
	void *userdata;
};

/** Returns 0 or a negative errno. */
int schema_table_init(struct schema_table *table);

/** Every schema must have been given back. Safe on a zeroed table. */
void schema_table_deinit(struct schema_table *table);

/** A reference to that of a subject `name`, made if need be. 0 or -ENOMEM. */
int schema_get(struct schema_table *table, const char *name, size_t n_name,
	       const uint8_t hash[SCHEMA_HASH_BYTES],
	       struct schema **ret_schema);

/** Another reference; NULL is fine. */
static inline struct schema *schema_ref(struct schema *schema)
{
	if (schema)
		schema->n_refs++;
	return schema;
}

/** NULL is fine. Always NULL. */
struct schema *schema_unref(struct schema *schema);

/** "1a2b3c4d": how people are told of it. */
const char *schema_short(const struct schema *schema,
			 char text[SCHEMA_SHORT_CHARS]);

/** Whether the service is one that nobody judges: the judges themselves. */
bool schema_is_exempt(const char *name, size_t n_name);

#endif
