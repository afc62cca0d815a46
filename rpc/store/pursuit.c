/* SPDX-License-Identifier: MIT */

#include "rpc/store/pursuit.h"

#include <errno.h>

enum { PAUSE_FIRST_MS = 50, PAUSE_MAX_MS = 1000 };

static void on_timer(struct helio *bus, void *userdata)
{
	struct pursuit *pursuit = userdata;
	const struct helio_invoke_options options = {
		.timeout_ms = pursuit->timeout_ms,
		.is_waiting = pursuit->is_waiting,
	};

	(void)bus;
	pursuit->timer = NULL;
	helio_client_next(pursuit->client, &options);
	pursuit->ask(pursuit);
}

static int ask_in(struct pursuit *pursuit, uint32_t after_ms)
{
	int r = helio_timer_start(pursuit->bus, after_ms, on_timer, pursuit,
				  &pursuit->timer);

	pursuit->is_asking = r == 0;
	return r;
}

static int make_client(struct pursuit *pursuit)
{
	return helio_client_new(pursuit->bus, pursuit->type, NULL,
				&pursuit->client);
}

int pursuit_init(struct pursuit *pursuit)
{
	pursuit->pause_ms = PAUSE_FIRST_MS;
	return make_client(pursuit);
}

void pursuit_deinit(struct pursuit *pursuit)
{
	helio_timer_cancel(pursuit->timer);
	pursuit->timer = NULL;
	helio_client_free(pursuit->client);
	pursuit->client = NULL;
	pursuit->is_asking = false;
}

int pursuit_ask(struct pursuit *pursuit)
{
	int r;

	if (pursuit->is_asking)
		return 0;
	if (!pursuit->client) {
		r = make_client(pursuit);
		if (r < 0)
			return r;
	}
	return ask_in(pursuit, 0);
}

void pursuit_cancel(struct pursuit *pursuit)
{
	pursuit_deinit(pursuit);
}

void pursuit_is_answered(struct pursuit *pursuit)
{
	pursuit->is_asking = false;
	pursuit->is_waiting = true;
	pursuit->pause_ms = PAUSE_FIRST_MS;
}

/* That its time was over says nothing of the store: it was waited for. */
static bool is_passing(const struct pursuit *pursuit, unsigned status)
{
	return pursuit->is_waiting && (status == HELIO_UNAVAILABLE ||
				       status == HELIO_DEADLINE_EXCEEDED ||
				       status == HELIO_RESOURCE_EXHAUSTED);
}

bool pursuit_repeats(struct pursuit *pursuit)
{
	const struct helio_reply *reply = helio_client_reply(pursuit->client);
	uint32_t pause_ms = pursuit->pause_ms;

	pursuit->is_asking = false;
	/* There was a store that had it. */
	pursuit->is_waiting |= reply->is_handed_over;
	if (!is_passing(pursuit, reply->status) ||
	    helio_state(pursuit->bus) == HELIO_CLOSED)
		return false;
	pursuit->pause_ms =
		pause_ms * 2 < PAUSE_MAX_MS ? pause_ms * 2 : PAUSE_MAX_MS;
	return ask_in(pursuit, pause_ms) == 0;
}
