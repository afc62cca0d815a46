/* SPDX-License-Identifier: MIT */

/*
 * The first half of building a pool: each declaration gets its place, and
 * messages, enums and services their full names.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/pool_build.h"

typedef Google__Protobuf__DescriptorProto MessageProto;
typedef Google__Protobuf__EnumDescriptorProto EnumProto;
typedef Google__Protobuf__FileDescriptorProto FileProto;

/* The set's reader has bounded how deep messages stand in each other. */
static void count_nested(struct pool *pool, const MessageProto *message)
{
	pool->n_messages += message->n_nested_type;
	pool->n_enums += message->n_enum_type;
	for (size_t i = 0; i < message->n_nested_type; i++)
		count_nested(pool, message->nested_type[i]);
}

static void count_all(struct pool *pool)
{
	for (size_t i = 0; i < pool->n_files; i++) {
		const FileProto *file = pool->files[i].proto;

		pool->n_messages += file->n_message_type;
		pool->n_enums += file->n_enum_type;
		pool->n_services += file->n_service;
		for (size_t k = 0; k < file->n_message_type; k++)
			count_nested(pool, file->message_type[k]);
	}
}

static int make_room(const struct pool_build *build)
{
	struct pool *pool = build->pool;

	pool->messages = arena_array(&pool->arena, pool->n_messages,
				     sizeof(*pool->messages));
	pool->enums =
		arena_array(&pool->arena, pool->n_enums, sizeof(*pool->enums));
	pool->services = arena_array(&pool->arena, pool->n_services,
				     sizeof(*pool->services));
	if (!pool->messages || !pool->enums || !pool->services)
		return pool_build_no_room(build);
	return 0;
}

static int add_file(const struct pool_build *build, struct pool_file *file,
		    const FileProto *proto)
{
	*file = (struct pool_file){
		.proto = proto,
		.name = proto->name,
		.package = proto->package ? proto->package : "",
		.is_proto3 =
			proto->syntax && strcmp(proto->syntax, "proto3") == 0,
	};
	if (proto->syntax && *proto->syntax && !file->is_proto3 &&
	    strcmp(proto->syntax, "proto2") != 0)
		return pool_build_complain(build, file, "syntax",
					   "neither proto2 nor proto3");
	return 0;
}

static int compare_files(const void *a, const void *b)
{
	const struct pool_file *const *left = a;
	const struct pool_file *const *right = b;

	return strcmp((*left)->name, (*right)->name);
}

static int refuse_twin_files(const struct pool_build *build)
{
	struct pool *pool = build->pool;
	const struct pool_file **sorted =
		arena_array(&pool->arena, pool->n_files, sizeof(*sorted));

	if (!sorted)
		return pool_build_no_room(build);
	for (size_t i = 0; i < pool->n_files; i++)
		sorted[i] = &pool->files[i];
	qsort(sorted, pool->n_files, sizeof(*sorted), compare_files);
	for (size_t i = 1; i < pool->n_files; i++)
		if (compare_files(&sorted[i - 1], &sorted[i]) == 0)
			return pool_build_complain(build, sorted[i], "file",
						   "in the set twice");
	return 0;
}

static int add_files(const struct pool_build *build)
{
	const Google__Protobuf__FileDescriptorSet *set =
		build->pool->set->files;
	struct pool *pool = build->pool;
	int r = 0;

	pool->n_files = set->n_file;
	pool->files =
		arena_array(&pool->arena, set->n_file, sizeof(*pool->files));
	if (!pool->files)
		return pool_build_no_room(build);
	for (size_t i = 0; r == 0 && i < set->n_file; i++)
		r = add_file(build, &pool->files[i], set->file[i]);
	return r == 0 ? refuse_twin_files(build) : r;
}

static char *join(struct arena *arena, const char *scope, const char *name)
{
	size_t n = strlen(scope) + strlen(name) + 2;
	char *full = arena_alloc(arena, n);

	if (full)
		snprintf(full, n, "%s%s%s", scope, *scope ? "." : "", name);
	return full;
}

/* `scope` is the package, or the message that it stands in. */
static int add_symbol(const struct pool_build *build,
		      struct pool_symbol *symbol, const char *scope,
		      const char *name)
{
	struct pool *pool = build->pool;
	size_t n;

	symbol->name = join(&pool->arena, scope, name);
	if (!symbol->name)
		return pool_build_no_room(build);
	n = strlen(symbol->name);
	if (pool_lookup(pool, symbol->name, n))
		return pool_build_complain(build, symbol->file, symbol->name,
					   "declared twice");
	map_add(&pool->symbols, &symbol->node,
		hash_bytes(&pool->key, symbol->name, n));
	return 0;
}

static int compare_numbers(const void *a, const void *b)
{
	const struct pool_value *left = a;
	const struct pool_value *right = b;

	if (left->number != right->number)
		return left->number < right->number ? -1 : 1;
	return left->place < right->place ? -1 : 1;
}

static int compare_names(const void *a, const void *b)
{
	const struct pool_value *left = a;
	const struct pool_value *right = b;

	return strcmp(left->name, right->name);
}

