/* SPDX-License-Identifier: MIT */

#include "generate/plugin.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "generate/check.h"
#include "generate/header.h"
#include "generate/name.h"
#include "generate/source.h"
#include "google/protobuf/compiler/plugin.pb-c.h"
#include "schema/canonical.h"

typedef Google__Protobuf__Compiler__CodeGeneratorRequest Request;
typedef Google__Protobuf__Compiler__CodeGeneratorResponse Response;
typedef Google__Protobuf__Compiler__CodeGeneratorResponse__File Output;
typedef Google__Protobuf__FileDescriptorProto File;

struct run {
	const Request *request;
	uint8_t *set; /* all files of the request, packed */
	size_t n_set;
	struct check_fault fault;
	Response response; /* owns its files, but nothing else */
};

static const File *lookup(const struct run *run, const char *name)
{
	for (size_t i = 0; i < run->request->n_proto_file; i++)
		if (!strcmp(run->request->proto_file[i]->name, name))
			return run->request->proto_file[i];
	return NULL;
}

/* Of the files of a package the first that is generated has its schema. */
static bool is_first(const struct run *run, size_t index, const char *package)
{
	for (size_t i = 0; i < index; i++) {
		const File *file =
			lookup(run, run->request->file_to_generate[i]);

		if (file && !strcmp(file->package, package))
			return false;
	}
	return true;
}

/* A file of the response, whose content is what is written before finish(). */
static int begin(struct run *run, const File *file, const char *ending,
		 Output **ret_output)
{
	const struct name base = name_file(file->name);
	Output *output = calloc(1, sizeof(*output));

	if (!output)
		return -ENOMEM;
	google__protobuf__compiler__code_generator_response__file__init(output);
	run->response.file[run->response.n_file++] = output;
	if (asprintf(&output->name, "%s.helio.%s", base.text, ending) < 0) {
		output->name = NULL;
		return -ENOMEM;
	}
	*ret_output = output;
	return 0;
}

static int write_header(struct run *run, const File *file)
{
	Output *output;
	size_t n;
	FILE *out;
	int r;

	r = begin(run, file, "h", &output);
	if (r < 0)
		return r;
	out = open_memstream(&output->content, &n);
	if (!out)
		return -ENOMEM;
	header_write(out, file);
	return fclose(out) ? -ENOMEM : 0;
}

static int write_source(struct run *run, const File *file,
			const struct canonical *schema)
{
	Output *output;
	size_t n;
	FILE *out;
	int r;

	r = begin(run, file, "c", &output);
	if (r < 0)
		return r;
	out = open_memstream(&output->content, &n);
	if (!out)
		return -ENOMEM;
	source_write(out, file, schema);
	return fclose(out) ? -ENOMEM : 0;
}

static int generate_with_schema(struct run *run, const File *file)
{
	struct canonical_reason reason;
	struct canonical schema = { 0 };
	int r;

	r = canonical_init(&schema, run->set, run->n_set, file->package,
			   &reason);
	if (r == -EBADMSG) {
		snprintf(run->fault.text, sizeof(run->fault.text),
			 "%s: the schema of %s: %s", file->name, file->package,
			 reason.text);
		return -EINVAL;
	}
	if (r >= 0)
		r = write_source(run, file, &schema);
	canonical_deinit(&schema);
	return r;
}

static int generate(struct run *run, size_t index)
{
	const char *name = run->request->file_to_generate[index];
	const File *file = lookup(run, name);
	int r;

	if (!file)
		return -EBADMSG;
	r = check_file(file, &run->fault);
	if (r >= 0)
		r = write_header(run, file);
	if (r < 0)
		return r;
	return is_first(run, index, file->package)
		       ? generate_with_schema(run, file)
		       : write_source(run, file, NULL);
}

static int pack_set(struct run *run)
{
	Google__Protobuf__FileDescriptorSet set =
		GOOGLE__PROTOBUF__FILE_DESCRIPTOR_SET__INIT;

	set.n_file = run->request->n_proto_file;
	set.file = run->request->proto_file;
	run->n_set = protobuf_c_message_get_packed_size(&set.base);
	run->set = malloc(run->n_set ? run->n_set : 1);
	if (!run->set)
		return -ENOMEM;
	protobuf_c_message_pack(&set.base, run->set);
	return 0;
}

static int generate_all(struct run *run)
{
	size_t n = 2 * run->request->n_file_to_generate;
	int r;

	run->response.file = calloc(n ? n : 1, sizeof(Output *));
	if (!run->response.file)
		return -ENOMEM;
	r = pack_set(run);
	for (size_t i = 0; !r && i < run->request->n_file_to_generate; i++)
		r = generate(run, i);
	return r;
}

static void drop_files(struct run *run)
{
	for (size_t i = 0; i < run->response.n_file; i++) {
		free(run->response.file[i]->name);
		free(run->response.file[i]->content);
		free(run->response.file[i]);
	}
	free(run->response.file);
	run->response.file = NULL;
	run->response.n_file = 0;
}

static int answer(struct run *run, uint8_t **ret_bytes, size_t *ret_n)
{
	size_t n = protobuf_c_message_get_packed_size(&run->response.base);
	uint8_t *bytes = malloc(n ? n : 1);

	if (!bytes)
		return -ENOMEM;
	protobuf_c_message_pack(&run->response.base, bytes);
	*ret_bytes = bytes;
	*ret_n = n;
	return 0;
}

int plugin_run(const uint8_t *bytes, size_t n, uint8_t **ret_bytes,
	       size_t *ret_n)
{
	struct run run = {
		.response =
			GOOGLE__PROTOBUF__COMPILER__CODE_GENERATOR_RESPONSE__INIT,
	};
	Request *request;
	int r;

	request = google__protobuf__compiler__code_generator_request__unpack(
		NULL, n, bytes);
	if (!request)
		return -EBADMSG;
	run.request = request;
	/* Or protoc refuses the word "optional" less clearly than we do. */
	run.response.has_supported_features = true;
	run.response.supported_features =
		GOOGLE__PROTOBUF__COMPILER__CODE_GENERATOR_RESPONSE__FEATURE__FEATURE_PROTO3_OPTIONAL;
	r = generate_all(&run);
	if (r == -EINVAL) {
		drop_files(&run);
		run.response.error = run.fault.text;
		r = 0;
	}
	if (!r)
		r = answer(&run, ret_bytes, ret_n);
	drop_files(&run);
	free(run.set);
	google__protobuf__compiler__code_generator_request__free_unpacked(
		request, NULL);
	return r;
}
