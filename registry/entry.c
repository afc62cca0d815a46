/* SPDX-License-Identifier: MIT */

#include "registry/entry.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/le.h"
#include "proto/unpack.h"

enum { ARENA_BYTES = 8 * 1024, HEAD_BYTES = 8 + 4 };

static const char magic[8] = { 'H', 'E', 'L', 'I', 'O', 'S', 'C', '1' };

void entry_print_hash(const uint8_t hash[CANONICAL_HASH_BYTES],
		      char ret_text[ENTRY_NAME_BYTES])
{
	for (size_t i = 0; i < CANONICAL_HASH_BYTES; i++)
		snprintf(ret_text + 2 * i, 3, "%02x", hash[i]);
}

int entry_parse_hash(const char *text, uint8_t ret_hash[CANONICAL_HASH_BYTES])
{
	static const char digits[] = "0123456789abcdef";

	if (strlen(text) != 2 * CANONICAL_HASH_BYTES)
		return -EINVAL;
	for (size_t i = 0; i < CANONICAL_HASH_BYTES; i++) {
		const char *high = strchr(digits, text[2 * i]);
		const char *low = strchr(digits, text[2 * i + 1]);

		if (!high || !low)
			return -EINVAL;
		ret_hash[i] = (uint8_t)((high - digits) << 4 | (low - digits));
	}
	return 0;
}

struct entry *entry_new(const uint8_t hash[CANONICAL_HASH_BYTES])
{
	struct entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return NULL;
	memcpy(entry->hash, hash, CANONICAL_HASH_BYTES);
	entry_print_hash(hash, entry->name);
	return entry;
}

static void names_clear(struct entry_names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->at[i]);
	*names = (struct entry_names){ .n = 0 };
}

struct entry *entry_free(struct entry *entry)
{
	if (!entry)
		return NULL;
	names_clear(&entry->services);
	names_clear(&entry->methods);
	free(entry);
	return NULL;
}

/* "foo.v1.Thing", and behind it ".Start" if there is a method. */
static int names_add(struct entry_names *names, const char *service,
		     const char *method)
{
	size_t n = strlen(service) + (method ? 1 + strlen(method) : 0) + 1;
	char *name;

	if (names->n_all++ >= ENTRY_NAMES_MAX)
		return 0;
	name = malloc(n);
	if (!name)
		return -ENOMEM;
	snprintf(name, n, "%s%s%s", service, method ? "." : "",
		 method ? method : "");
	names->at[names->n++] = name;
	return 0;
}

static int add_service(struct entry *entry, const struct item *service)
{
	int r = names_add(&entry->services, service->name, NULL);

	for (size_t i = 0; !r && i < service->n_members; i++) {
		const Google__Protobuf__MethodDescriptorProto *method =
			service->members[i];

		r = names_add(&entry->methods, service->name, method->name);
	}
	return r;
}

int entry_set_names(struct entry *entry, const struct reading *reading)
{
	const struct inventory *inventory = reading->inventory;
	int r = 0;

	names_clear(&entry->services);
	names_clear(&entry->methods);
	for (size_t i = 0; !r && i < inventory->n_items; i++) {
		const struct item *item = &inventory->items[i];
		const char *package = item->file->package;

		if (item->kind == ITEM_SERVICE &&
		    !strcmp(package ? package : "", entry->package))
			r = add_service(entry, item);
	}
	return r;
}

void entry_tell(const struct entry *entry,
		Helio__Registry__V1__Schema *ret_schema)
{
	Helio__Registry__V1__Schema *schema = ret_schema;

	/* What is packed is not written to. */
	helio__registry__v1__schema__init(schema);
	schema->has_hash = true;
	schema->hash.data = (uint8_t *)(uintptr_t)entry->hash;
	schema->hash.len = CANONICAL_HASH_BYTES;
	schema->package = (char *)(uintptr_t)entry->package;
	schema->principal = (char *)(uintptr_t)entry->principal;
	schema->has_number = true;
	schema->number = entry->number;
	schema->has_registered_at_ms = true;
	schema->registered_at_ms = entry->registered_at_ms;
	schema->has_bytes = true;
	schema->bytes = entry->n_set;
	schema->has_pinned = schema->pinned = entry->is_pinned;
	schema->has_older = schema->older = entry->is_older;
	schema->has_client_only = schema->client_only = entry->is_client_only;
	schema->n_services = entry->services.n;
	schema->services = (char **)(uintptr_t)entry->services.at;
}

