/* SPDX-License-Identifier: MIT */

/* helio log: the records of a log, with journalctl's vocabulary. */

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/cursor_file.h"
#include "cli/exit.h"
#include "cli/moment.h"
#include "cli/output.h"
#include "cli/viewer.h"

enum {
	LINES_FOLLOWING = 10,
	LINES_MAX = 10000000,
};

static void viewer_deinit(struct viewer *viewer)
{
	decoder_deinit(&viewer->decoder);
	logs_close(&viewer->logs);
	if (viewer->has_regex)
		regfree(&viewer->regex);
	for (size_t i = 0; i < OPTION_TEXTS_MAX; i++)
		free(viewer->principals[i]);
	for (size_t i = 0; i < viewer->n_kept; i++)
		free(viewer->kept[i]);
	free(viewer->kept);
}

/* ---- what the command line means ---- */

static int parse_moment(const char *option, const char *text, uint64_t *ret_ns)
{
	if (!text || moment_parse(text, clock_unix_ns(), ret_ns) == 0)
		return EXIT_OK;
	talk("log: --%s is a time like '2026-11-30 13:00', '-1h', '2 days "
	     "ago', 'today' or '@UNIX', not '%s'",
	     option, text);
	return EXIT_USAGE;
}

/* As with journalctl: a pattern in small letters finds great ones, too. */
static int compile(struct viewer *viewer, const char *pattern)
{
	int flags = REG_EXTENDED;
	bool has_capital = viewer->log->is_case_sensitive;
	char why[128];
	int r;

	for (const char *at = pattern; *at; at++)
		has_capital |= isupper((unsigned char)*at) != 0;
	r = regcomp(&viewer->regex, pattern,
		    has_capital ? flags : flags | REG_ICASE);
	if (r == 0) {
		viewer->has_regex = true;
		return EXIT_OK;
	}
	regerror(r, &viewer->regex, why, sizeof(why));
	talk("log: --grep: %s", why);
	return EXIT_USAGE;
}

/* A domain is a principal; `web` alone is vm:web. */
static int name_principals(struct viewer *viewer)
{
	const struct texts *domains = &viewer->log->domains;

	for (size_t i = 0; i < domains->n; i++)
		if (asprintf(&viewer->principals[i], "%s%s",
			     strchr(domains->at[i], ':') ? "" : "vm:",
			     domains->at[i]) < 0) {
			viewer->principals[i] = NULL;
			return session_complain("log", -ENOMEM, NULL);
		}
	return EXIT_OK;
}

static void count_lines(struct viewer *viewer)
{
	const struct log *log = viewer->log;

	viewer->n_wanted = log->n_lines;
	if (log->n_lines != VIEWER_LINES_UNSET)
		return;
	viewer->n_wanted = log->is_following && !log->since && !viewer->from
				   ? LINES_FOLLOWING
				   : 0;
}

static int parse(struct viewer *viewer)
{
	const struct log *log = viewer->log;
	int r = EXIT_OK;

	if (log->is_reverse && (log->is_following || log->cursor_file)) {
		talk("log: --reverse goes neither with --follow nor with "
		     "--cursor-file");
		return EXIT_USAGE;
	}
	if (log->n_lines != VIEWER_LINES_UNSET && log->n_lines > LINES_MAX) {
		talk("log: --lines is at most %d", LINES_MAX);
		return EXIT_USAGE;
	}
	r = parse_moment("since", log->since, &viewer->since_ns);
	if (r == EXIT_OK)
		r = parse_moment("until", log->until, &viewer->until_ns);
	if (r == EXIT_OK && log->until)
		viewer->until_ns++;
	if (r == EXIT_OK && log->grep)
		r = compile(viewer, log->grep);
	if (r == EXIT_OK &&
	    moment_parse_speed(log->speed, &viewer->pace_permille) < 0) {
		talk("log: --speed is 'original', 'max' or how many times as "
		     "fast, not '%s'",
		     log->speed);
		return EXIT_USAGE;
	}
	return r == EXIT_OK ? name_principals(viewer) : r;
}

static void set_view(struct viewer *viewer)
{
	const struct log *log = viewer->log;

	decoder_init(&viewer->decoder, &viewer->logs);
	viewer->view = (struct entry_view){
		.format = (enum entry_format)log->format,
		.log = viewer->logs.name,
		.decoder = &viewer->decoder,
		.fields = log->fields,
		.is_terminal = isatty(STDOUT_FILENO),
		.has_color = output_has_color(),
	};
}

