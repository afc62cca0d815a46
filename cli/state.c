/* SPDX-License-Identifier: MIT */

#include "cli/state.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/folder.h"

enum { POLICY_BYTES = 4096 };

static const char default_policy[] =
	"# Written by `helio up` because there was no policy yet.\n"
	"#\n"
	"#     VERDICT WHO VERB WHAT\n"
	"#\n"
	"# The first line that decides, decides; what no line allows is denied.\n"
	"# `helio policy check FOLDER` reads a policy before the switch does,\n"
	"# `helio policy test WHO VERB WHAT` asks the switch what it would say.\n"
	"\n"
	"# The user who runs the bus may do everything on it.\n"
	"allow uid:%u publish,subscribe,call,serve,group,capture,observe >\n"
	"allow uid:%u subscribe $sys.>\n"
	"allow uid:%u admin >\n"
	"allow uid:%u log-read,log-admin >\n"
	"allow uid:%u kv-read,kv-write,job-submit,job-work >\n"
	"\n"
	"# A domain and its programs own the subjects below the domain's name.\n"
	"allow vm:*/** publish,subscribe,call,serve,group vm.{self}.>\n"
	"\n"
	"# And the buckets and queues below it, in the store.\n"
	"allow vm:*/** call helio.store.v1.>\n"
	"allow vm:*/** kv-read,kv-write,job-submit,job-work vm.{self}.>\n"
	"\n"
	"# Anybody who is let in may ask whether the switch is there.\n"
	"allow ** call helio.switch.v1.Switch.Ping\n"
	"\n"
	"# It may register schemas of what it may serve or call, and read them:\n"
	"# helio-registry asks what it may of the package.\n"
	"allow ** call helio.registry.v1.Registry.Put\n"
	"allow ** call helio.registry.v1.Registry.Get\n"
	"allow ** call helio.registry.v1.Registry.List\n"
	"allow ** call helio.registry.v1.Registry.Diff\n";

static int close_dir(DIR *dir)
{
	return dir ? closedir(dir) : 0;
}

DEFINE_CLEANUP(DIR *, close_dir);

static bool has_suffix(const char *name, const char *suffix)
{
	size_t n = strlen(name), n_suffix = strlen(suffix);

	return n > n_suffix && strcmp(name + n - n_suffix, suffix) == 0;
}

static int has_policy(const char *folder, bool *ret_has)
{
	_cleanup_(close_dirp) DIR *dir = opendir(folder);
	const struct dirent *entry;

	if (!dir)
		return -errno;
	*ret_has = false;
	while (!*ret_has && (entry = readdir(dir)))
		*ret_has = has_suffix(entry->d_name, ".policy");
	return 0;
}

static int write_policy(const char *folder)
{
	char path[FOLDER_PATH_BYTES];
	char text[POLICY_BYTES];
	unsigned uid = geteuid();
	int r = folder_join(folder, "50-default.policy", path);

	if (r < 0)
		return r;
	snprintf(text, sizeof(text), default_policy, uid, uid, uid, uid, uid);
	return folder_write_new(path, text, 0644);
}

int state_prepare(const char *path)
{
	static const char *const parts[] = { "domains", "keys", "policy" };
	char part[FOLDER_PATH_BYTES];
	bool has = true;
	int r = folder_make(path, 0700);

	for (size_t i = 0; r == 0 && i < sizeof(parts) / sizeof(*parts); i++) {
		r = folder_join(path, parts[i], part);
		if (r == 0)
			r = folder_make(part, 0755);
	}
	if (r == 0)
		r = has_policy(part, &has);
	return r == 0 && !has ? write_policy(part) : r;
}
