/* SPDX-License-Identifier: MIT */

#include "schema/record.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Up to so many slots are looked through one by one. */
enum { N_SLOTS_FEW = 8 };

struct record *record_new(struct arena *arena, const struct pool_message *type)
{
	struct record *record = arena_alloc(arena, sizeof(*record));

	if (record)
		record->type = type;
	return record;
}

struct slot *record_slot(const struct record *record,
			 const struct pool_field *field)
{
	if (record->places) {
		size_t place = record->places[field->place];

		return place ? &record->slots[place - 1] : NULL;
	}
	for (size_t i = 0; i < record->n_slots; i++)
		if (record->slots[i].field == field)
			return &record->slots[i];
	return NULL;
}

static void set_places(struct record *record)
{
	memset(record->places, 0,
	       record->type->n_fields * sizeof(*record->places));
	for (size_t i = 0; i < record->n_slots; i++)
		record->places[record->slots[i].field->place] =
			(uint16_t)(i + 1);
}

/* A message of thousands of fields is not searched for each of them. */
static int index_slots(struct arena *arena, struct record *record)
{
	if (record->places || record->n_slots < N_SLOTS_FEW)
		return 0;
	record->places = arena_array(arena, record->type->n_fields,
				     sizeof(*record->places));
	if (!record->places)
		return arena_error(arena);
	set_places(record);
	return 0;
}

static struct slot *add_slot(struct arena *arena, struct record *record,
			     const struct pool_field *field)
{
	struct slot *slots;

	if (index_slots(arena, record) < 0)
		return NULL;
	slots = arena_grow(arena, record->slots, record->n_slots,
			   &record->n_max, sizeof(*slots));
	if (!slots)
		return NULL;
	record->slots = slots;
	slots[record->n_slots] = (struct slot){ .field = field };
	if (record->places)
		record->places[field->place] = (uint16_t)(record->n_slots + 1);
	return &slots[record->n_slots++];
}

const struct pool_field *record_oneof(const struct record *record, int oneof)
{
	for (size_t i = 0; i < record->n_slots; i++)
		if (record->slots[i].field->oneof == oneof)
			return record->slots[i].field;
	return NULL;
}

void record_clear(struct record *record, const struct pool_field *field)
{
	struct slot *slot = record_slot(record, field);

	if (!slot)
		return;
	*slot = record->slots[--record->n_slots];
	if (record->places) {
		record->places[slot->field->place] =
			(uint16_t)(slot - record->slots + 1);
		record->places[field->place] = 0;
	}
}

union value *record_add(struct arena *arena, struct record *record,
			const struct pool_field *field)
{
	struct slot *slot = record_slot(record, field);
	union value *values;

	if (!slot && field->oneof >= 0) {
		const struct pool_field *other =
			record_oneof(record, field->oneof);

		if (other)
			record_clear(record, other);
	}
	if (!slot)
		slot = add_slot(arena, record, field);
	if (!slot)
		return NULL;
	if (!field->is_repeated && slot->n_values == 1)
		return slot->values;
	values = arena_grow(arena, slot->values, slot->n_values, &slot->n_max,
			    sizeof(*values));
	if (!values)
		return NULL;
	slot->values = values;
	values[slot->n_values] = (union value){ 0 };
	return &values[slot->n_values++];
}

const union value *record_value(const struct record *record, uint32_t number)
{
	const struct pool_field *field =
		pool_field_by_number(record->type, number);
	const struct slot *slot = field ? record_slot(record, field) : NULL;

	return slot && slot->n_values ? slot->values : NULL;
}

static int compare_slots(const void *a, const void *b)
{
	const struct slot *left = a;
	const struct slot *right = b;

	return left->field->place < right->field->place
		       ? -1
		       : left->field->place > right->field->place;
}

void record_sort(struct record *record)
{
	if (record->n_slots < 2)
		return;
	qsort(record->slots, record->n_slots, sizeof(*record->slots),
	      compare_slots);
	if (record->places)
		set_places(record);
}

/* Of entries that lack the key, the key is the default. */
static union value key_of(const union value *entry)
{
	const union value *key = record_value(entry->record, 1);

	return key ? *key : (union value){ .text = { NULL, 0 } };
}

