/* SPDX-License-Identifier: MIT */

#include "generate/header.h"

#include "generate/name.h"
#include "generate/template.h"

/*
 * Callbacks with message types of their own are called as if they had the
 * untyped one: pointers to structs are all passed alike, which protobuf-c's
 * closures rely on too.
 */

static const char head[] =
	"/* Made by protoc-gen-helio of $f: changes would be lost. */\n"
	"#ifndef HELIO_$g\n"
	"#define HELIO_$g\n"
	"\n"
	"#include <errno.h>\n"
	"#include <heliograph-rpc.h>\n"
	"#include <string.h>\n"
	"\n"
	"#include \"$b.pb-c.h\"\n"
	"\n"
	"PROTOBUF_C__BEGIN_DECLS\n"
	"\n"
	"#ifndef $P__SCHEMA\n"
	"#define $P__SCHEMA\n"
	"extern const struct helio_schema $p__schema;\n"
	"#endif\n";

static const char service_head[] =
	"\n"
	"/* $k.$n */\n"
	"\n"
	"extern const struct helio_service_type $s__type;\n";

static const char wait_text[] =
	"\n"
	"/** See helio_client_wait(); -EINVAL: a client of another service. */\n"
	"static inline int\n"
	"$s__$m__wait(\n"
	"\tstruct helio_client *client,\n"
	"\tconst $i *request,\n"
	"\tconst $o **ret_reply)\n"
	"{\n"
	"\tconst ProtobufCMessage *reply = NULL;\n"
	"\tint r;\n"
	"\n"
	"\tif (helio_client_service(client)->descriptor !=\n"
	"\t    &$s__descriptor)\n"
	"\t\treturn -EINVAL;\n"
	"\tr = helio_client_wait(client, $x,\n"
	"\t\t(const ProtobufCMessage *)request, &reply);\n"
	"\tif (!r)\n"
	"\t\t*ret_reply = (const $o *)reply;\n"
	"\treturn r;\n"
	"}\n";

static const char events_head[] = "\n"
				  "/** See struct helio_stream_events. */\n"
				  "struct $s__$m__events {\n";

static const char events_message[] =
	"\tvoid (*on_message)(struct helio_stream *stream,\n"
	"\t\tconst $o *reply, void *userdata);\n";

static const char events_writable[] =
	"\tvoid (*on_writable)(struct helio_stream *stream, void *userdata);\n";

/* The one response of a method whose replies are no stream. */
static const char events_tail[] =
	"\tvoid (*on_end)(struct helio_stream *stream,\n"
	"\t\tconst struct helio_reply *reply,\n"
	"\t\tconst $o *$e, void *userdata);\n"
	"};\n";

static const char stream_head[] =
	"\n"
	"/** See helio_client_stream(); -EINVAL: a client of another service. */\n"
	"static inline int\n"
	"$s__$m__stream(\n"
	"\tstruct helio_client *client,$a\n"
	"\tconst struct $s__$m__events *events,\n"
	"\tvoid *userdata, struct helio_stream **ret_stream)\n"
	"{\n"
	"\tstruct helio_stream_events untyped;\n"
	"\n"
	"\tif (helio_client_service(client)->descriptor !=\n"
	"\t    &$s__descriptor)\n"
	"\t\treturn -EINVAL;\n"
	"\tmemset(&untyped, 0, sizeof(untyped));\n";

static const char stream_message[] =
	"\tuntyped.on_message = (void (*)(struct helio_stream *,\n"
	"\t\tconst ProtobufCMessage *, void *))events->on_message;\n";

static const char stream_writable[] =
	"\tuntyped.on_writable = events->on_writable;\n";

static const char stream_tail[] =
	"\tuntyped.on_end = (void (*)(struct helio_stream *,\n"
	"\t\tconst struct helio_reply *, const ProtobufCMessage *,\n"
	"\t\tvoid *))events->on_end;\n"
	"\treturn helio_client_stream(client, $x,\n"
	"\t\t$r, &untyped,\n"
	"\t\tuserdata, ret_stream);\n"
	"}\n";

