/* SPDX-License-Identifier: MIT */
#ifndef CLI_CHILD_H
#define CLI_CHILD_H

/**
 * A shell command that gets bytes on standard input and gives bytes back.
 *
 * The bytes never come near a command line. The command runs in a session of
 * its own, so that all that it starts can be ended with it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct child;

enum { CHILD_OUTPUT_MAX = 8 << 20, CHILD_ERRORS_BYTES = 1024 };

/** What became of it. */
struct child_result {
	int exit_status;
	int signal;         /* that ended it; 0: it ended by itself */
	bool is_late;       /* it was ended because its time was over */
	bool is_too_long;   /* more output than CHILD_OUTPUT_MAX */
	const char *output; /* lives until the callback returns */
	size_t n_output;
	const char *errors; /* the end of standard error, if it was wanted */
	size_t n_errors;
};

/** Called once; the child is freed after it. */
typedef void (*child_done_fn)(const struct child_result *result,
			      void *userdata);

struct child_start {
	const char *command; /* for /bin/sh -c */
	char **environment;
	char *body; /* taken over, from malloc(), even if it fails */
	size_t n_body;
	uint32_t timeout_ms; /* then it is ended; 0: never */
	bool wants_errors;   /* its standard error comes here, too */
	child_done_fn on_done;
	void *userdata;
};

/** Returns 0 or a negative errno. The process must ignore SIGPIPE. */
int child_start(uv_loop_t *uv, const struct child_start *start,
		struct child **ret_child);

/** End it now: politely, and a second later not. on_done is still called. */
void child_end(struct child *child);

/** Instead of waiting for on_done, which is then not called. */
void child_free(struct child *child);

#endif
