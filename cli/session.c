/* SPDX-License-Identifier: MIT */

#include "cli/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/command.h"
#include "cli/exit.h"
#include "cli/output.h"

static void on_state(struct helio *bus, enum helio_state state, void *userdata)
{
	struct session *session = userdata;

	/* What happens before it was first connected, session_open() tells. */
	if (state == HELIO_CONNECTED && session->was_connected)
		talk("connected again");
	else if (state == HELIO_CONNECTING && session->was_connected)
		talk("connection lost (%s); connecting again",
		     helio_error(bus));
	session->was_connected |= state == HELIO_CONNECTED;
}

static void on_refused(struct helio *bus, unsigned status, const char *reason,
		       void *userdata)
{
	struct session *session = userdata;

	/* Of a thousand equal refusals one is news. */
	if (session->n_refused++ == 0)
		session_complain("publish", (int)status, reason);
	session->refused_status = status;
}

/*
 * The library keeps trying behind a lasting connection; for a person at the
 * keyboard the first failure is the answer.
 */
static int wait_until_connected(struct helio *bus, uint32_t timeout_ms)
{
	uint64_t end_ns = clock_now_ns() + timeout_ms * NS_PER_MS;
	int r = 0;

	while (r >= 0 && helio_state(bus) == HELIO_CONNECTING) {
		uint64_t now_ns = clock_now_ns();

		if (now_ns >= end_ns)
			return -ETIMEDOUT;
		if (*helio_error(bus))
			return -ENOTCONN;
		r = helio_run(bus, (int)((end_ns - now_ns) / NS_PER_MS) + 1);
	}
	return r < 0 ? r : 0;
}

/* Modules are built and installed only where their libraries are. */
static void complain_of_module(const char *address)
{
	int n = (int)strcspn(address, ":");
	const char *library = "that it is for";

	if (strncmp(address, "vchan:", 6) == 0)
		library = "of Xen (libxengnttab, libxenevtchn, libxenstore)";
	if (strncmp(address, "tcp:", 4) == 0)
		library = "of ZeroMQ (libzmq)";
	talk("no bus at %s: no module for %.*s: libheliograph-%.*s.so or a "
	     "library %s is not installed",
	     address, n, address, n, address, library);
}

static int complain_of_connection(const struct session *session, int r)
{
	const char *why = session->bus ? helio_error(session->bus) : "";

	if (r == -EPROTONOSUPPORT && !*why)
		complain_of_module(session->address);
	else
		talk("no bus at %s: %s", session->address,
		     *why ? why : strerror(-r));
	if (r == -EINVAL || r == -EPROTONOSUPPORT)
		return EXIT_USAGE;
	if (r == -EACCES || r == -EPERM)
		return EXIT_DENIED;
	return EXIT_UNAVAILABLE;
}

int session_open(struct session *session, const struct common *common,
		 bool is_lasting)
{
	const char *key_file = getenv("HELIOGRAPH_KEY_FILE");
	const char *server_key = getenv("HELIOGRAPH_SERVER_KEY");
	struct helio_options options = {
		.program = "helio",
		.no_reconnect = !is_lasting,
		.key_file = common->key_file ? common->key_file : key_file,
		.server_key =
			common->server_key ? common->server_key : server_key,
		.is_plain = common->is_plain,
		.on_state = on_state,
		.on_refused = on_refused,
		.userdata = session,
	};
	int r;

	*session = (struct session){ .is_lasting = is_lasting };
	r = folder_address(common->connect, session->address);
	if (r < 0)
		return complain_of_connection(session, r);
	r = helio_open(session->address, &options, &session->bus);
	if (r >= 0)
		r = wait_until_connected(
			session->bus, common->timeout_ms ? common->timeout_ms
							 : TIMEOUT_DEFAULT_MS);
	if (r < 0)
		return complain_of_connection(session, r);
	return EXIT_OK;
}

void session_close(struct session *session)
{
	helio_close(session->bus);
	session->bus = NULL;
}

int session_complain(const char *what, int result, const char *reason)
{
	const char *name = result < 0 ? strerror(-result)
				      : helio_status_name((unsigned)result);

	/* Who has no reason to give may say the name again. */
	if (reason && *reason && strcmp(reason, name) != 0)
		talk("%s: %s: %s", what, name, reason);
	else
		talk("%s: %s", what, name);
	return exit_code(result);
}
