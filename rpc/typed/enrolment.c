/* SPDX-License-Identifier: MIT */

#include "rpc/typed/enrolment.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "rpc/typed/introduction.h"
#include "rpc/typed/server.h"

enum {
	/* A registry that takes a schema and then does not know it is no use.
	 */
	PUTS_MAX = 3,
	SOON_MS = 2,
	BACKOFF_FIRST_MS = 100,
	BACKOFF_MAX_MS = 5000,
};

void enrolment_init(struct enrolment *enrolment, struct helio_server *server)
{
	*enrolment = (struct enrolment){
		.server = server,
		.backoff_ms = BACKOFF_FIRST_MS,
		.told = -1,
	};
}

void enrolment_deinit(struct enrolment *enrolment)
{
	if (enrolment->put)
		helio_call_cancel(enrolment->put);
	helio_timer_cancel(enrolment->timer);
}

static void tell(struct enrolment *enrolment, unsigned status,
		 const char *reason)
{
	struct helio_server *server = enrolment->server;

	if (enrolment->told == (int)status)
		return;
	enrolment->told = (int)status;
	if (server->options.on_ready)
		server->options.on_ready(server, status, reason,
					 server->options.userdata);
}

static void on_timer(struct helio *bus, void *userdata)
{
	struct enrolment *enrolment = userdata;

	(void)bus;
	enrolment->timer = NULL;
	helio_serve_again(enrolment->server->service);
}

static void serve_in(struct enrolment *enrolment, uint32_t ms)
{
	if (!enrolment->timer)
		(void)helio_timer_start(enrolment->server->bus, ms, on_timer,
					enrolment, &enrolment->timer);
}

/* The program may free the server when it is told, and so it is the last. */
static void try_later(struct enrolment *enrolment, const char *reason)
{
	uint32_t random = 0;
	uint32_t ms = enrolment->backoff_ms;

	(void)!getrandom(&random, sizeof(random), GRND_NONBLOCK);
	if (enrolment->backoff_ms < BACKOFF_MAX_MS)
		enrolment->backoff_ms *= 2;
	serve_in(enrolment, ms / 2 + random % ms);
	tell(enrolment, HELIO_UNAVAILABLE, reason);
}

static void on_put(struct helio_call *call, const struct helio_reply *reply,
		   void *userdata)
{
	struct enrolment *enrolment = userdata;

	(void)call;
	enrolment->put = NULL;
	if (!reply->status)
		helio_serve_again(enrolment->server->service);
	else if (reply->status == HELIO_UNAVAILABLE ||
		 reply->status == HELIO_DEADLINE_EXCEEDED)
		try_later(enrolment, reply->reason);
	else
		tell(enrolment, reply->status, reply->reason);
}

static void make_known(struct enrolment *enrolment)
{
	struct helio_server *server = enrolment->server;
	int r;

	if (enrolment->put)
		return;
	r = introduction_put(server->bus, server->type->schema, on_put,
			     enrolment, &enrolment->put);
	/* SERVE is answered before the connection is ready for calls. */
	if (r == -ENOTCONN)
		serve_in(enrolment, SOON_MS);
	else if (r < 0)
		try_later(enrolment, "the schema could not be sent");
	else
		enrolment->n_puts++;
}

void enrolment_answer(struct enrolment *enrolment, unsigned status,
		      const char *reason)
{
	if (status == HELIO_OK) {
		enrolment->n_puts = 0;
		enrolment->backoff_ms = BACKOFF_FIRST_MS;
	}
	if (status == HELIO_NOT_FOUND && enrolment->server->type->schema &&
	    enrolment->n_puts < PUTS_MAX)
		make_known(enrolment);
	else if (status == HELIO_UNAVAILABLE)
		try_later(enrolment, reason);
	else
		tell(enrolment, status, reason);
}
