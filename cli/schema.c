/* SPDX-License-Identifier: MIT */

/* helio schema: what the registry has, and what it thinks of it. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "cli/exit.h"
#include "cli/json.h"
#include "cli/listing.h"
#include "cli/output.h"
#include "cli/schemas.h"
#include "cli/text.h"
#include "schema/pool.h"
#include "schema/source.h"

enum { SOURCE_BYTES_MAX = 4 << 20 };

static int run_ls(const void *settings)
{
	_cleanup_(schemas_close) struct schemas_session session = { 0 };
	const struct listing *listing = &listing_schemas;
	const struct schemas *schemas = settings;
	_cleanup_(table_deinit) struct table table;
	int r;

	table_init(&table, listing->columns, listing->n_columns);
	r = schemas_open(&session, schemas);
	if (r == EXIT_OK)
		r = listing_read(listing, &session.control, schemas->schema,
				 &table);
	if (r == EXIT_OK)
		table_write(&table, schemas->common.format);
	return r;
}

static int write_set(const char *path, const ProtobufCBinaryData *set)
{
	FILE *file = fopen(path, "wbe");
	bool is_written =
		file && fwrite(set->data, 1, set->len, file) == set->len;

	if (file && fclose(file) != 0)
		is_written = false;
	if (is_written)
		return EXIT_OK;
	talk("%s: %s", path, strerror(errno));
	return EXIT_USAGE;
}

static void show_files(const struct pool *pool, const struct buffer *sources,
		       int format)
{
	struct json json = { .out = stdout };

	if (format != FORMAT_JSON) {
		for (size_t i = 0; i < pool->n_files; i++)
			printf("%s// %s\n%s", i ? "\n" : "",
			       pool->files[i].name, sources[i].bytes);
		return;
	}
	json_open(&json, '[');
	for (size_t i = 0; i < pool->n_files; i++) {
		json_open(&json, '{');
		json_key(&json, "file");
		json_string(&json, pool->files[i].name);
		json_key(&json, "source");
		json_text(&json, sources[i].bytes, sources[i].n);
		json_close(&json, '}');
	}
	json_close(&json, ']');
	fputc('\n', stdout);
}

static int show_pool(const struct pool *pool, int format)
{
	struct buffer *sources = calloc(pool->n_files + 1, sizeof(*sources));
	int r = sources ? 0 : -ENOMEM;

	for (size_t i = 0; sources && i < pool->n_files; i++) {
		buffer_init(&sources[i], SOURCE_BYTES_MAX);
		source_file(&sources[i], pool, &pool->files[i]);
		if (buffer_error(&sources[i]) < 0)
			r = buffer_error(&sources[i]);
	}
	if (r == 0)
		show_files(pool, sources, format);
	for (size_t i = 0; sources && i < pool->n_files; i++)
		buffer_deinit(&sources[i]);
	free(sources);
	return r < 0 ? session_complain("schema", r, NULL) : EXIT_OK;
}

static int run_show(const void *settings)
{
	_cleanup_(schemas_close) struct schemas_session session = { 0 };
	const Helio__Registry__V1__GetReply *reply;
	_cleanup_(pool_freep) struct pool *pool = NULL;
	const struct schemas *schemas = settings;
	uint8_t hash[REGISTRY_HASH_BYTES];
	char error[POOL_ERROR_BYTES];
	int r;

	r = schemas_open(&session, schemas);
	if (r == EXIT_OK)
		r = schemas_find(&session.control, schemas->schema, hash);
	if (r != EXIT_OK)
		return r;
	r = registry_get(&session.control, hash, NULL, &reply);
	if (r == EXIT_NOT_FOUND)
		talk("%s: the registry has no such schema", schemas->schema);
	if (r != EXIT_OK)
		return r;
	if (schemas->file)
		return write_set(schemas->file, &reply->set);
	if (pool_read(reply->set.data, reply->set.len, &pool, error) < 0) {
		talk("%s: %s", schemas->schema, error);
		return EXIT_INTERNAL;
	}
	return show_pool(pool, schemas->common.format);
}

static int run_pin(const void *settings)
{
	Helio__Registry__V1__PinRequest request =
		HELIO__REGISTRY__V1__PIN_REQUEST__INIT;
	_cleanup_(schemas_close) struct schemas_session session = { 0 };
	const struct schemas *schemas = settings;
	uint8_t hash[REGISTRY_HASH_BYTES];
	ProtobufCMessage *reply;
	int r;

	r = schemas_open(&session, schemas);
	if (r == EXIT_OK)
		r = schemas_find(&session.control, schemas->schema, hash);
	if (r != EXIT_OK)
		return r;
	request.has_hash = true;
	request.hash = (ProtobufCBinaryData){ sizeof(hash), hash };
	request.has_unpin = schemas->is_unpinning;
	request.unpin = schemas->is_unpinning;
	return registry_call(&session.control, "Pin", &request.base,
			     &helio__registry__v1__pin_reply__descriptor,
			     &reply);
}

static int run_forget(const void *settings)
{
	Helio__Registry__V1__ForgetRequest request =
		HELIO__REGISTRY__V1__FORGET_REQUEST__INIT;
	_cleanup_(schemas_close) struct schemas_session session = { 0 };
	const struct schemas *schemas = settings;
	uint8_t hash[REGISTRY_HASH_BYTES];
	ProtobufCMessage *reply;
	int r;

	/* A package's newest one is nothing to forget by mistake. */
	if (strchr(schemas->schema, '.')) {
		talk("schema forget: which one? By its hash, please");
		return EXIT_USAGE;
	}
	r = schemas_open(&session, schemas);
	if (r == EXIT_OK)
		r = schemas_find(&session.control, schemas->schema, hash);
	if (r != EXIT_OK)
		return r;
	request.has_hash = true;
	request.hash = (ProtobufCBinaryData){ sizeof(hash), hash };
	return registry_call(&session.control, "Forget", &request.base,
			     &helio__registry__v1__forget_reply__descriptor,
			     &reply);
}

