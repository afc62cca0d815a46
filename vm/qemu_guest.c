/* SPDX-License-Identifier: MIT */

#include "vm/qemu_guest.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "vm/qemu_process.h"
#include "vm/qmp.h"
#include "vm/reason.h"

enum {
	COMMAND_MS = 5000,
	DRAIN_MS = 1000, /* from the end to that of the monitor */
};

/* What is waited for, with the timer. */
enum phase {
	LIVING,   /* for nothing */
	ASKED,    /* for the guest to shut down; then "quit" is said */
	QUITTING, /* for QEMU to end; then it is killed */
	KILLED,   /* for the kernel, however long that takes */
	DRAINING, /* for what the monitor said last; then it is over */
	OVER,
};

struct qemu_guest {
	struct guest guest;
	char name[DEFINITION_NAME_MAX_BYTES + 1];
	struct guest_watcher watcher;
	void (*on_ended)(void *userdata, const char *name);
	void *userdata;
	uint32_t handshake_ms;
	uint32_t quit_ms;
	uv_loop_t *uv;
	uv_timer_t timer;
	struct qemu_process *process; /* NULL: none yet, or ended */
	struct qmp *qmp;              /* NULL: none yet, or closed */
	enum phase phase;
	bool is_ready;     /* the monitor takes commands */
	bool is_paused;    /* its processors stand still */
	bool is_wanted;    /* its end is */
	bool is_clean;     /* the process ended with status 0 */
	bool was_fault;    /* it was we who ended it, for a fault */
	struct reason end; /* the first known cause of it */
};

static void tell(struct qemu_guest *guest, enum guest_event event,
		 const char *reason)
{
	guest->watcher.on_event(guest->watcher.userdata, event, reason);
}

/* The last that is done with a guest: the watcher may free it. */
static void conclude(struct qemu_guest *guest)
{
	bool is_good =
		!guest->was_fault && (guest->is_wanted || guest->is_clean);

	uv_timer_stop(&guest->timer);
	guest->phase = OVER;
	guest->on_ended(guest->userdata, guest->name);
	tell(guest, is_good ? GUEST_ENDED : GUEST_FAILED, guest->end.text);
}

static void kill_process(struct qemu_guest *guest)
{
	uv_timer_stop(&guest->timer);
	guest->phase = KILLED;
	qemu_process_kill(guest->process);
}

/* What a machine does wrong when its end is on its way changes nothing. */
static void fail(struct qemu_guest *guest, const char *what, const char *why)
{
	if (!guest->process)
		return;
	guest->was_fault |= guest->phase <= ASKED;
	reason_set_first(&guest->end, "%s: %s", what, why);
	kill_process(guest);
}

static void on_timer(uv_timer_t *timer);

static void wait_in(struct qemu_guest *guest, enum phase phase, uint64_t ms)
{
	guest->phase = phase;
	uv_timer_start(&guest->timer, on_timer, ms, 0);
}

/* A monitor that cannot be told is no reason to let the machine live. */
static void quit(struct qemu_guest *guest)
{
	if (!guest->is_ready || !guest->qmp ||
	    qmp_execute(guest->qmp, "quit", COMMAND_MS, NULL, NULL) < 0)
		kill_process(guest);
	else
		wait_in(guest, QUITTING, guest->quit_ms);
}

static void on_timer(uv_timer_t *timer)
{
	struct qemu_guest *guest = timer->data;

	switch (guest->phase) {
	case ASKED:
		reason_set_first(&guest->end,
				 "cut off: it did not shut down in time");
		quit(guest);
		break;
	case QUITTING:
		kill_process(guest);
		break;
	case DRAINING:
		guest->qmp = qmp_free(guest->qmp);
		conclude(guest);
		break;
	default:
		break;
	}
}

static void on_process_ended(void *userdata, bool is_clean, const char *reason)
{
	struct qemu_guest *guest = userdata;

	guest->process = qemu_process_free(guest->process);
	guest->is_clean = is_clean;
	if (!is_clean)
		reason_set_first(&guest->end, "%s", reason);
	if (guest->qmp)
		wait_in(guest, DRAINING, DRAIN_MS);
	else
		conclude(guest);
}

static const char *closed_text(int r)
{
	switch (r) {
	case -EPROTO:
		return "it says what is no QMP";
	case -EMSGSIZE:
		return "a line that has no end";
	case -ETIMEDOUT:
		return "no answer in time";
	default:
		return strerror(-r);
	}
}

/* QEMU closes it when it ends: whether it does is seen soon. */
static void on_monitor_closed(void *userdata, int r)
{
	struct qemu_guest *guest = userdata;

	guest->qmp = qmp_free(guest->qmp);
	guest->is_ready = false;
	if (!guest->process)
		conclude(guest);
	else if (r == 0 || r == -ECONNRESET || r == -EPIPE)
		wait_in(guest, QUITTING, guest->quit_ms);
	else
		fail(guest, "the monitor of QEMU", closed_text(r));
}

static void on_continued(void *userdata, int r, const json_t *value,
			 const char *error)
{
	if (r < 0)
		fail(userdata, "QEMU cannot run it", error);
}

static void ask_to_shut_down(struct qemu_guest *guest)
{
	if (qmp_execute(guest->qmp, "system_powerdown", COMMAND_MS, NULL,
			NULL) < 0)
		quit(guest);
}

/*
 * A machine that stands still cannot shut down, and one that has never run
 * need not.
 */
