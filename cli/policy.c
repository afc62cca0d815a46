/* SPDX-License-Identifier: MIT */

/* helio policy: what may be done, before somebody tries. */

#include <errno.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "cli/command.h"
#include "cli/control.h"
#include "cli/exit.h"
#include "cli/folder.h"
#include "cli/json.h"
#include "cli/output.h"
#include "cli/program.h"
#include "cli/session.h"

struct check {
	struct common common;
	const char *path;
};

struct test {
	struct common common;
	const char *state;
	const char *principal;
	const char *verb;
	const char *what;
};

/* What heliod ends with when it is asked, and what we make of it. */
static int code_of_heliod(int status)
{
	if (status < 0)
		return session_complain("heliod", status, NULL);
	switch (status) {
	case 0:
		return EXIT_OK;
	case 1:
		return EXIT_NEGATIVE;
	case 2:
		return EXIT_USAGE;
	default:
		return EXIT_INTERNAL;
	}
}

/* Only the switch reads policies, so it is the switch that is asked. */
static int ask_heliod(const char **words)
{
	char heliod[FOLDER_PATH_BYTES];
	int r = program_find("heliod", heliod);

	if (r < 0)
		return session_complain("heliod", r, NULL);
	words[0] = heliod;
	fflush(stdout);
	return code_of_heliod(program_run((char *const *)(uintptr_t)words));
}

static int run_check(const void *settings)
{
	const struct check *check = settings;
	const char *words[] = { NULL, "--check-policy", check->path, NULL };

	return ask_heliod(words);
}

static void show_verdict(const struct test *test,
			 const Helio__Switch__V1__CheckReply *reply)
{
	struct json json = { .out = stdout };

	if (test->common.format != FORMAT_JSON) {
		printf("%s\n", reply->text      ? reply->text
			       : reply->allowed ? "allowed"
						: "denied");
		return;
	}
	json_open(&json, '{');
	json_key(&json, "allowed");
	json_bool(&json, reply->allowed != 0);
	if (reply->file) {
		json_key(&json, "file");
		json_string(&json, reply->file);
		json_key(&json, "line");
		json_number(&json, reply->line);
	}
	json_key(&json, "text");
	json_string(&json, reply->text ? reply->text : "");
	json_close(&json, '}');
	fputc('\n', stdout);
}

/* protobuf-c has no const strings, and packing changes none. */
static char *unconst(const char *text)
{
	return (char *)(uintptr_t)text;
}

static int ask_switch(const struct test *test)
{
	_cleanup_(session_close) struct session session = { 0 };
	_cleanup_(control_deinit) struct control control = { 0 };
	Helio__Switch__V1__CheckRequest request =
		HELIO__SWITCH__V1__CHECK_REQUEST__INIT;
	const Helio__Switch__V1__CheckReply *verdict;
	ProtobufCMessage *reply;
	int r;

	r = session_open(&session, &test->common, false);
	if (r != EXIT_OK)
		return r;
	if (control_init(&control, session.bus, test->common.timeout_ms) < 0)
		return session_complain("policy", -ENOMEM, NULL);
	request.principal = unconst(test->principal);
	request.verb = unconst(test->verb);
	request.resource = unconst(test->what);
	r = control_call(&control, "Check", &request.base,
			 &helio__switch__v1__check_reply__descriptor, &reply);
	if (r != EXIT_OK)
		return r;
	verdict = (const Helio__Switch__V1__CheckReply *)reply;
	show_verdict(test, verdict);
	return verdict->allowed ? EXIT_OK : EXIT_NEGATIVE;
}

static int run_test(const void *settings)
{
	const struct test *test = settings;
	const char *words[] = {
		NULL,       "--config", test->state, "--judge", test->principal,
		test->verb, test->what, NULL
	};

	return test->state ? ask_heliod(words) : ask_switch(test);
}

static const struct test test_defaults = {
	.common.timeout_ms = TIMEOUT_DEFAULT_MS,
};

static const struct option check_options[] = {
	OPTION_ROW_END,
};

static const struct argument check_arguments[] = {
	{ "PATH", OPTION_TEXT, offsetof(struct check, path), true, NULL,
	  "a policy file, or a folder of them" },
	ARGUMENT_END,
};

const struct command command_policy_check = {
	.name = "policy check",
	.summary = "read a policy as the switch would",
	.description = "The status is 2 when a line is wrong.",
	.options = check_options,
	.arguments = check_arguments,
	.n_settings = sizeof(struct check),
	.run = run_check,
};

static const struct option test_options[] = {
	{ 's', "state", OPTION_TEXT, offsetof(struct test, state), "FOLDER",
	  "judge by this state folder, without a bus" },
	OPTION_ROW_TIMEOUT("how long to wait for the bus (5s)"),
	OPTION_ROWS_BUS,
	OPTION_ROW_END,
};

static const struct argument test_arguments[] = {
	{ "PRINCIPAL", OPTION_TEXT, offsetof(struct test, principal), true,
	  NULL, "who, like vm:web" },
	{ "VERB", OPTION_TEXT, offsetof(struct test, verb), true, NULL,
	  "publish, subscribe, call, serve, group, .." },
	{ "WHAT", OPTION_TEXT, offsetof(struct test, what), true, NULL,
	  "a subject, a pattern, a name, or BUCKET/KEY" },
	ARGUMENT_END,
};

const struct command command_policy_test = {
	.name = "policy test",
	.summary = "may somebody do something? and which line says so",
	.description = "The status is 0 when it is allowed, and 1 when not.",
	.options = test_options,
	.arguments = test_arguments,
	.defaults = &test_defaults,
	.n_settings = sizeof(struct test),
	.run = run_test,
};
