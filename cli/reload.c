/* SPDX-License-Identifier: MIT */

#include "cli/reload.h"

#include <errno.h>

#include "base/cleanup.h"
#include "cli/command.h"
#include "cli/control.h"
#include "cli/exit.h"
#include "cli/field.h"
#include "cli/output.h"
#include "cli/session.h"

int reload_switch(const struct common *common)
{
	_cleanup_(session_close) struct session session = { 0 };
	_cleanup_(control_deinit) struct control control = { 0 };
	Helio__Switch__V1__ReloadRequest request =
		HELIO__SWITCH__V1__RELOAD_REQUEST__INIT;
	ProtobufCMessage *reply;
	int r;

	r = session_open(&session, common, false);
	if (r == EXIT_UNAVAILABLE) {
		talk("it will be read when the switch starts");
		return EXIT_OK;
	}
	if (r != EXIT_OK)
		return r;
	if (control_init(&control, session.bus, 0) < 0)
		return session_complain("reload", -ENOMEM, NULL);
	r = control_call(&control, "Reload", &request.base,
			 &helio__switch__v1__reload_reply__descriptor, &reply);
	if (r != EXIT_OK || !*field_text(reply, "error"))
		return r;
	talk("the switch goes on with what it had: %s",
	     field_text(reply, "error"));
	return EXIT_USAGE;
}

static int run(const void *settings)
{
	const struct common *common = settings;

	return reload_switch(common);
}

static const struct option options[] = {
	OPTION_ROWS_BUS,
	OPTION_ROW_END,
};

const struct command command_reload = {
	.name = "reload",
	.summary = "have the switch read its state folder anew",
	.description =
		"All of it, or nothing changes: the status is 2 when a file is "
		"wrong. Subscriptions and services that are no longer allowed "
		"end.",
	.options = options,
	.n_settings = sizeof(struct common),
	.run = run,
};
