/* SPDX-License-Identifier: MIT */

#include "logger/options.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>

const char options_usage[] =
	"usage: helio-logger --state DIR --address ADDRESS\n"
	"\n"
	"The logger: what is said on the bus is on disk before it is\n"
	"acknowledged, and can be said again.\n"
	"\n"
	"  --state DIR          folder for the logs, made if it is missing\n"
	"  --address ADDRESS    the bus to serve on: shm:PATH, unix:PATH,\n"
	"                       tcp://HOST:PORT or vchan:DOMID/PORT\n"
	"  --key-file PATH      tcp: our key pair, see helio-keys-new(1)\n"
	"  --server-key KEY     tcp: the switch's public key\n"
	"  --ready-fd N         write READY and a newline there when the bus has\n"
	"                       said whether it may serve\n"
	"  --parent PID         end when the process that started this ends,\n"
	"                       whose number this is\n"
	"  --log LEVEL          error, warning, info or debug\n"
	"  --help               this text\n";

static const struct option long_options[] = {
	{ "state", required_argument, NULL, 'd' },
	{ "address", required_argument, NULL, 'a' },
	{ "key-file", required_argument, NULL, 'k' },
	{ "server-key", required_argument, NULL, 's' },
	{ "ready-fd", required_argument, NULL, 'f' },
	{ "parent", required_argument, NULL, 'P' },
	{ "log", required_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static int parse_number(const char *text, int *ret_number)
{
	char *end;
	long number;

	errno = 0;
	number = strtol(text, &end, 10);
	if (errno || end == text || *end || number < 0 || number > INT_MAX)
		return -EINVAL;
	*ret_number = (int)number;
	return 0;
}

static int parse_descriptor(const char *text, int *ret_fd)
{
	int r = parse_number(text, ret_fd);

	return !r && fcntl(*ret_fd, F_GETFD) < 0 ? -EINVAL : r;
}

/* Returns 0, 1 when help was asked for, or -EINVAL. */
static int parse_one(int option, struct options *options)
{
	switch (option) {
	case 'd':
		options->state = optarg;
		return 0;
	case 'a':
		options->address = optarg;
		return 0;
	case 'k':
		options->key_file = optarg;
		return 0;
	case 's':
		options->server_key = optarg;
		return 0;
	case 'f':
		return parse_descriptor(optarg, &options->ready_fd);
	case 'P':
		return parse_number(optarg, &options->parent);
	case 'v':
		return diag_level_from_name(optarg, &options->log_level);
	case 'h':
		return 1;
	default:
		return -EINVAL;
	}
}

int options_parse(int argc, char **argv, struct options *ret_options)
{
	struct options options = { .ready_fd = -1, .log_level = DIAG_INFO };
	int option;

	while ((option = getopt_long(argc, argv, "h", long_options, NULL)) !=
	       -1) {
		int r = parse_one(option, &options);

		if (r)
			return r;
	}
	if (!options.state || !options.address || argc != optind)
		return -EINVAL;
	*ret_options = options;
	return 0;
}
