/* SPDX-License-Identifier: MIT */

#include "schema/path.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { INDEX_DIGITS_MAX = 9 };

/* One step: a name, or a number in brackets. */
struct step {
	const char *name; /* NULL: a number */
	size_t n_name;
	size_t index;
};

struct rest {
	const char *at;
	const char *end;
	bool is_first;
};

static int read_index(struct rest *rest, struct step *ret_step)
{
	size_t index = 0;
	size_t n = 0;

	for (; rest->at < rest->end && *rest->at >= '0' && *rest->at <= '9';
	     rest->at++, n++)
		if (n < INDEX_DIGITS_MAX)
			index = index * 10 + (size_t)(*rest->at - '0');
	if (!n || n > INDEX_DIGITS_MAX || rest->at == rest->end ||
	    *rest->at++ != ']')
		return -EINVAL;
	*ret_step = (struct step){ .index = index };
	return 1;
}

static int read_quoted(struct rest *rest, struct step *ret_step)
{
	const char *name = rest->at;
	const char *mark = memchr(name, '"', (size_t)(rest->end - name));

	if (!mark)
		return -EINVAL;
	rest->at = mark + 1;
	*ret_step =
		(struct step){ .name = name, .n_name = (size_t)(mark - name) };
	return 1;
}

static int read_name(struct rest *rest, struct step *ret_step)
{
	const char *name = rest->at;

	if (name < rest->end && *name == '"') {
		rest->at++;
		return read_quoted(rest, ret_step);
	}
	while (rest->at < rest->end && !strchr(".[]\"", *rest->at))
		rest->at++;
	if (rest->at == name)
		return -EINVAL;
	*ret_step = (struct step){ .name = name,
				   .n_name = (size_t)(rest->at - name) };
	return 1;
}

/* Returns 1, 0 at the end, or -EINVAL. */
static int next_step(struct rest *rest, struct step *ret_step)
{
	bool is_first = rest->is_first;

	rest->is_first = false;
	if (is_first)
		return read_name(rest, ret_step);
	if (rest->at == rest->end)
		return 0;
	switch (*rest->at++) {
	case '.':
		return read_name(rest, ret_step);
	case '[':
		return read_index(rest, ret_step);
	default:
		return -EINVAL;
	}
}

static struct rest begin(const char *path, size_t n)
{
	return (struct rest){ .at = path, .end = path + n, .is_first = true };
}

bool path_is_valid(const char *path, size_t n)
{
	struct rest rest = begin(path, n);
	struct step step;
	int r = n <= PATH_BYTES_MAX ? 1 : -EINVAL;

	while (r > 0)
		r = next_step(&rest, &step);
	return r == 0;
}

/* ---- going down ---- */

static bool is_key(const struct pool_field *field, const union value *key,
		   const struct step *step)
{
	char text[24];

	switch (field->type) {
	case POOL_STRING:
		return key->text.n == step->n_name &&
		       (!step->n_name ||
			memcmp(key->text.bytes, step->name, step->n_name) == 0);
	case POOL_BOOL:
		snprintf(text, sizeof(text), "%s",
			 key->number ? "true" : "false");
		break;
	case POOL_UINT64:
	case POOL_FIXED64:
		snprintf(text, sizeof(text), "%" PRIu64, key->number);
		break;
	default:
		snprintf(text, sizeof(text), "%" PRId64, (int64_t)key->number);
		break;
	}
	return strlen(text) == step->n_name &&
	       memcmp(text, step->name, step->n_name) == 0;
}

/* Of entries with one key the last counts; one without a key has its default.
 */
static int find_entry(const struct step *step, struct path_found *found)
{
	const struct pool_field *fields = found->field->message->fields;
	const union value unset = { .text = { NULL, 0 } };
	size_t n = found->slot ? found->slot->n_values : 0;

	if (!step->name)
		return 0;
	while (n-- > 0) {
		const struct record *entry = found->slot->values[n].record;
		const union value *key = record_value(entry, 1);

		if (!is_key(&fields[0], key ? key : &unset, step))
			continue;
		*found = (struct path_found){ .field = &fields[1],
					      .value = record_value(entry, 2) };
		return 1;
	}
	return 0;
}

static int find_member(const struct step *step, struct path_found *found)
{
	if (step->name || !found->slot || step->index >= found->slot->n_values)
		return 0;
	found->is_whole = false;
	found->value = &found->slot->values[step->index];
	return 1;
}

static int find_field(const struct record *record, const struct step *step,
		      struct path_found *found)
{
	const struct pool_field *field =
		step->name ? pool_field_lookup(record->type, step->name,
					       step->n_name)
			   : NULL;

	if (!field)
		return 0;
	*found = (struct path_found){ .field = field,
				      .is_whole = field->is_repeated,
				      .slot = record_slot(record, field) };
	if (found->slot && !found->slot->n_values)
		found->slot = NULL;
	if (found->slot && !found->is_whole)
		found->value = found->slot->values;
	return 1;
}

static int go_down(const struct step *step, struct path_found *found)
{
	if (found->is_whole)
		return found->field->is_map ? find_entry(step, found)
					    : find_member(step, found);
	if (!found->value || !pool_type_is_message(found->field->type))
		return 0;
	return find_field(found->value->record, step, found);
}

/* Without presence a field that is not set has its default all the same. */
static int look_at_end(struct path_found *found)
{
	const struct pool_field *field = found->field;

	if (found->is_whole || found->value)
		return 1;
	if (field->has_presence || pool_type_is_message(field->type))
		return 0;
	if (field->type == POOL_ENUM)
		found->unset.number =
			(uint64_t)(int64_t)field->enumeration->first;
	found->value = &found->unset;
	return 1;
}

int path_find(const struct record *record, const char *path, size_t n,
	      struct path_found *ret_found)
{
	struct rest rest = begin(path, n);
	struct step step;
	int r;

	if (!path_is_valid(path, n))
		return -EINVAL;
	next_step(&rest, &step);
	r = find_field(record, &step, ret_found);
	while (r > 0 && next_step(&rest, &step) > 0)
		r = go_down(&step, ret_found);
	return r > 0 ? look_at_end(ret_found) : r;
}
