/* SPDX-License-Identifier: MIT */

#include "vm/call.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "vm/report.h"

enum { PAGE_MAX = 64 };

void call_refuse(struct call *call, unsigned status, const char *format, ...)
{
	char text[REASON_BYTES];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	call->kind = CALL_REFUSED;
	call->status = status;
	reason_set(&call->reason, "%s", text);
}

/* What cannot be answered for another reason than room is answered so. */
static int sent(struct call *call, int r)
{
	if (r == 0 || r == -EAGAIN)
		return r;
	r = helio_serving_fail(call->serving, HELIO_RESOURCE_EXHAUSTED,
			       "no memory for the answer");
	return r == 0 ? 0 : -EAGAIN;
}

static int reply(struct call *call, const ProtobufCMessage *message)
{
	return sent(call, helio_serving_reply(call->serving, message));
}

static int settle_list(struct call *call)
{
	Helio__Vm__V1__ListReply answer = HELIO__VM__V1__LIST_REPLY__INIT;
	Helio__Vm__V1__Machine reported[PAGE_MAX];
	Helio__Vm__V1__Machine *list[PAGE_MAX];
	size_t limit =
		call->limit && call->limit < PAGE_MAX ? call->limit : PAGE_MAX;
	const char *name = call->name[0] ? call->name : NULL;
	struct machine *machine;

	answer.machines = list;
	while ((machine = fleet_next(call->fleet, name)) &&
	       answer.n_machines < limit) {
		list[answer.n_machines] = &reported[answer.n_machines];
		report_machine(machine, list[answer.n_machines++]);
		name = machine->name;
	}
	if (machine)
		answer.next = (char *)(uintptr_t)name;
	return reply(call, &answer.base);
}

static int settle_get(struct call *call)
{
	Helio__Vm__V1__GetReply answer = HELIO__VM__V1__GET_REPLY__INIT;
	Helio__Vm__V1__Machine reported;

	report_machine(call->machine, &reported);
	answer.machine = &reported;
	return reply(call, &answer.base);
}

/* A machine that is no more, or is about to be, does not start any more. */
static int settle_start(struct call *call)
{
	Helio__Vm__V1__StartReply answer = HELIO__VM__V1__START_REPLY__INIT;
	const struct machine *machine = call->machine;
	Helio__Vm__V1__Machine reported;

	if (machine->state == MACHINE_STARTING)
		return 1;
	if (machine->state != MACHINE_RUNNING &&
	    machine->state != MACHINE_PAUSED) {
		call_refuse(call, HELIO_ABORTED, "%s is %s%s%s", machine->name,
			    machine_state_name(machine->state),
			    machine->reason.text[0] ? ": " : "",
			    machine->reason.text);
		return call_settle(call);
	}
	report_machine(machine, &reported);
	answer.machine = &reported;
	answer.has_was_running = 1;
	answer.was_running = call->was_so;
	return reply(call, &answer.base);
}

static int settle_stop(struct call *call)
{
	Helio__Vm__V1__StopReply answer = HELIO__VM__V1__STOP_REPLY__INIT;
	Helio__Vm__V1__Machine reported;

	if (call->machine->guest &&
	    call->machine->birth.incarnation == call->incarnation)
		return 1;
	report_machine(call->machine, &reported);
	answer.machine = &reported;
	answer.has_was_stopped = 1;
	answer.was_stopped = call->was_so;
	return reply(call, &answer.base);
}

int call_settle(struct call *call)
{
	switch (call->kind) {
	case CALL_LIST:
		return settle_list(call);
	case CALL_GET:
		return settle_get(call);
	case CALL_START:
		return settle_start(call);
	case CALL_STOP:
		return settle_stop(call);
	case CALL_REFUSED:
		break;
	}
	return sent(call, helio_serving_fail(call->serving, call->status,
					     call->reason.text));
}
