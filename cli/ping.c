/* SPDX-License-Identifier: MIT */

/* helio ping: is the switch there, and are others? */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "cli/command.h"
#include "cli/control.h"
#include "cli/exit.h"
#include "cli/json.h"
#include "cli/listing.h"
#include "cli/output.h"
#include "cli/session.h"

struct ping {
	struct common common;
	struct texts principals;
	uint64_t count;
};

/* By the path that every call takes, so it tells of the right to call too. */
static int ping_once(struct control *control, double *ret_ms)
{
	static uint8_t payload[] = "ping";
	Helio__Switch__V1__PingRequest request =
		HELIO__SWITCH__V1__PING_REQUEST__INIT;
	uint64_t start_ns = clock_now_ns();
	ProtobufCMessage *reply;
	int r;

	request.has_payload = 1;
	request.payload.data = payload;
	request.payload.len = sizeof(payload) - 1;
	r = control_call(control, "Ping", &request.base,
			 &helio__switch__v1__ping_reply__descriptor, &reply);
	if (r == EXIT_OK)
		*ret_ms = (double)(clock_now_ns() - start_ns) / NS_PER_MS;
	return r;
}

static void show_time(const struct ping *ping, const char *principal, double ms)
{
	struct json json = { .out = stdout };

	if (ping->common.format != FORMAT_JSON) {
		printf("the switch answers %s in %.3f ms\n", principal, ms);
		return;
	}
	json_open(&json, '{');
	json_key(&json, "principal");
	json_string(&json, principal);
	json_key(&json, "ms");
	json_real(&json, ms);
	json_close(&json, '}');
	fputc('\n', stdout);
}

static int ping_switch(const struct ping *ping, struct control *control)
{
	double ms = 0;
	int r = EXIT_OK;

	for (uint64_t i = 0; r == EXIT_OK && i < ping->count; i++) {
		r = ping_once(control, &ms);
		if (r == EXIT_OK)
			show_time(ping, helio_principal(control->bus), ms);
	}
	return r;
}

static void show_presence(const struct ping *ping, const char *principal,
			  uint64_t n)
{
	struct json json = { .out = stdout };

	if (ping->common.format != FORMAT_JSON) {
		printf("%s ", principal);
		printf(n ? "is connected, %llu channels\n"
			 : "is not connected\n",
		       (unsigned long long)n);
		return;
	}
	json_open(&json, '{');
	json_key(&json, "principal");
	json_string(&json, principal);
	json_key(&json, "channels");
	json_number(&json, n);
	json_close(&json, '}');
	fputc('\n', stdout);
}

static int ping_principal(const struct ping *ping, struct control *control,
			  const char *principal)
{
	_cleanup_(table_deinit) struct table peers;
	uint64_t n;
	int r;

	table_init(&peers, listing_peers.columns, listing_peers.n_columns);
	r = listing_read(&listing_peers, control, principal, &peers);
	if (r != EXIT_OK)
		return r;
	n = peers.n_cells / peers.n_columns;
	show_presence(ping, principal, n);
	return n ? EXIT_OK : EXIT_NOT_FOUND;
}

static int ping_all(const struct ping *ping, struct control *control)
{
	int code = EXIT_OK;

	for (size_t i = 0; i < ping->principals.n; i++) {
		int r = ping_principal(ping, control, ping->principals.at[i]);

		if (code == EXIT_OK)
			code = r;
	}
	return code;
}

static int run(const void *settings)
{
	const struct ping *ping = settings;
	_cleanup_(session_close) struct session session = { 0 };
	_cleanup_(control_deinit) struct control control = { 0 };
	int r;

	r = session_open(&session, &ping->common, false);
	if (r != EXIT_OK)
		return r;
	if (control_init(&control, session.bus, ping->common.timeout_ms) < 0)
		return session_complain("ping", -ENOMEM, NULL);
	return ping->principals.n ? ping_all(ping, &control)
				  : ping_switch(ping, &control);
}

static const struct ping defaults = { .common.timeout_ms = TIMEOUT_DEFAULT_MS,
				      .count = 1 };

static const struct option options[] = {
	{ 'n', "count", OPTION_NUMBER, offsetof(struct ping, count), "N",
	  "ask the switch N times" },
	OPTION_ROW_TIMEOUT("how long to wait (5s)"),
	OPTION_ROWS_BUS,
	OPTION_ROW_END,
};

static const struct argument arguments[] = {
	{ "PRINCIPAL", OPTION_TEXTS, offsetof(struct ping, principals), false,
	  NULL, "ask the switch whether it, or something below it, is there" },
	ARGUMENT_END,
};

const struct command command_ping = {
	.name = "ping",
	.summary = "ask whether the switch, or others, are there",
	.description = "The status is 3 when a PRINCIPAL is not connected.",
	.options = options,
	.arguments = arguments,
	.defaults = &defaults,
	.n_settings = sizeof(struct ping),
	.run = run,
};