static int add_values(const struct pool_build *build,
		      struct pool_enum *enumeration)
{
	struct arena *arena = &build->pool->arena;
	const EnumProto *proto = enumeration->proto;
	const struct pool_symbol *symbol = &enumeration->symbol;
	size_t n = proto->n_value;

	if (n == 0)
		return pool_build_complain(build, symbol->file, symbol->name,
					   "an enum without a value");
	enumeration->values = arena_array(arena, n, sizeof(struct pool_value));
	enumeration->names = arena_array(arena, n, sizeof(struct pool_value));
	if (!enumeration->values || !enumeration->names)
		return pool_build_no_room(build);
	enumeration->n_values = n;
	enumeration->first = proto->value[0]->number;
	for (size_t i = 0; i < n; i++)
		enumeration->values[i] = enumeration->names[i] =
			(struct pool_value){
				.name = proto->value[i]->name,
				.number = proto->value[i]->number,
				.place = (uint32_t)i,
			};
	qsort(enumeration->values, n, sizeof(struct pool_value),
	      compare_numbers);
	qsort(enumeration->names, n, sizeof(struct pool_value), compare_names);
	for (size_t i = 1; i < n; i++)
		if (compare_names(&enumeration->names[i - 1],
				  &enumeration->names[i]) == 0)
			return pool_build_complain(build, symbol->file,
						   symbol->name,
						   "two values are called %s",
						   enumeration->names[i].name);
	return 0;
}

/* Where the next declaration goes. */
struct places {
	struct pool_message *message;
	struct pool_enum *enumeration;
	struct pool_service *service;
};

static int add_message(const struct pool_build *build, struct places *places,
		       const struct pool_file *file,
		       const struct pool_message *parent,
		       const MessageProto *proto)
{
	struct pool_message *message = places->message++;

	message->symbol.kind = POOL_A_MESSAGE;
	message->symbol.file = file;
	message->proto = proto;
	message->parent = parent;
	return add_symbol(build, &message->symbol,
			  parent ? parent->symbol.name : file->package,
			  proto->name);
}

static int add_enum(const struct pool_build *build, struct places *places,
		    const struct pool_file *file,
		    const struct pool_message *parent, const EnumProto *proto)
{
	struct pool_enum *enumeration = places->enumeration++;
	int r;

	enumeration->symbol.kind = POOL_AN_ENUM;
	enumeration->symbol.file = file;
	enumeration->proto = proto;
	enumeration->parent = parent;
	r = add_symbol(build, &enumeration->symbol,
		       parent ? parent->symbol.name : file->package,
		       proto->name);
	return r == 0 ? add_values(build, enumeration) : r;
}

static int add_service(const struct pool_build *build, struct places *places,
		       const struct pool_file *file,
		       const Google__Protobuf__ServiceDescriptorProto *proto)
{
	struct pool_service *service = places->service++;

	service->symbol.kind = POOL_A_SERVICE;
	service->symbol.file = file;
	service->proto = proto;
	return add_symbol(build, &service->symbol, file->package, proto->name);
}

static int add_top_level(const struct pool_build *build, struct places *places,
			 const struct pool_file *file)
{
	const FileProto *proto = file->proto;
	int r = 0;

	for (size_t i = 0; r == 0 && i < proto->n_message_type; i++)
		r = add_message(build, places, file, NULL,
				proto->message_type[i]);
	for (size_t i = 0; r == 0 && i < proto->n_enum_type; i++)
		r = add_enum(build, places, file, NULL, proto->enum_type[i]);
	for (size_t i = 0; r == 0 && i < proto->n_service; i++)
		r = add_service(build, places, file, proto->service[i]);
	return r;
}

static int add_nested(const struct pool_build *build, struct places *places,
		      struct pool_message *parent)
{
	const struct pool_file *file = parent->symbol.file;
	const MessageProto *proto = parent->proto;
	int r = 0;

	parent->nested = places->message;
	parent->enums = places->enumeration;
	for (size_t i = 0; r == 0 && i < proto->n_nested_type; i++)
		r = add_message(build, places, file, parent,
				proto->nested_type[i]);
	for (size_t i = 0; r == 0 && i < proto->n_enum_type; i++)
		r = add_enum(build, places, file, parent, proto->enum_type[i]);
	return r;
}

int pool_build_names(const struct pool_build *build)
{
	struct pool *pool = build->pool;
	struct places places;
	int r = add_files(build);

	if (r < 0)
		return r;
	count_all(pool);
	r = make_room(build);
	if (r < 0)
		return r;
	places = (struct places){ pool->messages, pool->enums, pool->services };
	for (size_t i = 0; r == 0 && i < pool->n_files; i++)
		r = add_top_level(build, &places, &pool->files[i]);
	/* Each message adds those in it behind the ones that are there. */
	for (size_t i = 0; r == 0 && i < pool->n_messages; i++)
		r = add_nested(build, &places, &pool->messages[i]);
	return r;
}