static void on_status(void *userdata, int r, const json_t *value,
		      const char *error)
{
	struct qemu_guest *guest = userdata;
	const char *status =
		json_string_value(json_object_get(value, "status"));

	if (guest->phase > ASKED)
		return;
	if (r < 0 || !status) {
		fail(guest, "QEMU does not tell its state",
		     r < 0 ? error : "no word");
		return;
	}
	guest->is_ready = true;
	guest->is_paused = strcmp(status, "running") != 0;
	if (guest->phase == ASKED) {
		if (guest->is_paused)
			quit(guest);
		else
			ask_to_shut_down(guest);
	} else if (strcmp(status, "prelaunch") == 0) {
		r = qmp_execute(guest->qmp, "cont", COMMAND_MS, on_continued,
				guest);
		if (r < 0)
			fail(guest, "QEMU cannot run it", strerror(-r));
	} else if (guest->is_paused) {
		tell(guest, GUEST_PAUSED, status);
	} else {
		tell(guest, GUEST_RUNNING, "");
	}
}

static void on_monitor_ready(void *userdata)
{
	struct qemu_guest *guest = userdata;
	int r = qmp_execute(guest->qmp, "query-status", COMMAND_MS, on_status,
			    guest);

	if (r < 0)
		fail(guest, "the monitor of QEMU", strerror(-r));
}

static const char *text_of(const json_t *data, const char *key)
{
	const char *text = json_string_value(json_object_get(data, key));

	return text ? text : "";
}

/* `reason` of SHUTDOWN is a word of QEMU's schema. */
static void on_shutdown(struct qemu_guest *guest, const json_t *data)
{
	const char *reason = text_of(data, "reason");

	if (strcmp(reason, "guest-panic") == 0) {
		guest->was_fault = true;
		reason_set_first(&guest->end, "the guest has panicked");
	} else if (json_is_true(json_object_get(data, "guest"))) {
		guest->is_wanted = true;
		reason_set_first(&guest->end, "the guest has shut down");
	} else if (!guest->is_wanted) {
		reason_set_first(&guest->end, "QEMU was ended: %s", reason);
		guest->was_fault = true;
	}
}

static void on_stopped(struct qemu_guest *guest)
{
	guest->is_paused = true;
	if (guest->is_ready && guest->phase == LIVING)
		tell(guest, GUEST_PAUSED, "");
}

static void on_resumed(struct qemu_guest *guest)
{
	guest->is_paused = false;
	if (guest->phase == LIVING)
		tell(guest, GUEST_RUNNING, "");
}

static void on_monitor_event(void *userdata, const char *name,
			     const json_t *data)
{
	struct qemu_guest *guest = userdata;

	if (strcmp(name, "RESUME") == 0)
		on_resumed(guest);
	else if (strcmp(name, "STOP") == 0)
		on_stopped(guest);
	else if (strcmp(name, "SHUTDOWN") == 0)
		on_shutdown(guest, data);
	else if (strcmp(name, "RESET") == 0)
		tell(guest, GUEST_RESET, text_of(data, "reason"));
	else if (strcmp(name, "POWERDOWN") == 0)
		tell(guest, GUEST_POWERDOWN, "");
}

static const struct qmp_hooks hooks = {
	.ready = on_monitor_ready,
	.event = on_monitor_event,
	.closed = on_monitor_closed,
};

static struct qemu_guest *qemu_guest_of(struct guest *guest)
{
	return (struct qemu_guest *)guest;
}

static void stop(struct qemu_guest *guest, uint32_t grace_ms)
{
	guest->is_wanted = true;
	if (guest->phase > ASKED)
		return;
	if (!grace_ms || (guest->is_ready && guest->is_paused)) {
		quit(guest);
		return;
	}
	wait_in(guest, ASKED, grace_ms);
	if (guest->is_ready)
		ask_to_shut_down(guest);
}

void qemu_guest_stop(struct guest *guest, uint32_t grace_ms)
{
	stop(qemu_guest_of(guest), grace_ms);
}

int qemu_guest_new(const struct qemu_guest_start *start,
		   struct qemu_guest **ret_guest)
{
	struct qemu_guest *guest = calloc(1, sizeof(*guest));

	if (!guest)
		return -ENOMEM;
	guest->guest.ops = start->ops;
	memcpy(guest->name, start->name, strlen(start->name));
	guest->watcher = start->watcher;
	guest->on_ended = start->on_ended;
	guest->userdata = start->userdata;
	guest->handshake_ms = start->handshake_ms;
	guest->quit_ms = start->quit_ms;
	guest->uv = start->uv;
	uv_timer_init(guest->uv, &guest->timer);
	guest->timer.data = guest;
	*ret_guest = guest;
	return 0;
}

int qemu_guest_spawn(struct qemu_guest *guest, char **words, int monitor_fd)
{
	return qemu_process_spawn(guest->uv, words, monitor_fd,
				  on_process_ended, guest, &guest->process);
}

int qemu_guest_adopt(struct qemu_guest *guest, pid_t pid)
{
	return qemu_process_adopt(guest->uv, pid, on_process_ended, guest,
				  &guest->process);
}

int qemu_guest_connect(struct qemu_guest *guest, int fd)
{
	return qmp_new(guest->uv, fd, guest->handshake_ms, &hooks, guest,
		       &guest->qmp);
}

void qemu_guest_kill(struct qemu_guest *guest)
{
	if (guest->process)
		qemu_process_kill(guest->process);
}

static void on_timer_closed(uv_handle_t *handle)
{
	free(handle->data);
}

struct guest *qemu_guest_free(struct guest *guest)
{
	struct qemu_guest *ours = qemu_guest_of(guest);

	if (!ours)
		return NULL;
	qmp_free(ours->qmp);
	qemu_process_free(ours->process);
	uv_close((uv_handle_t *)&ours->timer, on_timer_closed);
	return NULL;
}
