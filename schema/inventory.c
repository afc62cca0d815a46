/* SPDX-License-Identifier: MIT */

#include "schema/inventory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef Google__Protobuf__DescriptorProto MessageProto;
typedef Google__Protobuf__EnumDescriptorProto EnumProto;
typedef Google__Protobuf__FieldDescriptorProto FieldProto;
typedef Google__Protobuf__FileDescriptorProto FileProto;
typedef Google__Protobuf__MethodDescriptorProto MethodProto;
typedef Google__Protobuf__ServiceDescriptorProto ServiceProto;

/* An inventory while it is taken. */
struct taking {
	struct inventory *inventory;
	size_t n_items_room;
	size_t n_extensions_room;
	char *error;
};

static int refuse(struct taking *taking, const char *what, const char *why)
{
	snprintf(taking->error, ITEM_ERROR_BYTES, "%s %s", what, why);
	return -EINVAL;
}

/* Room for one more at the end of an array. */
static void *grow(void *at, size_t n, size_t n_bytes, size_t *n_room)
{
	size_t n_new = *n_room ? *n_room * 2 : 64;
	void *grown;

	if (n < *n_room)
		return at;
	grown = reallocarray(at, n_new, n_bytes);
	if (grown)
		*n_room = n_new;
	return grown;
}

/* "foo.v1" and "Thing": the parent may be empty, or NULL. */
static int add_item(struct taking *taking, const char *parent,
		    const struct item *like, const char *last)
{
	struct inventory *inventory = taking->inventory;
	size_t n_parent = parent ? strlen(parent) : 0;
	size_t n = n_parent + !!n_parent + strlen(last);
	struct item *items;
	char *name;

	if (n > ITEM_NAME_MAX)
		return refuse(taking, last, "has too long a name in full");
	items = grow(inventory->items, inventory->n_items, sizeof(*items),
		     &taking->n_items_room);
	if (!items)
		return -ENOMEM;
	inventory->items = items;
	name = malloc(n + 1);
	if (!name)
		return -ENOMEM;
	snprintf(name, n + 1, "%s%s%s", n_parent ? parent : "",
		 n_parent ? "." : "", last);
	items[inventory->n_items] = *like;
	items[inventory->n_items].name = name;
	items[inventory->n_items].last = name + n - strlen(last);
	inventory->n_items++;
	return 0;
}

static int add_extensions(struct taking *taking, const FileProto *file,
			  FieldProto *const *fields, size_t n)
{
	struct inventory *inventory = taking->inventory;

	for (size_t i = 0; i < n; i++) {
		struct item_extension *at;

		if (!fields[i]->extendee)
			return refuse(taking, fields[i]->name,
				      "is an extension of nothing");
		at = grow(inventory->extensions, inventory->n_extensions,
			  sizeof(*at), &taking->n_extensions_room);
		if (!at)
			return -ENOMEM;
		inventory->extensions = at;
		at[inventory->n_extensions].field = fields[i];
		at[inventory->n_extensions++].file = file;
	}
	return 0;
}

static int add_types(struct taking *taking, const char *parent,
		     const FileProto *file, MessageProto *const *messages,
		     size_t n_messages)
{
	int r = 0;

	for (size_t i = 0; !r && i < n_messages; i++) {
		struct item like = { .kind = ITEM_MESSAGE,
				     .file = file,
				     .proto = messages[i] };

		r = add_item(taking, parent, &like, messages[i]->name);
	}
	return r;
}

static int add_enums(struct taking *taking, const char *parent,
		     const FileProto *file, EnumProto *const *enums,
		     size_t n_enums)
{
	int r = 0;

	for (size_t i = 0; !r && i < n_enums; i++) {
		struct item like = { .kind = ITEM_ENUM,
				     .file = file,
				     .proto = enums[i] };

		r = add_item(taking, parent, &like, enums[i]->name);
	}
	return r;
}

