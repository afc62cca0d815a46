/* SPDX-License-Identifier: MIT */

#include "schema/source.h"

#include <inttypes.h>
#include <string.h>

#include "base/utf8.h"
#include "schema/source_write.h"

enum { N_SPACES = 2 };

typedef Google__Protobuf__MethodOptions MethodOptions;

#define IDEMPOTENCY(name) \
	GOOGLE__PROTOBUF__METHOD_OPTIONS__IDEMPOTENCY_LEVEL__##name

void source_indent(struct buffer *out, unsigned depth)
{
	for (unsigned i = 0; i < depth * N_SPACES; i++)
		buffer_text(out, " ");
}

void source_quote(struct buffer *out, const char *text)
{
	const uint8_t *at = (const uint8_t *)text;
	size_t n = strlen(text);
	uint32_t character;

	buffer_text(out, "\"");
	while (n > 0) {
		size_t length = utf8_decode(at, n, &character);

		if (length == 0 || !utf8_is_harmless(character)) {
			length += length == 0;
			for (size_t i = 0; i < length; i++)
				buffer_format(out, "\\%03o", at[i]);
		} else if (character == '"' || character == '\\') {
			buffer_format(out, "\\%c", (char)character);
		} else {
			buffer_add(out, at, length);
		}
		at += length;
		n -= length;
	}
	buffer_text(out, "\"");
}

/* Within a package its own names need not say so. */
void source_type_name(struct buffer *out, const struct pool_file *file,
		      const struct pool_symbol *symbol)
{
	size_t n = strlen(file->package);
	const char *name = symbol->name;

	if (n > 0 && strncmp(name, file->package, n) == 0 && name[n] == '.' &&
	    strcmp(symbol->file->package, file->package) == 0)
		name += n + 1;
	buffer_text(out, name);
}

void source_option(struct buffer *out, unsigned *n_options, const char *name)
{
	buffer_format(out, "%s%s = ", (*n_options)++ ? ", " : " [", name);
}

void source_range(struct buffer *out, struct source_range range, bool *is_first)
{
	buffer_text(out, *is_first ? " " : ", ");
	*is_first = false;
	buffer_format(out, "%" PRId32, range.first);
	if (range.last == range.max && range.first != range.last)
		buffer_text(out, " to max");
	else if (range.last != range.first)
		buffer_format(out, " to %" PRId32, range.last);
}

void source_reserved_names(struct buffer *out, unsigned depth,
			   char *const *names, size_t n)
{
	if (n == 0)
		return;
	source_indent(out, depth);
	buffer_text(out, "reserved ");
	for (size_t i = 0; i < n; i++) {
		buffer_text(out, i ? ", " : "");
		source_quote(out, names[i]);
	}
	buffer_text(out, ";\n");
}

static void write_reserved_values(
	struct buffer *out, unsigned depth,
	const Google__Protobuf__EnumDescriptorProto *proto)
{
	bool is_first = true;

	if (proto->n_reserved_range > 0) {
		source_indent(out, depth);
		buffer_text(out, "reserved");
		for (size_t i = 0; i < proto->n_reserved_range; i++)
			source_range(out,
				     (struct source_range){
					     proto->reserved_range[i]->start,
					     proto->reserved_range[i]->end,
					     INT32_MAX },
				     &is_first);
		buffer_text(out, ";\n");
	}
	source_reserved_names(out, depth, proto->reserved_name,
			      proto->n_reserved_name);
}

static void write_value(struct buffer *out, unsigned depth,
			const Google__Protobuf__EnumValueDescriptorProto *value)
{
	unsigned n_options = 0;

	source_indent(out, depth);
	buffer_format(out, "%s = %" PRId32, value->name, value->number);
	if (value->options && value->options->deprecated) {
		source_option(out, &n_options, "deprecated");
		buffer_text(out, "true]");
	}
	buffer_text(out, ";\n");
}

void source_enum_at(struct buffer *out, unsigned depth,
		    const struct pool_enum *enumeration)
{
	const Google__Protobuf__EnumDescriptorProto *proto = enumeration->proto;

	source_indent(out, depth);
	buffer_format(out, "enum %s {\n", proto->name);
	if (proto->options && proto->options->allow_alias) {
		source_indent(out, depth + 1);
		buffer_text(out, "option allow_alias = true;\n");
	}
	if (proto->options && proto->options->deprecated) {
		source_indent(out, depth + 1);
		buffer_text(out, "option deprecated = true;\n");
	}
	write_reserved_values(out, depth + 1, proto);
	for (size_t i = 0; i < proto->n_value; i++)
		write_value(out, depth + 1, proto->value[i]);
	source_indent(out, depth);
	buffer_text(out, "}\n");
}

