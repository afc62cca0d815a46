/* SPDX-License-Identifier: MIT */

/* helio call: a method of a typed service, with its messages in JSON. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/calling.h"
#include "cli/catalog.h"
#include "cli/command.h"
#include "cli/control.h"
#include "cli/exit.h"
#include "cli/headers.h"
#include "cli/output.h"
#include "cli/session.h"

enum { SUBJECT_BYTES = 2 * CATALOG_NAME_BYTES };

struct call {
	struct common common;
	const char *target;
	const char *data; /* JSON, @ or @FILE; NULL: nothing */
	const char *proto_set;
	struct texts headers;
	bool is_waiting;
	const char *key;
};

/* What has to be given back at the end, whatever came of it. */
struct things {
	struct session session;
	struct control control;
	struct catalog catalog;
	struct headers headers;
	struct input input;
	int fd;
	struct helio_binding *binding;
};

static void things_deinit(struct things *things)
{
	helio_unbind(things->binding);
	session_close(&things->session);
	control_deinit(&things->control);
	catalog_close(&things->catalog);
	headers_deinit(&things->headers);
	input_deinit(&things->input);
	if (things->fd > STDERR_FILENO)
		close(things->fd);
}

/* A text is as a file that has been read. */
static int open_text(struct things *things, const char *text)
{
	input_init(&things->input, -1);
	things->input.bytes = strdup(text);
	if (!things->input.bytes)
		return -ENOMEM;
	things->input.n = strlen(text);
	things->input.n_max = things->input.n + 1;
	things->input.is_over = true;
	return 0;
}

static int open_data(struct things *things, const char *data)
{
	int r;

	things->fd = STDIN_FILENO;
	if (data && data[0] != '@') {
		r = open_text(things, data);
		return r < 0 ? session_complain("--data", r, NULL) : EXIT_OK;
	}
	if (data && data[1])
		things->fd = open(data + 1, O_RDONLY | O_CLOEXEC);
	if (things->fd < 0) {
		talk("%s: %s", data + 1, strerror(errno));
		return EXIT_USAGE;
	}
	input_init(&things->input, things->fd);
	return EXIT_OK;
}

/* `$ping` and its like: every service has them, and helio knows them. */
static bool is_of_instance(const char *method)
{
	return method[0] == '$';
}

static int open_catalog(const struct call *call, struct things *things,
			const char *service, const char *method)
{
	const char *name = catalog_service_of(service);
	int r;

	if (is_of_instance(method))
		return catalog_open_builtin(&things->catalog);
	if (call->proto_set)
		return catalog_open_file(&things->catalog, call->proto_set);
	if (control_init(&things->control, things->session.bus,
			 TIMEOUT_DEFAULT_MS) < 0)
		return session_complain("call", -ENOMEM, NULL);
	r = catalog_open_name(&things->catalog, &things->control, name);
	/* An instance is called by what it has, not by what others have. */
	if (r != EXIT_OK || !things->catalog.has_hash || name != service)
		return r;
	r = helio_bind(things->session.bus, service, things->catalog.hash,
		       &things->binding);
	return r < 0 ? session_complain(service, r, NULL) : EXIT_OK;
}

/* `$ping` is called Ping there. */
static const struct pool_method *find_of_instance(
	const struct pool_service *service, const char *name)
{
	for (size_t i = 0; i < service->n_methods; i++)
		if (strcasecmp(service->methods[i].name, name + 1) == 0)
			return &service->methods[i];
	return NULL;
}

static int find_method(const struct pool *pool, const char *service,
		       const char *name, const struct pool_method **ret_method)
{
	const struct pool_service *found;

	service = is_of_instance(name) ? "helio.service.v1.Instance"
				       : catalog_service_of(service);
	found = pool_service_lookup(pool, service, strlen(service));
	if (!found) {
		talk("the schema has no service %s", service);
		return EXIT_NOT_FOUND;
	}
	*ret_method = is_of_instance(name) ? find_of_instance(found, name)
					   : pool_method_lookup(found, name);
	if (*ret_method)
		return EXIT_OK;
	talk("%s has no method %s", service, name);
	return EXIT_NOT_FOUND;
}

