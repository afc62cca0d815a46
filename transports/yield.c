/* SPDX-License-Identifier: MIT */

#include "transports/yield.h"

static uint64_t within(uint64_t ns, uint64_t min_ns, uint64_t max_ns)
{
	if (ns < min_ns)
		return min_ns;
	return ns < max_ns ? ns : max_ns;
}

bool yield_may(struct yield_guard *guard, uint64_t now_ns)
{
	if (now_ns < guard->until_ns)
		return false;
	if (!guard->is_waiting) {
		guard->is_waiting = true;
		guard->since_ns = now_ns;
	}
	return now_ns - guard->since_ns <
	       within(YIELD_N_IN_WAIT * guard->usual_ns, YIELD_WAIT_NS,
		      YIELD_WAIT_MAX_NS);
}

static uint64_t longer(uint64_t pause_ns)
{
	if (!pause_ns)
		return YIELD_PAUSE_MIN_NS;
	pause_ns *= 2;
	return pause_ns < YIELD_PAUSE_MAX_NS ? pause_ns : YIELD_PAUSE_MAX_NS;
}

static bool is_slow(const struct yield_guard *guard, uint64_t took_ns)
{
	return took_ns > within(YIELD_N_IN_SLOW * guard->usual_ns,
				YIELD_SLOW_NS, YIELD_SLOW_MAX_NS);
}

/*
 * Near the quickest of late. One of no time at all is no yield, but a clock
 * that stood still.
 */
static void note_usual(struct yield_guard *guard, uint64_t took_ns)
{
	if (took_ns < YIELD_LEAST_NS)
		return;
	took_ns = within(took_ns, 0, YIELD_SLOW_MAX_NS / YIELD_N_IN_SLOW);
	if (!guard->usual_ns)
		guard->usual_ns = took_ns;
	else if (took_ns < guard->usual_ns)
		guard->usual_ns -= (guard->usual_ns - took_ns) / 8;
	else
		guard->usual_ns += (took_ns - guard->usual_ns) / 32;
}

static void note_quick(struct yield_guard *guard, uint64_t took_ns)
{
	guard->n_quick++;
	guard->quick_ns += took_ns;
	if (guard->n_quick >= YIELD_N_TO_FORGIVE ||
	    guard->quick_ns >= YIELD_NS_TO_FORGIVE)
		guard->pause_ns = 0;
}

void yield_account(struct yield_guard *guard, uint64_t before_ns,
		   uint64_t after_ns)
{
	uint64_t took_ns = after_ns - before_ns;
	bool was_slow = is_slow(guard, took_ns);

	if (!was_slow || !guard->usual_ns)
		note_usual(guard, took_ns);
	if (!was_slow) {
		note_quick(guard, took_ns);
		return;
	}
	guard->n_quick = 0;
	guard->quick_ns = 0;
	guard->pause_ns = longer(guard->pause_ns);
	guard->until_ns = after_ns + guard->pause_ns;
}
