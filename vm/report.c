/* SPDX-License-Identifier: MIT */

#include "vm/report.h"

/* Texts of messages are without const, and are only read. */
static char *text(const char *from)
{
	return (char *)(uintptr_t)from;
}

static void report_definition(const struct definition *definition,
			      Helio__Vm__V1__Machine *message)
{
	message->driver = text(definition->driver);
	message->has_memory_bytes = 1;
	message->memory_bytes = definition->memory_bytes;
	message->has_cpus = 1;
	message->cpus = definition->cpus;
}

static void report_guest(const struct machine *machine,
			 Helio__Vm__V1__Machine *message)
{
	message->has_incarnation = 1;
	message->incarnation = machine->birth.incarnation;
	message->started_by = text(machine->birth.started_by);
	message->has_resets = 1;
	message->resets = machine->n_resets;
}

void report_machine(const struct machine *machine,
		    Helio__Vm__V1__Machine *ret_message)
{
	Helio__Vm__V1__Machine message = HELIO__VM__V1__MACHINE__INIT;

	message.name = text(machine->name);
	message.has_state = 1;
	message.state = (Helio__Vm__V1__State)machine->state;
	if (machine->reason.text[0])
		message.reason = text(machine->reason.text);
	if (machine->definition)
		report_definition(machine->definition, &message);
	if (machine->guest)
		report_guest(machine, &message);
	message.has_changed_unix_ms = 1;
	message.changed_unix_ms = machine->changed_unix_ms;
	message.has_changes = 1;
	message.changes = machine->n_changes;
	*ret_message = message;
}
