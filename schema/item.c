/* SPDX-License-Identifier: MIT */

#include "schema/item.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef Google__Protobuf__DescriptorProto MessageProto;
typedef Google__Protobuf__EnumDescriptorProto EnumProto;
typedef Google__Protobuf__EnumValueDescriptorProto ValueProto;
typedef Google__Protobuf__FieldDescriptorProto FieldProto;
typedef Google__Protobuf__MethodDescriptorProto MethodProto;
typedef Google__Protobuf__ServiceDescriptorProto ServiceProto;

static int refuse(const struct item *item, char error[ITEM_ERROR_BYTES])
{
	snprintf(error, ITEM_ERROR_BYTES, "%s has a member twice", item->name);
	return -EINVAL;
}

static int compare_numbers(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static int compare_fields(const void *a, const void *b)
{
	const FieldProto *const *one = a;
	const FieldProto *const *other = b;

	return compare_numbers((*one)->number, (*other)->number);
}

static int compare_values(const void *a, const void *b)
{
	const ValueProto *const *one = a;
	const ValueProto *const *other = b;
	int order = compare_numbers((*one)->number, (*other)->number);

	return order ? order : strcmp((*one)->name, (*other)->name);
}

static int compare_methods(const void *a, const void *b)
{
	const MethodProto *const *one = a;
	const MethodProto *const *other = b;

	return strcmp((*one)->name, (*other)->name);
}

static int compare_texts(const void *a, const void *b)
{
	const char *const *one = a;
	const char *const *other = b;

	return strcmp(*one, *other);
}

static int compare_ranges(const void *a, const void *b)
{
	const struct item_range *one = a;
	const struct item_range *other = b;

	return compare_numbers(one->first, other->first);
}

typedef int compare_fn(const void *a, const void *b);

/* A sorted copy of an array of pointers, in which none is there twice. */
static int sort_members(struct item *item, const void *from,
			compare_fn *compare, char error[ITEM_ERROR_BYTES])
{
	if (!item->n_members)
		return 0;
	item->members = calloc(item->n_members, sizeof(*item->members));
	if (!item->members)
		return -ENOMEM;
	memcpy(item->members, from, item->n_members * sizeof(*item->members));
	qsort(item->members, item->n_members, sizeof(*item->members), compare);
	for (size_t i = 1; i < item->n_members; i++)
		if (!compare(&item->members[i - 1], &item->members[i]))
			return refuse(item, error);
	return 0;
}

static int sort_reserved(struct item *item, char *const *names, size_t n)
{
	if (!n)
		return 0;
	item->reserved = calloc(n, sizeof(*item->reserved));
	if (!item->reserved)
		return -ENOMEM;
	item->n_reserved = n;
	for (size_t i = 0; i < n; i++)
		item->reserved[i] = names[i];
	qsort(item->reserved, n, sizeof(*item->reserved), compare_texts);
	return 0;
}

/* In order, and what overlaps or touches is one. */
static void join_ranges(struct item *item)
{
	size_t n = 0;

	if (!item->n_ranges)
		return;
	qsort(item->ranges, item->n_ranges, sizeof(*item->ranges),
	      compare_ranges);
	for (size_t i = 0; i < item->n_ranges; i++) {
		struct item_range range = item->ranges[i];

		if (range.first > range.last)
			continue;
		if (n && range.first <= item->ranges[n - 1].last + 1) {
			if (range.last > item->ranges[n - 1].last)
				item->ranges[n - 1].last = range.last;
			continue;
		}
		item->ranges[n++] = range;
	}
	item->n_ranges = n;
}

static int room_for_ranges(struct item *item, size_t n)
{
	item->n_ranges = n;
	if (n)
		item->ranges = calloc(n, sizeof(*item->ranges));
	return n && !item->ranges ? -ENOMEM : 0;
}

/* The end of a range is one past it in messages, and in it in enums. */
static int sort_message(struct item *item, char error[ITEM_ERROR_BYTES])
{
	const MessageProto *message = item->proto;
	int r;

	item->n_members = message->n_field;
	r = sort_members(item, message->field, compare_fields, error);
	if (!r)
		r = sort_reserved(item, message->reserved_name,
				  message->n_reserved_name);
	if (!r)
		r = room_for_ranges(item, message->n_reserved_range);
	if (r < 0)
		return r;
	for (size_t i = 0; i < item->n_ranges; i++) {
		item->ranges[i].first = message->reserved_range[i]->start;
		item->ranges[i].last =
			(int64_t)message->reserved_range[i]->end - 1;
	}
	join_ranges(item);
	return 0;
}

static int sort_enum(struct item *item, char error[ITEM_ERROR_BYTES])
{
	const EnumProto *proto = item->proto;
	int r;

	item->n_members = proto->n_value;
	r = sort_members(item, proto->value, compare_values, error);
	if (!r)
		r = sort_reserved(item, proto->reserved_name,
				  proto->n_reserved_name);
	if (!r)
		r = room_for_ranges(item, proto->n_reserved_range);
	if (r < 0)
		return r;
	for (size_t i = 0; i < item->n_ranges; i++) {
		item->ranges[i].first = proto->reserved_range[i]->start;
		item->ranges[i].last = proto->reserved_range[i]->end;
	}
	join_ranges(item);
	return 0;
}

int item_sort(struct item *item, char error[ITEM_ERROR_BYTES])
{
	const ServiceProto *service = item->proto;

	switch (item->kind) {
	case ITEM_MESSAGE:
		return sort_message(item, error);
	case ITEM_ENUM:
		return sort_enum(item, error);
	case ITEM_SERVICE:
	default:
		item->n_members = service->n_method;
		return sort_members(item, service->method, compare_methods,
				    error);
	}
}

void item_deinit(struct item *item)
{
	free(item->name);
	free(item->members);
	free(item->ranges);
	free(item->reserved);
}

static const void *member(const struct item *item, const void *like,
			  compare_fn *compare)
{
	const void *const *found;

	if (!item->n_members)
		return NULL;
	found = bsearch(&like, item->members, item->n_members,
			sizeof(*item->members), compare);
	return found ? *found : NULL;
}

const FieldProto *item_field(const struct item *item, int32_t number)
{
	const FieldProto like = { .number = number };

	return member(item, &like, compare_fields);
}

static int compare_values_numbers(const void *a, const void *b)
{
	const ValueProto *const *one = a;
	const ValueProto *const *other = b;

	return compare_numbers((*one)->number, (*other)->number);
}

const ValueProto *item_value(const struct item *item, int32_t number,
			     const char *name)
{
	const ValueProto like = { .number = number,
				  .name = (char *)(uintptr_t)name };

	return member(item, &like,
		      name ? compare_values : compare_values_numbers);
}

const MethodProto *item_method(const struct item *item, const char *name)
{
	const MethodProto like = { .name = (char *)(uintptr_t)name };

	return member(item, &like, compare_methods);
}

static int compare_within(const void *a, const void *b)
{
	const struct item_range *wanted = a;
	const struct item_range *range = b;

	if (wanted->first < range->first)
		return -1;
	return wanted->first > range->last;
}

bool item_has_range(const struct item *item, int64_t first, int64_t last)
{
	const struct item_range wanted = { first, last };
	const struct item_range *range;

	if (!item->n_ranges)
		return false;
	range = bsearch(&wanted, item->ranges, item->n_ranges, sizeof(*range),
			compare_within);
	return range && last <= range->last;
}

bool item_has_reserved(const struct item *item, const char *name)
{
	if (!item->n_reserved)
		return false;
	return bsearch(&name, item->reserved, item->n_reserved, sizeof(name),
		       compare_texts);
}
