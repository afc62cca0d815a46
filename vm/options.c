/* SPDX-License-Identifier: MIT */

#include "vm/options.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>

enum { MACHINES_PER_PRINCIPAL = 16 };

const char options_usage[] =
	"usage: helio-vm --machines DIR [--run DIR] [--connect ADDRESS]\n"
	"\n"
	"Virtual machines as a service: helio.vm.v1.VirtualMachines.\n"
	"\n"
	"  --machines DIR       folder with a definition NAME.vm of each machine;\n"
	"                       SIGHUP reads it again\n"
	"  --run DIR            folder for their sockets, made if it is not\n"
	"                       there; /run/heliograph/vm\n"
	"  --connect ADDRESS    of the bus; $HELIOGRAPH_ADDRESS, or\n"
	"                       shm:/run/heliograph/bus.sock\n"
	"  --key-file FILE      tcp: our keys; $HELIOGRAPH_KEY_FILE\n"
	"  --server-key KEY     tcp: the switch's; $HELIOGRAPH_SERVER_KEY\n"
	"  --qemu PROGRAM       instead of qemu-system-x86_64\n"
	"  --limit N            how many machines that one principal has started\n"
	"                       may be there at a time; 16\n"
	"  --ready-fd N         write READY and a newline there when serving\n"
	"  --parent PID         end when the process that started this ends,\n"
	"                       whose number this is\n"
	"  --log LEVEL          error, warning, info or debug\n"
	"\n"
	"Machines outlive helio-vm: the next one takes them over.\n";

static const struct option long_options[] = {
	{ "machines", required_argument, NULL, 'm' },
	{ "run", required_argument, NULL, 'r' },
	{ "connect", required_argument, NULL, 'c' },
	{ "key-file", required_argument, NULL, 'k' },
	{ "server-key", required_argument, NULL, 's' },
	{ "qemu", required_argument, NULL, 'q' },
	{ "limit", required_argument, NULL, 'l' },
	{ "ready-fd", required_argument, NULL, 'f' },
	{ "parent", required_argument, NULL, 'P' },
	{ "log", required_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static int parse_number(const char *text, int min, int *ret_number)
{
	char *end;
	long number;

	errno = 0;
	number = strtol(text, &end, 10);
	if (errno || end == text || *end || number < min || number > INT_MAX)
		return -EINVAL;
	*ret_number = (int)number;
	return 0;
}

static int parse_descriptor(const char *text, int *ret_fd)
{
	int r = parse_number(text, 0, ret_fd);

	return !r && fcntl(*ret_fd, F_GETFD) < 0 ? -EINVAL : r;
}

static int parse_limit(const char *text, uint32_t *ret_limit)
{
	int limit = 0;
	int r = parse_number(text, 1, &limit);

	*ret_limit = (uint32_t)limit;
	return r;
}

/* Where in the options a text goes; NULL: it is no text. */
static const char **text_of(int option, struct options *options)
{
	switch (option) {
	case 'm':
		return &options->machines;
	case 'r':
		return &options->run;
	case 'c':
		return &options->connect;
	case 'k':
		return &options->key_file;
	case 's':
		return &options->server_key;
	case 'q':
		return &options->qemu;
	default:
		return NULL;
	}
}

/* Returns 0, 1 when help was asked for, or -EINVAL. */
static int parse_one(int option, struct options *options)
{
	const char **text = text_of(option, options);

	if (text) {
		*text = optarg;
		return 0;
	}
	switch (option) {
	case 'l':
		return parse_limit(optarg, &options->machines_per_principal);
	case 'f':
		return parse_descriptor(optarg, &options->ready_fd);
	case 'P':
		return parse_number(optarg, 1, &options->parent);
	case 'v':
		return diag_level_from_name(optarg, &options->log_level);
	case 'h':
		return 1;
	default:
		return -EINVAL;
	}
}

static const char *or_else(const char *text, const char *otherwise)
{
	return text && *text ? text : otherwise;
}

int options_parse(int argc, char **argv, struct options *ret_options)
{
	struct options options = {
		.run = "/run/heliograph/vm",
		.connect = or_else(getenv("HELIOGRAPH_ADDRESS"),
				   "shm:/run/heliograph/bus.sock"),
		.key_file = getenv("HELIOGRAPH_KEY_FILE"),
		.server_key = getenv("HELIOGRAPH_SERVER_KEY"),
		.machines_per_principal = MACHINES_PER_PRINCIPAL,
		.ready_fd = -1,
		.log_level = DIAG_INFO,
	};
	int option;

	while ((option = getopt_long(argc, argv, "h", long_options, NULL)) !=
	       -1) {
		int r = parse_one(option, &options);

		if (r)
			return r;
	}
	if (!options.machines || argc != optind)
		return -EINVAL;
	*ret_options = options;
	return 0;
}
