/* SPDX-License-Identifier: MIT */

#include <inttypes.h>
#include <string.h>

#include "schema/source_write.h"

enum { FIELD_NUMBER_END = 1 << 29 };

static const char *const type_names[] = {
	[POOL_DOUBLE] = "double",     [POOL_FLOAT] = "float",
	[POOL_INT64] = "int64",       [POOL_UINT64] = "uint64",
	[POOL_INT32] = "int32",       [POOL_FIXED64] = "fixed64",
	[POOL_FIXED32] = "fixed32",   [POOL_BOOL] = "bool",
	[POOL_STRING] = "string",     [POOL_GROUP] = "group",
	[POOL_BYTES] = "bytes",       [POOL_UINT32] = "uint32",
	[POOL_SFIXED32] = "sfixed32", [POOL_SFIXED64] = "sfixed64",
	[POOL_SINT32] = "sint32",     [POOL_SINT64] = "sint64",
};

static void write_type(struct buffer *out, const struct pool_file *file,
		       const struct pool_field *field)
{
	if (field->is_map) {
		buffer_text(out, "map<");
		write_type(out, file, &field->message->fields[0]);
		buffer_text(out, ", ");
		write_type(out, file, &field->message->fields[1]);
		buffer_text(out, ">");
	} else if (field->type == POOL_GROUP) {
		buffer_text(out, "group");
	} else if (field->message) {
		source_type_name(out, file, &field->message->symbol);
	} else if (field->enumeration) {
		source_type_name(out, file, &field->enumeration->symbol);
	} else {
		buffer_text(out, type_names[field->type]);
	}
}

/* What needs no quotes: a number, or the name of a value. */
static bool is_word(const char *text)
{
	size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz"
				"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.+-");

	return n > 0 && text[n] == '\0';
}

/* Printable, and no quote that would end it. */
static bool is_escaped(const char *text)
{
	for (; *text; text++) {
		if (*text < ' ' || *text > '~' || *text == '"')
			return false;
		if (*text == '\\' && *++text == '\0')
			return false;
	}
	return true;
}

static void write_default(struct buffer *out, const struct pool_field *field)
{
	const char *text = field->proto->default_value;

	/* That of bytes is escaped already, as C would have it. */
	if (field->type == POOL_BYTES && is_escaped(text))
		buffer_format(out, "\"%s\"", text);
	else if (field->type == POOL_STRING || !is_word(text))
		source_quote(out, text);
	else
		buffer_text(out, text);
}

/* As protoc names it itself, json_name says nothing. */
static bool has_name_of_its_own(const struct pool_field *field)
{
	const char *name = field->name;
	const char *json_name = field->json_name;
	bool is_upper = false;

	for (; *name; name++) {
		char c = *name;

		if (c != '_') {
			if (is_upper && c >= 'a' && c <= 'z')
				c = (char)(c - 'a' + 'A');
			if (*json_name++ != c)
				return true;
		}
		is_upper = *name == '_';
	}
	return *json_name != '\0';
}

static void write_options(struct buffer *out, const struct pool_field *field)
{
	const Google__Protobuf__FieldOptions *options = field->proto->options;
	unsigned n = 0;

	if (field->proto->default_value) {
		source_option(out, &n, "default");
		write_default(out, field);
	}
	if (has_name_of_its_own(field)) {
		source_option(out, &n, "json_name");
		source_quote(out, field->json_name);
	}
	if (options && options->has_packed) {
		source_option(out, &n, "packed");
		buffer_text(out, options->packed ? "true" : "false");
	}
	if (options && options->deprecated) {
		source_option(out, &n, "deprecated");
		buffer_text(out, "true");
	}
	buffer_text(out, n ? "]" : "");
}

static const char *label_of(const struct pool_file *file,
			    const struct pool_field *field)
{
	if (field->is_map || field->oneof >= 0)
		return "";
	if (field->is_repeated)
		return "repeated ";
	if (field->is_required)
		return "required ";
	return !file->is_proto3 || field->proto->proto3_optional ? "optional "
								 : "";
}

/* As protoc has it; a stranger's group may be any message, even its own. */
static bool has_body(const struct pool_message *message,
		     const struct pool_field *field)
{
	return field->type == POOL_GROUP && field->message->parent == message;
}

static void write_body(struct buffer *out, unsigned depth,
		       const struct pool_message *message);

static void write_field(struct buffer *out, unsigned depth,
			const struct pool_message *message,
			const struct pool_field *field)
{
	const struct pool_file *file = message->symbol.file;
	bool is_group = has_body(message, field);

	source_indent(out, depth);
	buffer_text(out, label_of(file, field));
	write_type(out, file, field);
	buffer_format(out, " %s = %" PRIu32,
		      is_group ? field->message->proto->name : field->name,
		      field->number);
	write_options(out, field);
	if (is_group)
		write_body(out, depth, field->message);
	else
		buffer_text(out, ";\n");
}

