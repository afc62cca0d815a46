/* SPDX-License-Identifier: MIT */

#include "generate/source.h"

#include <stdbool.h>
#include <stdint.h>

#include "generate/name.h"
#include "generate/template.h"

static const char head[] =
	"/* Made by protoc-gen-helio of $f: changes would be lost. */\n"
	"\n"
	"#include \"$b.helio.h\"\n";

static const char schema_head[] = "\n"
				  "static const uint8_t $p__set[] = {";

static const char schema_middle[] = "\n"
				    "};\n"
				    "\n"
				    "const struct helio_schema $p__schema = {\n"
				    "\t.package = \"$k\",\n"
				    "\t.hash = {";

static const char schema_tail[] = "\n"
				  "\t},\n"
				  "\t.set = $p__set,\n"
				  "\t.n_set = sizeof($p__set),\n"
				  "};\n";

static const char methods_head[] =
	"\n"
	"static const struct helio_method_type $s__methods[] = {\n";

static const char method_text[] = "\t{\n"
				  "\t\t.name = \"$m\",\n"
				  "\t\t.is_client_streaming = $c,\n"
				  "\t\t.is_server_streaming = $v,\n"
				  "\t\t.is_idempotent = $d,\n"
				  "\t\t.input = &$i__descriptor,\n"
				  "\t\t.output = &$o__descriptor,\n"
				  "\t},\n";

static const char service_text[] =
	"\n"
	"const struct helio_service_type $s__type = {\n"
	"\t.name = \"$k.$n\",\n"
	"\t.schema = &$p__schema,\n"
	"\t.methods = $a,\n"
	"\t.n_methods = $u,\n"
	"\t.descriptor = &$s__descriptor,\n"
	"};\n";

static void write_bytes(FILE *out, const char *indent, const uint8_t *bytes,
			size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (i % 12 == 0)
			fprintf(out, "\n%s", indent);
		else
			fputc(' ', out);
		fprintf(out, "0x%02x,", bytes[i]);
	}
}

static void write_schema(FILE *out, const char *package,
			 const struct canonical *schema)
{
	const struct name lower = name_lower(package);
	const struct template_value values[] = {
		{ 'p', lower.text },
		{ 'k', package },
		{ 0 },
	};

	template_fill(out, schema_head, values);
	write_bytes(out, "\t", schema->set, schema->n_set);
	template_fill(out, schema_middle, values);
	write_bytes(out, "\t\t", schema->hash, sizeof(schema->hash));
	template_fill(out, schema_tail, values);
}

static const char *word(bool is_true)
{
	return is_true ? "true" : "false";
}

static bool is_idempotent(const Google__Protobuf__MethodDescriptorProto *method)
{
	return method->options && method->options->has_idempotency_level &&
	       method->options->idempotency_level !=
		       GOOGLE__PROTOBUF__METHOD_OPTIONS__IDEMPOTENCY_LEVEL__IDEMPOTENCY_UNKNOWN;
}

static void write_method(FILE *out,
			 const Google__Protobuf__MethodDescriptorProto *method)
{
	const struct name input = name_lower(method->input_type);
	const struct name output = name_lower(method->output_type);
	const struct template_value values[] = {
		{ 'm', method->name },
		{ 'c', word(method->client_streaming) },
		{ 'v', word(method->server_streaming) },
		{ 'd', word(is_idempotent(method)) },
		{ 'i', input.text },
		{ 'o', output.text },
		{ 0 },
	};

	template_fill(out, method_text, values);
}

static void write_service(
	FILE *out, const char *package,
	const Google__Protobuf__ServiceDescriptorProto *service)
{
	const struct name lower_package = name_lower(package);
	char full_name[NAME_MAX_BYTES], n_methods[24];
	char methods[sizeof(struct name) + 16] = "NULL";
	struct name lower;
	const struct template_value values[] = {
		{ 's', lower.text },
		{ 'p', lower_package.text },
		{ 'k', package },
		{ 'n', service->name },
		{ 'a', methods },
		{ 'u', n_methods },
		{ 0 },
	};

	snprintf(full_name, sizeof(full_name), "%s.%s", package, service->name);
	lower = name_lower(full_name);
	snprintf(n_methods, sizeof(n_methods), "%zu", service->n_method);
	if (service->n_method) {
		snprintf(methods, sizeof(methods), "%s__methods", lower.text);
		template_fill(out, methods_head, values);
		for (size_t i = 0; i < service->n_method; i++)
			write_method(out, service->method[i]);
		fputs("};\n", out);
	}
	template_fill(out, service_text, values);
}

void source_write(FILE *out, const Google__Protobuf__FileDescriptorProto *file,
		  const struct canonical *schema)
{
	const struct name base = name_file(file->name);
	const struct template_value values[] = {
		{ 'f', file->name },
		{ 'b', base.text },
		{ 0 },
	};

	template_fill(out, head, values);
	if (schema)
		write_schema(out, file->package, schema);
	for (size_t i = 0; i < file->n_service; i++)
		write_service(out, file->package, file->service[i]);
}
