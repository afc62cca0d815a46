/* SPDX-License-Identifier: MIT */

#include "schema/pool.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "schema/pool_build.h"

int pool_build_complain(const struct pool_build *build,
			const struct pool_file *file, const char *where,
			const char *format, ...)
{
	char what[POOL_ERROR_BYTES / 2];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	snprintf(build->error, POOL_ERROR_BYTES, "%s: %s: %s", file->name,
		 where, what);
	return -EINVAL;
}

int pool_build_no_room(const struct pool_build *build)
{
	int r = arena_error(&build->pool->arena);

	snprintf(build->error, POOL_ERROR_BYTES, "%s",
		 r == -ENOMEM ? strerror(ENOMEM)
			      : "the declarations take too much memory");
	return r;
}

static int build_all(const struct pool_build *build)
{
	struct pool *pool = build->pool;
	int r = pool_build_names(build);

	for (size_t i = 0; r == 0 && i < pool->n_messages; i++)
		r = pool_build_message(build, &pool->messages[i]);
	for (size_t i = 0; r == 0 && i < pool->n_services; i++)
		r = pool_build_service(build, &pool->services[i]);
	if (r < 0)
		return r;
	for (size_t i = 0; i < pool->n_messages; i++)
		pool->messages[i].known = pool_known_of(&pool->messages[i]);
	return 0;
}

int pool_new(struct descriptor_set *set, struct pool **ret_pool,
	     char error[POOL_ERROR_BYTES])
{
	_cleanup_(pool_freep) struct pool *pool = calloc(1, sizeof(*pool));
	struct pool_build build = { .pool = pool, .error = error };
	int r;

	snprintf(error, POOL_ERROR_BYTES, "%s", strerror(ENOMEM));
	if (!pool)
		return -ENOMEM;
	arena_init(&pool->arena, POOL_BYTES_MAX);
	r = map_init(&pool->symbols);
	if (r == 0)
		r = hash_key_draw(&pool->key);
	if (r < 0)
		return r;
	/* Borrowed as long as it can fail. */
	pool->set = set;
	r = build_all(&build);
	if (r < 0) {
		pool->set = NULL;
		return r;
	}
	error[0] = '\0';
	*ret_pool = take_ptr(pool);
	return 0;
}

int pool_read(const uint8_t *bytes, size_t n, struct pool **ret_pool,
	      char error[POOL_ERROR_BYTES])
{
	_cleanup_(descriptor_set_freep) struct descriptor_set *set = NULL;
	int r = descriptor_set_new(bytes, n, &set);

	if (r != 0) {
		snprintf(error, POOL_ERROR_BYTES, "%s",
			 r < 0 ? strerror(-r) : descriptor_error_text(r));
		return r < 0 ? r : -EINVAL;
	}
	r = pool_new(set, ret_pool, error);
	if (r == 0)
		set = NULL;
	return r;
}

struct pool *pool_free(struct pool *pool)
{
	if (!pool)
		return NULL;
	map_deinit(&pool->symbols);
	arena_deinit(&pool->arena);
	descriptor_set_free(pool->set);
	free(pool);
	return NULL;
}

const struct pool_symbol *pool_lookup(const struct pool *pool, const char *name,
				      size_t n)
{
	struct map_node *node;

	node = map_lookup(&pool->symbols, hash_bytes(&pool->key, name, n));
	for (; node; node = map_next(node)) {
		const struct pool_symbol *symbol =
			container_of(node, struct pool_symbol, node);

		if (strlen(symbol->name) == n &&
		    memcmp(symbol->name, name, n) == 0)
			return symbol;
	}
	return NULL;
}

static const struct pool_symbol *lookup_kind(const struct pool *pool,
					     const char *name, size_t n,
					     enum pool_kind kind)
{
	const struct pool_symbol *symbol = pool_lookup(pool, name, n);

	return symbol && symbol->kind == kind ? symbol : NULL;
}

/* A symbol is what its owner begins with. */
const struct pool_message *pool_message_lookup(const struct pool *pool,
					       const char *name, size_t n)
{
	return (const void *)lookup_kind(pool, name, n, POOL_A_MESSAGE);
}

const struct pool_service *pool_service_lookup(const struct pool *pool,
					       const char *name, size_t n)
{
	return (const void *)lookup_kind(pool, name, n, POOL_A_SERVICE);
}

const struct pool_method *pool_method_lookup(const struct pool_service *service,
					     const char *name)
{
	for (size_t i = 0; i < service->n_methods; i++)
		if (strcmp(service->methods[i].name, name) == 0)
			return &service->methods[i];
	return NULL;
}

const struct pool_field *pool_field_by_number(
	const struct pool_message *message, uint32_t number)
{
	size_t low = 0;
	size_t high = message->n_fields;

	/* Most messages number their fields from one on. */
	if (number - 1 < high && message->fields[number - 1].number == number)
		return &message->fields[number - 1];
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (message->fields[middle].number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low < message->n_fields && message->fields[low].number == number
		       ? &message->fields[low]
		       : NULL;
}

/* As strcmp(), of a terminated name and `n` bytes. */
static int compare_name(const char *name, const char *bytes, size_t n)
{
	int order = strncmp(name, bytes, n);

	return order != 0 ? order : name[n] != '\0';
}

const struct pool_field *pool_field_lookup(const struct pool_message *message,
					   const char *name, size_t n)
{
	size_t low = 0;
	size_t high = message->n_names;

	if (memchr(name, '\0', n))
		return NULL;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_name(message->names[middle].name, name, n) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < message->n_names && compare_name(message->names[low].name,
						      name, n) == 0
		       ? message->names[low].field
		       : NULL;
}

const struct pool_value *pool_value_by_number(
	const struct pool_enum *enumeration, int32_t number)
{
	size_t low = 0;
	size_t high = enumeration->n_values;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (enumeration->values[middle].number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low < enumeration->n_values &&
			       enumeration->values[low].number == number
		       ? &enumeration->values[low]
		       : NULL;
}

const struct pool_value *pool_value_lookup(const struct pool_enum *enumeration,
					   const char *name, size_t n)
{
	size_t low = 0;
	size_t high = enumeration->n_values;

	if (memchr(name, '\0', n))
		return NULL;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_name(enumeration->names[middle].name, name, n) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < enumeration->n_values &&
			       compare_name(enumeration->names[low].name, name,
					    n) == 0
		       ? &enumeration->names[low]
		       : NULL;
}
