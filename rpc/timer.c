/* SPDX-License-Identifier: MIT */

#include "rpc/timer.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "rpc/client.h"

static void timer_free(struct helio_timer *timer)
{
	deadlines_remove(&timer->bus->deadlines, &timer->deadline);
	list_unlink(&timer->link);
	free(timer);
}

static void on_expiry(struct deadline *deadline)
{
	struct helio_timer *timer =
		container_of(deadline, struct helio_timer, deadline);
	struct helio_timer copy = *timer;

	timer_free(timer);
	copy.on_timer(copy.bus, copy.userdata);
}

int helio_timer_start(struct helio *bus, uint32_t after_ms,
		      helio_timer_fn on_timer, void *userdata,
		      struct helio_timer **ret_timer)
{
	struct helio_timer *timer;
	int r;

	timer = malloc(sizeof(*timer));
	if (!timer)
		return -ENOMEM;
	*timer = (struct helio_timer){
		.deadline = { .on_expiry = on_expiry },
		.bus = bus,
		.on_timer = on_timer,
		.userdata = userdata,
	};
	r = deadlines_add(&bus->deadlines, &timer->deadline,
			  clock_now_ns() + after_ms * NS_PER_MS);
	if (r < 0) {
		free(timer);
		return r;
	}
	list_init(&timer->link);
	list_push_back(&bus->timers, &timer->link);
	if (ret_timer)
		*ret_timer = timer;
	return 0;
}

void helio_timer_cancel(struct helio_timer *timer)
{
	if (timer)
		timer_free(timer);
}

void timers_deinit(struct helio *bus)
{
	while (!list_is_empty(&bus->timers))
		timer_free(container_of(bus->timers.next, struct helio_timer,
					link));
}
