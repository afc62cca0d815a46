/* SPDX-License-Identifier: MIT */
#ifndef SCHEMA_ITEM_H
#define SCHEMA_ITEM_H

/**
 * A message, an enum or a service of a set of descriptors, with its members in
 * such an order that they are found.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "google/protobuf/descriptor.pb-c.h"

enum {
	ITEM_NAME_MAX = 255, /* bytes of a full name */
	ITEM_ERROR_BYTES = 640,
};

enum item_kind { ITEM_ENUM, ITEM_MESSAGE, ITEM_SERVICE };

/** Numbers that are reserved, both ends included. */
struct item_range {
	int64_t first;
	int64_t last;
};

/** All of it lives as long as the inventory and the set. */
struct item {
	enum item_kind kind;
	char *name;       /* "foo.v1.Thing.Part" */
	const char *last; /* "Part" */
	const Google__Protobuf__FileDescriptorProto *file;
	const void *proto; /* the descriptor of its kind */
	/*
	 * Of a message its fields by number, of an enum its values by number
	 * and name, of a service its methods by name.
	 */
	const void **members;
	size_t n_members;
	/* What is reserved: by number, touching no other; and by name. */
	struct item_range *ranges;
	size_t n_ranges;
	const char **reserved;
	size_t n_reserved;
};

/**
 * Sort what belongs to an item of which kind, name and proto are there.
 * Returns 0, -ENOMEM, or -EINVAL when a member is there twice, as `error`
 * says.
 */
int item_sort(struct item *item, char error[ITEM_ERROR_BYTES]);
/** Frees the name too. */
void item_deinit(struct item *item);

/** Of a message; NULL: there is none. */
const Google__Protobuf__FieldDescriptorProto *item_field(
	const struct item *item, int32_t number);
/** Of an enum, with that name, or, when `name` is NULL, any of them. */
const Google__Protobuf__EnumValueDescriptorProto *item_value(
	const struct item *item, int32_t number, const char *name);
/** Of a service. */
const Google__Protobuf__MethodDescriptorProto *item_method(
	const struct item *item, const char *name);

/** Whether all of first..last is reserved. */
bool item_has_range(const struct item *item, int64_t first, int64_t last);
bool item_has_reserved(const struct item *item, const char *name);

#endif