static int compare_texts(const union value *a, const union value *b)
{
	size_t n = a->text.n < b->text.n ? a->text.n : b->text.n;
	int order = n ? memcmp(a->text.bytes, b->text.bytes, n) : 0;

	if (order != 0)
		return order;
	return a->text.n < b->text.n ? -1 : a->text.n > b->text.n;
}

static bool is_signed(enum pool_type type)
{
	return type == POOL_INT32 || type == POOL_INT64 ||
	       type == POOL_SINT32 || type == POOL_SINT64 ||
	       type == POOL_SFIXED32 || type == POOL_SFIXED64;
}

static int compare_keys(const void *a, const void *b)
{
	const union value *entry = a;
	enum pool_type type = entry->record->type->fields[0].type;
	union value left = key_of(a);
	union value right = key_of(b);

	if (type == POOL_STRING)
		return compare_texts(&left, &right);
	if (is_signed(type)) {
		left.number ^= UINT64_C(1) << 63;
		right.number ^= UINT64_C(1) << 63;
	}
	return left.number < right.number ? -1 : left.number > right.number;
}

/* qsort() keeps no order among equals, so each says where it stood. */
struct place {
	union value entry; /* first, for compare_keys() */
	size_t index;
};

static int compare_places(const void *a, const void *b)
{
	const struct place *left = a;
	const struct place *right = b;
	int order = compare_keys(&left->entry, &right->entry);

	return order != 0 ? order : left->index < right->index ? -1 : 1;
}

static size_t keep_last(struct slot *slot, const struct place *places)
{
	size_t n = slot->n_values;
	size_t n_kept = 0;

	for (size_t i = 0; i < n; i++)
		if (i + 1 == n ||
		    compare_keys(&places[i].entry, &places[i + 1].entry) != 0)
			slot->values[n_kept++] = places[i].entry;
	slot->n_values = n_kept;
	return n - n_kept;
}

int record_sort_map(struct arena *arena, struct slot *slot, size_t *ret_n_lost)
{
	struct place *places;

	*ret_n_lost = 0;
	if (slot->n_values < 2)
		return 0;
	places = arena_array(arena, slot->n_values, sizeof(*places));
	if (!places)
		return arena_error(arena);
	for (size_t i = 0; i < slot->n_values; i++)
		places[i] = (struct place){ slot->values[i], i };
	qsort(places, slot->n_values, sizeof(*places), compare_places);
	*ret_n_lost = keep_last(slot, places);
	return 0;
}

bool record_is_default(const struct pool_field *field, const union value *value)
{
	uint64_t bits;

	switch (field->type) {
	case POOL_DOUBLE:
	case POOL_FLOAT:
		/* Minus zero is not the default. */
		memcpy(&bits, &value->real, sizeof(bits));
		return bits == 0;
	case POOL_STRING:
	case POOL_BYTES:
		return value->text.n == 0;
	case POOL_MESSAGE:
	case POOL_GROUP:
		return false;
	default:
		return value->number == 0;
	}
}

/* From the top down, by going up as often as there are steps above. */
static size_t write_path(const struct record_path *path, char *text, size_t n)
{
	const struct record_path *steps[RECORD_DEPTH_MAX * 3];
	size_t n_steps = 0;
	size_t at = 0;

	for (; path && n_steps < sizeof(steps) / sizeof(*steps);
	     path = path->up)
		steps[n_steps++] = path;
	while (n_steps-- > 0 && at + 1 < n) {
		const struct record_path *step = steps[n_steps];
		int n_more;

		if (step->name)
			n_more = snprintf(text + at, n - at, "%s%.*s",
					  at ? "." : "", (int)step->n_name,
					  step->name);
		else
			n_more = snprintf(text + at, n - at, "[%zu]",
					  step->index);
		at += n_more < 0 ? 0 : (size_t)n_more;
	}
	return at < n ? at : n - 1;
}

/* Keys are whatever somebody wrote, and an error is one line. */
static void replace_control_bytes(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
}

int record_complain(char error[RECORD_ERROR_BYTES],
		    const struct record_path *path, const char *format, ...)
{
	size_t at = write_path(path, error, RECORD_ERROR_BYTES / 2);
	va_list args;

	if (at > 0)
		at += (size_t)snprintf(error + at, RECORD_ERROR_BYTES - at,
				       ": ");
	va_start(args, format);
	vsnprintf(error + at, RECORD_ERROR_BYTES - at, format, args);
	va_end(args);
	replace_control_bytes(error);
	return -EINVAL;
}
