/* SPDX-License-Identifier: MIT */

/* helio up: the programs of a bus, started and kept running as one set. */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/command.h"
#include "cli/exit.h"
#include "cli/folder.h"
#include "cli/json.h"
#include "cli/output.h"
#include "cli/program.h"
#include "cli/state.h"
#include "cli/supervisor.h"
#include "rpc/heliograph.h"

/* heliod, two words for each of its options, and the end. */
enum { HELIOD_WORDS_MAX = 1 + 5 * 2 + 2 * OPTION_TEXTS_MAX + 1 };

/* helio-registry and the like, two words for each option, and the end. */
enum { SERVICE_WORDS = 1 + 4 * 2 + 1 };

struct up {
	struct common common;
	const char *state;
	const char *run;
	struct texts listen;
	const char *uplink; /* or NULL */
};

struct places {
	const struct up *up;
	char state[FOLDER_PATH_BYTES];
	char run[FOLDER_PATH_BYTES];
	char heliod[FOLDER_PATH_BYTES];
	char registry[FOLDER_PATH_BYTES];
	char schemas[FOLDER_PATH_BYTES];
	char logger[FOLDER_PATH_BYTES];
	char logs[FOLDER_PATH_BYTES];
	char store[FOLDER_PATH_BYTES];
	char stored[FOLDER_PATH_BYTES];
	char address[FOLDER_PATH_BYTES];
	char ready_fd[8];
	char parent[16];
};

static void on_ready(void *userdata)
{
	const struct places *places = userdata;
	struct json json = { .out = stdout };

	if (places->up->common.format == FORMAT_JSON) {
		json_open(&json, '{');
		json_key(&json, "ready");
		json_string(&json, places->address);
		json_key(&json, "state");
		json_string(&json, places->state);
		json_close(&json, '}');
		fputc('\n', stdout);
	} else {
		printf("ready: %s, state in %s\n", places->address,
		       places->state);
	}
	fflush(stdout);
}

static void fill_words(const struct places *places,
		       const char *words[HELIOD_WORDS_MAX])
{
	const struct texts *listen = &places->up->listen;
	size_t n = 0;

	words[n++] = places->heliod;
	words[n++] = "--config";
	words[n++] = places->state;
	words[n++] = "--run";
	words[n++] = places->run;
	words[n++] = "--ready-fd";
	words[n++] = places->ready_fd;
	words[n++] = "--parent";
	words[n++] = places->parent;
	for (size_t i = 0; i < listen->n; i++) {
		words[n++] = "--listen";
		words[n++] = listen->at[i];
	}
	if (places->up->uplink) {
		words[n++] = "--uplink";
		words[n++] = places->up->uplink;
	}
	words[n] = NULL;
}

/* One that serves on the bus, and has a folder. */
static void fill_service_words(const struct places *places, const char *file,
			       const char *option, const char *folder,
			       const char *words[SERVICE_WORDS])
{
	size_t n = 0;

	words[n++] = file;
	words[n++] = option;
	words[n++] = folder;
	words[n++] = "--address";
	words[n++] = places->address;
	words[n++] = "--ready-fd";
	words[n++] = places->ready_fd;
	words[n++] = "--parent";
	words[n++] = places->parent;
	words[n] = NULL;
}

/* Where programs and folders are, and what they are told about us. */
static int find_places(struct places *places)
{
	int r = folder_state(places->up->state, places->state);

	if (r == 0)
		r = folder_run(places->up->run, places->run);
	if (r == 0)
		r = program_find("heliod", places->heliod);
	if (r == 0)
		r = program_find("helio-registry", places->registry);
	if (r == 0)
		r = program_find("helio-logger", places->logger);
	if (r == 0)
		r = program_find("helio-store", places->store);
	if (r == 0)
		r = folder_join(places->state, "schemas", places->schemas);
	if (r == 0)
		r = folder_join(places->state, "logs", places->logs);
	if (r == 0)
		r = folder_join(places->state, "store", places->stored);
	if (r == 0 && snprintf(places->address, sizeof(places->address),
			       "shm:%s/bus.sock",
			       places->run) >= (int)sizeof(places->address))
		r = -ENAMETOOLONG;
	snprintf(places->parent, sizeof(places->parent), "%d", getpid());
	snprintf(places->ready_fd, sizeof(places->ready_fd), "%d",
		 SUPERVISOR_READY_FD);
	return r;
}

/* Two sets on one folder would take each other's sockets away. */
static int lock(const struct places *places, int *ret_fd)
{
	_cleanup_(close_fdp) int fd = -1;
	char path[FOLDER_PATH_BYTES];
	int r = folder_join(places->run, "up.lock", path);

	if (r < 0)
		return r;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return -errno;
	*ret_fd = take_fd(fd);
	return 0;
}

static bool is_for_keys(const char *listen)
{
	return strncmp(listen, "tcp:", strlen("tcp:")) == 0 &&
	       !strstr(listen, " plain");
}

