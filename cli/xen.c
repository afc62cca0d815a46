/* SPDX-License-Identifier: MIT */

/* helio xen-agent, helio xen-grant: programs of dom0, which know Xen. */

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/exit.h"
#include "cli/output.h"
#include "cli/program.h"

struct xen {
	const char *domid;
	bool is_once;
	bool is_following;
};

static int become(const char *name, const struct xen *xen, const char *flag)
{
	char path[FOLDER_PATH_BYTES];
	const char *words[] = { path, xen->domid, flag, NULL };
	int r = program_find(name, path);

	if (r == 0) {
		execvp(path, (char *const *)(uintptr_t)words);
		r = -errno;
	}
	if (r == -ENOENT)
		talk("%s is not installed: it is built where Xen's libxenstore "
		     "is",
		     name);
	else
		talk("%s: %s", name, strerror(-r));
	return r == -ENOENT ? (int)EXIT_UNAVAILABLE : (int)exit_code(r);
}

static int run_agent(const void *settings)
{
	const struct xen *xen = settings;

	return become("helio-xen-agent", xen, xen->is_once ? "--once" : NULL);
}

static int run_grant(const void *settings)
{
	const struct xen *xen = settings;

	return become("helio-xen-grant", xen,
		      xen->is_following ? "--follow" : NULL);
}

static const struct option agent_options[] = {
	{ 0, "once", OPTION_FLAG, offsetof(struct xen, is_once), NULL,
	  "tell it and end, and leave it standing" },
	OPTION_ROW_END,
};

static const struct option grant_options[] = {
	{ 0, "follow", OPTION_FLAG, offsetof(struct xen, is_following), NULL,
	  "stay, and do the same for domains that come" },
	OPTION_ROW_END,
};

static const struct argument arguments[] = {
	{ "DOMID", OPTION_TEXT, offsetof(struct xen, domid), true, NULL,
	  "of the domain that holds the switch" },
	ARGUMENT_END,
};

const struct command command_xen_agent = {
	.name = "xen-agent",
	.summary = "in dom0: tell a domain with a switch who the others are",
	.description =
		"A switch in another domain than dom0 may not read in xenstore "
		"who the other domains are. This keeps their names and uuids "
		"in the nodes data/heliograph of that domain, where it alone "
		"may read them, as domains come, go and are renamed; prints a "
		"line when they stand there for the first time; and ends at "
		"^C, or when that domain is gone. The switch then goes on with "
		"what it knew. `helio xen-grant` is the other way.",
	.options = agent_options,
	.arguments = arguments,
	.n_settings = sizeof(struct xen),
	.run = run_agent,
};

const struct command command_xen_grant = {
	.name = "xen-grant",
	.summary =
		"in dom0: let a domain with a switch read who the others are",
	.description =
		"Adds it to the readers of /local/domain, of each domain's "
		"node, name and vm there, and to those who hear of "
		"@introduceDomain and @releaseDomain. Domains that come later "
		"need another run, or --follow, which stays for them until ^C. "
		"`helio xen-agent` is the other way, and gives no permissions.",
	.options = grant_options,
	.arguments = arguments,
	.n_settings = sizeof(struct xen),
	.run = run_grant,
};
