/* SPDX-License-Identifier: MIT */

#include "tests/xen/stage.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "helio/switch/v1/events.pb-c.h"

void stage_write(const struct stage *stage, const char *name, const char *text)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", stage->folder, name);
	file = fopen(path, "we");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

void stage_set_policy(const struct stage *stage, const char *rest)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "allow uid:* any,admin >\nallow uid:* subscribe $sys.>\n%s",
		 rest);
	stage_write(stage, "policy/10.policy", text);
}

static void copy_peer(struct event *event, const struct helio_message *message)
{
	Helio__Switch__V1__PeerEvent *told =
		helio__switch__v1__peer_event__unpack(NULL, message->n_body,
						      message->body);

	assert_non_null(told);
	snprintf(event->principal, sizeof(event->principal), "%s",
		 told->principal);
	snprintf(event->reason, sizeof(event->reason), "%s",
		 told->reason ? told->reason : "");
	event->incarnation = told->incarnation;
	event->channels_left = told->channels_left;
	helio__switch__v1__peer_event__free_unpacked(told, NULL);
}

static void copy_domain(struct event *event,
			const struct helio_message *message)
{
	Helio__Switch__V1__DomainEvent *told =
		helio__switch__v1__domain_event__unpack(NULL, message->n_body,
							message->body);

	assert_non_null(told);
	snprintf(event->principal, sizeof(event->principal), "%s",
		 told->principal);
	snprintf(event->uuid, sizeof(event->uuid), "%s", told->uuid);
	event->incarnation = told->incarnation;
	event->domid = told->domid;
	helio__switch__v1__domain_event__free_unpacked(told, NULL);
}

static void on_event(struct helio_subscription *subscription,
		     const struct helio_message *message, void *userdata)
{
	struct stage *stage = userdata;
	struct event *event = &stage->events[stage->n_events];

	if (stage->n_events == EVENTS_MAX)
		fail_msg("more than %d events", EVENTS_MAX);
	*event = (struct event){ .came_ns = clock_now_ns() };
	snprintf(event->subject, sizeof(event->subject), "%s",
		 message->subject);
	if (strncmp(message->subject, "$sys.peer.", 10) == 0)
		copy_peer(event, message);
	else
		copy_domain(event, message);
	/* Its own comings and goings are not what is tested. */
	if (strncmp(event->principal, "vm:", 3) == 0)
		stage->n_events++;
}

/* The next event that is not looked at yet. */
static const struct event *next_event(struct stage *stage)
{
	uint64_t end_ns = clock_now_ns() + PROGRAM_WAIT_MS * NS_PER_MS;

	while (stage->n_seen == stage->n_events) {
		if (clock_now_ns() > end_ns)
			return NULL;
		assert_true(helio_run(stage->ops, 100) >= 0);
	}
	return &stage->events[stage->n_seen++];
}

const struct event *stage_expect_event(struct stage *stage, const char *subject,
				       const char *principal)
{
	const struct event *event = next_event(stage);

	if (!event)
		fail_msg("no %s of %s", subject, principal);
	if (strcmp(event->subject, subject) != 0 ||
	    strcmp(event->principal, principal) != 0)
		fail_msg("%s of %s instead of %s of %s: %s", event->subject,
			 event->principal, subject, principal, event->reason);
	return event;
}

void stage_expect_no_event(struct stage *stage)
{
	assert_int_equal(helio_flush_wait(stage->ops, PROGRAM_WAIT_MS), 0);
	while (helio_run(stage->ops, 0) > 0)
		;
	if (stage->n_seen != stage->n_events)
		fail_msg("%s of %s", stage->events[stage->n_seen].subject,
			 stage->events[stage->n_seen].principal);
}

void stage_start_heliod(struct stage *stage, uint32_t domid)
{
	stage->heliod =
		program_start_shell(&stage->world, domid,
				    HELIOD " --config %s --run %s/run "
					   "--log warning --ready-fd 4 4>&1",
				    stage->folder, stage->folder);
}

void stage_start_switch(struct stage *stage, uint32_t domid)
{
	char address[128];

	stage_start_heliod(stage, domid);
	program_expect(&stage->heliod, "READY");
	xen_world_enter(&stage->world, 0);
	snprintf(address, sizeof(address), "shm:%s/run/bus.sock",
		 stage->folder);
	assert_int_equal(helio_open(address, NULL, &stage->ops), 0);
	assert_int_equal(helio_connect_wait(stage->ops, PROGRAM_WAIT_MS), 0);
	assert_int_equal(helio_subscribe_wait(stage->ops, "$sys.peer.>", NULL,
					      on_event, stage, PROGRAM_WAIT_MS,
					      NULL),
			 0);
	assert_int_equal(helio_subscribe_wait(stage->ops, "$sys.domain.>", NULL,
					      on_event, stage, PROGRAM_WAIT_MS,
					      NULL),
			 0);
	while (helio_run(stage->ops, 0) > 0)
		;
}

int stage_try_reload(struct stage *stage)
{
	char command[256];

	snprintf(command, sizeof(command),
		 HELIO " reload -c shm:%s/run/bus.sock 2>/dev/null",
		 stage->folder);
	return system(command);
}

void stage_reload(struct stage *stage)
{
	assert_int_equal(stage_try_reload(stage), 0);
}

int stage_set_up(void **state)
{
	struct stage *stage = calloc(1, sizeof(*stage));
	char path[128];

	assert_non_null(stage);
	snprintf(stage->folder, sizeof(stage->folder),
		 "/tmp/xen-switch-XXXXXX");
	assert_non_null(mkdtemp(stage->folder));
	snprintf(path, sizeof(path), "%s/policy", stage->folder);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/run", stage->folder);
	assert_int_equal(mkdir(path, 0755), 0);
	stage_set_policy(stage, "allow vm:web any >\nallow vm:db any >\n");
	stage_write(stage, "heliod.conf", "listen vchan:*/heliograph\n");
	assert_int_equal(xen_world_start(&stage->world), 0);
	*state = stage;
	return 0;
}

int stage_tear_down(void **state)
{
	struct stage *stage = *state;
	char command[128];

	helio_close(stage->ops);
	if (stage->heliod.pid > 0) {
		kill(stage->heliod.pid, SIGTERM);
		(void)program_end(&stage->heliod);
	}
	xen_world_stop(&stage->world);
	snprintf(command, sizeof(command), "rm -rf %s", stage->folder);
	assert_int_equal(system(command), 0);
	free(stage);
	return 0;
}

void stage_add(struct stage *stage, uint32_t domid, const char *name,
	       const char *uuid)
{
	assert_int_equal(xen_world_add(&stage->world, domid, name, uuid), 0);
}

void stage_expect_status(struct program *program, int expected)
{
	int status = program_end(program);

	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), expected);
}
