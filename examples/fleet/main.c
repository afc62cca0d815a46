/* SPDX-License-Identifier: MIT */

/*
 * A fleet of machines on the bus: README.md tells how to use it, and how it
 * works. The bus is at $HELIOGRAPH_ADDRESS.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "controller.h"
#include "worker.h"

enum { CONNECT_MS = 10000, PRESENCE_S = 10, WAIT_S = 30, MACHINES_MAX = 900 };

static const char usage[] =
	"usage: fleet controller\n"
	"       fleet worker HOST [--driver process|vm] [--presence SECONDS]\n"
	"       fleet start NAME [COMMAND [ARGUMENT...]]\n"
	"       fleet scale NAME NUMBER [COMMAND [ARGUMENT...]]\n"
	"       fleet stop NAME\n"
	"       fleet rm NAME\n"
	"       fleet ls\n"
	"       fleet wait [SECONDS]\n";

static int misused(void)
{
	fputs(usage, stderr);
	return 2;
}

/* 0 for what is no number from 1 to max. */
static unsigned number(const char *text, unsigned max)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	return *text && !*end && n <= max ? (unsigned)n : 0;
}

static const struct driver *driver_of(const char *name)
{
	if (strcmp(name, vm_driver.name) == 0)
		return &vm_driver;
	return strcmp(name, process_driver.name) == 0 ? &process_driver : NULL;
}

static int work(struct store *store, int argc, char **argv)
{
	struct worker_options options = {
		.host = argv[2],
		.driver = &process_driver,
		.ttl_ms = PRESENCE_S * 1000,
	};

	for (int i = 3; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--presence") == 0)
			options.ttl_ms = number(argv[i + 1], 3600) * 1000;
		else if (strcmp(argv[i], "--driver") == 0)
			options.driver = driver_of(argv[i + 1]);
		else
			return misused();
	}
	if (argc % 2 == 0 || !options.driver || options.ttl_ms == 0)
		return misused();
	return worker_run(store, &options);
}

/* Commands that have a name: it is argv[2]. */
static int run_named(struct store *store, int argc, char **argv)
{
	const char *verb = argv[1], *name = argv[2];
	struct command_words command = { (size_t)(argc - 3), argv + 3 };
	unsigned n;

	if (!store_is_name(name)) {
		fprintf(stderr,
			"fleet: '%s' is no name: letters, digits, - and _\n",
			name);
		return 2;
	}
	if (strcmp(verb, "worker") == 0)
		return work(store, argc, argv);
	if (strcmp(verb, "start") == 0)
		return command_start(store, name, &command);
	if (argc == 3 && strcmp(verb, "stop") == 0)
		return command_stop(store, name);
	if (argc == 3 && strcmp(verb, "rm") == 0)
		return command_rm(store, name);
	if (argc < 4 || strcmp(verb, "scale") != 0)
		return misused();
	n = number(argv[3], MACHINES_MAX);
	if (n == 0 && strcmp(argv[3], "0") != 0)
		return misused();
	command = (struct command_words){ (size_t)(argc - 4), argv + 4 };
	return command_scale(store, name, n, &command);
}

static int run_wait(struct store *store, const char *text)
{
	unsigned seconds = text ? number(text, 3600) : WAIT_S;

	return seconds ? command_wait(store, seconds) : misused();
}

static int run(struct store *store, int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "controller") == 0)
		return controller_run(store);
	if (argc == 2 && strcmp(argv[1], "ls") == 0)
		return command_ls(store);
	if (argc <= 3 && strcmp(argv[1], "wait") == 0)
		return run_wait(store, argv[2]);
	return argc > 2 ? run_named(store, argc, argv) : misused();
}

int main(int argc, char **argv)
{
	const struct helio_options options = { .program = "fleet" };
	const char *address = getenv("HELIOGRAPH_ADDRESS");
	struct store store = { 0 };
	struct helio *bus = NULL;
	int code = EXIT_FAILURE;
	int r;

	if (argc < 2)
		return misused();
	if (strcmp(argv[1], "--help") == 0) {
		fputs(usage, stdout);
		return EXIT_SUCCESS;
	}
	r = helio_open(address ? address : "shm:/run/heliograph/bus.sock",
		       &options, &bus);
	if (r >= 0)
		r = helio_connect_wait(bus, CONNECT_MS);
	if (r < 0)
		fprintf(stderr, "fleet: no bus: %s\n", strerror(-r));
	else if (store_open(&store, bus) == 0)
		code = run(&store, argc, argv);
	store_close(&store);
	helio_close(bus);
	return code;
}
