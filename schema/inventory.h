/* SPDX-License-Identifier: MIT */
#ifndef SCHEMA_INVENTORY_H
#define SCHEMA_INVENTORY_H

/**
 * What a set of descriptors declares, found by its full name: messages, enums
 * and services, each with its members in order, and the extensions.
 *
 * An inventory stands for a set that hangs together: nothing is declared
 * twice, and every type that a field, a method or an extension names is in it.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "schema/descriptor.h"
#include "schema/item.h"

struct item_extension {
	const Google__Protobuf__FieldDescriptorProto *field;
	const Google__Protobuf__FileDescriptorProto *file;
};

struct inventory {
	const struct descriptor_set *set; /* borrowed */
	/* By name. */
	const Google__Protobuf__FileDescriptorProto **files;
	size_t n_files;
	struct item *items; /* by kind and name */
	size_t n_items;
	struct item_extension *extensions; /* by what they extend and number */
	size_t n_extensions;
};

/**
 * Returns 0, -ENOMEM, or -EINVAL when the set does not hang together, and then
 * `error` names what is wrong, for people. The set must stay.
 */
int inventory_new(const struct descriptor_set *set,
		  char error[ITEM_ERROR_BYTES],
		  struct inventory **ret_inventory);

/** Accepts NULL. Returns NULL. */
struct inventory *inventory_free(struct inventory *inventory);
DEFINE_CLEANUP(struct inventory *, inventory_free);

/** NULL: there is none. */
const Google__Protobuf__FileDescriptorProto *inventory_file(
	const struct inventory *inventory, const char *name);

/** By its full name, without a dot before it. NULL: there is none. */
const struct item *inventory_lookup(const struct inventory *inventory,
				    enum item_kind kind, const char *name);

/** The message or enum that a field is of; NULL for all other types. */
const struct item *inventory_type(
	const struct inventory *inventory,
	const Google__Protobuf__FieldDescriptorProto *field);

/** NULL: there is none. */
const struct item_extension *inventory_extension(
	const struct inventory *inventory, const char *extendee,
	int32_t number);

#endif
