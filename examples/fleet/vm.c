/* SPDX-License-Identifier: MIT */

/*
 * Machines that helio-vm manages, under the names that it knows them by. They
 * outlive the worker, and any worker may go on with them: starting one that
 * runs already does nothing, and tells that it runs.
 */

#include <stdlib.h>
#include <string.h>

#include "helio/vm/v1/vm.helio.h"
#include "machine.h"

enum { CALL_MS = 60000, AGAIN_MS = 500 };

/* There is one worker in a process. */
static struct helio_client *client;

/* Of what is asked: the machine may have gone when it is answered. */
struct question {
	struct worker *worker;
	char name[STORE_NAME_BYTES];
};

static struct question *ask(const struct machine *machine)
{
	struct question *question = store_must(calloc(1, sizeof(*question)));

	question->worker = machine->worker;
	strncpy(question->name, machine->name, sizeof(question->name) - 1);
	return question;
}

/* The machine that it was about, if that is still in `state`; or NULL. */
static struct machine *answered(struct question *question,
				Fleet__V1__State state)
{
	struct machine *machine =
		worker_machine(question->worker, question->name);

	free(question);
	return machine && machine->state == state ? machine : NULL;
}

/* Where nobody knows what was done, another order finds out. */
static void fail(struct machine *machine, Fleet__V1__State state)
{
	const struct helio_reply *reply = helio_client_reply(client);
	bool is_known = reply->status != HELIO_UNAVAILABLE &&
			reply->status != HELIO_DEADLINE_EXCEEDED;

	machine_is(machine, is_known ? state : FLEET__V1__STATE__STATE_UNKNOWN,
		   reply->reason);
}

static void on_started(const Helio__Vm__V1__StartReply *reply, void *userdata)
{
	struct machine *machine =
		answered(userdata, FLEET__V1__STATE__STATE_STARTING);

	if (!machine)
		return;
	if (!reply) {
		fail(machine, FLEET__V1__STATE__STATE_STOPPED);
		return;
	}
	machine->changes = reply->machine ? reply->machine->changes : 0;
	machine_is(machine, FLEET__V1__STATE__STATE_RUNNING, "");
}

static void vm_start(struct machine *machine)
{
	Helio__Vm__V1__StartRequest request =
		HELIO__VM__V1__START_REQUEST__INIT;

	request.name = machine->name;
	helio__vm__v1__virtual_machines__start(helio_client_service(client),
					       &request, on_started,
					       ask(machine));
}

static void on_stopped(const Helio__Vm__V1__StopReply *reply, void *userdata)
{
	struct machine *machine =
		answered(userdata, FLEET__V1__STATE__STATE_STOPPING);

	if (!machine)
		return;
	if (reply)
		machine_is(machine, FLEET__V1__STATE__STATE_STOPPED, "");
	else
		fail(machine, FLEET__V1__STATE__STATE_UNKNOWN);
}

static void vm_stop(struct machine *machine)
{
	Helio__Vm__V1__StopRequest request = HELIO__VM__V1__STOP_REQUEST__INIT;

	request.name = machine->name;
	helio__vm__v1__virtual_machines__stop(helio_client_service(client),
					      &request, on_stopped,
					      ask(machine));
}

/* ---- machines that end by themselves ---- */

static bool is_over(Helio__Vm__V1__State state)
{
	return state == HELIO__VM__V1__STATE__STATE_DEFINED ||
	       state == HELIO__VM__V1__STATE__STATE_STOPPED ||
	       state == HELIO__VM__V1__STATE__STATE_FAILED ||
	       state == HELIO__VM__V1__STATE__STATE_UNDEFINED;
}

/* What is older than the answer that it runs is no news. */
static void on_news(struct helio_stream *stream,
		    const Helio__Vm__V1__WatchReply *news, void *userdata)
{
	const Helio__Vm__V1__Machine *vm = news->machine;
	struct machine *machine;

	(void)stream;
	if (!vm || !vm->name || !is_over(vm->state))
		return;
	machine = worker_machine(userdata, vm->name);
	if (machine && machine->state == FLEET__V1__STATE__STATE_RUNNING &&
	    vm->changes >= machine->changes)
		machine_is(machine, FLEET__V1__STATE__STATE_STOPPED,
			   vm->reason ? vm->reason : "");
}

static void watch(struct helio *bus, void *userdata);

/* The next helio-vm counts changes anew. */
static void on_end(struct helio_stream *stream, const struct helio_reply *reply,
		   const Helio__Vm__V1__WatchReply *none, void *userdata)
{
	struct machine *machine = worker_machines(userdata);

	(void)stream;
	(void)reply;
	(void)none;
	for (; machine; machine = machine->next)
		machine->changes = 0;
	(void)helio_timer_start(worker_bus(userdata), AGAIN_MS, watch, userdata,
				NULL);
}

static void watch(struct helio *bus, void *userdata)
{
	static const struct helio__vm__v1__virtual_machines__watch__events
		events = { .on_message = on_news, .on_end = on_end };
	Helio__Vm__V1__WatchRequest request =
		HELIO__VM__V1__WATCH_REQUEST__INIT;

	if (helio__vm__v1__virtual_machines__watch__stream(
		    client, &request, &events, userdata, NULL) < 0)
		(void)helio_timer_start(bus, AGAIN_MS, watch, userdata, NULL);
}

static int vm_open(struct worker *worker, int *ret_fd)
{
	const struct helio_client_options options = {
		.invoke = { .is_waiting = true,
			    .timeout_ms = CALL_MS,
			    .retry = HELIO_RETRY_IDEMPOTENT },
	};
	int r = helio_client_new(worker_bus(worker),
				 &helio__vm__v1__virtual_machines__type,
				 &options, &client);

	*ret_fd = -1;
	if (r == 0)
		watch(worker_bus(worker), worker);
	return r;
}

static void vm_close(struct worker *worker)
{
	(void)worker;
	helio_client_free(client);
}

const struct driver vm_driver = {
	.name = "vm",
	.open = vm_open,
	.close = vm_close,
	.start = vm_start,
	.stop = vm_stop,
};
