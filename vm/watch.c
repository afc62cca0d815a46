/* SPDX-License-Identifier: MIT */

#include "vm/watch.h"

#include <string.h>

#include "vm/report.h"

static const struct machine *machine_at(struct list *link)
{
	return container_of(link, struct machine, link);
}

/* What is gone is news only to who has heard of it. */
static bool is_told(const struct watch *watch, const struct machine *machine)
{
	if (watch->name[0] && strcmp(watch->name, machine->name) != 0)
		return false;
	return watch->is_synced || machine->state != MACHINE_UNDEFINED;
}

static int tell_machine(struct watch *watch, const struct machine *machine)
{
	Helio__Vm__V1__WatchReply news = HELIO__VM__V1__WATCH_REPLY__INIT;
	Helio__Vm__V1__Machine reported;

	report_machine(machine, &reported);
	news.machine = &reported;
	return helio_serving_send(watch->serving, &news.base);
}

static int tell_synced(struct watch *watch)
{
	Helio__Vm__V1__WatchReply news = HELIO__VM__V1__WATCH_REPLY__INIT;

	news.has_synced = 1;
	news.synced = 1;
	return helio_serving_send(watch->serving, &news.base);
}

/* The oldest change that is news, or the head of the list. */
static struct list *first_news(const struct watch *watch)
{
	struct list *head = (struct list *)(uintptr_t)&watch->order->machines;
	struct list *pos = head;

	while (pos->prev != head &&
	       machine_at(pos->prev)->revision > watch->revision)
		pos = pos->prev;
	return pos;
}

int watch_tell(struct watch *watch)
{
	const struct list *head = &watch->order->machines;
	int r = 0;

	for (struct list *pos = first_news(watch); pos != head;
	     pos = pos->next) {
		const struct machine *machine = machine_at(pos);

		if (is_told(watch, machine))
			r = tell_machine(watch, machine);
		if (r < 0)
			return r;
		watch->revision = machine->revision;
	}
	if (!watch->is_synced)
		r = tell_synced(watch);
	watch->is_synced |= r == 0;
	return r;
}