static int add_file(struct taking *taking, const FileProto *file)
{
	int r;

	if (file->syntax && *file->syntax && strcmp(file->syntax, "proto2") &&
	    strcmp(file->syntax, "proto3"))
		return refuse(taking, file->name,
			      "is neither proto2 nor proto3");
	r = add_types(taking, file->package, file, file->message_type,
		      file->n_message_type);
	if (!r)
		r = add_enums(taking, file->package, file, file->enum_type,
			      file->n_enum_type);
	if (!r)
		r = add_extensions(taking, file, file->extension,
				   file->n_extension);
	for (size_t i = 0; !r && i < file->n_service; i++) {
		struct item like = { .kind = ITEM_SERVICE,
				     .file = file,
				     .proto = file->service[i] };

		r = add_item(taking, file->package, &like,
			     file->service[i]->name);
	}
	return r;
}

/* What lies in messages comes after them: the array is its own queue. */
static int add_nested(struct taking *taking)
{
	struct inventory *inventory = taking->inventory;
	int r = 0;

	for (size_t i = 0; !r && i < inventory->n_items; i++) {
		const struct item item = inventory->items[i];
		const MessageProto *message = item.proto;

		if (item.kind != ITEM_MESSAGE)
			continue;
		r = add_types(taking, item.name, item.file,
			      message->nested_type, message->n_nested_type);
		if (!r)
			r = add_enums(taking, item.name, item.file,
				      message->enum_type, message->n_enum_type);
		if (!r)
			r = add_extensions(taking, item.file,
					   message->extension,
					   message->n_extension);
	}
	return r;
}

static int compare_items(const void *a, const void *b)
{
	const struct item *one = a;
	const struct item *other = b;
	int order = (int)one->kind - (int)other->kind;

	return order ? order : strcmp(one->name, other->name);
}

static int compare_extensions(const void *a, const void *b)
{
	const FieldProto *one = ((const struct item_extension *)a)->field;
	const FieldProto *other = ((const struct item_extension *)b)->field;
	int order = strcmp(one->extendee, other->extendee);

	return order ? order
		     : (one->number > other->number) -
			       (one->number < other->number);
}

static int compare_files(const void *a, const void *b)
{
	const FileProto *const *one = a;
	const FileProto *const *other = b;

	return strcmp((*one)->name, (*other)->name);
}

static int sort_files(struct taking *taking)
{
	struct inventory *inventory = taking->inventory;
	const Google__Protobuf__FileDescriptorSet *set = inventory->set->files;
	const FileProto **files;

	if (!set->n_file)
		return 0;
	files = calloc(set->n_file, sizeof(*files));
	if (!files)
		return -ENOMEM;
	inventory->files = files;
	inventory->n_files = set->n_file;
	for (size_t i = 0; i < set->n_file; i++)
		files[i] = set->file[i];
	qsort(files, set->n_file, sizeof(*files), compare_files);
	for (size_t i = 1; i < set->n_file; i++)
		if (!compare_files(&files[i - 1], &files[i]))
			return refuse(taking, files[i]->name,
				      "is in the set twice");
	return 0;
}

static int sort_all(struct taking *taking)
{
	struct inventory *inventory = taking->inventory;
	int r = 0;

	if (inventory->n_items)
		qsort(inventory->items, inventory->n_items,
		      sizeof(*inventory->items), compare_items);
	if (inventory->n_extensions)
		qsort(inventory->extensions, inventory->n_extensions,
		      sizeof(*inventory->extensions), compare_extensions);
	for (size_t i = 0; !r && i < inventory->n_items; i++)
		r = item_sort(&inventory->items[i], taking->error);
	for (size_t i = 1; !r && i < inventory->n_items; i++)
		if (!compare_items(&inventory->items[i - 1],
				   &inventory->items[i]))
			r = refuse(taking, inventory->items[i].name,
				   "is declared twice");
	return r;
}

static bool has_type(const FieldProto *field)
{
	return field->type ==
		       GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_MESSAGE ||
	       field->type ==
		       GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_GROUP ||
	       field->type ==
		       GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_ENUM;
}

