/* SPDX-License-Identifier: MIT */

#include "vm/announcer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/diag.h"
#include "vm/report.h"

enum {
	SUBJECT_BYTES = 128,
	/* Texts of bounded length, and numbers. */
	BODY_BYTES = 1024,
};

static int publish(struct helio *bus, const struct machine *machine,
		   const char *kind)
{
	Helio__Vm__V1__Event event = HELIO__VM__V1__EVENT__INIT;
	Helio__Vm__V1__Machine reported;
	char subject[SUBJECT_BYTES];
	uint8_t body[BODY_BYTES];
	size_t n;

	report_machine(machine, &reported);
	event.machine = &reported;
	event.kind = (char *)(uintptr_t)kind;
	n = helio__vm__v1__event__get_packed_size(&event);
	if (n > sizeof(body))
		return -EMSGSIZE;
	helio__vm__v1__event__pack(&event, body);
	snprintf(subject, sizeof(subject), "helio.vm.v1.events.%s.%s",
		 machine->name, kind);
	return helio_publish(bus, subject, body, n, NULL);
}

void announcer_tell(struct announcer *announcer, const struct machine *machine,
		    const char *kind)
{
	int r = announcer->bus ? publish(announcer->bus, machine, kind)
			       : -ENOTCONN;

	if (r < 0) {
		/* One line for each time that the bus is away is enough. */
		if (announcer->n_lost++ == 0 && announcer->bus)
			log_warning("%s is %s, which nobody is told: %s",
				    machine->name, kind, strerror(-r));
		return;
	}
	if (announcer->n_lost > 1)
		log_info("%" PRIu64 " events were told to nobody",
			 announcer->n_lost);
	announcer->n_lost = 0;
}
