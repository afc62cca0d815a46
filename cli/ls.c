/* SPDX-License-Identifier: MIT */

/* helio ls: who is on the bus, and what they subscribed and serve. */

#include <errno.h>

#include "base/cleanup.h"
#include "cli/command.h"
#include "cli/control.h"
#include "cli/exit.h"
#include "cli/listing.h"
#include "cli/session.h"

struct ls {
	struct common common;
	int what; /* index into listings */
	const char *principal;
};

/* In the order of the argument's choices. */
static const struct listing *const listings[] = {
	&listing_peers,
	&listing_subscriptions,
	&listing_services,
	&listing_domains,
};

static int run(const void *settings)
{
	const struct ls *ls = settings;
	const struct listing *listing = listings[ls->what];
	_cleanup_(session_close) struct session session = { 0 };
	_cleanup_(control_deinit) struct control control = { 0 };
	_cleanup_(table_deinit) struct table table;
	int r;

	table_init(&table, listing->columns, listing->n_columns);
	r = session_open(&session, &ls->common, false);
	if (r != EXIT_OK)
		return r;
	if (control_init(&control, session.bus, ls->common.timeout_ms) < 0)
		return session_complain("ls", -ENOMEM, NULL);
	r = listing_read(listing, &control, ls->principal, &table);
	if (r == EXIT_OK)
		table_write(&table, ls->common.format);
	return r;
}

static const struct ls defaults = { .common.timeout_ms = TIMEOUT_DEFAULT_MS };

static const struct option options[] = {
	{ 'p', "principal", OPTION_TEXT, offsetof(struct ls, principal),
	  "PRINCIPAL", "only of this one and what is below it" },
	OPTION_ROW_TIMEOUT("how long to wait for the bus (5s)"),
	OPTION_ROWS_BUS,
	OPTION_ROW_END,
};

static const struct argument arguments[] = {
	{ "WHAT", OPTION_CHOICE, offsetof(struct ls, what), false,
	  "peers|subscriptions|services|domains",
	  "peers, subscriptions, services or domains; peers if it is left "
	  "out" },
	ARGUMENT_END,
};

const struct command command_ls = {
	.name = "ls",
	.summary = "list peers, subscriptions, services or domains",
	.description =
		"Messages and bytes are counted from when the peer came. With "
		"-o json there are more columns than people are shown.\n\n"
		"Domains are those that are enrolled, and, where the switch "
		"listens on vchan:, those that the hypervisor has: by their "
		"principals, with the domid, and whether they are served, for "
		"one that policy gives nothing is not.",
	.options = options,
	.arguments = arguments,
	.defaults = &defaults,
	.n_settings = sizeof(struct ls),
	.run = run,
};
