/* SPDX-License-Identifier: MIT */

#include "daemon/program.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "base/folder.h"

const struct options_row program_rows[] = {
	{ .name = "address",
	  .kind = OPTIONS_TEXT,
	  .offset = offsetof(struct program_options, address),
	  .value = "ADDRESS",
	  .help = "the bus to serve on: shm:PATH, unix:PATH,\n"
		  "tcp://HOST:PORT or vchan:DOMID/PORT",
	  .is_required = true },
	{ .name = "key-file",
	  .kind = OPTIONS_TEXT,
	  .offset = offsetof(struct program_options, key_file),
	  .value = "PATH",
	  .help = "tcp: our key pair, see helio-keys-new(1)" },
	{ .name = "server-key",
	  .kind = OPTIONS_TEXT,
	  .offset = offsetof(struct program_options, server_key),
	  .value = "KEY",
	  .help = "tcp: the switch's public key" },
	{ .name = "ready-fd",
	  .kind = OPTIONS_DESCRIPTOR,
	  .offset = offsetof(struct program_options, supervised.ready_fd),
	  .value = "N",
	  .help = "write READY and a newline there when the bus has\n"
		  "said whether it may serve" },
	{ .name = NULL },
};

bool program_begin(const char *name, const struct options_table *table,
		   int argc, char **argv, void *options,
		   const struct supervised *supervised, int *ret_status)
{
	int r;

	diag_init(name, DIAG_INFO);
	r = options_parse(table, argc, argv, options);
	if (r) {
		options_print(table, r < 0 ? stderr : stdout);
		*ret_status = r < 0 ? EXIT_USAGE : EXIT_SUCCESS;
		return false;
	}
	if (supervised->log_level >= 0)
		diag_init(name, (enum diag_level)supervised->log_level);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	*ret_status = EXIT_UNAVAILABLE;
	return supervised_end_with_parent(supervised) == 0;
}

int program_lock(const char *folder, const char *kind, int *ret_fd)
{
	int r = folder_lock(folder, ret_fd);

	if (r == -EWOULDBLOCK)
		log_error("%s: another %s has it", folder, kind);
	else if (r < 0)
		program_complain(folder, r);
	return r;
}

void program_say_answered(struct program_options *options, bool is_served)
{
	if (is_served)
		log_info("serving");
	supervised_say_ready(&options->supervised);
}

int program_complain(const char *what, int r)
{
	log_error("%s: %s", what, strerror(-r));
	return r;
}
