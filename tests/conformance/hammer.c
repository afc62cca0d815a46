/* SPDX-License-Identifier: MIT */

#include "tests/conformance/hammer.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "tests/conformance/duo.h"
#include "transports/channel.h"

enum { LOST_WAKEUP_MS = 5000, N_TOTAL = 4 << 20 };

struct hammer {
	struct side *side;
	struct hammer *other;
	atomic_bool is_done;
	const char *failure;
};

/* Returns whether the side has to wait for the other. */
static bool hammer_once(struct hammer *hammer)
{
	struct side *side = hammer->side;
	uint64_t n_before = side->n_sent + side->n_received;
	bool is_full = false;
	int r;

	for (uint32_t i = side_random(side, 20); i; i--) {
		if (side->n_sent >= N_TOTAL)
			break;
		is_full = side_put(side, side_odd_size(side)) == -EAGAIN;
	}
	if (side_take(side, 1 + side_random(side, 5000)) < 0)
		hammer->failure = "wrong bytes or an early end";
	if (side->n_sent + side->n_received != n_before)
		return channel_flush(side->channel) < 0;
	r = channel_arm(side->channel, is_full || side->n_sent < N_TOTAL);
	if (r < 0)
		hammer->failure = "arming failed";
	return r == 0;
}

static void *hammer_run(void *userdata)
{
	struct hammer *hammer = userdata;
	struct side *side = hammer->side;

	while (!hammer->failure &&
	       (side->n_sent < N_TOTAL || side->n_received < N_TOTAL)) {
		if (hammer_once(hammer) &&
		    poller_dispatch(&side->poller, LOST_WAKEUP_MS) <= 0)
			hammer->failure = "a wake-up was lost";
		else
			(void)poller_dispatch(&side->poller, 0);
	}
	(void)channel_flush(side->channel);
	atomic_store(&hammer->is_done, true);
	/* What a socket did not take yet is sent as events come in. */
	while (!atomic_load(&hammer->other->is_done))
		(void)poller_dispatch(&side->poller, 10);
	return NULL;
}

const char *hammer(struct duo *duo)
{
	struct hammer a = { .side = &duo->a };
	struct hammer b = { .side = &duo->b };
	pthread_t thread;

	a.other = &b;
	b.other = &a;
	if (pthread_create(&thread, NULL, hammer_run, &a) != 0)
		return "no thread";
	hammer_run(&b);
	pthread_join(thread, NULL);
	return a.failure ? a.failure : b.failure;
}
