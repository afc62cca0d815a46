/* SPDX-License-Identifier: MIT */
#ifndef BENCH_CLIENTS_HARNESS_H
#define BENCH_CLIENTS_HARNESS_H

/**
 * One measurement of one system.
 *
 * Each system brings a table of functions; everything else is the same for
 * all: the processes (one for each publisher, subscriber, requester and
 * responder), the window, the payload and its check, the flow control, and
 * that all that was sent has to arrive, in order, or there is no result.
 *
 * A client belongs to one process and one role. Functions return 0 or a
 * negative errno unless they say otherwise.
 */

#include <stddef.h>
#include <stdint.h>

#include "bench/clients/plan.h"

struct client;

enum role {
	ROLE_PUBLISHER,
	ROLE_SUBSCRIBER,
	ROLE_REQUESTER,
	ROLE_RESPONDER,
	ROLE_STORER,
	ROLE_READER,
};

/**
 * Where a client puts what arrives: a message, a request, a reply or a record;
 * for a storer word that its oldest message is on disk, which has no body.
 */
struct intake {
	void (*take)(struct intake *intake, const uint8_t *body, size_t n_body);
};

struct client_ops {
	const char *name;

	/**
	 * Connect. A subscriber has subscribed to plan->pattern, and a
	 * responder serves PLAN_SERVICE, when it returns, as far as the system
	 * can tell. A responder answers each request with the request's body.
	 */
	int (*open)(const struct plan *plan, enum role role,
		    struct intake *intake, struct client **ret_client);
	void (*close)(struct client *client);

	/**
	 * Room for a body of `n_body` bytes, which the publisher writes before
	 * end(). -EAGAIN: no room now, try again after turn(). Both may gather
	 * messages and send them together.
	 */
	int (*begin)(struct client *client, const struct subject *subject,
		     size_t n_body, void **ret_body);
	int (*end)(struct client *client, size_t n_body);

	/** Ask PLAN_SERVICE; may gather as begin() does. */
	int (*request)(struct client *client, const void *body, size_t n_body);

	/**
	 * Of those that keep logs, keys or jobs; others have NULL. The log
	 * plan->log is there when open() returns for a storer, and takes its
	 * subjects; keys are called like subjects. What is done, plan->work
	 * says, and when it is done intake->take() is told.
	 */
	int (*store)(struct client *client, const struct subject *subject,
		     const void *body, size_t n_body);
	/** Have all plan->n_records records of plan->log come. */
	int (*replay)(struct client *client);

	/** Send what has gathered, as far as it goes without waiting. */
	int (*flush)(struct client *client);

	/**
	 * Wait for something to do, about `timeout_ms` at most; take it in,
	 * send what that made, and what had no room before.
	 */
	int (*turn)(struct client *client, int timeout_ms);

	/**
	 * Readable when turn() has work that cannot wait; -1: never, and a
	 * storer's turn() is one for all clients of its process.
	 */
	int (*fd)(const struct client *client);
};

/**
 * The whole of a bench client's main(): run one measurement, and print it as
 * one line of JSON. Returns the exit status.
 */
int harness_main(int argc, char **argv, const struct client_ops *ops);

#endif
