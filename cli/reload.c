/* SPDX-License-Identifier: MIT */

#include "cli/reload.h"

#include <errno.h>

#include "base/cleanup.h"
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
