/* SPDX-License-Identifier: MIT */

/* helio logger pipe: the output of a program, or a file, into a log. */

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/exit.h"
#include "cli/output.h"
#include "cli/piper.h"

enum { TIMEOUT_END_MS = 30000, SEVERITY_INFO = 6 };

#define SEVERITIES "emerg|alert|crit|err|warning|notice|info|debug"

/* ---- where lines come from ---- */

static int start_command(struct piper *piper)
{
	const struct texts *texts = &piper->settings->command;
	int r = pipe_command_start(&piper->command, texts, &piper->sources[0],
				   &piper->sources[1]);

	if (r == 0)
		return EXIT_OK;
	talk("%s: %s", texts->at[0], strerror(-r));
	return r == -ENOENT ? EXIT_NOT_FOUND : EXIT_USAGE;
}

static int open_input(struct piper *piper)
{
	const char *file = piper->settings->file;
	int r = pipe_source_open(&piper->sources[0], file);

	if (r == 0)
		return EXIT_OK;
	talk("%s: %s", file ? file : "standard input", strerror(-r));
	return EXIT_USAGE;
}

static int open_sources(struct piper *piper)
{
	const struct pipe_settings *settings = piper->settings;

	for (size_t i = 0; i < PIPER_SOURCES; i++) {
		piper->sources[i].shipper = &piper->shipper;
		piper->sources[i].is_dropping = settings->is_dropping;
	}
	piper->sources[0].severity = settings->severity;
	piper->sources[1].severity = settings->stderr_severity;
	if (settings->command.n > 0 && settings->file) {
		talk("logger pipe: either --file or a command");
		return EXIT_USAGE;
	}
	return settings->command.n > 0 ? start_command(piper)
				       : open_input(piper);
}

/* ---- what the records say ---- */

/* `vm:web` writes to vm.web.log, which is its own by the default policy. */
static int choose_subject(struct piper *piper)
{
	const char *subject = piper->settings->subject;
	const char *principal = helio_principal(piper->session.bus);
	int n;

	if (subject)
		n = snprintf(piper->subject, PIPER_SUBJECT_BYTES, "%s",
			     subject);
	else if (strncmp(principal, "vm:", 3) == 0)
		n = snprintf(piper->subject, PIPER_SUBJECT_BYTES, "vm.%.*s.log",
			     (int)strcspn(principal + 3, "/"), principal + 3);
	else
		n = PIPER_SUBJECT_BYTES;
	if (n < PIPER_SUBJECT_BYTES)
		return EXIT_OK;
	talk(subject ? "logger pipe: --subject is too long"
		     : "logger pipe: to which subject? --subject tells");
	return EXIT_USAGE;
}

static int choose_tag(struct piper *piper)
{
	const struct pipe_settings *settings = piper->settings;
	const char *word = settings->tag;

	if (!word && settings->command.n > 0)
		word = settings->command.at[0];
	else if (!word)
		word = settings->file;
	if (!word)
		return EXIT_OK;
	piper->tag = strdup(word);
	if (!piper->tag)
		return session_complain("logger pipe", -ENOMEM, NULL);
	if (!settings->tag) {
		char *name = basename(piper->tag);

		memmove(piper->tag, name, strlen(name) + 1);
	}
	piper->shipper.tag = piper->tag;
	return EXIT_OK;
}

static int init_shipper(struct piper *piper)
{
	int r = shipper_init(&piper->shipper, piper->session.bus,
			     piper->subject, piper->settings->id);

	if (r == -EINVAL) {
		talk("logger pipe: --id has up to %d characters and no colon",
		     SHIPPER_ID_BYTES - 1);
		return EXIT_USAGE;
	}
	return r < 0 ? session_complain("logger pipe", r, NULL)
		     : choose_tag(piper);
}

/* ---- running ---- */

static int finish(struct piper *piper, int r)
{
	const struct shipper *shipper = &piper->shipper;

	if (r == 0 && !shipper->is_over) {
		if (piper->command.pid != 0)
			return piper->command.exit_status;
		return piper->is_interrupted ? EXIT_INTERRUPTED : EXIT_OK;
	}
	piper_end(piper);
	if (shipper->n_lines > 0)
		talk("logger pipe: %zu lines are not known to be stored",
		     shipper->n_lines);
	if (shipper->is_over)
		return session_complain(piper->subject, (int)shipper->status,
					shipper->reason);
	return session_complain("logger pipe", r,
				shipper->reason[0]
					? shipper->reason
					: helio_error(piper->session.bus));
}

