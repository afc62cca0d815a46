/* SPDX-License-Identifier: MIT */

/* helio log: the records of a log, with journalctl's vocabulary. */

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/command.h"
#include "cli/decoder.h"
#include "cli/entry.h"
#include "cli/exit.h"
#include "cli/logs.h"
#include "cli/moment.h"
#include "cli/output.h"
#include "cli/reading.h"

enum {
	LINES_FOLLOWING = 10,
	LINES_MAX = 10000000,
	CURSOR_BYTES = 256,
	TEXT_BYTES_MAX = 256 << 20,
};

#define LINES_UNSET UINT64_MAX

struct log {
	struct common common;
	const char *log;
	bool is_following;
	uint64_t n_lines;
	const char *since;
	const char *until;
	const char *grep;
	bool is_case_sensitive;
	bool is_reverse;
	int format; /* enum entry_format */
	const char *cursor_file;
	const char *fields;
	struct texts subjects;
	struct texts domains;
	const char *speed;
};

/* What the texts of the command line mean, and what came of it. */
struct viewer {
	const struct log *log;
	struct logs logs;
	struct decoder decoder;
	struct entry_view view;
	regex_t regex;
	bool has_regex;
	uint64_t since_ns;
	uint64_t until_ns; /* the first that is not wanted */
	uint64_t from;     /* a sequence, of the cursor file */
	uint64_t n_wanted; /* 0: all */
	uint32_t pace_permille;
	char *principals[OPTION_TEXTS_MAX]; /* owned */
	uint64_t n_shown;
	/* With the newest first: what is shown in the end, as it will be. */
	char **kept;
	size_t n_kept;
	bool is_keeping;
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
	if (!text || moment_parse(text, moment_now(), ret_ns) == 0)
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
	if (log->n_lines != LINES_UNSET)
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
	if (log->n_lines != LINES_UNSET && log->n_lines > LINES_MAX) {
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

/* ---- the cursor file ---- */

/* `LOG SEQUENCE`: the first that was not shown yet. */
static bool is_cursor_of(const char *text, const char *name,
			 uint64_t *ret_sequence)
{
	size_t n = strlen(name);
	char *end;

	if (strncmp(text, name, n) != 0 || text[n] != ' ' ||
	    text[n + 1] < '0' || text[n + 1] > '9')
		return false;
	errno = 0;
	*ret_sequence = strtoull(text + n + 1, &end, 10);
	return !errno && (*end == '\n' || !*end);
}

static int read_cursor(struct viewer *viewer)
{
	const char *path = viewer->log->cursor_file;
	char text[CURSOR_BYTES];
	_cleanup_(close_fdp) int fd = -1;
	ssize_t n;

	if (!path)
		return EXIT_OK;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return EXIT_OK;
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n < 0) {
		talk("%s: %s", path, strerror(errno));
		return EXIT_USAGE;
	}
	text[n] = '\0';
	if (n == 0)
		return EXIT_OK;
	if (!is_cursor_of(text, viewer->logs.name, &viewer->from)) {
		talk("%s: no cursor of the log %s", path, viewer->logs.name);
		return EXIT_USAGE;
	}
	return EXIT_OK;
}

/* In one step, so that a power cut leaves the old one or the new one. */
static int write_cursor(const struct viewer *viewer, uint64_t position)
{
	const char *path = viewer->log->cursor_file;
	_cleanup_(freep) char *beside = NULL;
	FILE *file;
	bool is_good;

	if (!path || position == 0)
		return EXIT_OK;
	if (asprintf(&beside, "%s.new", path) < 0)
		return session_complain("log", -ENOMEM, NULL);
	file = fopen(beside, "we");
	is_good = file && fprintf(file, "%s %" PRIu64 "\n", viewer->logs.name,
				  position) > 0;
	is_good = is_good && fflush(file) == 0 && fsync(fileno(file)) == 0;
	if (file && fclose(file) != 0)
		is_good = false;
	if (is_good && rename(beside, path) == 0)
		return EXIT_OK;
	talk("%s: %s", path, strerror(errno));
	return EXIT_USAGE;
}

/* ---- showing ---- */

static bool is_match(struct viewer *viewer,
		     const struct helio_log_record *record)
{
	_cleanup_(buffer_deinit) struct buffer text;
	regmatch_t part = { 0 };

	buffer_init(&text, TEXT_BYTES_MAX);
	if (!viewer->has_regex)
		return true;
	entry_text(&viewer->view, record, &text);
	part.rm_eo = (regoff_t)text.n;
	return regexec(&viewer->regex, text.bytes ? text.bytes : "", 1, &part,
		       REG_STARTEND) == 0;
}

static bool keep(struct viewer *viewer, const struct helio_log_record *record)
{
	char **kept =
		reallocarray(viewer->kept, viewer->n_kept + 1, sizeof(*kept));
	char *text = NULL;
	size_t n;
	FILE *out;

	if (!kept)
		return false;
	viewer->kept = kept;
	out = open_memstream(&text, &n);
	if (!out)
		return false;
	entry_write(&viewer->view, record, out);
	fclose(out);
	viewer->kept[viewer->n_kept++] = text;
	return text != NULL;
}

static bool has_enough(const struct viewer *viewer)
{
	bool is_counting = viewer->is_keeping || viewer->log->is_reverse;

	return is_counting && viewer->n_wanted > 0 &&
	       viewer->n_shown >= viewer->n_wanted;
}

/* Newest first, what is too old is the end. */
static bool is_too_old(const struct viewer *viewer,
		       const struct helio_log_record *record)
{
	return record->time_ns < viewer->since_ns ||
	       record->sequence < viewer->from;
}

static bool take(const struct helio_log_record *record, void *userdata)
{
	struct viewer *viewer = userdata;

	if ((viewer->is_keeping || viewer->log->is_reverse) &&
	    is_too_old(viewer, record))
		return false;
	if (!is_match(viewer, record))
		return true;
	viewer->n_shown++;
	if (!viewer->is_keeping)
		entry_write(&viewer->view, record, stdout);
	else if (!keep(viewer, record))
		return false;
	return !has_enough(viewer);
}

static struct helio_log_read_options options_of(const struct viewer *viewer)
{
	const struct log *log = viewer->log;