static int run(const void *settings)
{
	_cleanup_(viewer_deinit) struct viewer viewer = { .log = settings };
	const struct log *log = settings;
	int r = parse(&viewer);

	if (r == EXIT_OK)
		r = logs_open(&viewer.logs, &log->common);
	if (r == EXIT_OK)
		r = logs_find(&viewer.logs, log->log);
	if (r == EXIT_OK)
		r = cursor_file_read(log->cursor_file, viewer.logs.name,
				     &viewer.from);
	if (r != EXIT_OK)
		return r;
	set_view(&viewer);
	count_lines(&viewer);
	r = viewer_show(&viewer);
	if (r == EXIT_OK && viewer.has_regex && viewer.n_shown == 0 &&
	    !log->is_following)
		return EXIT_NEGATIVE;
	return r;
}

static const struct log defaults = { .n_lines = VIEWER_LINES_UNSET };

static const struct option options[] = {
	{ 'f', "follow", OPTION_FLAG, offsetof(struct log, is_following), NULL,
	  "go on with what is stored later" },
	{ 'n', "lines", OPTION_NUMBER, offsetof(struct log, n_lines), "N",
	  "only the last N (with --follow: 10)" },
	{ 'S', "since", OPTION_TEXT, offsetof(struct log, since), "TIME",
	  "from there on" },
	{ 'U', "until", OPTION_TEXT, offsetof(struct log, until), "TIME",
	  "up to there" },
	{ 'g', "grep", OPTION_TEXT, offsetof(struct log, grep), "PATTERN",
	  "only bodies that match the regular expression of POSIX (extended); "
	  "in small letters it finds great ones, too" },
	{ 0, "case-sensitive", OPTION_FLAG,
	  offsetof(struct log, is_case_sensitive), NULL, "it does not" },
	{ 'r', "reverse", OPTION_FLAG, offsetof(struct log, is_reverse), NULL,
	  "newest first" },
	{ 'o', "output", OPTION_CHOICE, offsetof(struct log, format),
	  ENTRY_FORMATS, "one line, one object, the body alone, or all of it" },
	{ 0, "output-fields", OPTION_TEXT, offsetof(struct log, fields), "LIST",
	  "with -o json: only these, `subject,body`" },
	{ 0, "cursor-file", OPTION_TEXT, offsetof(struct log, cursor_file),
	  "FILE",
	  "begin where the last reading ended that FILE tells of, and "
	  "let it tell of this one" },
	{ 0, "subject", OPTION_TEXTS, offsetof(struct log, subjects), "PATTERN",
	  "only these subjects; may be given again" },
	{ 0, "domain", OPTION_TEXTS, offsetof(struct log, domains), "PRINCIPAL",
	  "only what these said, `vm:web`, `web` or a pattern as in policy; "
	  "may be given again" },
	{ 0, "speed", OPTION_TEXT, offsetof(struct log, speed),
	  "original|max|N",
	  "at the pace at which it was stored, or N times "
	  "that" },
	OPTION_ROW_TIMEOUT("how long to wait for an answer (5s)"),
	OPTION_ROW_CONNECT,
	OPTION_ROW_KEY_FILE,
	OPTION_ROW_SERVER_KEY,
	OPTION_ROW_PLAIN,
	OPTION_ROW_END,
};

static const struct argument arguments[] = {
	{ "LOG", OPTION_TEXT, offsetof(struct log, log), false, NULL,
	  "which; the only one if it is left out" },
	ARGUMENT_END,
};

const struct command command_log = {
	.name = "log",
	.summary = "show the records of a log",
	.description =
		"Times are written as for journalctl: `2026-11-30 13:00:00`, "
		"in local time or with ` UTC` behind it, `13:00`, `today`, "
		"`yesterday`, `now`, `-1h`, `2 days ago`, `@1764507600`.\n\n"
		"Bodies are shown by the schemas that they were written with; "
		"text as text; what is neither as its length and hexadecimal "
		"digits. What could drive a terminal is escaped.\n\n"
		"What is not allowed to be read is not shown. When the logger "
		"or the connection is lost, --follow goes on where it was, "
		"without a gap and without a repeat. With --grep the exit "
		"status is 1 when nothing matches.",
	.options = options,
	.arguments = arguments,
	.defaults = &defaults,
	.n_settings = sizeof(struct log),
	.run = run,
};
