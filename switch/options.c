/* SPDX-License-Identifier: MIT */

#include "switch/options.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>

const char options_usage[] =
	"usage: heliod --config DIR [--run DIR] [--listen ADDRESS]...\n"
	"              [--uplink ADDRESS]\n"
	"       heliod --check-policy PATH\n"
	"       heliod --config DIR --judge PRINCIPAL VERB WHAT\n"
	"\n"
	"The switch of the bus.\n"
	"\n"
	"  --config DIR         folder with heliod.conf, policy/, domains/,\n"
	"                       keys/ and quotas; SIGHUP reads it again\n"
	"  --run DIR            folder for sockets, instead of run-folder:\n"
	"                       bus.sock for everybody, domains/NAME.sock\n"
	"  --listen ADDRESS     listen there too: shm:PATH, unix:PATH,\n"
	"                       tcp://HOST:PORT, on Xen vchan:*/PORT (every\n"
	"                       other domain) or vchan:DOMID/PORT\n"
	"  --uplink ADDRESS     be a leaf of the switch there: its programs are\n"
	"                       ours, under our name and its policy too;\n"
	"                       tcp:// takes heliod.key and, of the host,\n"
	"                       uplink.pub\n"
	"  --ready-fd N         write READY and a newline there when listening\n"
	"  --parent PID         end when the process that started this ends,\n"
	"                       whose number this is\n"
	"  --check-policy PATH  read a policy file, or a folder of them, and\n"
	"                       say what is wrong\n"
	"  --judge P V W        say whether principal P may do verb V to W;\n"
	"                       exit status 0: yes, 1: no, 2: bad policy\n"
	"  --log LEVEL          error, warning, info or debug\n";

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "run", required_argument, NULL, 'r' },
	{ "listen", required_argument, NULL, 'l' },
	{ "uplink", required_argument, NULL, 'u' },
	{ "ready-fd", required_argument, NULL, 'f' },
	{ "parent", required_argument, NULL, 'P' },
	{ "check-policy", required_argument, NULL, 'p' },
	{ "judge", no_argument, NULL, 'j' },
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
static int parse_one(int option, struct options *options, bool *is_judging)
{
	switch (option) {
	case 'c':
		options->config = optarg;
		return 0;
	case 'r':
		options->run = optarg;
		return 0;
	case 'l':
		if (options->n_listens == SETTINGS_LISTENS_MAX)
			return -EINVAL;
		options->listens[options->n_listens++] = optarg;
		return 0;
	case 'u':
		options->uplink = optarg;
		return 0;
	case 'f':
		return parse_descriptor(optarg, &options->ready_fd);
	case 'P':
		return parse_number(optarg, &options->parent);
	case 'p':
		options->check_policy = optarg;
		return 0;
	case 'j':
		*is_judging = true;
		return 0;
	case 'v':
		options->has_log_level = true;
		return diag_level_from_name(optarg, &options->log_level);
	case 'h':
		return 1;
	default:
		return -EINVAL;
	}
}

int options_parse(int argc, char **argv, struct options *ret_options)
{
	struct options options = { .ready_fd = -1 };
	bool is_judging = false;
	int option;

	while ((option = getopt_long(argc, argv, "h", long_options, NULL)) !=
	       -1) {
		int r = parse_one(option, &options, &is_judging);

		if (r)
			return r;
	}
	if (!options.config && !options.check_policy)
		return -EINVAL;
	if (argc - optind != (is_judging ? 3 : 0))
		return -EINVAL;
	if (is_judging)
		options.question = argv + optind;
	*ret_options = options;
	return 0;
}
