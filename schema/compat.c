/* SPDX-License-Identifier: MIT */

#include "schema/compat.h"

#include <string.h>

#include "schema/field.h"

typedef Google__Protobuf__DescriptorProto MessageProto;
typedef Google__Protobuf__EnumDescriptorProto EnumProto;
typedef Google__Protobuf__EnumValueDescriptorProto ValueProto;
typedef Google__Protobuf__FieldDescriptorProto FieldProto;
typedef Google__Protobuf__FileDescriptorProto FileProto;
typedef Google__Protobuf__MethodDescriptorProto MethodProto;
typedef Google__Protobuf__ServiceDescriptorProto ServiceProto;

struct comparison {
	const struct inventory *from;
	const struct inventory *to;
	const char *package;
	struct findings *findings;
	struct field_memo *memo;
};

static struct finding_place place_of(const struct item *item,
				     const char *member)
{
	return (struct finding_place){ .file = item->file->name,
				       .item = item->name,
				       .member = member };
}

static void check_files(const struct comparison *comparison)
{
	for (size_t i = 0; i < comparison->from->n_files; i++) {
		const FileProto *from = comparison->from->files[i];
		const FileProto *to =
			inventory_file(comparison->to, from->name);
		const char *was = from->package ? from->package : "";
		const char *is = to && to->package ? to->package : "";

		if (to && strcmp(was, is) != 0)
			findings_add(comparison->findings, "FILE_SAME_PACKAGE",
				     (struct finding_place){ .file = to->name },
				     "changed package from '%s' to '%s'", was,
				     is);
	}
}

/* Required is apart: who does not send it is not understood. */
static void check_cardinality(const struct field_pair *pair,
			      struct findings *findings)
{
	if (pair->from_field->label != pair->to_field->label)
		findings_add(findings, "FIELD_WIRE_COMPATIBLE_CARDINALITY",
			     pair->place, "changed from %s to %s",
			     field_label(pair->from_field),
			     field_label(pair->to_field));
}

static void check_oneof(const struct field_pair *pair,
			struct findings *findings)
{
	const char *from = field_oneof(pair->from_message, pair->from_field);
	const char *to = field_oneof(pair->to_message, pair->to_field);

	if (from && to && strcmp(from, to) != 0)
		findings_add(findings, "FIELD_SAME_ONEOF", pair->place,
			     "moved from oneof %s to oneof %s", from, to);
	else if (!from != !to)
		findings_add(findings, "FIELD_SAME_ONEOF", pair->place,
			     "moved %s oneof %s", from ? "out of" : "into",
			     from ? from : to);
}

static void check_field(const struct comparison *comparison,
			const struct item *from, const struct item *to,
			const FieldProto *field)
{
	struct field_pair pair = {
		.from = comparison->from,
		.to = comparison->to,
		.from_message = from,
		.to_message = to,
		.from_field = field,
		.to_field = item_field(to, field->number),
		.memo = comparison->memo,
	};

	if (!pair.to_field) {
		if (!item_has_range(to, field->number, field->number))
			findings_add(comparison->findings,
				     "FIELD_NO_DELETE_UNLESS_NUMBER_RESERVED",
				     place_of(to, field->name),
				     "was deleted without reserving %d",
				     field->number);
		return;
	}
	pair.place = place_of(to, pair.to_field->name);
	check_cardinality(&pair, comparison->findings);
	check_oneof(&pair, comparison->findings);
	field_check_type(&pair, comparison->findings);
	field_check_default(&pair, comparison->findings);
}

/* Who must have it would not understand the other, whoever is the newer. */
static void check_required(const struct comparison *comparison,
			   const struct item *from, const struct item *to)
{
	for (size_t i = 0; i < from->n_members; i++) {
		const FieldProto *field = from->members[i];
		const FieldProto *now = item_field(to, field->number);

		if (field_is_required(field) &&
		    (!now || !field_is_required(now)))
			findings_add(comparison->findings,
				     "MESSAGE_SAME_REQUIRED_FIELDS",
				     place_of(to, field->name),
				     "is required no more");
	}
	for (size_t i = 0; i < to->n_members; i++) {
		const FieldProto *field = to->members[i];
		const FieldProto *before = item_field(from, field->number);

		if (field_is_required(field) &&
		    (!before || !field_is_required(before)))
			findings_add(comparison->findings,
				     "MESSAGE_SAME_REQUIRED_FIELDS",
				     place_of(to, field->name),
				     "is required now");
	}
}

static void check_reserved(const struct comparison *comparison,
			   const char *rule, const struct item *from,
			   const struct item *to)
{
	for (size_t i = 0; i < from->n_ranges; i++) {
		const struct item_range *range = &from->ranges[i];

		if (!item_has_range(to, range->first, range->last))
			findings_add(comparison->findings, rule,
				     place_of(to, NULL),
				     "no longer reserves all of %lld to %lld",
				     (long long)range->first,
				     (long long)range->last);
	}
	for (size_t i = 0; i < from->n_reserved; i++)
		if (!item_has_reserved(to, from->reserved[i]))
			findings_add(comparison->findings, rule,
				     place_of(to, NULL),
				     "no longer reserves the name %.200s",
				     from->reserved[i]);
}

