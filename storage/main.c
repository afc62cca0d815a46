/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/diag.h"
#include "base/list.h"
#include "daemon/loop.h"
#include "daemon/sole.h"
#include "storage/backend/backend.h"
#include "storage/backup.h"
#include "storage/options.h"
#include "storage/service.h"

struct helio_store {
	struct options options;
	struct loop loop;
	struct service service;
	struct sole sole;
	bool has_asked;
	int r; /* why it does not serve */
};

static bool on_turn(void *userdata)
{
	struct helio_store *self = userdata;

	return self->service.bus && service_turn(&self->service);
}

static void on_ready(void *userdata)
{
	struct helio_store *self = userdata;

	program_say_answered(&self->options.program,
			     self->service.n_served > 0);
}

static void serve(struct helio_store *self)
{
	self->service.on_ready = on_ready;
	self->service.userdata = self;
	self->r = service_start(&self->service, &self->loop.uv, self->loop.bus);
	if (self->r < 0) {
		program_complain(self->options.state, self->r);
		uv_stop(&self->loop.uv);
	} else if (helio_state(self->loop.bus) == HELIO_CONNECTED) {
		service_connection(&self->service, true);
	}
}

static void on_answer(struct sole *sole, const char *principal)
{
	struct helio_store *self = container_of(sole, struct helio_store, sole);

	if (!principal) {
		serve(self);
		return;
	}
	log_error("%s serves a store already, and there is one on a bus",
		  principal);
	self->r = -EEXIST;
	uv_stop(&self->loop.uv);
}

/* The first time that it is connected it looks who else is there. */
static void begin(struct helio_store *self)
{
	self->has_asked = true;
	self->sole.service = "helio.store.v1.Buckets";
	self->sole.on_answer = on_answer;
	if (sole_ask(&self->sole, self->loop.bus) < 0)
		serve(self);
}

static void on_state(void *userdata, enum helio_state state)
{
	struct helio_store *self = userdata;

	if (self->service.bus)
		service_connection(&self->service, state == HELIO_CONNECTED);
	else if (!self->has_asked && state == HELIO_CONNECTED)
		begin(self);
}

/*
 * What comes in one turn goes to the disk in one commit, for which the first of
 * it waits until the last is judged: a part of it waits for less.
 */
enum { TURN_FRAMES = 128 };

static const struct loop_hooks hooks = {
	.turn = on_turn,
	.state = on_state,
	.turn_frames = TURN_FRAMES,
};

/* The store is read before anybody can ask for it. */
static int run(struct helio_store *self)
{
	int r = service_open(&self->service, backend_sqlite(),
			     self->options.state, &self->options.service);

	if (r < 0)
		program_complain(self->options.state, r);
	if (r == 0)
		r = loop_init(&self->loop, &hooks, self);
	if (r == 0)
		r = loop_connect(&self->loop, "helio-store",
				 &self->options.program);
	if (r == 0)
		r = loop_run(&self->loop);
	sole_cancel(&self->sole);
	service_deinit(&self->service);
	loop_deinit(&self->loop);
	return r < 0 || self->r < 0 ? EXIT_UNAVAILABLE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	static struct helio_store self;
	_cleanup_(close_fdp) int lock = -1;
	int status;

	if (argc > 1 && !strcmp(argv[1], "backup"))
		return backup_main(argc - 1, argv + 1);
	if (!program_begin("helio-store", &options_table, argc, argv,
			   &self.options, &self.options.program.supervised,
			   &status))
		return status;
	if (program_lock(self.options.state, "store", &lock) < 0)
		return EXIT_UNAVAILABLE;
	return run(&self);
}
