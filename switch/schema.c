/* SPDX-License-Identifier: MIT */

#include "switch/schema.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/subject.h"

int schema_table_init(struct schema_table *table)
{
	int r;

	*table = (struct schema_table){ 0 };
	r = hash_key_draw(&table->key);
	if (r < 0)
		return r;
	return map_init(&table->by_name);
}

void schema_table_deinit(struct schema_table *table)
{
	map_deinit(&table->by_name);
}

/* A client chooses names and hashes, and would choose them all alike. */
static uint64_t key_of(const struct schema_table *table, const char *name,
		       size_t n_name, const uint8_t hash[SCHEMA_HASH_BYTES])
{
	uint8_t bytes[SCHEMA_HASH_BYTES + SUBJECT_MAX_BYTES];

	memcpy(bytes, hash, SCHEMA_HASH_BYTES);
	memcpy(bytes + SCHEMA_HASH_BYTES, name, n_name);
	return hash_bytes(&table->key, bytes, SCHEMA_HASH_BYTES + n_name);
}

static struct schema *lookup(const struct schema_table *table, uint64_t key,
			     const char *name, size_t n_name,
			     const uint8_t hash[SCHEMA_HASH_BYTES])
{
	struct map_node *node = map_lookup(&table->by_name, key);

	for (; node; node = map_next(node)) {
		struct schema *schema = container_of(node, struct schema, node);

		if (schema->n_name == n_name &&
		    !memcmp(schema->name, name, n_name) &&
		    !memcmp(schema->hash, hash, SCHEMA_HASH_BYTES))
			return schema;
	}
	return NULL;
}

int schema_get(struct schema_table *table, const char *name, size_t n_name,
	       const uint8_t hash[SCHEMA_HASH_BYTES],
	       struct schema **ret_schema)
{
	uint64_t key = key_of(table, name, n_name, hash);
	struct schema *schema = lookup(table, key, name, n_name, hash);

	if (!schema) {
		schema = malloc(sizeof(*schema) + n_name);
		if (!schema)
			return -ENOMEM;
		*schema = (struct schema){
			.table = table,
			.id = ++table->n_ever,
			.n_name = n_name,
		};
		list_init(&schema->registrations);
		list_init(&schema->up_link);
		memcpy(schema->hash, hash, SCHEMA_HASH_BYTES);
		memcpy(schema->name, name, n_name);
		map_add(&table->by_name, &schema->node, key);
	}
	schema->n_refs++;
	*ret_schema = schema;
	return 0;
}

struct schema *schema_unref(struct schema *schema)
{
	if (!schema || --schema->n_refs)
		return NULL;
	if (schema->table->on_free)
		schema->table->on_free(schema->table->userdata, schema);
	map_remove(&schema->table->by_name, &schema->node);
	free(schema);
	return NULL;
}

const char *schema_short(const struct schema *schema,
			 char text[SCHEMA_SHORT_CHARS])
{
	for (unsigned i = 0; i < SCHEMA_SHORT_BYTES; i++)
		snprintf(text + 2 * i, 3, "%02x", schema->hash[i]);
	return text;
}

bool schema_is_exempt(const char *name, size_t n_name)
{
	static const char *const exempt[] = { "helio.registry.v1.Registry",
					      "helio.switch.v1.Switch" };

	for (size_t i = 0; i < sizeof(exempt) / sizeof(*exempt); i++)
		if (strlen(exempt[i]) == n_name &&
		    !memcmp(exempt[i], name, n_name))
			return true;
	return false;
}
