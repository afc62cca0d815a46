/* SPDX-License-Identifier: MIT */

#include "transports/yield.h"

bool yield_may(struct yield_guard *guard, uint64_t now_ns)
{
	if (now_ns < guard->until_ns)
		return false;
	if (!guard->is_waiting) {
		guard->is_waiting = true;
		guard->since_ns = now_ns;
	}
	return now_ns - guard->since_ns < YIELD_WAIT_NS;
}

static uint64_t longer(uint64_t pause_ns)
{
	if (!pause_ns)
		return YIELD_PAUSE_MIN_NS;
	pause_ns *= 2;
	return pause_ns < YIELD_PAUSE_MAX_NS ? pause_ns : YIELD_PAUSE_MAX_NS;
}

void yield_account(struct yield_guard *guard, uint64_t before_ns,
		   uint64_t after_ns)
{
	if (after_ns - before_ns <= YIELD_SLOW_NS) {
		if (++guard->n_quick >= YIELD_N_TO_FORGIVE)
			guard->pause_ns = 0;
		return;
	}
	guard->n_quick = 0;
	guard->pause_ns = longer(guard->pause_ns);
	guard->until_ns = after_ns + guard->pause_ns;
}
