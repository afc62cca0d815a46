/* SPDX-License-Identifier: MIT */

/* helio domains: which domains have a socket of their own. */

#include <dirent.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/command.h"
#include "cli/exit.h"
#include "cli/folder.h"
#include "cli/output.h"
#include "cli/reload.h"
#include "cli/session.h"
#include "cli/table.h"

#define SUFFIX ".domain"

struct domains {
	struct common common;
	const char *state;
	const char *run;
	const char *name;
	const char *owner;
	const char *mode;
};

/* Where the domain's file and its socket are. */
struct domain_paths {
	char file[FOLDER_PATH_BYTES];
	char socket[FOLDER_PATH_BYTES];
};

static int find_folders(const struct domains *domains,
			char run[FOLDER_PATH_BYTES],
			char state[FOLDER_PATH_BYTES])
{
	int r = folder_run_of(domains->run, domains->common.connect, run);

	return r < 0 ? r : folder_state_of(domains->state, run, state);
}

static int find_paths(const struct domains *domains, const char *name,
		      struct domain_paths *ret_paths)
{
	char run[FOLDER_PATH_BYTES], state[FOLDER_PATH_BYTES];
	char below[FOLDER_NAME_MAX + 32];
	int r = find_folders(domains, run, state);

	snprintf(below, sizeof(below), "domains/%s" SUFFIX, name);
	if (r == 0)
		r = folder_join(state, below, ret_paths->file);
	snprintf(below, sizeof(below), "domains/%s.sock", name);
	if (r == 0)
		r = folder_join(run, below, ret_paths->socket);
	return r;
}

static int check_name(const char *name)
{
	if (folder_is_name(name))
		return EXIT_OK;
	talk("domains: '%s' is no name: letters, digits, - and _, at most %d",
	     name, FOLDER_NAME_MAX);
	return EXIT_USAGE;
}

/* A number, or a user's name. */
static int find_owner(const char *text, uint64_t *ret_uid)
{
	const struct passwd *user;

	if (option_parse_number(text, ret_uid) == 0 && *ret_uid < UINT32_MAX)
		return 0;
	user = getpwnam(text);
	if (!user)
		return -ENOENT;
	*ret_uid = user->pw_uid;
	return 0;
}

static bool is_mode(const char *text)
{
	size_t n = strlen(text);

	return n > 0 && n <= 4 && strspn(text, "01234567") == n;
}

static int write_lines(const struct domains *domains, char *text, size_t n_text)
{
	uint64_t uid = geteuid();

	if (domains->owner && find_owner(domains->owner, &uid) < 0) {
		talk("domains: no user '%s'", domains->owner);
		return EXIT_NOT_FOUND;
	}
	if (!is_mode(domains->mode)) {
		talk("domains: '%s' is no mode like 0660", domains->mode);
		return EXIT_USAGE;
	}
	snprintf(text, n_text, "owner %llu\nmode %s\n", (unsigned long long)uid,
		 domains->mode);
	return EXIT_OK;
}

static int run_enrol(const void *settings)
{
	const struct domains *domains = settings;
	struct domain_paths paths;
	char text[64];
	int r = check_name(domains->name);

	if (r == EXIT_OK)
		r = write_lines(domains, text, sizeof(text));
	if (r != EXIT_OK)
		return r;
	r = find_paths(domains, domains->name, &paths);
	if (r == 0)
		r = folder_write_new(paths.file, text, 0644);
	if (r == -EEXIST) {
		talk("domains: %s is enrolled already", domains->name);
		return EXIT_NEGATIVE;
	}
	if (r < 0)
		return session_complain(paths.file, r, NULL);
	r = reload_switch(&domains->common);
	if (r == EXIT_OK && domains->common.format == FORMAT_TEXT)
		printf("vm:%s connects at shm:%s\n", domains->name,
		       paths.socket);
	return r;
}

static int run_remove(const void *settings)
{
	const struct domains *domains = settings;
	struct domain_paths paths;
	int r = check_name(domains->name);

	if (r != EXIT_OK)
		return r;
	r = find_paths(domains, domains->name, &paths);
	if (r == 0 && unlink(paths.file) < 0)
		r = -errno;
	if (r < 0)
		return session_complain(domains->name, r, "not enrolled");
	return reload_switch(&domains->common);
}

static int add_row(const struct domains *domains, const char *file,
		   struct table *table)
{
	size_t n = strlen(file) - strlen(SUFFIX);
	struct domain_paths paths;
	struct cell cells[3];
	char name[256];
	int r;