static const char send_text[] = "\n"
				"/** See helio_stream_send(). */\n"
				"static inline int\n"
				"$s__$m__send(\n"
				"\tstruct helio_stream *stream,\n"
				"\tconst $i *request)\n"
				"{\n"
				"\treturn helio_stream_send(stream,\n"
				"\t\t(const ProtobufCMessage *)request);\n"
				"}\n";

static const char server_head[] =
	"\n"
	"/** See helio_method_fn; a method that is NULL is UNIMPLEMENTED. */\n"
	"struct $s__server {\n";

static const char server_method[] =
	"\tvoid (*$m)(struct helio_serving *serving,\n"
	"\t\tconst $i *$q, void *userdata);\n";

static const char server_tail[] =
	"};\n"
	"\n"
	"/** See helio_server_new(); the methods must outlive the server. */\n"
	"static inline int\n"
	"$s__server__new(\n"
	"\tstruct helio *bus,\n"
	"\tconst struct $s__server *methods,\n"
	"\tconst struct helio_server_options *options,\n"
	"\tstruct helio_server **ret_server)\n"
	"{\n"
	"\treturn helio_server_new(bus, &$s__type,\n"
	"\t\t(const helio_method_fn *)(const void *)methods, options,\n"
	"\t\tret_server);\n"
	"}\n";

static const char reply_text[] = "\n"
				 "/** See helio_serving_reply(). */\n"
				 "static inline int\n"
				 "$s__$m__reply(\n"
				 "\tstruct helio_serving *serving,\n"
				 "\tconst $o *reply)\n"
				 "{\n"
				 "\treturn helio_serving_reply(serving,\n"
				 "\t\t(const ProtobufCMessage *)reply);\n"
				 "}\n";

/* Where replies are a stream the last thing said of it is no message. */
static const char send_reply_text[] =
	"\n"
	"/** See helio_serving_send(). */\n"
	"static inline int\n"
	"$s__$m__send_reply(\n"
	"\tstruct helio_serving *serving,\n"
	"\tconst $o *reply)\n"
	"{\n"
	"\treturn helio_serving_send(serving,\n"
	"\t\t(const ProtobufCMessage *)reply);\n"
	"}\n"
	"\n"
	"/** No more replies come; see helio_serving_reply(). */\n"
	"static inline int\n"
	"$s__$m__finish(\n"
	"\tstruct helio_serving *serving)\n"
	"{\n"
	"\treturn helio_serving_reply(serving, NULL);\n"
	"}\n";

static const char listen_text[] =
	"\n"
	"/** See struct helio_serving_events. */\n"
	"struct $s__$m__requests {\n"
	"\tvoid (*on_message)(struct helio_serving *serving,\n"
	"\t\tconst $i *request, void *userdata);\n"
	"\tvoid (*on_finish)(struct helio_serving *serving, void *userdata);\n"
	"\tvoid (*on_writable)(struct helio_serving *serving, void *userdata);\n"
	"\tvoid (*on_cancelled)(struct helio_serving *serving, void *userdata);\n"
	"};\n"
	"\n"
	"/** See helio_serving_listen(). */\n"
	"static inline void\n"
	"$s__$m__listen(\n"
	"\tstruct helio_serving *serving,\n"
	"\tconst struct $s__$m__requests *requests,\n"
	"\tvoid *userdata)\n"
	"{\n"
	"\tstruct helio_serving_events events;\n"
	"\n"
	"\tmemset(&events, 0, sizeof(events));\n"
	"\tevents.on_message = (void (*)(struct helio_serving *,\n"
	"\t\tconst ProtobufCMessage *, void *))requests->on_message;\n"
	"\tevents.on_finish = requests->on_finish;\n"
	"\tevents.on_writable = requests->on_writable;\n"
	"\tevents.on_cancelled = requests->on_cancelled;\n"
	"\thelio_serving_listen(serving, &events, userdata);\n"
	"}\n";

