/* SPDX-License-Identifier: MIT */
#ifndef CLI_EXIT_H
#define CLI_EXIT_H

/** What `helio` ends with, the same for every command. */
enum exit_code {
	EXIT_OK = 0,
	EXIT_NEGATIVE = 1,     /* it worked, and the answer is no */
	EXIT_USAGE = 2,        /* the command line, or a file it names */
	EXIT_NOT_FOUND = 3,    /* no such thing, or nobody who serves it */
	EXIT_DENIED = 4,       /* policy says no */
	EXIT_UNAVAILABLE = 5,  /* nobody there, or not in time */
	EXIT_QUOTA = 6,        /* a limit is reached */
	EXIT_INTERNAL = 70,    /* ours to repair */
	EXIT_INTERRUPTED = 130 /* by ^C, before it was done */
};

/** The exit code of a helio_status, or of a negative errno. */
enum exit_code exit_code(int result);

#endif