/* Over TCP the switch is known by a key of its own, drawn once and kept. */
static int make_switch_key(const struct places *places)
{
	const struct texts *listen = &places->up->listen;
	char path[FOLDER_PATH_BYTES];
	char public_key[41];
	bool is_needed = places->up->uplink && is_for_keys(places->up->uplink);
	int r;

	for (size_t i = 0; i < listen->n; i++)
		is_needed |= is_for_keys(listen->at[i]);
	if (!is_needed)
		return 0;
	r = folder_join(places->state, "heliod", path);
	if (r == 0)
		r = helio_make_keys(path, public_key);
	if (r == 0)
		talk("drew the switch's key pair; its public key is in %s.pub",
		     path);
	return r == -EEXIST ? 0 : r;
}

static int prepare(struct places *places, int *ret_lock)
{
	int r = find_places(places);

	if (r == 0)
		r = state_prepare(places->state);
	if (r == 0)
		r = make_switch_key(places);
	if (r < 0) {
		talk("up: %s: %s", places->state, strerror(-r));
		return exit_code(r);
	}
	/* Others must reach the sockets; who may use them, their modes say. */
	r = folder_make(places->run, 0755);
	if (r == 0)
		r = lock(places, ret_lock);
	if (r == 0)
		r = folder_link_state(places->run, places->state);
	if (r == 0)
		return EXIT_OK;
	talk("up: %s: %s", places->run,
	     r == -EWOULDBLOCK ? "another `helio up` runs there"
			       : strerror(-r));
	if (r == -EWOULDBLOCK)
		return EXIT_UNAVAILABLE;
	return exit_code(r);
}

static int run(const void *settings)
{
	struct places places = { .up = settings };
	_cleanup_(close_fdp) int lock_fd = -1;
	const char *words[HELIOD_WORDS_MAX];
	const char *registry_words[SERVICE_WORDS];
	const char *logger_words[SERVICE_WORDS];
	const char *store_words[SERVICE_WORDS];
	const struct program programs[] = {
		{ "heliod", (char *const *)(uintptr_t)words },
		{ "helio-registry", (char *const *)(uintptr_t)registry_words },
		{ "helio-logger", (char *const *)(uintptr_t)logger_words },
		{ "helio-store", (char *const *)(uintptr_t)store_words },
	};
	size_t n = sizeof(programs) / sizeof(*programs);
	int r = prepare(&places, &lock_fd);

	if (r != EXIT_OK)
		return r;
	fill_words(&places, words);
	fill_service_words(&places, places.registry, "--state", places.schemas,
			   registry_words);
	fill_service_words(&places, places.logger, "--state", places.logs,
			   logger_words);
	fill_service_words(&places, places.store, "--state", places.stored,
			   store_words);
	/* A leaf's programs have those of its host. */
	return supervisor_run(programs, places.up->uplink ? 1 : n, on_ready,
			      &places);
}

static const struct option options[] = {
	{ 's', "state", OPTION_TEXT, offsetof(struct up, state), "FOLDER",
	  "policy, domains, keys, schemas, logs and the store "
	  "(/var/lib/heliograph)" },
	{ 0, "run", OPTION_TEXT, offsetof(struct up, run), "FOLDER",
	  "the sockets (/run/heliograph)" },
	{ 'l', "listen", OPTION_TEXTS, offsetof(struct up, listen), "ADDRESS",
	  "listen there too, for example on tcp://HOST:PORT, or on Xen on "
	  "vchan:*/PORT; may be given again" },
	{ 0, "uplink", OPTION_TEXT, offsetof(struct up, uplink), "ADDRESS",
	  "be a leaf of the bus there: wait until it lets us in" },
	OPTION_ROW_OUTPUT,
	OPTION_ROW_END,
};

const struct command command_up = {
	.name = "up",
	.summary = "start a bus and keep it running",
	.description =
		"Makes the state folder with a default policy if there is "
		"none, starts the switch and, unless it is a leaf, the "
		"registry of schemas, the logger and the store, prints a line "
		"when they are ready, and starts them again if they die. ^C "
		"ends them. For users other than root the state is in $XDG_STATE_HOME/heliograph or "
		"~/.local/state/heliograph; with $XDG_RUNTIME_DIR the sockets "
		"are in its folder heliograph.\n\n"
		"Over TCP the switch has a key, in heliod.key and heliod.pub "
		"of the state folder, and lets in who was enrolled with `helio "
		"keys enrol`. `--listen 'tcp://127.0.0.1:PORT plain'` does "
		"without, for tests.\n\n"
		"With `--uplink ADDRESS` the programs of this bus are those "
		"of the bus there too, each by its own name below the one "
		"that this bus has there, say vm:web/uid:1000; its policy "
		"judges them after ours. Both policies name them by the whole "
		"path. Over TCP the other bus is known by its public key, in "
		"uplink.pub of the state folder, and this one by its own, as a "
		"client is.",
	.options = options,
	.n_settings = sizeof(struct up),
	.run = run,
};