static const char tail[] = "\n"
			   "PROTOBUF_C__END_DECLS\n"
			   "\n"
			   "#endif\n";

typedef Google__Protobuf__MethodDescriptorProto Method;

/* What a client does with a method. */
static void write_client(FILE *out, const Method *method,
			 const struct template_value *values)
{
	if (!method->client_streaming && !method->server_streaming) {
		template_fill(out, wait_text, values);
		return;
	}
	template_fill(out, events_head, values);
	if (method->server_streaming)
		template_fill(out, events_message, values);
	if (method->client_streaming)
		template_fill(out, events_writable, values);
	template_fill(out, events_tail, values);

	template_fill(out, stream_head, values);
	if (method->server_streaming)
		template_fill(out, stream_message, values);
	if (method->client_streaming)
		template_fill(out, stream_writable, values);
	template_fill(out, stream_tail, values);
	if (method->client_streaming)
		template_fill(out, send_text, values);
}

/* What a server does with one. */
static void write_server(FILE *out, const Method *method,
			 const struct template_value *values)
{
	if (method->client_streaming)
		template_fill(out, listen_text, values);
	template_fill(out,
		      method->server_streaming ? send_reply_text : reply_text,
		      values);
}

/* What is written of each method, with the same holes to fill. */
typedef void (*write_fn)(FILE *out, const Method *method,
			 const struct template_value *values);

static void write_field(FILE *out, const Method *method,
			const struct template_value *values)
{
	template_fill(out, server_method, values);
}

static void write_methods(
	FILE *out, const char *service_name,
	const Google__Protobuf__ServiceDescriptorProto *service, write_fn write)
{
	for (size_t i = 0; i < service->n_method; i++) {
		const Method *method = service->method[i];
		const struct name lower = name_lower(method->name);
		const struct name input = name_type(method->input_type);
		const struct name output = name_type(method->output_type);
		char index[24], request[sizeof(struct name) + 32];
		const struct template_value values[] = {
			{ 's', service_name },
			{ 'm', lower.text },
			{ 'i', input.text },
			{ 'o', output.text },
			{ 'x', index },
			{ 'a', method->client_streaming ? "" : request },
			{ 'r', method->client_streaming
				       ? "NULL"
				       : "(const ProtobufCMessage *)request" },
			{ 'e', method->server_streaming ? "null" : "response" },
			{ 'q', method->client_streaming ? "null" : "request" },
			{ 0 },
		};

		snprintf(index, sizeof(index), "%zu", i);
		snprintf(request, sizeof(request), "\n\tconst %s *request,",
			 input.text);
		write(out, method, values);
	}
}

static void write_service(
	FILE *out, const char *package,
	const Google__Protobuf__ServiceDescriptorProto *service)
{
	char full_name[NAME_MAX_BYTES];
	struct name lower;
	const struct template_value values[] = {
		{ 's', lower.text },
		{ 'k', package },
		{ 'n', service->name },
		{ 0 },
	};

	snprintf(full_name, sizeof(full_name), "%s.%s", package, service->name);
	lower = name_lower(full_name);
	template_fill(out, service_head, values);
	if (!service->n_method)
		return;
	write_methods(out, lower.text, service, write_client);
	template_fill(out, server_head, values);
	write_methods(out, lower.text, service, write_field);
	template_fill(out, server_tail, values);
	write_methods(out, lower.text, service, write_server);
}

void header_write(FILE *out, const Google__Protobuf__FileDescriptorProto *file)
{
	const struct name base = name_file(file->name);
	const struct name guard = name_guard(file->name);
	const struct name lower = name_lower(file->package);
	const struct name upper = name_upper(file->package);
	const struct template_value values[] = {
		{ 'f', file->name }, { 'g', guard.text }, { 'b', base.text },
		{ 'p', lower.text }, { 'P', upper.text }, { 0 },
	};

	template_fill(out, head, values);
	for (size_t i = 0; i < file->n_service; i++)
		write_service(out, file->package, file->service[i]);
	template_fill(out, tail, values);
}
