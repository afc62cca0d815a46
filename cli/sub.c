/* SPDX-License-Identifier: MIT */

/* helio sub: show what is published, as it comes. */

#include <errno.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "cli/command.h"
#include "cli/exit.h"
#include "cli/json.h"
#include "cli/loop.h"
#include "cli/output.h"
#include "cli/session.h"

struct sub {
	struct common common; /* timeout_ms 0: for ever */
	const char *pattern;
	uint64_t count; /* 0: no end */
	const char *group;
	int overflow; /* enum helio_overflow, in its order */
	bool has_subject;
	bool is_raw;
	bool is_observing;
};

struct subscriber {
	const struct sub *sub;
	struct loop *loop;
	struct output output;
	uint64_t n_seen;
};

static void count_one(struct subscriber *subscriber)
{
	subscriber->n_seen++;
	if (subscriber->n_seen == subscriber->sub->count)
		loop_end(subscriber->loop, EXIT_OK);
}

/* One turn may bring more than was asked for: what is too much is not shown. */
static bool has_enough(const struct subscriber *subscriber)
{
	return subscriber->sub->count > 0 &&
	       subscriber->n_seen >= subscriber->sub->count;
}

static void on_message(struct helio_subscription *subscription,
		       const struct helio_message *message, void *userdata)
{
	struct subscriber *subscriber = userdata;

	if (has_enough(subscriber))
		return;
	output_message(&subscriber->output, message);
	count_one(subscriber);
}

static void on_observed(struct helio_subscription *subscription,
			const struct helio_message *message, bool is_reply,
			uint64_t slot, unsigned status, void *userdata)
{
	struct subscriber *subscriber = userdata;

	if (has_enough(subscriber))
		return;
	output_observed(&subscriber->output, message, is_reply, slot, status);
	count_one(subscriber);
}

static void on_gap(struct helio_subscription *subscription, uint64_t n_lost,
		   const char *reason, void *userdata)
{
	struct subscriber *subscriber = userdata;
	struct json json = { .out = stdout };

	if (n_lost > 0)
		talk("%llu messages are missing here (%s)",
		     (unsigned long long)n_lost, reason);
	else
		talk("messages may be missing here (%s)", reason);
	if (!subscriber->output.is_json)
		return;
	json_open(&json, '{');
	json_key(&json, "lost");
	if (n_lost > 0)
		json_number(&json, n_lost);
	else
		json_null(&json);
	json_key(&json, "reason");
	json_string(&json, reason);
	json_close(&json, '}');
	fputc('\n', stdout);
}

static void on_ready(struct helio *bus, unsigned status, const char *reason,
		     void *userdata)
{
	struct subscriber *subscriber = userdata;
	int code;

	if (status == HELIO_OK) {
		talk("subscribed to %s", subscriber->sub->pattern);
		return;
	}
	code = session_complain("subscribe", (int)status, reason);
	loop_end(subscriber->loop, code);
}

/*
 * Whoever asked for a count and got fewer was not served; who asked for none
 * is content with anything at all.
 */
static int code_when_late(const struct subscriber *subscriber)
{
	if (subscriber->sub->count == 0 && subscriber->n_seen > 0)
		return EXIT_OK;
	talk("only %llu messages came in time",
	     (unsigned long long)subscriber->n_seen);
	return EXIT_UNAVAILABLE;
}

static int subscribe(struct subscriber *subscriber, struct session *session)
{
	const struct sub *sub = subscriber->sub;
	struct helio_subscribe_options options = {
		.group = sub->group,
		.overflow = (enum helio_overflow)sub->overflow,
		.on_observed = sub->is_observing ? on_observed : NULL,
		.on_gap = on_gap,
		.on_ready = on_ready,
	};
	struct helio_subscription *subscription;
	int r;

	r = helio_subscribe(session->bus, sub->pattern, &options, on_message,
			    subscriber, &subscription);
	if (r < 0)
		return session_complain(sub->pattern, r,
					r == -EINVAL ? "not a pattern" : NULL);
	loop_end_after(subscriber->loop, sub->common.timeout_ms);
	r = loop_run(subscriber->loop);
	return r == LOOP_LATE ? code_when_late(subscriber) : r;
}

static int run(const void *settings)
{
	const struct sub *sub = settings;
	_cleanup_(session_close) struct session session = { 0 };
	_cleanup_(loop_deinit) struct loop loop = { 0 };
	struct subscriber subscriber = { .sub = sub, .loop = &loop };
	int r;

	output_init(&subscriber.output, sub->common.format, sub->is_raw);
	subscriber.output.has_subject = sub->has_subject;
	r = session_open(&session, &sub->common, true);
	if (r != EXIT_OK)
		return r;
	r = loop_init(&loop, session.bus,
		      sub->count ? EXIT_INTERRUPTED : EXIT_OK);
	if (r < 0)
		return session_complain("sub", r, NULL);
	return subscribe(&subscriber, &session);
}

static const struct option options[] = {
	{ 'n', "count", OPTION_NUMBER, offsetof(struct sub, count), "N",
	  "end after N messages" },
	{ 'q', "queue", OPTION_TEXT, offsetof(struct sub, group), "GROUP",
	  "share the messages with the other members of GROUP" },
	{ 't', "subject", OPTION_FLAG, offsetof(struct sub, has_subject), NULL,
	  "show each message's subject" },
	{ 'r', "raw", OPTION_FLAG, offsetof(struct sub, is_raw), NULL,
	  "bodies as they are: nothing escaped, nothing added" },
	{ 0, "overflow", OPTION_CHOICE, offsetof(struct sub, overflow),
	  "drop-new|drop-old|disconnect|latest",
	  "what is lost when we are too slow" },
	{ 0, "observe", OPTION_FLAG, offsetof(struct sub, is_observing), NULL,
	  "copies of the calls and replies of the service PATTERN" },
	OPTION_ROW_TIMEOUT("end after this long; the status is 5 if --count "
			   "was not reached, or nothing came at all"),
	OPTION_ROWS_BUS,
	OPTION_ROW_END,
};

static const struct argument arguments[] = {
	{ "PATTERN", OPTION_TEXT, offsetof(struct sub, pattern), true, NULL,
	  "a subject, in which `*` stands for one token and a final `>` for "
	  "one or more" },
	ARGUMENT_END,
};

const struct command command_sub = {
	.name = "sub",
	.summary = "show messages as they come",
	.description =
		"One line each; with -o json one object each. On a terminal "
		"control bytes are shown escaped. When messages are missing, a "
		"line on standard error says so in its place.",
	.options = options,
	.arguments = arguments,
	.n_settings = sizeof(struct sub),
	.run = run,
};
