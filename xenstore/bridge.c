/* SPDX-License-Identifier: MIT */

#include "xenstore/bridge.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/diag.h"

enum { TICK_MS = 1000, CHECK_TICKS = 3, RETRY_TICKS = 10 };

#define SILENT_NS (3 * NS_PER_S)

/* ---- a batch ---- */

static bool is_idle(const struct bridge *bridge)
{
	return !bridge->batch.n;
}

static void write_next(struct bridge *bridge)
{
	const struct change *first;
	size_t n = batch_pending(&bridge->batch, &first);

	if (n)
		target_write(&bridge->target, first, n);
	else
		batch_end(&bridge->batch);
}

static void on_written(void *userdata, bool is_done)
{
	struct bridge *bridge = userdata;

	if (is_done)
		batch_wrote(&bridge->batch);
	else
		batch_refused(&bridge->batch);
	write_next(bridge);
}

static void see(struct bridge *bridge)
{
	bridge->is_seeing = true;
	source_look(&bridge->source, bridge->batch.sights, bridge->batch.n,
		    bridge->batch.until_ns);
}

/* What is seen is of no use when the bucket was lost meanwhile. */
static void on_seen(void *userdata)
{
	struct bridge *bridge = userdata;

	bridge->is_seeing = false;
	if (!bridge->target.is_ready)
		batch_abort(&bridge->batch);
	else if (batch_next(&bridge->batch, clock_now_ns()))
		see(bridge);
	else
		write_next(bridge);
}

static void on_due(uv_timer_t *timer)
{
	/* The loop's turn comes now. */
	(void)timer;
}

static void wait_until(struct bridge *bridge, uint64_t due_ns, uint64_t now_ns)
{
	if (due_ns != UINT64_MAX)
		uv_timer_start(&bridge->due, on_due,
			       (due_ns - now_ns) / NS_PER_MS + 1, 0);
}

void bridge_turn(struct bridge *bridge)
{
	uint64_t now_ns;
	uint64_t due_ns;

	if (!bridge->is_started || !is_idle(bridge) ||
	    !bridge->mirror.n_stale || !bridge->source.is_open ||
	    source_silent_ns(&bridge->source) || !bridge->target.is_ready ||
	    bridge->target.is_busy)
		return;
	now_ns = clock_now_ns();
	if (batch_begin(&bridge->batch, now_ns, &due_ns))
		see(bridge);
	else
		wait_until(bridge, due_ns, now_ns);
}

/* ---- both sides ---- */

static void on_open(void *userdata)
{
	struct bridge *bridge = userdata;

	log_info("xenstore is there");
	if (bridge->target.is_ready)
		mirror_rescan(&bridge->mirror);
}

static void on_source_lost(void *userdata)
{
	struct bridge *bridge = userdata;

	log_warning("%s", bridge->source.reason);
	bridge->is_told = true;
	if (bridge->is_seeing)
		batch_abort(&bridge->batch);
	bridge->is_seeing = false;
}

static void on_event(void *userdata, const char *path)
{
	struct bridge *bridge = userdata;

	if (bridge->target.is_ready)
		mirror_touch(&bridge->mirror, path);
}

static void on_target_lost(void *userdata)
{
	struct bridge *bridge = userdata;

	log_warning("%s", bridge->target.reason);
	bridge->is_told = true;
	if (!bridge->is_seeing)
		batch_abort(&bridge->batch);
}

/* Nodes that are being looked at cannot be forgotten. */
static bool on_begin(void *userdata)
{
	struct bridge *bridge = userdata;

	if (!is_idle(bridge))
		return false;
	mirror_clear(&bridge->mirror);
	return true;
}

static void on_key(void *userdata, const char *key, const void *value,
		   size_t n_value)
{
	struct bridge *bridge = userdata;

	mirror_load(&bridge->mirror, key, value, n_value);
}

static void on_ready(void *userdata)
{
	struct bridge *bridge = userdata;

	log_info("bucket %s: %zu nodes are known", bridge->target.bucket,
		 bridge->mirror.nodes.n_nodes);
	if (bridge->source.is_open)
		mirror_rescan(&bridge->mirror);
}

