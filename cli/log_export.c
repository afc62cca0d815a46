/* SPDX-License-Identifier: MIT */

/* helio log export: a log as lines of JSON, or as an archive. */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "cli/archive.h"
#include "cli/command.h"
#include "cli/entry.h"
#include "cli/exit.h"
#include "cli/logs.h"
#include "cli/moment.h"
#include "cli/output.h"
#include "cli/reading.h"

enum export_format { EXPORT_JSON, EXPORT_ARCHIVE };
enum { SCHEMAS_MAX = 4096 };

struct log_export {
	struct common common;
	const char *log;
	int format; /* enum export_format */
	const char *since;
	const char *until;
	struct texts subjects;
};

struct exporter {
	const struct log_export *settings;
	struct logs logs;
	struct entry_view view;
	struct archive_writer archive;
	struct run_reader run;
	uint8_t (*schemas)[ARCHIVE_HASH_BYTES]; /* that are in it; owned */
	size_t n_schemas;
	int r; /* of writing */
};

static void exporter_deinit(struct exporter *exporter)
{
	logs_close(&exporter->logs);
	archive_writer_deinit(&exporter->archive);
	run_reader_deinit(&exporter->run);
	free(exporter->schemas);
}

static bool take_record(const struct helio_log_record *record, void *userdata)
{
	const struct exporter *exporter = userdata;

	entry_write(&exporter->view, record, stdout);
	return !ferror(stdout);
}

static bool is_new_schema(const struct exporter *exporter, const uint8_t *hash)
{
	for (size_t i = 0; i < exporter->n_schemas; i++)
		if (memcmp(exporter->schemas[i], hash, ARCHIVE_HASH_BYTES) == 0)
			return false;
	return exporter->n_schemas < SCHEMAS_MAX;
}

static int remember_schema(struct exporter *exporter, const uint8_t *hash)
{
	void *schemas = reallocarray(exporter->schemas, exporter->n_schemas + 1,
				     ARCHIVE_HASH_BYTES);

	if (!schemas)
		return -ENOMEM;
	exporter->schemas = schemas;
	memcpy(exporter->schemas[exporter->n_schemas++], hash,
	       ARCHIVE_HASH_BYTES);
	return 0;
}

/* A schema stands before the first run that names it; what nobody has, not. */
static int add_schema(struct exporter *exporter, const uint8_t *hash)
{
	int r = remember_schema(exporter, hash);
	ProtobufCBinaryData set;

	if (r < 0 || !logs_schema(&exporter->logs, hash, &set))
		return r;
	return archive_add_schema(&exporter->archive, hash, set.data, set.len);
}

static int add_schemas(struct exporter *exporter, const void *run, size_t n)
{
	struct run_record record;
	int r = run_reader_begin(&exporter->run, run, n);

	while (r == 0 && run_reader_next(&exporter->run, &record) > 0)
		if (record.schema && is_new_schema(exporter, record.schema))
			r = add_schema(exporter, record.schema);
	return r;
}

static bool take_run(const void *run, size_t n, void *userdata)
{
	struct exporter *exporter = userdata;

	exporter->r = add_schemas(exporter, run, n);
	if (exporter->r == 0)
		exporter->r = archive_add_run(&exporter->archive, run, n);
	return exporter->r == 0;
}

static int begin_archive(struct exporter *exporter)
{
	const Helio__Log__V1__Log *log;
	int r = logs_get(&exporter->logs, &log);

	if (r != EXIT_OK)
		return r;
	r = archive_begin(&exporter->archive, stdout, log);
	return r < 0 ? session_complain("log export", r, NULL) : EXIT_OK;
}

static int parse(const struct log_export *settings,
		 struct helio_log_read_options *options)
{
	uint64_t now_ns = clock_unix_ns();

	if (settings->since && moment_parse(settings->since, now_ns,
					    &options->place.unix_ns) < 0) {
		talk("log export: --since is no time");
		return EXIT_USAGE;
	}
	if (settings->until && moment_parse(settings->until, now_ns,
					    &options->until_unix_ns) < 0) {
		talk("log export: --until is no time");
		return EXIT_USAGE;
	}
	options->until_unix_ns += settings->until != NULL;
	options->filter.subjects = settings->subjects.at;
	options->filter.n_subjects = settings->subjects.n;
	return EXIT_OK;
}

static int export(struct exporter *exporter,
		  const struct helio_log_read_options *options)
{
	bool is_archive = exporter->settings->format == EXPORT_ARCHIVE;
	struct reading reading = {
		.logs = &exporter->logs,
		.take = is_archive ? NULL : take_record,
		.take_run = is_archive ? take_run : NULL,
		.userdata = exporter,
	};
	int r = is_archive ? begin_archive(exporter) : EXIT_OK;

	if (r == EXIT_OK)
		r = reading_run(&reading, options);
	if (r == EXIT_OK && reading.is_interrupted)
		return EXIT_INTERRUPTED;
	if (r == EXIT_OK && is_archive && exporter->r == 0)
		exporter->r = archive_finish(&exporter->archive);
	if (r == EXIT_OK && exporter->r < 0)
		return session_complain("log export", exporter->r, NULL);
	return r;
}

static int run(const void *settings)
{
	_cleanup_(exporter_deinit) struct exporter exporter = {
		.settings = settings
	};
	struct helio_log_read_options options = { 0 };
	const struct log_export *export_settings = settings;
	int r = parse(export_settings, &options);

	if (r == EXIT_OK && export_settings->format == EXPORT_ARCHIVE &&
	    isatty(STDOUT_FILENO)) {
		talk("log export: an archive is for a file, not for a "
		     "terminal");
		return EXIT_USAGE;
	}
	if (r == EXIT_OK)
		r = logs_open(&exporter.logs, &export_settings->common);
	if (r == EXIT_OK)
		r = logs_find(&exporter.logs, export_settings->log);
	if (r != EXIT_OK)
		return r;
	exporter.view = (struct entry_view){ .format = ENTRY_JSON,
					     .log = exporter.logs.name };
	return export(&exporter, &options);
}

static const struct option options[] = {
	{ 'F', "format", OPTION_CHOICE, offsetof(struct log_export, format),
	  "json|archive",
	  "a line of JSON for each record, or a file that can "
	  "be verified by itself" },
	{ 'S', "since", OPTION_TEXT, offsetof(struct log_export, since), "TIME",
	  "from there on" },
	{ 'U', "until", OPTION_TEXT, offsetof(struct log_export, until), "TIME",
	  "up to there" },
	{ 0, "subject", OPTION_TEXTS, offsetof(struct log_export, subjects),
	  "PATTERN", "only these subjects; may be given again" },
	OPTION_ROW_TIMEOUT("how long to wait for an answer (5s)"),
	OPTION_ROW_CONNECT,
	OPTION_ROW_KEY_FILE,
	OPTION_ROW_SERVER_KEY,
	OPTION_ROW_PLAIN,
	OPTION_ROW_END,
};

static const struct argument arguments[] = {
	{ "LOG", OPTION_TEXT, offsetof(struct log_export, log), false, NULL,
	  "which; the only one if it is left out" },
	ARGUMENT_END,
};

const struct command command_log_export = {
	.name = "log export",
	.summary = "write a log to standard output",
	.description =
		"All that is stored when it begins, while the logger goes on. "
		"An archive holds the log's set-up, the schemas that its "
		"records name, its runs as they are on disk, and a chain of "
		"hashes over all of it: `helio log verify FILE`.",
	.options = options,
	.arguments = arguments,
	.n_settings = sizeof(struct log_export),
	.run = run,
};