static void check_message(const struct comparison *comparison,
			  const struct item *from, const struct item *to)
{
	for (size_t i = 0; i < from->n_members; i++)
		check_field(comparison, from, to, from->members[i]);
	check_required(comparison, from, to);
	check_reserved(comparison, "RESERVED_MESSAGE_NO_DELETE", from, to);
}

static void check_enum(const struct comparison *comparison,
		       const struct item *from, const struct item *to)
{
	for (size_t i = 0; i < from->n_members; i++) {
		const ValueProto *value = from->members[i];
		const ValueProto *before = i ? from->members[i - 1] : NULL;

		/* Of several names of one number the first stands for all. */
		if (before && before->number == value->number)
			continue;
		if (!item_value(to, value->number, NULL) &&
		    !item_has_range(to, value->number, value->number))
			findings_add(
				comparison->findings,
				"ENUM_VALUE_NO_DELETE_UNLESS_NUMBER_RESERVED",
				place_of(to, value->name),
				"was deleted without reserving %d",
				value->number);
	}
	check_reserved(comparison, "RESERVED_ENUM_NO_DELETE", from, to);
}

static void check_method(const struct comparison *comparison,
			 const struct item *service, const MethodProto *from,
			 const MethodProto *to)
{
	struct finding_place place = place_of(service, from->name);
	int was = from->options ? (int)from->options->idempotency_level : 0;
	int is = to->options ? (int)to->options->idempotency_level : 0;

	if (strcmp(from->input_type, to->input_type) != 0)
		findings_add(comparison->findings, "RPC_SAME_REQUEST_TYPE",
			     place, "changed what it takes from %s to %s",
			     from->input_type + 1, to->input_type + 1);
	if (strcmp(from->output_type, to->output_type) != 0)
		findings_add(comparison->findings, "RPC_SAME_RESPONSE_TYPE",
			     place, "changed what it returns from %s to %s",
			     from->output_type + 1, to->output_type + 1);
	if (!from->client_streaming != !to->client_streaming)
		findings_add(comparison->findings, "RPC_SAME_CLIENT_STREAMING",
			     place, "takes %s now",
			     to->client_streaming ? "a stream" : "one message");
	if (!from->server_streaming != !to->server_streaming)
		findings_add(comparison->findings, "RPC_SAME_SERVER_STREAMING",
			     place, "returns %s now",
			     to->server_streaming ? "a stream" : "one message");
	if (was != is)
		findings_add(comparison->findings, "RPC_SAME_IDEMPOTENCY_LEVEL",
			     place, "changed its level of idempotency");
}

static void check_service(const struct comparison *comparison,
			  const struct item *from, const struct item *to)
{
	for (size_t i = 0; i < from->n_members; i++) {
		const MethodProto *method = from->members[i];
		const MethodProto *now = item_method(to, method->name);

		if (now)
			check_method(comparison, to, method, now);
		else
			findings_add(comparison->findings, "RPC_NO_DELETE",
				     place_of(to, method->name), "was deleted");
	}
}

static void check_item(const struct comparison *comparison,
		       const struct item *from)
{
	const char *package = from->file->package;
	const struct item *to =
		inventory_lookup(comparison->to, from->kind, from->name);

	if (to && from->kind == ITEM_MESSAGE)
		check_message(comparison, from, to);
	else if (to && from->kind == ITEM_ENUM)
		check_enum(comparison, from, to);
	else if (to)
		check_service(comparison, from, to);
	else if (from->kind == ITEM_SERVICE &&
		 !strcmp(package ? package : "", comparison->package))
		findings_add(comparison->findings, "PACKAGE_SERVICE_NO_DELETE",
			     place_of(from, NULL), "was deleted");
}

static void check_extensions(const struct comparison *comparison)
{
	for (size_t i = 0; i < comparison->from->n_extensions; i++) {
		const FieldProto *field = comparison->from->extensions[i].field;
		const struct item_extension *now = inventory_extension(
			comparison->to, field->extendee, field->number);
		struct field_pair pair = { .from = comparison->from,
					   .to = comparison->to,
					   .from_field = field,
					   .memo = comparison->memo };

		if (!now)
			continue;
		pair.to_field = now->field;
		pair.place.file = now->file->name;
		pair.place.item = field->extendee + 1;
		pair.place.member = field->name;
		check_cardinality(&pair, comparison->findings);
		field_check_type(&pair, comparison->findings);
		field_check_default(&pair, comparison->findings);
	}
}

void compat_check(const struct inventory *from, const struct inventory *to,
		  const char *package, struct findings *findings)
{
	struct field_memo memo = { .from = NULL };
	const struct comparison comparison = { .from = from,
					       .to = to,
					       .package = package,
					       .findings = findings,
					       .memo = &memo };

	check_files(&comparison);
	for (size_t i = 0; i < from->n_items; i++)
		check_item(&comparison, &from->items[i]);
	check_extensions(&comparison);
}