static int catch_signals(struct piper *piper)
{
	int r = piper_catch_signals(piper);

	return r < 0 ? session_complain("logger pipe", r, NULL) : EXIT_OK;
}

static int run_piper(struct piper *piper)
{
	int r = session_open(&piper->session, &piper->settings->common, true);

	if (r == EXIT_OK)
		r = choose_subject(piper);
	if (r == EXIT_OK)
		r = init_shipper(piper);
	if (r == EXIT_OK)
		r = catch_signals(piper);
	if (r == EXIT_OK)
		r = open_sources(piper);
	if (r != EXIT_OK)
		return r;
	if (piper->command.pid_text[0])
		piper->shipper.pid = piper->command.pid_text;
	return finish(piper, piper_ship(piper));
}

static int run(const void *settings)
{
	struct piper *piper = calloc(1, sizeof(*piper));
	int r;

	if (!piper)
		return session_complain("logger pipe", -ENOMEM, NULL);
	piper->settings = settings;
	piper->signals = -1;
	for (size_t i = 0; i < PIPER_SOURCES; i++)
		piper->sources[i].fd = -1;
	r = run_piper(piper);
	piper_deinit(piper);
	free(piper);
	return r;
}

static const struct pipe_settings defaults = {
	.common.timeout_ms = TIMEOUT_END_MS,
	.severity = SEVERITY_INFO,
	.stderr_severity = SEVERITY_INFO,
};

static const struct option options[] = {
	{ 0, "subject", OPTION_TEXT, offsetof(struct pipe_settings, subject),
	  "SUBJECT", "where to; for a domain vm.NAME.log" },
	{ 'p', "severity", OPTION_CHOICE,
	  offsetof(struct pipe_settings, severity), SEVERITIES,
	  "of lines that do not begin with one, as `<3>` (info)" },
	{ 0, "stderr-severity", OPTION_CHOICE,
	  offsetof(struct pipe_settings, stderr_severity), SEVERITIES,
	  "the same of what the command writes to standard error (info)" },
	{ 't', "tag", OPTION_TEXT, offsetof(struct pipe_settings, tag), "TAG",
	  "the program's name; that of the command or file" },
	{ 'F', "file", OPTION_TEXT, offsetof(struct pipe_settings, file),
	  "FILE", "the lines of this file" },
	{ 0, "id", OPTION_TEXT, offsetof(struct pipe_settings, id), "ID",
	  "keys are producer:ID:LINE: the same input again with the same ID is stored "
	  "once; drawn for each run if it is left out" },
	{ 0, "drop", OPTION_FLAG, offsetof(struct pipe_settings, is_dropping),
	  NULL,
	  "rather lose lines than let the program wait; a line says how "
	  "many" },
	OPTION_ROW_TIMEOUT("at the end: how long to wait for the log (30s)"),
	OPTION_ROW_CONNECT,
	OPTION_ROW_KEY_FILE,
	OPTION_ROW_SERVER_KEY,
	OPTION_ROW_PLAIN,
	OPTION_ROW_END,
};

static const struct argument arguments[] = {
	{ "COMMAND", OPTION_TEXTS, offsetof(struct pipe_settings, command),
	  false, NULL,
	  "with its arguments, after `--`: its output; standard input if there "
	  "is neither a command nor a file" },
	ARGUMENT_END,
};

const struct command command_logger_pipe = {
	.name = "logger pipe",
	.summary = "ship a program's output, or a file, into a log",
	.description =
		"Each line becomes a record with the headers severity, tag, "
		"pid and stream, and is kept until it is on disk: when the "
		"logger or the switch is away the program waits, and nothing "
		"is lost or stored twice. The exit status is that of the "
		"command.",
	.options = options,
	.arguments = arguments,
	.defaults = &defaults,
	.n_settings = sizeof(struct pipe_settings),
	.run = run,
};
