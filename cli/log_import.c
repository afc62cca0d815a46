/* SPDX-License-Identifier: MIT */

/* helio log import: fill an empty log from lines of JSON, or an archive. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/command.h"
#include "cli/exit.h"
#include "cli/import_file.h"
#include "cli/json.h"
#include "cli/logs.h"
#include "cli/registry.h"
#include "proto/unpack.h"
#include "schema/canonical.h"
#include "schema/pool.h"

enum { TURN_MS = 1000 };

struct log_import {
	struct common common;
	const char *log;
	const char *file;
	bool is_capturing;
};

struct importer {
	const struct log_import *settings;
	struct logs logs;
	struct import_file file;
	uint8_t *message; /* a packed ImportRequest */
	size_t n_message;
	bool is_over;
	int code;
};

static void importer_deinit(struct importer *importer)
{
	logs_close(&importer->logs);
	import_file_deinit(&importer->file);
	free(importer->message);
}

/* ---- what is sent ---- */

static int pack(struct importer *importer,
		const Helio__Log__V1__ImportRequest *request)
{
	size_t n = helio__log__v1__import_request__get_packed_size(request);
	uint8_t *message = realloc(importer->message, n + 1);

	if (!message)
		return -session_complain("log import", -ENOMEM, NULL);
	importer->message = message;
	importer->n_message = n;
	helio__log__v1__import_request__pack(request, message);
	return 1;
}

static int pack_run(struct importer *importer, const struct import_piece *piece)
{
	const size_t *lengths = piece->lengths;
	Helio__Log__V1__ImportRequest request =
		HELIO__LOG__V1__IMPORT_REQUEST__INIT;
	_cleanup_(freep) uint8_t *run = malloc(lengths[0] + lengths[1] + 1);

	if (!run)
		return -session_complain("log import", -ENOMEM, NULL);
	memcpy(run, piece->bytes[0], lengths[0]);
	if (lengths[1])
		memcpy(run + lengths[0], piece->bytes[1], lengths[1]);
	request.has_run = true;
	request.run = (ProtobufCBinaryData){ lengths[0] + lengths[1], run };
	return pack(importer, &request);
}

/* Which package's schema a set is, its hash tells. */
static void put_schema(struct importer *importer,
		       const struct import_piece *piece)
{
	Helio__Registry__V1__PutRequest request =
		HELIO__REGISTRY__V1__PUT_REQUEST__INIT;
	const uint8_t *hash = piece->bytes[0];
	const uint8_t *set = hash + ARCHIVE_HASH_BYTES;
	size_t n = piece->lengths[0] - ARCHIVE_HASH_BYTES;
	_cleanup_(pool_freep) struct pool *pool = NULL;
	char error[POOL_ERROR_BYTES];
	struct helio_reply status;
	ProtobufCMessage *reply;
	char package[256];

	if (pool_read(set, n, &pool, error) < 0)
		return;
	for (size_t i = 0; i < pool->n_files; i++) {
		struct canonical canonical = { 0 };
		struct canonical_reason reason;
		bool is_it;

		snprintf(package, sizeof(package), "%s",
			 pool->files[i].package);
		if (canonical_init(&canonical, set, n, package, &reason) < 0)
			continue;
		is_it = memcmp(canonical.hash, hash, ARCHIVE_HASH_BYTES) == 0;
		if (is_it) {
			request.package = package;
			request.has_set = true;
			request.set = (ProtobufCBinaryData){ canonical.n_set,
							     canonical.set };
			control_ask(&importer->logs.control,
				    "helio.registry.v1.Registry.Put",
				    &request.base,
				    &helio__registry__v1__put_reply__descriptor,
				    &reply, &status);
		}
		canonical_deinit(&canonical);
		if (is_it)
			return;
	}
}

/* The next message: 1, 0 at the end, or minus an exit code. */
static int next_message(struct importer *importer)
{
	struct import_piece piece;
	int r;

	while ((r = import_file_next(&importer->file, &piece)) > 0) {
		if (!piece.is_schema)
			return pack_run(importer, &piece);
		put_schema(importer, &piece);
	}
	return r;
}

/* Without patterns: while it is filled nothing else may come in. */
static int create_log(struct importer *importer)
{
	Helio__Log__V1__Config config = HELIO__LOG__V1__CONFIG__INIT;
	Helio__Log__V1__CreateRequest request =
		HELIO__LOG__V1__CREATE_REQUEST__INIT;
	Helio__Log__V1__GetRequest get = HELIO__LOG__V1__GET_REQUEST__INIT;
	struct helio_reply status;
	ProtobufCMessage *reply;

	get.name = importer->logs.name;
	if (control_ask(&importer->logs.control, "helio.log.v1.Logs.Get",
			&get.base, &helio__log__v1__get_reply__descriptor,
			&reply, &status) == EXIT_OK)
		return EXIT_OK;
	if (importer->file.config)
		config = *importer->file.config;
	config.n_patterns = 0;
	config.n_services = 0;
	request.name = importer->logs.name;
	request.config = &config;
	return logs_call(&importer->logs, "Create", &request.base,
			 &helio__log__v1__create_reply__descriptor, &reply);
}

static int set_capture(struct importer *importer)
{
	Helio__Log__V1__ChangeRequest request =
		HELIO__LOG__V1__CHANGE_REQUEST__INIT;
	Helio__Log__V1__Config config = HELIO__LOG__V1__CONFIG__INIT;
	ProtobufCMessage *reply;

	if (!importer->settings->is_capturing || !importer->file.config)
		return EXIT_OK;
	config.n_patterns = importer->file.config->n_patterns;
	config.patterns = importer->file.config->patterns;
	config.n_services = importer->file.config->n_services;
	config.services = importer->file.config->services;
	request.name = importer->logs.name;
	request.config = &config;
	request.has_set_patterns = request.set_patterns = true;
	request.has_set_services = request.set_services = true;
	return logs_call(&importer->logs, "Change", &request.base,
			 &helio__log__v1__change_reply__descriptor, &reply);
}

