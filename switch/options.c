/* SPDX-License-Identifier: MIT */

#include "switch/options.h"

#include <errno.h>

static const char usage[] =
	"usage: heliod --config DIR [--run DIR] [--listen ADDRESS]...\n"
	"              [--uplink ADDRESS]\n"
	"       heliod --check-policy PATH\n"
	"       heliod --config DIR --judge PRINCIPAL VERB WHAT\n"
	"\n"
	"The switch of the bus.\n"
	"\n";

static const struct options_row rows[] = {
	{ .name = "config",
	  .kind = OPTIONS_TEXT,
	  .offset = offsetof(struct options, config),
	  .value = "DIR",
	  .help = "folder with heliod.conf, policy/, domains/,\n"
		  "keys/ and quotas; SIGHUP reads it again" },
	{ .name = "run",
	  .kind = OPTIONS_TEXT,
	  .offset = offsetof(struct options, run),
	  .value = "DIR",
	  .help = "folder for sockets, instead of run-folder:\n"
		  "bus.sock for everybody, domains/NAME.sock" },
	{ .name = "listen",
	  .kind = OPTIONS_TEXTS,
	  .offset = offsetof(struct options, listens),
	  .value = "ADDRESS",
	  .help = "listen there too: shm:PATH, unix:PATH,\n"
		  "tcp://HOST:PORT, on Xen vchan:*/PORT (every\n"
		  "other domain) or vchan:DOMID/PORT" },
	{ .name = "uplink",
	  .kind = OPTIONS_TEXT,
	  .offset = offsetof(struct options, uplink),
	  .value = "ADDRESS",
	  .help = "be a leaf of the switch there: its programs are\n"
		  "ours, under our name and its policy too;\n"
		  "tcp:// takes heliod.key and, of the host,\n"
		  "uplink.pub" },
	{ .name = "ready-fd",
	  .kind = OPTIONS_DESCRIPTOR,
	  .offset = offsetof(struct options, supervised.ready_fd),
	  .value = "N",
	  .help = "write READY and a newline there when listening" },
	{ .name = "check-policy",
	  .kind = OPTIONS_TEXT,
	  .offset = offsetof(struct options, check_policy),
	  .value = "PATH",
	  .help = "read a policy file, or a folder of them, and\n"
		  "say what is wrong" },
	{ .name = "judge",
	  .kind = OPTIONS_WORDS,
	  .offset = offsetof(struct options, question),
	  .value = "P V W",
	  .help = "say whether principal P may do verb V to W;\n"
		  "exit status 0: yes, 1: no, 2: bad policy" },
	{ .name = NULL },
};

static const struct options_part parts[] = {
	{ rows, 0 },
	{ supervised_rows, offsetof(struct options, supervised) },
	{ NULL, 0 },
};

static const struct options defaults = {
	.supervised = SUPERVISED_DEFAULTS,
};

const struct options_table options_table = {
	.usage = usage,
	.parts = parts,
	.defaults = &defaults,
	.n_settings = sizeof(defaults),
};

int options_read(int argc, char **argv, struct options *ret_options)
{
	int r = options_parse(&options_table, argc, argv, ret_options);

	if (r == 0 && !ret_options->config && !ret_options->check_policy)
		return -EINVAL;
	return r;
}