/* A stream has no deadline unless it is given one. */
static uint32_t timeout_of(const struct call *call,
			   const struct pool_method *method)
{
	bool is_stream =
		method->is_client_streaming || method->is_server_streaming;

	if (call->common.timeout_ms || is_stream)
		return call->common.timeout_ms;
	return TIMEOUT_DEFAULT_MS;
}

static int call_in(const struct call *call, struct things *things,
		   const char *service, const char *name)
{
	char subject[SUBJECT_BYTES];
	struct calling calling = {
		.pool = things->catalog.pool,
		.bus = things->session.bus,
		/* With a binding the library puts the service before it. */
		.subject = things->binding ? name : subject,
		.name = call->target,
		.is_json = call->common.format == FORMAT_JSON,
	};
	int r = find_method(things->catalog.pool, service, name,
			    &calling.method);

	if (r != EXIT_OK)
		return r;
	snprintf(subject, sizeof(subject), "%s.%s", service, name);
	if (call->data || calling.method->is_client_streaming)
		calling.input = &things->input;
	calling.options = (struct helio_call_options){
		.timeout_ms = timeout_of(call, calling.method),
		.is_waiting = call->is_waiting,
		.binding = things->binding,
		.idempotency_key = call->key,
		.headers = things->headers.at,
		.n_headers = things->headers.n,
	};
	return calling_run(&calling);
}

static int run(const void *settings)
{
	_cleanup_(things_deinit) struct things things = { .fd = -1 };
	const struct call *call = settings;
	char service[CATALOG_NAME_BYTES];
	const char *method = catalog_split(call->target, service);
	int r;

	if (!method) {
		talk("call: a method is SERVICE/METHOD");
		return EXIT_USAGE;
	}
	if (headers_init(&things.headers, &call->headers) < 0) {
		talk("call: a header is NAME:VALUE");
		return EXIT_USAGE;
	}
	r = open_data(&things, call->data);
	if (r == EXIT_OK)
		r = session_open(&things.session, &call->common, false);
	if (r == EXIT_OK)
		r = open_catalog(call, &things, service, method);
	return r == EXIT_OK ? call_in(call, &things, service, method) : r;
}

static const struct call defaults = { .common.timeout_ms = 0 };

static const struct option options[] = {
	{ 'd', "data", OPTION_TEXT, offsetof(struct call, data), "JSON",
	  "the request; @ is standard input, @FILE a file" },
	{ 'w', "wait", OPTION_FLAG, offsetof(struct call, is_waiting), NULL,
	  "if nobody serves it, wait until somebody does" },
	{ 'H', "header", OPTION_TEXTS, offsetof(struct call, headers),
	  "NAME:VALUE", "add a header; may be given again" },
	{ 0, "key", OPTION_TEXT, offsetof(struct call, key), "KEY",
	  "the key by which a repetition is known" },
	{ 0, "proto-set", OPTION_TEXT, offsetof(struct call, proto_set), "FILE",
	  "the schema, as protoc -o FILE --include_imports writes it" },
	OPTION_ROW_TIMEOUT("how long the call may take (5s; a stream: as long "
			   "as it lasts)"),
	OPTION_ROWS_BUS,
	OPTION_ROW_END,
};

static const struct argument arguments[] = {
	{ "SERVICE/METHOD", OPTION_TEXT, offsetof(struct call, target), true,
	  NULL, "what is called" },
	ARGUMENT_END,
};

const struct command command_call = {
	.name = "call",
	.summary = "call a method of a typed service, in JSON",
	.description =
		"Messages are written as protobuf maps them to JSON. Where the "
		"requests are a stream, each line of the data is one of them; "
		"so is each line that is written where the replies are. "
		"Without --data the request is an empty message, and a stream "
		"of them comes from standard input.\n\n"
		"$inst.ID.SERVICE/METHOD calls one instance, as `helio ls "
		"services` tells it. Every typed service also has the methods "
		"$ping, $info, $stats, $check and $watch.\n\n"
		"The schema is the one that the service is served with, from "
		"the registry, and the call goes only to a server that can "
		"understand it. With --proto-set nobody is asked, and nothing "
		"is checked.",
	.options = options,
	.arguments = arguments,
	.defaults = &defaults,
	.n_settings = sizeof(struct call),
	.run = run,
};