/* ---- the call ---- */

static void show_total(struct importer *importer,
		       const Helio__Log__V1__ImportReply *total)
{
	struct json json = { .out = stdout };

	if (importer->settings->common.format != FORMAT_JSON) {
		printf("%" PRIu64 " records, %s:%" PRIu64 " to %" PRIu64 "\n",
		       total->records, importer->logs.name, total->first,
		       total->last);
		return;
	}
	json_open(&json, '{');
	json_key(&json, "records");
	json_number(&json, total->records);
	json_key(&json, "first");
	json_number(&json, total->first);
	json_key(&json, "last");
	json_number(&json, total->last);
	json_close(&json, '}');
	fputc('\n', stdout);
}

static void on_reply(struct helio_call *call, const struct helio_reply *reply,
		     void *userdata)
{
	struct importer *importer = userdata;
	uint8_t memory[1024] __attribute__((aligned(16)));
	struct unpack_arena arena = { .bytes = memory,
				      .n_bytes = sizeof(memory) };
	ProtobufCMessage *total;

	importer->is_over = true;
	if (reply->status != HELIO_OK)
		importer->code = session_complain(
			"log import", (int)reply->status, reply->reason);
	else if (unpack(&helio__log__v1__import_reply__descriptor,
			reply->message->body, reply->message->n_body, &arena,
			&total) == 0)
		show_total(importer, (Helio__Log__V1__ImportReply *)total);
}

/* 0; 1: it is over, and its reply has told why; or a negative errno. */
static int send_message(struct importer *importer, struct helio_call *call)
{
	int r = importer->is_over ? -EPIPE
				  : helio_call_send(call, importer->message,
						    importer->n_message);

	while (r == -EAGAIN) {
		r = helio_run(importer->logs.session.bus, TURN_MS);
		if (r < 0)
			return r;
		r = importer->is_over ? -EPIPE
				      : helio_call_send(call, importer->message,
							importer->n_message);
	}
	return r == -EPIPE ? 1 : r;
}

static int send_all(struct importer *importer, struct helio_call *call)
{
	Helio__Log__V1__ImportRequest first =
		HELIO__LOG__V1__IMPORT_REQUEST__INIT;
	int r;

	first.log = importer->logs.name;
	r = pack(importer, &first);
	while (r > 0) {
		r = send_message(importer, call);
		if (r < 0)
			return session_complain("log import", r, NULL);
		if (r > 0)
			return EXIT_OK;
		r = next_message(importer);
	}
	return -r;
}

static int finish(struct importer *importer, struct helio_call *call)
{
	int r = 0;

	if (!importer->is_over)
		helio_call_finish(call);
	while (r >= 0 && !importer->is_over)
		r = helio_run(importer->logs.session.bus, TURN_MS);
	return r < 0 ? session_complain("log import", r, NULL) : importer->code;
}

static int import(struct importer *importer)
{
	const struct helio_call_options options = { .has_more = true };
	struct helio_call *call;
	int r = helio_call_start(importer->logs.session.bus,
				 "helio.log.v1.Logs.Import", NULL, 0, &options,
				 on_reply, importer, &call);

	if (r < 0)
		return session_complain("log import", r, NULL);
	r = send_all(importer, call);
	if (r != EXIT_OK) {
		if (!importer->is_over)
			helio_call_cancel(call);
		return r;
	}
	return finish(importer, call);
}

static int run(const void *settings)
{
	_cleanup_(importer_deinit) struct importer importer = {
		.settings = settings
	};
	const struct log_import *import_settings = settings;
	int r = import_file_open(&importer.file, import_settings->file);

	if (r == EXIT_OK)
		r = import_file_check(&importer.file);
	if (r == EXIT_OK)
		r = logs_open(&importer.logs, &import_settings->common);
	if (r == EXIT_OK)
		r = logs_find(&importer.logs, import_settings->log);
	if (r == EXIT_OK)
		r = create_log(&importer);
	if (r == EXIT_OK)
		r = import_file_begin(&importer.file);
	if (r == EXIT_OK)
		r = import(&importer);
	return r == EXIT_OK ? set_capture(&importer) : r;
}

static const struct log_import defaults = {
	.common.timeout_ms = TIMEOUT_DEFAULT_MS,
};

static const struct option options[] = {
	{ 0, "capture", OPTION_FLAG, offsetof(struct log_import, is_capturing),
	  NULL,
	  "of an archive: let the log capture, when it is filled, what the "
	  "archived one did" },
	OPTION_ROW_TIMEOUT("how long to wait for an answer (5s)"),
	OPTION_ROWS_BUS,
	OPTION_ROW_END,
};

static const struct argument arguments[] = {
	{ "LOG", OPTION_TEXT, offsetof(struct log_import, log), true, NULL,
	  "which is made, or has no records yet" },
	{ "FILE", OPTION_TEXT, offsetof(struct log_import, file), true, NULL,
	  "lines of JSON or an archive, as `helio log export` writes them" },
	ARGUMENT_END,
};

const struct command command_log_import = {
	.name = "log import",
	.summary = "fill a log from a file",
	.description =
		"Sequences and times stay as they were. All of the file is "
		"looked at before anything is sent, and refused if anything "
		"in it is bad. A log that is not there is made, with the "
		"limits of the archive, and captures nothing yet.",
	.options = options,
	.arguments = arguments,
	.defaults = &defaults,
	.n_settings = sizeof(struct log_import),
	.run = run,
};
