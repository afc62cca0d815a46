/* SPDX-License-Identifier: MIT */

/* helio drain: have one instance of a service take no new calls. */

#include <errno.h>

#include "base/cleanup.h"
#include "cli/command.h"
#include "cli/control.h"
#include "cli/exit.h"
#include "cli/session.h"
#include "cli/table.h"

struct drain {
	struct common common;
	char *instance;
};

static const struct column columns[] = {
	{ "PRINCIPAL", "principal", CELL_TEXT },
	{ "SERVICE", "service", CELL_TEXT },
	{ "PENDING", "calls_pending", CELL_NUMBER },
};

enum { N_COLUMNS = sizeof(columns) / sizeof(*columns) };

static int show(const Helio__Switch__V1__DrainReply *reply, int format)
{
	_cleanup_(table_deinit) struct table table;
	const struct cell cells[N_COLUMNS] = {
		cell_text(reply->principal),
		cell_text(reply->name),
		cell_number(reply->calls_pending),
	};

	table_init(&table, columns, N_COLUMNS);
	if (table_add(&table, cells) < 0)
		return session_complain("drain", -ENOMEM, NULL);
	table_write(&table, format);
	return EXIT_OK;
}

static int run(const void *settings)
{
	const struct drain *drain = settings;
	_cleanup_(session_close) struct session session = { 0 };
	_cleanup_(control_deinit) struct control control = { 0 };
	Helio__Switch__V1__DrainRequest request =
		HELIO__SWITCH__V1__DRAIN_REQUEST__INIT;
	ProtobufCMessage *reply;
	int r;

	request.instance = drain->instance;
	r = session_open(&session, &drain->common, false);
	if (r != EXIT_OK)
		return r;
	if (control_init(&control, session.bus, drain->common.timeout_ms) < 0)
		return session_complain("drain", -ENOMEM, NULL);
	r = control_call(&control, "Drain", &request.base,
			 &helio__switch__v1__drain_reply__descriptor, &reply);
	if (r != EXIT_OK)
		return r;
	return show((const void *)reply, drain->common.format);
}

static const struct drain defaults = {
	.common.timeout_ms = TIMEOUT_DEFAULT_MS,
};

static const struct option options[] = {
	OPTION_ROW_TIMEOUT("how long to wait for the bus (5s)"),
	OPTION_ROWS_BUS,
	OPTION_ROW_END,
};

static const struct argument arguments[] = {
	{ "INSTANCE", OPTION_TEXT, offsetof(struct drain, instance), true, NULL,
	  "the number of one registration, as `helio ls services` shows it" },
	ARGUMENT_END,
};

const struct command command_drain = {
	.name = "drain",
	.summary = "have one instance of a service take no new calls",
	.description =
		"It goes on with the calls that it has, and its program is "
		"told. New ones go to other instances of the service; without "
		"any they are UNAVAILABLE, or wait if they may. Needs the "
		"right `admin` to `switch`.",
	.options = options,
	.arguments = arguments,
	.defaults = &defaults,
	.n_settings = sizeof(struct drain),
	.run = run,
};