static const struct source_events source_events = {
	.on_open = on_open,
	.on_lost = on_source_lost,
	.on_seen = on_seen,
	.on_event = on_event,
};

static const struct target_events target_events = {
	.on_begin = on_begin,
	.on_lost = on_target_lost,
	.on_key = on_key,
	.on_ready = on_ready,
	.on_written = on_written,
};

/* ---- how it is ---- */

bool bridge_is_asking(const struct bridge *bridge)
{
	return source_silent_ns(&bridge->source) != 0;
}

bool bridge_is_in_step(const struct bridge *bridge)
{
	return bridge->source.is_open && bridge->target.is_ready &&
	       is_idle(bridge) && !bridge->mirror.n_stale;
}

static void find_faults(struct bridge *bridge)
{
	const char *source = bridge->source.reason;
	const char *target = bridge->target.reason;

	bridge->fault[0] = '\0';
	if (source_silent_ns(&bridge->source) > SILENT_NS)
		source = "xenstore: the daemon does not answer";
	if (*source || *target)
		snprintf(bridge->fault, sizeof(bridge->fault), "%s%s%s", source,
			 *source && *target ? "; " : "", target);
	else if (bridge->missed.n_of_host)
		snprintf(bridge->fault, sizeof(bridge->fault),
			 "%zu nodes are too many, too long or refused, and not "
			 "mirrored",
			 bridge->missed.n_of_host);
}

static void find_note(struct bridge *bridge)
{
	const struct missed *missed = &bridge->missed;

	bridge->note[0] = '\0';
	if (missed->n_of_guests)
		snprintf(bridge->note, sizeof(bridge->note),
			 "%zu nodes of guests are too many, too long or "
			 "refused, and not mirrored; %zu of them are of domain "
			 "%u",
			 missed->n_of_guests, missed->n_of_worst,
			 missed->worst);
}

/* Once, however long it goes on and whatever joins it. */
static void tell(const char *text, bool *is_told)
{
	if (*text && !*is_told)
		log_warning("%s", text);
	*is_told = *text != '\0';
}

/* Now and then: is the bucket still ours, is there room for what had none? */
static void look_after(struct bridge *bridge)
{
	if (!bridge->target.is_ready)
		return;
	if (bridge->n_ticks % RETRY_TICKS == 0)
		mirror_retry(&bridge->mirror);
	if (bridge->n_ticks % CHECK_TICKS == 0 && is_idle(bridge) &&
	    !bridge->target.is_busy)
		target_check(&bridge->target);
}

static void on_tick(uv_timer_t *timer)
{
	struct bridge *bridge = timer->data;

	bridge->n_ticks++;
	look_after(bridge);
	mirror_missed(&bridge->mirror, &bridge->missed);
	find_faults(bridge);
	find_note(bridge);
	tell(bridge->fault, &bridge->is_told);
	tell(bridge->note, &bridge->is_noted);
}

static void start_timers(struct bridge *bridge, uv_loop_t *uv)
{
	uv_timer_init(uv, &bridge->due);
	uv_timer_init(uv, &bridge->tick);
	bridge->tick.data = bridge;
	uv_timer_start(&bridge->tick, on_tick, TICK_MS, TICK_MS);
}

int bridge_start(struct bridge *bridge, uv_loop_t *uv, struct helio *bus,
		 const char *bucket)
{
	int r = mirror_init(&bridge->mirror, &bridge->selection);

	bridge->batch.mirror = &bridge->mirror;
	if (r == 0)
		r = source_start(&bridge->source, uv, &bridge->selection,
				 &source_events, bridge);
	if (r == 0)
		r = target_start(&bridge->target, bus, bucket, &target_events,
				 bridge);
	if (r < 0)
		return r;
	start_timers(bridge, uv);
	bridge->is_started = true;
	return 0;
}

void bridge_deinit(struct bridge *bridge)
{
	bridge->is_started = false;
	source_deinit(&bridge->source);
	target_deinit(&bridge->target);
	if (bridge->batch.mirror)
		batch_abort(&bridge->batch);
	mirror_deinit(&bridge->mirror);
}
