/* SPDX-License-Identifier: MIT */

#include "vm/options.h"

static const char usage[] =
	"usage: helio-vm --machines DIR [--run DIR] [--connect ADDRESS]\n"
	"\n"
	"Virtual machines as a service: helio.vm.v1.VirtualMachines.\n"
	"\n";

static const char closing[] =
	"\n"
	"Machines outlive helio-vm: the next one takes them over.\n";

static const struct options_row rows[] = {
	{ .name = "machines",
	  .kind = OPTIONS_TEXT,
	  .offset = offsetof(struct options, machines),
	  .value = "DIR",
	  .help = "folder with a definition NAME.vm of each machine;\n"
		  "SIGHUP reads it again",
	  .is_required = true },
	{ .name = "run",
	  .kind = OPTIONS_TEXT,
	  .offset = offsetof(struct options, run),
	  .value = "DIR",
	  .help = "folder for their sockets, made if it is not\n"
		  "there; /run/heliograph/vm" },
	{ .name = "connect",
	  .kind = OPTIONS_TEXT,
	  .offset = offsetof(struct options, program.address),
	  .value = "ADDRESS",
	  .help = "of the bus; $HELIOGRAPH_ADDRESS, or\n"
		  "shm:/run/heliograph/bus.sock",
	  .environment = "HELIOGRAPH_ADDRESS" },
	{ .name = "key-file",
	  .kind = OPTIONS_TEXT,
	  .offset = offsetof(struct options, program.key_file),
	  .value = "FILE",
	  .help = "tcp: our keys; $HELIOGRAPH_KEY_FILE",
	  .environment = "HELIOGRAPH_KEY_FILE" },
	{ .name = "server-key",
	  .kind = OPTIONS_TEXT,
	  .offset = offsetof(struct options, program.server_key),
	  .value = "KEY",
	  .help = "tcp: the switch's; $HELIOGRAPH_SERVER_KEY",
	  .environment = "HELIOGRAPH_SERVER_KEY" },
	{ .name = "qemu",
	  .kind = OPTIONS_TEXT,
	  .offset = offsetof(struct options, qemu),
	  .value = "PROGRAM",
	  .help = "instead of qemu-system-x86_64" },
	{ .name = "limit",
	  .kind = OPTIONS_NUMBER,
	  .min = 1,
	  .offset = offsetof(struct options, machines_per_principal),
	  .value = "N",
	  .help = "how many machines that one principal has started\n"
		  "may be there at a time; 16" },
	{ .name = "ready-fd",
	  .kind = OPTIONS_DESCRIPTOR,
	  .offset = offsetof(struct options, program.supervised.ready_fd),
	  .value = "N",
	  .help = "write READY and a newline there when serving" },
	{ .name = NULL },
};

static const struct options_part parts[] = {
	{ rows, 0 },
	{ supervised_rows, offsetof(struct options, program.supervised) },
	{ NULL, 0 },
};

static const struct options defaults = {
	.run = "/run/heliograph/vm",
	.machines_per_principal = 16,
	.program = {
		.address = "shm:/run/heliograph/bus.sock",
		.supervised = SUPERVISED_DEFAULTS,
	},
};

const struct options_table options_table = {
	.usage = usage,
	.parts = parts,
	.closing = closing,
	.defaults = &defaults,
	.n_settings = sizeof(defaults),
};