static void write_method_options(struct buffer *out, unsigned depth,
				 const MethodOptions *options)
{
	buffer_text(out, " {\n");
	if (options->deprecated) {
		source_indent(out, depth + 1);
		buffer_text(out, "option deprecated = true;\n");
	}
	if (options->idempotency_level != IDEMPOTENCY(IDEMPOTENCY_UNKNOWN)) {
		source_indent(out, depth + 1);
		buffer_format(out, "option idempotency_level = %s;\n",
			      options->idempotency_level ==
					      IDEMPOTENCY(IDEMPOTENT)
				      ? "IDEMPOTENT"
				      : "NO_SIDE_EFFECTS");
	}
	source_indent(out, depth);
	buffer_text(out, "}\n");
}

static void write_method(struct buffer *out, unsigned depth,
			 const struct pool_method *method)
{
	const struct pool_file *file = method->service->symbol.file;
	const MethodOptions *options = method->proto->options;

	source_indent(out, depth);
	buffer_format(out, "rpc %s(%s", method->name,
		      method->is_client_streaming ? "stream " : "");
	source_type_name(out, file, &method->input->symbol);
	buffer_format(out, ") returns (%s",
		      method->is_server_streaming ? "stream " : "");
	source_type_name(out, file, &method->output->symbol);
	buffer_text(out, ")");
	if (options &&
	    (options->deprecated ||
	     options->idempotency_level != IDEMPOTENCY(IDEMPOTENCY_UNKNOWN)))
		write_method_options(out, depth, options);
	else
		buffer_text(out, ";\n");
}

void source_method(struct buffer *out, const struct pool_method *method)
{
	write_method(out, 0, method);
}

void source_service(struct buffer *out, const struct pool_service *service)
{
	const Google__Protobuf__ServiceOptions *options =
		service->proto->options;

	buffer_format(out, "service %s {\n", service->proto->name);
	if (options && options->deprecated)
		buffer_text(out, "  option deprecated = true;\n");
	for (size_t i = 0; i < service->n_methods; i++)
		write_method(out, 1, &service->methods[i]);
	buffer_text(out, "}\n");
}

void source_enum(struct buffer *out, const struct pool_enum *enumeration)
{
	source_enum_at(out, 0, enumeration);
}

void source_message(struct buffer *out, const struct pool_message *message)
{
	source_message_at(out, 0, message);
}

void source_symbol(struct buffer *out, const struct pool_symbol *symbol)
{
	switch (symbol->kind) {
	case POOL_A_MESSAGE:
		source_message(out, (const void *)symbol);
		break;
	case POOL_AN_ENUM:
		source_enum(out, (const void *)symbol);
		break;
	case POOL_A_SERVICE:
		source_service(out, (const void *)symbol);
		break;
	}
}

static bool is_among(const int32_t *numbers, size_t n, size_t number)
{
	for (size_t i = 0; i < n; i++)
		if (numbers[i] >= 0 && (size_t)numbers[i] == number)
			return true;
	return false;
}

static void write_imports(struct buffer *out,
			  const Google__Protobuf__FileDescriptorProto *proto)
{
	for (size_t i = 0; i < proto->n_dependency; i++) {
		buffer_text(out, "import ");
		if (is_among(proto->public_dependency,
			     proto->n_public_dependency, i))
			buffer_text(out, "public ");
		if (is_among(proto->weak_dependency, proto->n_weak_dependency,
			     i))
			buffer_text(out, "weak ");
		source_quote(out, proto->dependency[i]);
		buffer_text(out, ";\n");
	}
	buffer_text(out, proto->n_dependency ? "\n" : "");
}

static void write_top_level(struct buffer *out,
			    const struct pool_symbol *symbol,
			    const struct pool_file *file, bool *is_first)
{
	if (symbol->file != file)
		return;
	buffer_text(out, *is_first ? "" : "\n");
	*is_first = false;
	source_symbol(out, symbol);
}

void source_file(struct buffer *out, const struct pool *pool,
		 const struct pool_file *file)
{
	bool is_first = true;

	buffer_format(out, "syntax = \"%s\";\n\n",
		      file->is_proto3 ? "proto3" : "proto2");
	if (*file->package)
		buffer_format(out, "package %s;\n\n", file->package);
	write_imports(out, file->proto);
	for (size_t i = 0; i < pool->n_services; i++)
		write_top_level(out, &pool->services[i].symbol, file,
				&is_first);
	for (size_t i = 0; i < pool->n_enums; i++)
		if (!pool->enums[i].parent)
			write_top_level(out, &pool->enums[i].symbol, file,
					&is_first);
	for (size_t i = 0; i < pool->n_messages; i++)
		if (!pool->messages[i].parent)
			write_top_level(out, &pool->messages[i].symbol, file,
					&is_first);
}
