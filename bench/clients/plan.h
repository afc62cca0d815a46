/* SPDX-License-Identifier: MIT */
#ifndef BENCH_CLIENTS_PLAN_H
#define BENCH_CLIENTS_PLAN_H

/**
 * What one measurement does, as the command line of a bench client says it.
 *
 * The plan is the same for all systems; only the addresses differ.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum work {
	WORK_PUBSUB,
	WORK_REQUEST,
	WORK_STORE,  /* publish, each message acknowledged once it is stored */
	WORK_REPLAY, /* read what was stored, from the first on */
	WORK_PUT,    /* a key's value, each answered once it is on disk */
	WORK_GET,    /* a key's value */
	WORK_JOB,    /* submit a job, lease one, and complete it */
};

/** A subject that is ready to be copied; `text` is terminated. */
struct subject {
	const char *text;
	size_t n_text;
};

struct plan {
	enum work work;
	/* Where the system is, in its client's own form, by direction. */
	const char *address;         /* publishers, requesters, responders */
	const char *receive_address; /* subscribers; `address` if not given */
	const char *server_key;      /* CURVE: the server's, Z85; or NULL */
	const char *key_file; /* CURVE: our own, if the system needs it */
	bool is_plain;        /* TCP without CURVE, where it is asked */
	unsigned n_body;      /* bytes */
	unsigned n_subscribers;
	unsigned n_subjects;   /* drawn at random for each message */
	unsigned n_window;     /* messages published and not yet received */
	unsigned depth;        /* requests in flight */
	unsigned n_hogs;       /* processes that spin beside */
	unsigned n_publishers; /* WORK_STORE: connections, `depth` each */
	unsigned n_records; /* WORK_STORE: so many, and no window; 0: a window.
			     * WORK_REPLAY: so many there are */
	const char *log;    /* what they lie in; subjects begin with it */
	double seconds;     /* of the window that is measured */

	struct subject *subjects; /* n_subjects of them */
	char *subject_texts;      /* what they point to */
	const char *pattern;      /* covers all of them */
};

/**
 * Read the command line into *ret_plan, which borrows from `argv`. Returns 0,
 * -EINVAL after telling why on stderr, or -ENOMEM.
 */
int plan_init(struct plan *ret_plan, int argc, char **argv);
void plan_deinit(struct plan *plan);

/** Subjects of WORK_REQUEST: of the request, and where a reply needs one. */
#define PLAN_SERVICE "bench.service"
#define PLAN_REPLIES "bench.replies"

#endif