static void write_finding(struct json *json,
			  const Helio__Registry__V1__Finding *finding)
{
	const char *texts[] = { finding->rule, finding->file, finding->where,
				finding->text };
	static const char *const keys[] = { "rule", "file", "where", "text" };

	if (json)
		json_open(json, '{');
	for (size_t i = 0; i < 4; i++) {
		const char *text = texts[i] ? texts[i] : "";

		if (json) {
			json_key(json, keys[i]);
			json_string(json, text);
		} else {
			text_write_escaped(stdout, text, strlen(text));
			fputs(i < 3 ? ": " : "\n", stdout);
		}
	}
	if (json)
		json_close(json, '}');
}

static void write_judgement(const Helio__Registry__V1__Judgement *judgement,
			    int format)
{
	struct json json = { .out = stdout };

	if (format != FORMAT_JSON) {
		for (size_t i = 0; i < judgement->n_findings; i++)
			write_finding(NULL, judgement->findings[i]);
		if (judgement->findings_total > judgement->n_findings)
			talk("and %zu more",
			     judgement->findings_total - judgement->n_findings);
		return;
	}
	json_open(&json, '{');
	json_key(&json, "compatible");
	json_bool(&json, judgement->compatible);
	json_key(&json, "findings");
	json_open(&json, '[');
	for (size_t i = 0; i < judgement->n_findings; i++)
		write_finding(&json, judgement->findings[i]);
	json_close(&json, ']');
	json_key(&json, "findings_total");
	json_number(&json, judgement->findings_total);
	json_close(&json, '}');
	fputc('\n', stdout);
}

