/* SPDX-License-Identifier: MIT */

#include "bench/clients/plan.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/clients/board.h"
#include "bench/clients/payload.h"

enum {
	SUBJECT_BYTES = 24,
	/* In flight at most: enough that no system ever waits for the other
	 * end's word, little enough that none runs into its limits. */
	WINDOW_MESSAGES = 16384,
	WINDOW_BYTES = 2 << 20,
	WINDOW_MIN = 64,
	PUBLISHERS_MAX = 64,
	LOG_NAME_MAX = 10,
};

static const struct option OPTIONS[] = {
	{ "work", required_argument, NULL, 'w' },
	{ "address", required_argument, NULL, 'a' },
	{ "receive-address", required_argument, NULL, 'r' },
	{ "server-key", required_argument, NULL, 'k' },
	{ "key-file", required_argument, NULL, 'f' },
	{ "plain", no_argument, NULL, 'p' },
	{ "bytes", required_argument, NULL, 'b' },
	{ "subscribers", required_argument, NULL, 'n' },
	{ "subjects", required_argument, NULL, 's' },
	{ "window", required_argument, NULL, 'W' },
	{ "depth", required_argument, NULL, 'd' },
	{ "hogs", required_argument, NULL, 'h' },
	{ "publishers", required_argument, NULL, 'P' },
	{ "records", required_argument, NULL, 'R' },
	{ "log", required_argument, NULL, 'l' },
	{ "seconds", required_argument, NULL, 't' },
	{ 0 },
};

static int parse_count(const char *text, unsigned max, unsigned *ret_count)
{
	char *end;
	unsigned long count;

	errno = 0;
	count = strtoul(text, &end, 10);
	if (errno || end == text || *end || count > max)
		return -EINVAL;
	*ret_count = (unsigned)count;
	return 0;
}

static int parse_seconds(const char *text, double *ret_seconds)
{
	char *end;
	double seconds;

	seconds = strtod(text, &end);
	if (end == text || *end || !(seconds > 0 && seconds <= 60))
		return -EINVAL;
	*ret_seconds = seconds;
	return 0;
}

static int parse_work(const char *text, enum work *ret_work)
{
	static const char *const NAMES[] = {
		[WORK_PUBSUB] = "pubsub", [WORK_REQUEST] = "request",
		[WORK_STORE] = "store",   [WORK_REPLAY] = "replay",
		[WORK_PUT] = "put",       [WORK_GET] = "get",
		[WORK_JOB] = "job",
	};

	for (unsigned i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
		if (strcmp(text, NAMES[i]) != 0)
			continue;
		*ret_work = (enum work)i;
		return 0;
	}
	return -EINVAL;
}

static int parse_option(struct plan *plan, int option, const char *value)
{
	switch (option) {
	case 'w':
		return parse_work(value, &plan->work);
	case 'a':
		plan->address = value;
		return 0;
	case 'r':
		plan->receive_address = value;
		return 0;
	case 'k':
		plan->server_key = value;
		return 0;
	case 'f':
		plan->key_file = value;
		return 0;
	case 'p':
		plan->is_plain = true;
		return 0;
	case 'b':
		return parse_count(value, PAYLOAD_MAX, &plan->n_body);
	case 'n':
		return parse_count(value, BOARD_LANES_MAX,
				   &plan->n_subscribers);
	case 's':
		return parse_count(value, 1000000, &plan->n_subjects);
	case 'W':
		return parse_count(value, 1000000, &plan->n_window);
	case 'd':
		return parse_count(value, BOARD_DEPTH_MAX, &plan->depth);
	case 'h':
		return parse_count(value, 16, &plan->n_hogs);
	case 'P':
		return parse_count(value, PUBLISHERS_MAX, &plan->n_publishers);
	case 'R':
		return parse_count(value, 100000000, &plan->n_records);
	case 'l':
		plan->log = value;
		return 0;
	case 't':
		return parse_seconds(value, &plan->seconds);
	default:
		return -EINVAL;
	}
}

static int parse_options(struct plan *plan, int argc, char **argv)
{
	int option, r;

	while ((option = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1) {
		r = parse_option(plan, option, optarg);
		if (r < 0) {
			fprintf(stderr, "%s: bad option: %s\n", argv[0],
				argv[optind - 1]);
			return r;
		}
	}
	if (!plan->address || plan->n_body < PAYLOAD_MIN ||
	    !plan->n_subscribers || !plan->n_subjects || !plan->depth ||
	    !plan->n_publishers || strlen(plan->log) > LOG_NAME_MAX) {
		fprintf(stderr, "%s: --address and counts above 0, please\n",
			argv[0]);
		return -EINVAL;
	}
	return 0;
}

static unsigned window_default(unsigned n_body)
{
	unsigned n = WINDOW_BYTES / n_body;

	if (n > WINDOW_MESSAGES)
		return WINDOW_MESSAGES;
	return n < WINDOW_MIN ? WINDOW_MIN : n;
}

/*
 * The subjects lie one behind the other as a program's own would, and are
 * ready before the clock starts: formatting them is not what is measured.
 */
static int plan_make_subjects(struct plan *plan)
{
	plan->subjects = calloc(plan->n_subjects, sizeof(*plan->subjects));
	plan->subject_texts = calloc(plan->n_subjects, SUBJECT_BYTES);
	if (!plan->subjects || !plan->subject_texts)
		return -ENOMEM;
	for (unsigned i = 0; i < plan->n_subjects; i++) {
		char *text = plan->subject_texts + (size_t)i * SUBJECT_BYTES;

		snprintf(text, SUBJECT_BYTES, "%s.%03u.%03u", plan->log,
			 i / 100, i % 100);
		plan->subjects[i].text = text;
		plan->subjects[i].n_text = strlen(text);
	}
	plan->pattern =
		plan->n_subjects > 1 ? "bench.>" : plan->subjects[0].text;
	return 0;
}

int plan_init(struct plan *ret_plan, int argc, char **argv)
{
	struct plan plan = {
		.n_body = 100,
		.n_subscribers = 1,
		.n_subjects = 1,
		.depth = 1,
		.n_publishers = 1,
		.log = "bench",
		.seconds = 0.8,
	};
	int r;

	r = parse_options(&plan, argc, argv);
	if (r < 0)
		return r;
	if (!plan.receive_address)
		plan.receive_address = plan.address;
	if (!plan.n_window)
		plan.n_window = window_default(plan.n_body);
	r = plan_make_subjects(&plan);
	if (r < 0) {
		plan_deinit(&plan);
		return r;
	}
	*ret_plan = plan;
	return 0;
}

void plan_deinit(struct plan *plan)
{
	free(plan->subject_texts);
	free(plan->subjects);
	*plan = (struct plan){ 0 };
}