	snprintf(name, sizeof(name), "%.*s", (int)n, file);
	r = find_paths(domains, name, &paths);
	if (r < 0)
		return r;
	cells[0] = cell_text(name);
	cells[1] = cell_number(access(paths.socket, F_OK) == 0);
	cells[2] = cell_text(paths.socket);
	return table_add(table, cells);
}

static int is_domain(const struct dirent *entry)
{
	size_t n = strlen(entry->d_name);

	return entry->d_name[0] != '.' && n > strlen(SUFFIX) &&
	       n <= FOLDER_NAME_MAX + strlen(SUFFIX) &&
	       strcmp(entry->d_name + n - strlen(SUFFIX), SUFFIX) == 0;
}

static int add_rows(const struct domains *domains, struct table *table)
{
	char state[FOLDER_PATH_BYTES], folder[FOLDER_PATH_BYTES];
	struct dirent **entries;
	int r = find_folders(domains, folder, state);
	int n;

	if (r == 0)
		r = folder_join(state, "domains", folder);
	if (r < 0)
		return r;
	n = scandir(folder, &entries, is_domain, alphasort);
	if (n < 0)
		return -errno;
	for (int i = 0; i < n; i++) {
		if (r == 0)
			r = add_row(domains, entries[i]->d_name, table);
		free(entries[i]);
	}
	free(entries);
	return r;
}

static int run_list(const void *settings)
{
	static const struct column columns[] = {
		{ "DOMAIN", "name", CELL_TEXT },
		{ "LIVE", "live", CELL_BOOL },
		{ "SOCKET", "socket", CELL_TEXT },
	};
	const struct domains *domains = settings;
	_cleanup_(table_deinit) struct table table;
	int r;

	table_init(&table, columns, sizeof(columns) / sizeof(*columns));
	r = add_rows(domains, &table);
	if (r < 0)
		return session_complain("domains", r, NULL);
	table_write(&table, domains->common.format);
	return EXIT_OK;
}

static const struct domains defaults = { .mode = "0600" };

#define OPTION_ROWS_FOLDERS                                                  \
	{ 's',         "state",                                              \
	  OPTION_TEXT, offsetof(struct domains, state),                      \
	  "FOLDER",    "the state folder of `helio up` (that of the bus)" }, \
	{                                                                    \
		0, "run", OPTION_TEXT, offsetof(struct domains, run),        \
			"FOLDER",                                            \
			"the run folder of `helio up` (that of the bus)"     \
	}

static const struct option enrol_options[] = {
	{ 0, "owner", OPTION_TEXT, offsetof(struct domains, owner), "USER",
	  "whose the socket is, by name or number (ours)" },
	{ 0, "mode", OPTION_TEXT, offsetof(struct domains, mode), "MODE",
	  "of the socket (0600)" },
	OPTION_ROWS_FOLDERS,
	OPTION_ROWS_BUS,
	OPTION_ROW_END,
};

static const struct option options[] = {
	OPTION_ROWS_FOLDERS,
	OPTION_ROWS_BUS,
	OPTION_ROW_END,
};

static const struct argument arguments[] = {
	{ "NAME", OPTION_TEXT, offsetof(struct domains, name), true, NULL,
	  "of the domain" },
	ARGUMENT_END,
};

const struct command command_domains_enrol = {
	.name = "domains enrol",
	.summary = "give a domain a socket of its own",
	.description =
		"Whoever may open the socket is the principal vm:NAME. Its "
		"policy is that of vm:*, or lines of its own. The state folder "
		"is the one that `helio up` was started with on this bus, if "
		"it was by this user.",
	.options = enrol_options,
	.arguments = arguments,
	.defaults = &defaults,
	.n_settings = sizeof(struct domains),
	.run = run_enrol,
};

const struct command command_domains_list = {
	.name = "domains list",
	.summary = "list the domains that are enrolled",
	.description =
		"As the state folder has them, whether a switch runs or not. "
		"`helio ls domains` asks the switch, and shows the domains of "
		"the hypervisor as well.",
	.options = options,
	.n_settings = sizeof(struct domains),
	.run = run_list,
};

const struct command command_domains_remove = {
	.name = "domains remove",
	.summary = "take a domain's socket away",
	.options = options,
	.arguments = arguments,
	.n_settings = sizeof(struct domains),
	.run = run_remove,
};