int entry_encode(const struct entry *entry, const uint8_t *set,
		 uint8_t **ret_bytes, size_t *ret_n)
{
	_cleanup_(freep) uint8_t *bytes = NULL;
	Helio__Registry__V1__Schema schema;
	size_t n_schema, n;

	entry_tell(entry, &schema);
	/* Pins have a file of their own, and names are in the set. */
	schema.has_pinned = false;
	schema.n_services = 0;
	n_schema = helio__registry__v1__schema__get_packed_size(&schema);
	n = HEAD_BYTES + n_schema + entry->n_set;
	bytes = malloc(n + CANONICAL_HASH_BYTES);
	if (!bytes)
		return -ENOMEM;
	memcpy(bytes, magic, sizeof(magic));
	le32_store(bytes + sizeof(magic), (uint32_t)n_schema);
	helio__registry__v1__schema__pack(&schema, bytes + HEAD_BYTES);
	memcpy(bytes + HEAD_BYTES + n_schema, set, entry->n_set);
	if (canonical_hash(bytes, n, bytes + n) < 0)
		return -ENOMEM;
	*ret_bytes = take_ptr(bytes);
	*ret_n = n + CANONICAL_HASH_BYTES;
	return 0;
}

static int take_text(char to[ENTRY_TEXT_BYTES], const char *text)
{
	if (!text || strlen(text) >= ENTRY_TEXT_BYTES)
		return -EBADMSG;
	snprintf(to, ENTRY_TEXT_BYTES, "%s", text);
	return 0;
}

static int take_schema(struct entry *entry, const uint8_t *bytes, size_t n)
{
	_Alignas(max_align_t) uint8_t memory[ARENA_BYTES];
	struct unpack_arena arena = { .bytes = memory,
				      .n_bytes = sizeof(memory) };
	const Helio__Registry__V1__Schema *schema;
	ProtobufCMessage *message;

	if (unpack(&helio__registry__v1__schema__descriptor, bytes, n, &arena,
		   &message))
		return -EBADMSG;
	schema = (const void *)message;
	if (schema->hash.len != CANONICAL_HASH_BYTES ||
	    memcmp(schema->hash.data, entry->hash, CANONICAL_HASH_BYTES) ||
	    take_text(entry->package, schema->package) < 0 ||
	    take_text(entry->principal, schema->principal) < 0)
		return -EBADMSG;
	entry->number = schema->number;
	entry->registered_at_ms = schema->registered_at_ms;
	entry->n_set = schema->bytes;
	entry->is_older = schema->older;
	entry->is_client_only = schema->client_only;
	return 0;
}

/* Whether these bytes have this hash. */
static int check_hash(const uint8_t *bytes, size_t n,
		      const uint8_t expected[CANONICAL_HASH_BYTES])
{
	uint8_t hash[CANONICAL_HASH_BYTES];

	if (canonical_hash(bytes, n, hash) < 0)
		return -ENOMEM;
	return memcmp(hash, expected, sizeof(hash)) ? -EBADMSG : 0;
}

int entry_decode(struct entry *entry, const uint8_t *bytes, size_t n,
		 const uint8_t **ret_set)
{
	size_t n_schema;
	int r;

	if (n < HEAD_BYTES + CANONICAL_HASH_BYTES ||
	    memcmp(bytes, magic, sizeof(magic)) != 0)
		return -EBADMSG;
	n -= CANONICAL_HASH_BYTES;
	r = check_hash(bytes, n, bytes + n);
	if (r < 0)
		return r;
	n_schema = le32_load(bytes + sizeof(magic));
	if (n_schema > n - HEAD_BYTES)
		return -EBADMSG;
	r = take_schema(entry, bytes + HEAD_BYTES, n_schema);
	if (r < 0)
		return r;
	if (entry->n_set != n - HEAD_BYTES - n_schema)
		return -EBADMSG;
	*ret_set = bytes + HEAD_BYTES + n_schema;
	return check_hash(*ret_set, entry->n_set, entry->hash);
}
