/* SPDX-License-Identifier: MIT */

/* helio keys: who may come over TCP, and by which key. */

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/command.h"
#include "cli/exit.h"
#include "cli/folder.h"
#include "cli/output.h"
#include "cli/reload.h"
#include "cli/session.h"
#include "cli/table.h"

#define SUFFIX ".pub"

enum { KEY_CHARS = 40 };

struct keys {
	struct common common;
	const char *state;
	const char *folder;
	const char *name;
	const char *key;
};

static int check_name(const char *name)
{
	if (folder_is_name(name))
		return EXIT_OK;
	talk("keys: '%s' is no name: letters, digits, - and _, at most %d",
	     name, FOLDER_NAME_MAX);
	return EXIT_USAGE;
}

static int check_key(const char *key)
{
	static const char digits[] =
		"0123456789abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";

	if (strlen(key) == KEY_CHARS && strspn(key, digits) == KEY_CHARS)
		return EXIT_OK;
	talk("keys: a key is %d characters of Z85", KEY_CHARS);
	return EXIT_USAGE;
}

static int run_new(const void *settings)
{
	const struct keys *keys = settings;
	char path[FOLDER_PATH_BYTES];
	char key[KEY_CHARS + 1];
	int r = check_name(keys->name);

	if (r != EXIT_OK)
		return r;
	r = folder_join(keys->folder, keys->name, path);
	if (r == 0)
		r = helio_make_keys(path, key);
	if (r == -EEXIST) {
		talk("keys: %s.key or %s.pub is there already", path, path);
		return EXIT_NEGATIVE;
	}
	if (r < 0)
		return session_complain(path, r, NULL);
	printf("%s\n", key);
	talk("the pair is in %s.key: keep it, and tell nobody", path);
	return EXIT_OK;
}

static int find_folder(const struct keys *keys, char folder[FOLDER_PATH_BYTES])
{
	char run[FOLDER_PATH_BYTES], state[FOLDER_PATH_BYTES];
	int r = folder_run_of(NULL, keys->common.connect, run);

	if (r == 0)
		r = folder_state_of(keys->state, run, state);
	return r < 0 ? r : folder_join(state, "keys", folder);
}

static int write_key(const struct keys *keys)
{
	char folder[FOLDER_PATH_BYTES], path[FOLDER_PATH_BYTES];
	char file[FOLDER_NAME_MAX + sizeof(SUFFIX)];
	char text[KEY_CHARS + 2];
	int r = find_folder(keys, folder);

	snprintf(file, sizeof(file), "%s" SUFFIX, keys->name);
	snprintf(text, sizeof(text), "%s\n", keys->key);
	if (r == 0)
		r = folder_join(folder, file, path);
	return r < 0 ? r : folder_write_new(path, text, 0644);
}

static int run_enrol(const void *settings)
{
	const struct keys *keys = settings;
	int r = check_name(keys->name);

	if (r == EXIT_OK)
		r = check_key(keys->key);
	if (r != EXIT_OK)
		return r;
	r = write_key(keys);
	if (r == -EEXIST) {
		talk("keys: %s is enrolled already", keys->name);
		return EXIT_NEGATIVE;
	}
	if (r < 0)
		return session_complain("keys", r, NULL);
	return reload_switch(&keys->common);
}

static int add_row(const char *folder, const char *file, struct table *table)
{
	int n_name = (int)(strlen(file) - strlen(SUFFIX));
	char path[FOLDER_PATH_BYTES];
	char name[256], key[KEY_CHARS + 2] = "";
	FILE *in;
	int r = folder_join(folder, file, path);

	if (r < 0)
		return r;
	snprintf(name, sizeof(name), "%.*s", n_name, file);
	in = fopen(path, "re");
	if (!in)
		return -errno;
	if (fgets(key, sizeof(key), in))
		key[strcspn(key, "\n")] = '\0';
	fclose(in);
	return table_add(table,
			 (struct cell[]){ cell_text(name), cell_text(key) });
}

static int is_key(const struct dirent *entry)
{
	size_t n = strlen(entry->d_name);

	return entry->d_name[0] != '.' && n > strlen(SUFFIX) &&
	       strcmp(entry->d_name + n - strlen(SUFFIX), SUFFIX) == 0;
}

static int add_rows(const struct keys *keys, struct table *table)
{
	char folder[FOLDER_PATH_BYTES];
	struct dirent **entries;
	int r = find_folder(keys, folder);
	int n;

	if (r < 0)
		return r;
	n = scandir(folder, &entries, is_key, alphasort);
	if (n < 0)
		return -errno;
	for (int i = 0; i < n; i++) {
		if (r == 0)
			r = add_row(folder, entries[i]->d_name, table);
		free(entries[i]);
	}
	free(entries);
	return r;
}

static int run_list(const void *settings)
{
	static const struct column columns[] = {
		{ "NAME", "name", CELL_TEXT },
		{ "KEY", "key", CELL_TEXT },
	};
	const struct keys *keys = settings;
	_cleanup_(table_deinit) struct table table;
	int r;

	table_init(&table, columns, sizeof(columns) / sizeof(*columns));
	r = add_rows(keys, &table);
	if (r < 0)
		return session_complain("keys", r, NULL);
	table_write(&table, keys->common.format);
	return EXIT_OK;
}

static const struct keys new_defaults = { .folder = "." };

#define OPTION_ROW_STATE                                                   \
	{                                                                  \
		's', "state", OPTION_TEXT, offsetof(struct keys, state),   \
			"FOLDER",                                          \
			"the state folder of `helio up` (that of the bus)" \
	}

static const struct option new_options[] = {
	{ 'd', "folder", OPTION_TEXT, offsetof(struct keys, folder), "FOLDER",
	  "where the files are made (here)" },
	OPTION_ROW_END,
};

static const struct argument new_arguments[] = {
	{ "NAME", OPTION_TEXT, offsetof(struct keys, name), true, NULL,
	  "of the files, NAME.key and NAME.pub" },
	ARGUMENT_END,
};

const struct command command_keys_new = {
	.name = "keys new",
	.summary = "draw a key pair, and print its public half",
	.options = new_options,
	.arguments = new_arguments,
	.defaults = &new_defaults,
	.n_settings = sizeof(struct keys),
	.run = run_new,
};

static const struct option options[] = {
	OPTION_ROW_STATE,
	OPTION_ROWS_BUS,
	OPTION_ROW_END,
};

static const struct argument enrol_arguments[] = {
	{ "NAME", OPTION_TEXT, offsetof(struct keys, name), true, NULL,
	  "by which policy knows it: key:NAME" },
	{ "KEY", OPTION_TEXT, offsetof(struct keys, key), true, NULL,
	  "the public key, as `helio keys new` printed it" },
	ARGUMENT_END,
};

const struct command command_keys_enrol = {
	.name = "keys enrol",
	.summary = "let somebody with a key come over TCP",
	.options = options,
	.arguments = enrol_arguments,
	.n_settings = sizeof(struct keys),
	.run = run_enrol,
};

const struct command command_keys_list = {
	.name = "keys list",
	.summary = "list the keys that are enrolled",
	.options = options,
	.n_settings = sizeof(struct keys),
	.run = run_list,
};
