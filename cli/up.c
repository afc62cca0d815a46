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
#include "cli/roster.h"
#include "cli/state.h"
#include "rpc/heliograph.h"

struct up {
	struct common common;
	const char *state;
	const char *run;
	struct texts listen;
	const char *uplink; /* or NULL */
	struct texts xenstore;
	uint64_t store_bytes_max;           /* 0: the store's default */
	uint64_t store_principal_bytes_max; /* the same */
};

struct places {
	const struct up *up;
	char state[FOLDER_PATH_BYTES];
	char run[FOLDER_PATH_BYTES];
	char address[FOLDER_PATH_BYTES];
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

/* Who has started it, and where it says that it is ready. */
static void add_supervised(struct roster *roster)
{
	roster_number(roster, "--ready-fd", SUPERVISOR_READY_FD);
	roster_number(roster, "--parent", (uint64_t)getpid());
}

static void add_switch(struct roster *roster, const struct places *places)
{
	const struct texts *listen = &places->up->listen;

	roster_add(roster, "heliod");
	roster_option(roster, "--config", places->state);
	roster_option(roster, "--run", places->run);
	add_supervised(roster);
	for (size_t i = 0; i < listen->n; i++)
		roster_option(roster, "--listen", listen->at[i]);
	if (places->up->uplink)
		roster_option(roster, "--uplink", places->up->uplink);
}

/* One that serves on the bus. */
static void add_service(struct roster *roster, const struct places *places,
			const char *name)
{
	roster_add(roster, name);
	roster_option(roster, "--address", places->address);
	add_supervised(roster);
}

/* One that has a folder in the state folder. */
static void add_keeper(struct roster *roster, const struct places *places,
		       const char *name, const char *folder)
{
	char path[FOLDER_PATH_BYTES];
	int r = folder_join(places->state, folder, path);

	add_service(roster, places, name);
	if (r == 0)
		roster_option(roster, "--state", path);
	else if (roster->r == 0)
		roster->r = r;
}

static void add_store(struct roster *roster, const struct places *places)
{
	const struct up *up = places->up;

	add_keeper(roster, places, "helio-store", "store");
	if (up->store_bytes_max)
		roster_number(roster, "--bytes-max", up->store_bytes_max);
	if (up->store_principal_bytes_max)
		roster_number(roster, "--principal-bytes-max",
			      up->store_principal_bytes_max);
}

/* Of TREE=BUCKET; NULL: none is named. */
static const char *bucket_of(const char *text)
{
	const char *equals = strchr(text, '=');

	return equals ? equals + 1 : NULL;
}

static bool has_bucket(const char *text, const char *bucket)
{
	const char *other = bucket_of(text);

	return bucket && other ? !strcmp(bucket, other) : bucket == other;
}

static void add_tree(struct roster *roster, const char *text)
{
	char tree[FOLDER_PATH_BYTES];

	snprintf(tree, sizeof(tree), "%.*s", (int)strcspn(text, "="), text);
	roster_option(roster, "--tree", tree);
}

/* The bridge to the bucket of the k-th, if that is the first to name it. */
static void add_bridge(struct roster *roster, const struct places *places,
		       size_t k)
{
	const struct texts *texts = &places->up->xenstore;
	const char *bucket = bucket_of(texts->at[k]);

	for (size_t i = 0; i < k; i++)
		if (has_bucket(texts->at[i], bucket))
			return;
	add_service(roster, places, "helio-xenstore");
	if (bucket)
		roster_option(roster, "--bucket", bucket);
	for (size_t i = k; i < texts->n; i++)
		if (has_bucket(texts->at[i], bucket))
			add_tree(roster, texts->at[i]);
}

/* A leaf's programs have the services of its host. */
static void add_all(struct roster *roster, const struct places *places)
{
	add_switch(roster, places);
	if (places->up->uplink)
		return;
	add_keeper(roster, places, "helio-registry", "schemas");
	add_keeper(roster, places, "helio-logger", "logs");
	add_store(roster, places);
	for (size_t k = 0; k < places->up->xenstore.n; k++)
		add_bridge(roster, places, k);
}

static int find_places(struct places *places)
{
	int r = folder_state(places->up->state, places->state);

	if (r == 0)
		r = folder_run(places->up->run, places->run);
	if (r == 0 && snprintf(places->address, sizeof(places->address),
			       "shm:%s/bus.sock",
			       places->run) >= (int)sizeof(places->address))
		r = -ENAMETOOLONG;
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

static int check(const struct up *up)
{
	if (!up->uplink || !(up->xenstore.n || up->store_bytes_max ||
			     up->store_principal_bytes_max))
		return EXIT_OK;
	talk("up: a leaf has no store of its own: --uplink goes without "
	     "--xenstore and --store-..");
	return EXIT_USAGE;
}

static int run(const void *settings)
{
	struct places places = { .up = settings };
	_cleanup_(close_fdp) int lock_fd = -1;
	_cleanup_(roster_deinit) struct roster roster;
	int r = check(settings);

	roster_init(&roster);
	if (r == EXIT_OK)
		r = prepare(&places, &lock_fd);
	if (r != EXIT_OK)
		return r;
	add_all(&roster, &places);
	if (roster.r < 0) {
		talk("up: %s", roster.r == -E2BIG ? "too many buckets"
						  : strerror(-roster.r));
		return exit_code(roster.r);
	}
	return supervisor_run(roster.programs, roster.n, on_ready, &places);
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
	{ 0, "xenstore", OPTION_TEXTS, offsetof(struct up, xenstore),
	  "TREE[=BUCKET]",
	  "keep this tree of xenstore in the bucket (xenstore), as "
	  "'/local/domain/*/data'; may be given again" },
	{ 0, "store-bytes-max", OPTION_BYTES,
	  offsetof(struct up, store_bytes_max), "BYTES",
	  "what the store keeps at most, in memory (1G)" },
	{ 0, "store-principal-bytes-max", OPTION_BYTES,
	  offsetof(struct up, store_principal_bytes_max), "BYTES",
	  "what it keeps of one principal at most (256M)" },
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
		"client is.\n\n"
		"With `--xenstore` helio-xenstore is started as well, one for "
		"each bucket, where xenstore can be read: in dom0 mostly. "
		"XENSTORED_PATH in the environment names another xenstored.",
	.options = options,
	.n_settings = sizeof(struct up),
	.run = run,
};