	return (struct helio_log_read_options){
		.until_unix_ns = viewer->until_ns,
		.filter = { .subjects = log->subjects.at,
			    .n_subjects = log->subjects.n,
			    .principals =
				    (const char *const *)viewer->principals,
			    .n_principals = log->domains.n },
		.is_following = log->is_following,
		.is_reverse = log->is_reverse,
		.pace_permille = viewer->pace_permille,
	};
}

static int read_on(struct viewer *viewer,
		   const struct helio_log_read_options *options)
{
	struct reading reading = {
		.logs = &viewer->logs,
		.take = take,
		.userdata = viewer,
		.is_json = viewer->view.format == ENTRY_JSON,
	};
	int r = reading_run(&reading, options);

	if (r == EXIT_OK && !options->is_reverse)
		r = write_cursor(viewer, reading.position);
	return r;
}

/*
 * The last few that match, of which only we know which do: newest first, until
 * there are enough of them, and then the other way round.
 */
static int show_last(struct viewer *viewer, uint64_t last)
{
	struct helio_log_read_options options = options_of(viewer);
	int r;

	options.is_following = false;
	options.is_reverse = true;
	options.pace_permille = 0;
	options.until_sequence = last + 1;
	if (!viewer->has_regex)
		options.limit = viewer->n_wanted;
	viewer->is_keeping = true;
	r = viewer->n_wanted > 0 ? read_on(viewer, &options) : EXIT_OK;
	viewer->is_keeping = false;
	for (size_t i = viewer->n_kept; i > 0; i--)
		if (viewer->kept[i - 1])
			fputs(viewer->kept[i - 1], stdout);
	return r;
}

static int show_last_and_follow(struct viewer *viewer)
{
	struct helio_log_read_options options = options_of(viewer);
	const Helio__Log__V1__Log *log;
	uint64_t last;
	int r = logs_get(&viewer->logs, &log);

	if (r != EXIT_OK)
		return r;
	last = log->last;
	r = show_last(viewer, last);
	if (r != EXIT_OK)
		return r;
	if (!viewer->log->is_following)
		return write_cursor(viewer, last + 1);
	options.place.sequence = last + 1;
	return read_on(viewer, &options);
}

static int show(struct viewer *viewer)
{
	struct helio_log_read_options options = options_of(viewer);
	bool is_counted = viewer->n_wanted > 0 || viewer->log->n_lines == 0;

	/* How many of them match the logger does not know, or from where on. */
	if (is_counted && !options.is_reverse)
		return show_last_and_follow(viewer);
	if (!options.is_reverse && viewer->from > 0)
		options.place.sequence = viewer->from;
	else if (!options.is_reverse && viewer->since_ns > 0)
		options.place.unix_ns = viewer->since_ns;
	if (options.is_reverse && !viewer->has_regex)
		options.limit = viewer->n_wanted;
	return is_counted && viewer->n_wanted == 0 ? EXIT_OK
						   : read_on(viewer, &options);
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
		r = read_cursor(&viewer);
	if (r != EXIT_OK)
		return r;
	set_view(&viewer);
	count_lines(&viewer);
	r = show(&viewer);
	if (r == EXIT_OK && viewer.has_regex && viewer.n_shown == 0 &&
	    !log->is_following)
		return EXIT_NEGATIVE;
	return r;
}

static const struct log defaults = { .n_lines = LINES_UNSET };

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
