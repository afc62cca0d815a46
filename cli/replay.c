/* SPDX-License-Identifier: MIT */

/* helio replay: what a log recorded is said, or asked, again. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "cli/command.h"
#include "cli/exit.h"
#include "cli/moment.h"
#include "cli/output.h"
#include "cli/reading.h"
#include "cli/replayer.h"

static void replayer_deinit(struct replayer *replayer)
{
	logs_close(&replayer->logs);
	comparison_deinit(&replayer->comparison);
	free(replayer->headers);
}

static int parse(const struct replay *replay,
		 struct helio_log_read_options *options)
{
	uint64_t now_ns = clock_unix_ns();
	int r = EXIT_OK;

	if ((replay->since && moment_parse(replay->since, now_ns,
					   &options->place.unix_ns) < 0) ||
	    (replay->until && moment_parse(replay->until, now_ns,
					   &options->until_unix_ns) < 0)) {
		talk("replay: --since and --until are times like '-1h' or "
		     "'2026-11-30 13:00'");
		return EXIT_USAGE;
	}
	if (!replay->into || !*replay->into) {
		talk("replay: --into says where to");
		return EXIT_USAGE;
	}
	r = moment_parse_speed(replay->speed, &options->pace_permille);
	if (r < 0) {
		talk("replay: --speed is 'original', 'max' or how many times "
		     "as fast");
		return EXIT_USAGE;
	}
	options->until_unix_ns += replay->until != NULL;
	options->filter.subjects = replay->subjects.at;
	options->filter.n_subjects = replay->subjects.n;
	return EXIT_OK;
}

static int replay_all(struct replayer *replayer,
		      const struct helio_log_read_options *options)
{
	struct reading reading = { .logs = &replayer->logs,
				   .take = replayer_take,
				   .userdata = replayer };
	int r = reading_run(&reading, options);

	if (r == EXIT_OK && replayer->r == 0)
		replayer->r = replayer_wait(replayer);
	if (r == EXIT_OK && replayer->r < 0)
		return session_complain("replay", replayer->r, NULL);
	if (r == EXIT_OK)
		r = replayer_report(replayer);
	return r == EXIT_OK && reading.is_interrupted ? EXIT_INTERRUPTED : r;
}

static int run(const void *settings)
{
	_cleanup_(replayer_deinit) struct replayer replayer = {
		.settings = settings
	};
	struct helio_log_read_options options = { 0 };
	const struct replay *replay = settings;
	int r = parse(replay, &options);

	if (r != EXIT_OK)
		return r;
	replayer.headers =
		calloc(REPLAYER_HEADERS_MAX, sizeof(*replayer.headers));
	if (!replayer.headers || comparison_init(&replayer.comparison) < 0)
		return session_complain("replay", -ENOMEM, NULL);
	r = logs_open(&replayer.logs, &replay->common);
	if (r == EXIT_OK)
		r = logs_find(&replayer.logs, replay->log);
	return r == EXIT_OK ? replay_all(&replayer, &options) : r;
}

static const struct replay defaults = {
	.common.timeout_ms = TIMEOUT_DEFAULT_MS,
};

static const struct option options[] = {
	{ 'L', "log", OPTION_TEXT, offsetof(struct replay, log), "LOG",
	  "which; the only one if it is left out" },
	{ 'S', "since", OPTION_TEXT, offsetof(struct replay, since), "TIME",
	  "from there on" },
	{ 'U', "until", OPTION_TEXT, offsetof(struct replay, until), "TIME",
	  "up to there" },
	{ 'i', "into", OPTION_TEXT, offsetof(struct replay, into),
	  "SUBJECT|SERVICE",
	  "what stands before the subject of each message, as in "
	  "SUBJECT.vm.web.console; calls are made to SERVICE" },
	{ 0, "strip", OPTION_TEXT, offsetof(struct replay, strip), "PREFIX",
	  "--into stands instead of this; messages whose subject does not "
	  "begin so are passed over" },
	{ 0, "speed", OPTION_TEXT, offsetof(struct replay, speed),
	  "original|max|N",
	  "at the pace at which it was stored, at once "
	  "(which is the default), or N times as fast" },
	{ 0, "subject", OPTION_TEXTS, offsetof(struct replay, subjects),
	  "PATTERN", "only these subjects; may be given again" },
	OPTION_ROW_TIMEOUT("how long each call may take (5s)"),
	OPTION_ROWS_BUS,
	OPTION_ROW_END,
};

const struct command command_replay = {
	.name = "replay",
	.summary = "say again what a log has recorded",
	.description =
		"Messages are published under another subject, calls that were "
		"recorded are made to another service, and each says by its "
		"headers what it is: helio-replayed (LOG/SEQUENCE), "
		"helio-source and helio-time are those of the record. What "
		"comes back is counted by method and status, and compared "
		"with the replies that were recorded.\n\n"
		"The exit status is 1 when a reply differs from the recorded "
		"one, or something was refused.",
	.options = options,
	.defaults = &defaults,
	.n_settings = sizeof(struct replay),
	.run = run,
};
