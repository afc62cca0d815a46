/* SPDX-License-Identifier: MIT */

/* helio describe: what a service, a method or a message looks like. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "cli/catalog.h"
#include "cli/command.h"
#include "cli/control.h"
#include "cli/exit.h"
#include "cli/json.h"
#include "cli/output.h"
#include "cli/session.h"
#include "schema/source.h"

enum { SOURCE_BYTES_MAX = 4 << 20 };

struct describe {
	struct common common;
	const char *name;
	const char *proto_set;
};

/* What a name turned out to be. */
struct found {
	const struct pool_symbol *symbol; /* of a method: its service */
	const struct pool_method *method; /* or NULL */
};

static const char *kind_of(const struct found *found)
{
	static const char *const kinds[] = { [POOL_A_MESSAGE] = "message",
					     [POOL_AN_ENUM] = "enum",
					     [POOL_A_SERVICE] = "service" };

	return found->method ? "method" : kinds[found->symbol->kind];
}

static bool find(const struct pool *pool, const char *name,
		 struct found *ret_found)
{
	const struct pool_service *service;
	char parts[CATALOG_NAME_BYTES];
	const char *method = catalog_split(name, parts);

	*ret_found =
		(struct found){ pool_lookup(pool, name, strlen(name)), NULL };
	if (ret_found->symbol || !method)
		return ret_found->symbol;
	service = pool_service_lookup(pool, parts, strlen(parts));
	if (!service)
		return false;
	ret_found->symbol = &service->symbol;
	ret_found->method = pool_method_lookup(service, method);
	return ret_found->method;
}

/* With a method stand the messages that it takes and gives. */
static void write_source(struct buffer *out, const struct found *found)
{
	const struct pool_method *method = found->method;

	if (!method) {
		source_symbol(out, found->symbol);
		return;
	}
	source_method(out, method);
	buffer_text(out, "\n");
	source_message(out, method->input);
	if (method->output == method->input)
		return;
	buffer_text(out, "\n");
	source_message(out, method->output);
}

static void show(const struct describe *describe, const struct found *found,
		 const struct buffer *source)
{
	const struct pool_file *file = found->symbol->file;
	struct json json = { .out = stdout };

	if (describe->common.format != FORMAT_JSON) {
		printf("// package %s, in %s\n%s", file->package, file->name,
		       source->bytes);
		return;
	}
	json_open(&json, '{');
	json_key(&json, "name");
	json_string(&json, describe->name);
	json_key(&json, "kind");
	json_string(&json, kind_of(found));
	json_key(&json, "package");
	json_string(&json, file->package);
	json_key(&json, "file");
	json_string(&json, file->name);
	json_key(&json, "source");
	json_text(&json, source->bytes, source->n);
	json_close(&json, '}');
	fputc('\n', stdout);
}

static int describe_in(const struct describe *describe, const struct pool *pool)
{
	_cleanup_(buffer_deinit) struct buffer source;
	struct found found;

	buffer_init(&source, SOURCE_BYTES_MAX);
	if (!find(pool, describe->name, &found)) {
		talk("%s: there is no such service, method, message or enum",
		     describe->name);
		return EXIT_NOT_FOUND;
	}
	write_source(&source, &found);
	if (buffer_error(&source) < 0) {
		talk("%s: %s", describe->name,
		     strerror(-buffer_error(&source)));
		return EXIT_INTERNAL;
	}
	show(describe, &found, &source);
	return EXIT_OK;
}

/* Of a method, the service is what is known. */
static int open_from_bus(const struct describe *describe,
			 struct catalog *catalog)
{
	_cleanup_(session_close) struct session session = { 0 };
	_cleanup_(control_deinit) struct control control = { 0 };
	char parts[CATALOG_NAME_BYTES];
	bool is_method = strchr(describe->name, '/') &&
			 catalog_split(describe->name, parts);
	int r;

	r = session_open(&session, &describe->common, false);
	if (r != EXIT_OK)
		return r;
	if (control_init(&control, session.bus, describe->common.timeout_ms) <
	    0)
		return session_complain("describe", -ENOMEM, NULL);
	return catalog_open_name(catalog, &control,
				 is_method ? parts : describe->name);
}

static int run(const void *settings)
{
	_cleanup_(catalog_close) struct catalog catalog = { 0 };
	const struct describe *describe = settings;
	int r;

	if (describe->proto_set)
		r = catalog_open_file(&catalog, describe->proto_set);
	else if (catalog_is_builtin(describe->name))
		r = catalog_open_builtin(&catalog);
	else
		r = open_from_bus(describe, &catalog);
	return r == EXIT_OK ? describe_in(describe, catalog.pool) : r;
}

static const struct describe defaults = {
	.common.timeout_ms = TIMEOUT_DEFAULT_MS,
};

static const struct option options[] = {
	{ 0, "proto-set", OPTION_TEXT, offsetof(struct describe, proto_set),
	  "FILE", "look there, and not on the bus: see below" },
	OPTION_ROW_TIMEOUT("how long to wait for the bus (5s)"),
	OPTION_ROWS_BUS,
	OPTION_ROW_END,
};

static const struct argument arguments[] = {
	{ "NAME", OPTION_TEXT, offsetof(struct describe, name), true, NULL,
	  "a service, SERVICE/METHOD, a message or an enum, by its full name" },
	ARGUMENT_END,
};

const struct command command_describe = {
	.name = "describe",
	.summary = "show a service, a method or a message as proto source",
	.description =
		"A service is shown with the schema that it is served with "
		"now, and what nobody serves with the newest schema of its "
		"package that the registry has. The schemas of the bus itself "
		"are known to helio and need no bus.\n\n"
		"--proto-set names a FileDescriptorSet, as protoc -o FILE "
		"--include_imports writes it.",
	.options = options,
	.arguments = arguments,
	.defaults = &defaults,
	.n_settings = sizeof(struct describe),
	.run = run,
};
