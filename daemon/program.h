/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_PROGRAM_H
#define DAEMON_PROGRAM_H

/**
 * How a program that serves over the bus begins: its command line, its signals,
 * its parent. Afterwards comes daemon/loop.h.
 *
 *	int main(int argc, char **argv)
 *	{
 *		static struct helio_store self;
 *		int status;
 *
 *		if (!program_begin("helio-store", &options_table, argc, argv,
 *				   &self.options,
 *				   &self.options.program.supervised, &status))
 *			return status;
 *		return run(&self);
 *	}
 */

#include "base/options.h"
#include "base/supervised.h"

/** On which bus, and as who; part of a program's options. */
struct program_options {
	const char *address;  /* never NULL once parsed */
	const char *key_file; /* or NULL, as the next */
	const char *server_key;
	struct supervised supervised;
};

#define PROGRAM_OPTIONS_DEFAULTS                  \
	{                                         \
		.supervised = SUPERVISED_DEFAULTS \
	}

/**
 * --address, which is required, --key-file, --server-key and --ready-fd, into a
 * struct program_options; supervised_rows go beside them. READY means that the
 * bus has said whether it may serve: a refusal must not keep the rest of a
 * machine from being started.
 */
extern const struct options_row program_rows[];

/**
 * The parts of an options_table for a `struct options` that has such options as
 * its `program`: its own rows, up to one without a name, then these.
 */
#define PROGRAM_OPTIONS_PARTS(own_rows)                              \
	((const struct options_part[]){                              \
		{ (own_rows), 0 },                                   \
		{ program_rows, offsetof(struct options, program) }, \
		{ supervised_rows,                                   \
		  offsetof(struct options, program.supervised) },    \
		{ NULL, 0 },                                         \
	})

/** The initialiser of one with them whose defaults are zero. */
#define PROGRAM_OPTIONS_TABLE(usage_text, own_rows)                 \
	{                                                           \
		.usage = (usage_text),                              \
		.parts = PROGRAM_OPTIONS_PARTS(own_rows),           \
		.defaults =                                         \
			&(const struct options){                    \
				.program = PROGRAM_OPTIONS_DEFAULTS \
			},                                          \
		.n_settings = sizeof(struct options),               \
	}

/**
 * Parse the command line into `options`, of which `supervised` is a part, and
 * do what it says: help, how much is logged (without --log from DIAG_INFO up),
 * the parent. SIGPIPE and SIGXFSZ are ignored from then on: what they tell is
 * told by the call that fails. Returns true; or false, and the program ends
 * with *ret_status.
 */
bool program_begin(const char *name, const struct options_table *table,
		   int argc, char **argv, void *options,
		   const struct supervised *supervised, int *ret_status);

/**
 * Lock the folder of its state, see base/folder.h: two of a `kind` would both
 * write. The lock goes with the process. Returns what folder_lock() does; a
 * failure is logged.
 */
int program_lock(const char *folder, const char *kind, int *ret_fd);

/**
 * The bus has said whether it may serve, which is logged if it may (who was
 * refused has logged why): tell the parent.
 */
void program_say_answered(struct program_options *options, bool is_served);

/** Log that `what` has failed, for the negative errno `r`, which is returned.
 */
int program_complain(const char *what, int r);

#endif
