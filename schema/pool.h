/* SPDX-License-Identifier: MIT */
#ifndef SCHEMA_POOL_H
#define SCHEMA_POOL_H

/**
 * The declarations of one set, found by their full names, with all that they
 * refer to resolved: what decoding and encoding without generated code needs.
 *
 * A pool is complete and consistent or is not made at all: every type that is
 * named is there, numbers and names are unique, entries of maps look like
 * entries of maps. It takes the set over, which may be a stranger's.
 *
 * Extensions are not looked at: their fields are unknown ones.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/map.h"
#include "schema/descriptor.h"

enum {
	POOL_BYTES_MAX = 32 << 20, /* of memory, in all */
	POOL_MEMBERS_MAX = 4096, /* fields of a message, methods of a service */
	POOL_ERROR_BYTES = 512,
};

/** Types of fields, as descriptor.proto numbers them. */
enum pool_type {
	POOL_DOUBLE = 1,
	POOL_FLOAT,
	POOL_INT64,
	POOL_UINT64,
	POOL_INT32,
	POOL_FIXED64,
	POOL_FIXED32,
	POOL_BOOL,
	POOL_STRING,
	POOL_GROUP,
	POOL_MESSAGE,
	POOL_BYTES,
	POOL_UINT32,
	POOL_ENUM,
	POOL_SFIXED32,
	POOL_SFIXED64,
	POOL_SINT32,
	POOL_SINT64,
};

/** Messages that JSON has forms of their own for. */
enum pool_known {
	POOL_ORDINARY,
	POOL_ANY,
	POOL_DURATION,
	POOL_FIELD_MASK,
	POOL_LIST_VALUE,
	POOL_STRUCT,
	POOL_TIMESTAMP,
	POOL_VALUE,
	POOL_WRAPPER,
};

enum pool_kind { POOL_A_MESSAGE, POOL_AN_ENUM, POOL_A_SERVICE };

/** What has a full name of its own. */
struct pool_symbol {
	struct map_node node;
	enum pool_kind kind;
	const char *name; /* "helio.switch.v1.Peer" */
	const struct pool_file *file;
};

struct pool_file {
	const Google__Protobuf__FileDescriptorProto *proto;
	const char *name;
	const char *package; /* "" if there is none */
	bool is_proto3;
};

struct pool_field {
	const Google__Protobuf__FieldDescriptorProto *proto;
	const char *name;
	const char *json_name;
	uint32_t number;
	uint32_t place; /* in the message's fields */
	enum pool_type type;
	int oneof; /* number of the oneof; -1: none, or one of itself alone */
	bool is_repeated; /* maps too */
	bool is_map;
	bool is_required;
	bool is_packed;    /* when it is written; read either way */
	bool has_presence; /* that it is set is told from its default */
	bool is_closed;    /* an enum: other numbers are unknown fields */
	const struct pool_message *message; /* of a message or group */
	const struct pool_enum *enumeration;
};

struct pool_name {
	const char *name;
	const struct pool_field *field;
};

struct pool_value {
	const char *name;
	int32_t number;
	uint32_t place; /* as declared */
};

struct pool_message {
	struct pool_symbol symbol;
	const Google__Protobuf__DescriptorProto *proto;
	const struct pool_message *parent; /* that it stands in, or NULL */
	enum pool_known known;
	struct pool_field *fields; /* by number */
	size_t n_fields;
	struct pool_name *names; /* by name; most fields have two */
	size_t n_names;
	bool has_required; /* a field of its own, not of one in it */
	/* What stands in it, as many as its proto says, in a row. */
	const struct pool_message *nested;
	const struct pool_enum *enums;
};

struct pool_enum {
	struct pool_symbol symbol;
	const Google__Protobuf__EnumDescriptorProto *proto;
	const struct pool_message *parent;
	struct pool_value *values; /* by number, then as declared */
	struct pool_value *names;  /* the same by name */
	size_t n_values;           /* at least one */
	int32_t first;             /* the number that was declared first */
};

struct pool_method {
	const Google__Protobuf__MethodDescriptorProto *proto;
	const char *name;
	const struct pool_service *service;
	const struct pool_message *input;
	const struct pool_message *output;
	bool is_client_streaming;
	bool is_server_streaming;
};

struct pool_service {
	struct pool_symbol symbol;
	const Google__Protobuf__ServiceDescriptorProto *proto;
	struct pool_method *methods; /* as declared */
	size_t n_methods;
};

struct pool {
	struct descriptor_set *set;
	struct arena arena;
	struct hash_key key;
	struct map symbols;
	struct pool_file *files;
	size_t n_files;
	/* As declared, what stands in messages after what stands in files. */
	struct pool_message *messages;
	size_t n_messages;
	struct pool_enum *enums;
	size_t n_enums;
	struct pool_service *services;
	size_t n_services;
};

/**
 * Make a pool of a set, which it takes over when it succeeds.
 *
 * Returns 0, -ENOMEM, -EMSGSIZE (POOL_BYTES_MAX or another limit) or -EINVAL;
 * of the latter two `error` says in which file and declaration, and why.
 */
int pool_new(struct descriptor_set *set, struct pool **ret_pool,
	     char error[POOL_ERROR_BYTES]);

/** Unpack a FileDescriptorSet and make a pool of it. Returns the same. */
int pool_read(const uint8_t *bytes, size_t n, struct pool **ret_pool,
	      char error[POOL_ERROR_BYTES]);

/** Accepts NULL. Returns NULL. */
struct pool *pool_free(struct pool *pool);
DEFINE_CLEANUP(struct pool *, pool_free);

/* By full name, of `n` bytes, without a dot before it. NULL: there is none. */
const struct pool_symbol *pool_lookup(const struct pool *pool, const char *name,
				      size_t n);
const struct pool_message *pool_message_lookup(const struct pool *pool,
					       const char *name, size_t n);
const struct pool_service *pool_service_lookup(const struct pool *pool,
					       const char *name, size_t n);
const struct pool_method *pool_method_lookup(const struct pool_service *service,
					     const char *name);

/** The field with this number, or NULL. */
const struct pool_field *pool_field_by_number(
	const struct pool_message *message, uint32_t number);

/** The field that JSON or the source calls so, or NULL. */
const struct pool_field *pool_field_lookup(const struct pool_message *message,
					   const char *name, size_t n);

/** The value with this number, or NULL. */
const struct pool_value *pool_value_by_number(
	const struct pool_enum *enumeration, int32_t number);
const struct pool_value *pool_value_lookup(const struct pool_enum *enumeration,
					   const char *name, size_t n);

static inline bool pool_type_is_message(enum pool_type type)
{
	return type == POOL_MESSAGE || type == POOL_GROUP;
}

static inline bool pool_type_is_bytes(enum pool_type type)
{
	return type == POOL_STRING || type == POOL_BYTES;
}

#endif