static int run_diff(const void *settings)
{
	Helio__Registry__V1__DiffRequest request =
		HELIO__REGISTRY__V1__DIFF_REQUEST__INIT;
	_cleanup_(schemas_close) struct schemas_session session = { 0 };
	const Helio__Registry__V1__Judgement *judgement;
	uint8_t from[REGISTRY_HASH_BYTES], to[REGISTRY_HASH_BYTES];
	const struct schemas *schemas = settings;
	ProtobufCMessage *reply;
	int r;

	r = schemas_open(&session, schemas);
	if (r == EXIT_OK)
		r = schemas_find(&session.control, schemas->schema, from);
	if (r == EXIT_OK)
		r = schemas_find(&session.control, schemas->other, to);
	if (r != EXIT_OK)
		return r;
	request.has_from = request.has_to = true;
	request.from = (ProtobufCBinaryData){ sizeof(from), from };
	request.to = (ProtobufCBinaryData){ sizeof(to), to };
	r = registry_call(&session.control, "Diff", &request.base,
			  &helio__registry__v1__judgement__descriptor, &reply);
	if (r != EXIT_OK)
		return r;
	judgement = (const Helio__Registry__V1__Judgement *)reply;
	write_judgement(judgement, schemas->common.format);
	return judgement->compatible ? EXIT_OK : EXIT_NEGATIVE;
}

static const struct schemas defaults = {
	.common.timeout_ms = TIMEOUT_DEFAULT_MS,
};

#define OPTION_ROWS_REGISTRY                                          \
	OPTION_ROW_TIMEOUT("how long to wait for the registry (5s)"), \
		OPTION_ROWS_BUS, OPTION_ROW_END

static const struct option options[] = { OPTION_ROWS_REGISTRY };

static const struct option show_options[] = {
	{ 0, "write", OPTION_TEXT, offsetof(struct schemas, file), "FILE",
	  "write it there instead, as a FileDescriptorSet" },
	OPTION_ROWS_REGISTRY,
};

static const struct option pin_options[] = {
	{ 'u', "unpin", OPTION_FLAG, offsetof(struct schemas, is_unpinning),
	  NULL, "take the pin away" },
	OPTION_ROWS_REGISTRY,
};

#define SCHEMA_HELP "a package, for its newest; or a hash, or how it begins"

static const struct argument package_arguments[] = {
	{ "PACKAGE", OPTION_TEXT, offsetof(struct schemas, schema), false, NULL,
	  "only its schemas" },
	ARGUMENT_END,
};

static const struct argument schema_arguments[] = {
	{ "SCHEMA", OPTION_TEXT, offsetof(struct schemas, schema), true, NULL,
	  SCHEMA_HELP },
	ARGUMENT_END,
};

static const struct argument diff_arguments[] = {
	{ "FROM", OPTION_TEXT, offsetof(struct schemas, schema), true, NULL,
	  SCHEMA_HELP },
	{ "TO", OPTION_TEXT, offsetof(struct schemas, other), true, NULL,
	  "the same" },
	ARGUMENT_END,
};

const struct command command_schema_ls = {
	.name = "schema ls",
	.summary = "list the schemas of the registry",
	.options = options,
	.arguments = package_arguments,
	.defaults = &defaults,
	.n_settings = sizeof(struct schemas),
	.run = run_ls,
};

const struct command command_schema_show = {
	.name = "schema show",
	.summary = "show a schema as proto source",
	.options = show_options,
	.arguments = schema_arguments,
	.defaults = &defaults,
	.n_settings = sizeof(struct schemas),
	.run = run_show,
};

const struct command command_schema_pin = {
	.name = "schema pin",
	.summary = "judge all others of its package against this schema",
	.options = pin_options,
	.arguments = schema_arguments,
	.defaults = &defaults,
	.n_settings = sizeof(struct schemas),
	.run = run_pin,
};

const struct command command_schema_forget = {
	.name = "schema forget",
	.summary = "have the registry forget a schema",
	.options = options,
	.arguments = schema_arguments,
	.defaults = &defaults,
	.n_settings = sizeof(struct schemas),
	.run = run_forget,
};

const struct command command_schema_diff = {
	.name = "schema diff",
	.summary = "tell what one schema breaks of another",
	.description = "The exit status is 1 when it breaks something.",
	.options = options,
	.arguments = diff_arguments,
	.defaults = &defaults,
	.n_settings = sizeof(struct schemas),
	.run = run_diff,
};