static int check_field(struct taking *taking, const FieldProto *field)
{
	if (!has_type(field) || inventory_type(taking->inventory, field))
		return 0;
	return refuse(taking, field->type_name + 1, "is nowhere in the set");
}

static int check_method(struct taking *taking, const MethodProto *method)
{
	if (!inventory_lookup(taking->inventory, ITEM_MESSAGE,
			      method->input_type + 1))
		return refuse(taking, method->input_type + 1,
			      "is nowhere in the set");
	if (!inventory_lookup(taking->inventory, ITEM_MESSAGE,
			      method->output_type + 1))
		return refuse(taking, method->output_type + 1,
			      "is nowhere in the set");
	return 0;
}

static int check_all(struct taking *taking)
{
	const struct inventory *inventory = taking->inventory;
	int r = 0;

	for (size_t i = 0; i < inventory->n_items; i++) {
		const struct item *item = &inventory->items[i];

		for (size_t k = 0; !r && k < item->n_members; k++)
			if (item->kind == ITEM_MESSAGE)
				r = check_field(taking, item->members[k]);
			else if (item->kind == ITEM_SERVICE)
				r = check_method(taking, item->members[k]);
	}
	for (size_t i = 0; !r && i < inventory->n_extensions; i++)
		r = check_field(taking, inventory->extensions[i].field);
	return r;
}

int inventory_new(const struct descriptor_set *set,
		  char error[ITEM_ERROR_BYTES],
		  struct inventory **ret_inventory)
{
	_cleanup_(inventory_freep) struct inventory *inventory = NULL;
	struct taking taking = { .error = error };
	int r;

	inventory = calloc(1, sizeof(*inventory));
	if (!inventory)
		return -ENOMEM;
	inventory->set = set;
	taking.inventory = inventory;
	r = sort_files(&taking);
	for (size_t i = 0; !r && i < set->files->n_file; i++)
		r = add_file(&taking, set->files->file[i]);
	if (!r)
		r = add_nested(&taking);
	if (!r)
		r = sort_all(&taking);
	if (!r)
		r = check_all(&taking);
	if (r < 0)
		return r;
	*ret_inventory = take_ptr(inventory);
	return 0;
}

struct inventory *inventory_free(struct inventory *inventory)
{
	if (!inventory)
		return NULL;
	for (size_t i = 0; i < inventory->n_items; i++)
		item_deinit(&inventory->items[i]);
	free(inventory->items);
	free(inventory->extensions);
	free(inventory->files);
	free(inventory);
	return NULL;
}

const FileProto *inventory_file(const struct inventory *inventory,
				const char *name)
{
	const FileProto like = { .name = (char *)(uintptr_t)name };
	const FileProto *key = &like;
	const FileProto *const *found;

	if (!inventory->n_files)
		return NULL;
	found = bsearch(&key, inventory->files, inventory->n_files,
			sizeof(*found), compare_files);
	return found ? *found : NULL;
}

const struct item *inventory_lookup(const struct inventory *inventory,
				    enum item_kind kind, const char *name)
{
	/* It is compared and no more. */
	const struct item like = { .kind = kind,
				   .name = (char *)(uintptr_t)name };

	if (!inventory->n_items)
		return NULL;
	return bsearch(&like, inventory->items, inventory->n_items,
		       sizeof(like), compare_items);
}

const struct item *inventory_type(const struct inventory *inventory,
				  const FieldProto *field)
{
	if (!has_type(field))
		return NULL;
	return inventory_lookup(
		inventory,
		field->type == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_ENUM
			? ITEM_ENUM
			: ITEM_MESSAGE,
		field->type_name + 1);
}

const struct item_extension *inventory_extension(
	const struct inventory *inventory, const char *extendee, int32_t number)
{
	FieldProto field = { .extendee = (char *)(uintptr_t)extendee,
			     .number = number };
	const struct item_extension like = { .field = &field };

	if (!inventory->n_extensions)
		return NULL;
	return bsearch(&like, inventory->extensions, inventory->n_extensions,
		       sizeof(like), compare_extensions);
}