static const struct pool_field *declared(const struct pool_message *message,
					 size_t i)
{
	return pool_field_by_number(message,
				    (uint32_t)message->proto->field[i]->number);
}

static void write_oneof(struct buffer *out, unsigned depth,
			const struct pool_message *message, int oneof)
{
	source_indent(out, depth);
	buffer_format(out, "oneof %s {\n",
		      message->proto->oneof_decl[oneof]->name);
	for (size_t i = 0; i < message->n_fields; i++) {
		const struct pool_field *field = declared(message, i);

		if (field->oneof == oneof)
			write_field(out, depth + 1, message, field);
	}
	source_indent(out, depth);
	buffer_text(out, "}\n");
}

static bool is_first_of_oneof(const struct pool_message *message, size_t index)
{
	int oneof = declared(message, index)->oneof;

	for (size_t i = 0; i < index; i++)
		if (declared(message, i)->oneof == oneof)
			return false;
	return true;
}

static void write_fields(struct buffer *out, unsigned depth,
			 const struct pool_message *message)
{
	for (size_t i = 0; i < message->n_fields; i++) {
		const struct pool_field *field = declared(message, i);

		if (field->oneof < 0)
			write_field(out, depth, message, field);
		else if (is_first_of_oneof(message, i))
			write_oneof(out, depth, message, field->oneof);
	}
}

/* A stranger's end may be the least of all numbers. */
static int32_t one_before(int32_t number)
{
	return number > INT32_MIN ? number - 1 : number;
}

static void write_ranges(struct buffer *out, unsigned depth,
			 const Google__Protobuf__DescriptorProto *proto)
{
	bool is_first = true;

	if (proto->n_reserved_range > 0) {
		source_indent(out, depth);
		buffer_text(out, "reserved");
		for (size_t i = 0; i < proto->n_reserved_range; i++)
			source_range(
				out,
				(struct source_range){
					proto->reserved_range[i]->start,
					one_before(
						proto->reserved_range[i]->end),
					FIELD_NUMBER_END - 1 },
				&is_first);
		buffer_text(out, ";\n");
	}
	source_reserved_names(out, depth, proto->reserved_name,
			      proto->n_reserved_name);
	for (size_t i = 0; i < proto->n_extension_range; i++) {
		is_first = true;
		source_indent(out, depth);
		buffer_text(out, "extensions");
		source_range(out,
			     (struct source_range){
				     proto->extension_range[i]->start,
				     one_before(proto->extension_range[i]->end),
				     FIELD_NUMBER_END - 1 },
			     &is_first);
		buffer_text(out, ";\n");
	}
}

/* Entries of maps and groups stand where their fields are. */
static bool stands_alone(const struct pool_message *message,
			 const struct pool_message *nested)
{
	const Google__Protobuf__MessageOptions *options =
		nested->proto->options;

	if (options && options->map_entry)
		return false;
	for (size_t i = 0; i < message->n_fields; i++)
		if (has_body(message, &message->fields[i]) &&
		    message->fields[i].message == nested)
			return false;
	return true;
}

/* What stands in it follows it in the pool, in one run. */
static void write_nested(struct buffer *out, unsigned depth,
			 const struct pool_message *message)
{
	for (size_t i = 0; i < message->proto->n_enum_type; i++)
		source_enum_at(out, depth, &message->enums[i]);
	for (size_t i = 0; i < message->proto->n_nested_type; i++)
		if (stands_alone(message, &message->nested[i]))
			source_message_at(out, depth, &message->nested[i]);
}

static void write_body(struct buffer *out, unsigned depth,
		       const struct pool_message *message)
{
	const Google__Protobuf__MessageOptions *options =
		message->proto->options;

	/* A body that many groups share is written no oftener than it fits. */
	if (buffer_error(out) < 0)
		return;
	buffer_text(out, " {\n");
	if (options && options->deprecated) {
		source_indent(out, depth + 1);
		buffer_text(out, "option deprecated = true;\n");
	}
	write_ranges(out, depth + 1, message->proto);
	write_nested(out, depth + 1, message);
	write_fields(out, depth + 1, message);
	source_indent(out, depth);
	buffer_text(out, "}\n");
}

/* The set's reader has bounded how deep messages stand in each other. */
void source_message_at(struct buffer *out, unsigned depth,
		       const struct pool_message *message)
{
	source_indent(out, depth);
	buffer_format(out, "message %s", message->proto->name);
	write_body(out, depth, message);
}
