/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/diag.h"
#include "base/folder.h"
#include "daemon/loop.h"
#include "storage/backend/backend.h"
#include "storage/options.h"
#include "storage/service.h"

struct helio_store {
	struct options options;
	struct loop loop;
	struct service service;
};

static bool on_turn(void *userdata)
{
	struct helio_store *self = userdata;

	return self->service.bus && service_turn(&self->service);
}

static void on_state(void *userdata, enum helio_state state)
{
	struct helio_store *self = userdata;

	if (self->service.bus)
		service_connection(&self->service, state == HELIO_CONNECTED);
}

static const struct loop_hooks hooks = { .turn = on_turn, .state = on_state };

static void on_ready(void *userdata)
{
	struct helio_store *self = userdata;

	log_info("serving");
	supervised_say_ready(&self->options.program.supervised);
}

static int complain(const char *what, int r)
{
	log_error("%s: %s", what,
		  r == -EWOULDBLOCK ? "another store has it" : strerror(-r));
	return r;
}

static int serve(struct helio_store *self)
{
	int r = loop_connect(&self->loop, "helio-store",
			     &self->options.program);

	if (r < 0)
		return r;
	self->service.on_ready = on_ready;
	self->service.userdata = self;
	r = service_start(&self->service, &self->loop.uv, self->loop.bus);
	return r < 0 ? complain(self->options.state, r) : 0;
}

/* The store is read before anybody can ask for it. */
static int run(struct helio_store *self)
{
	int r = service_open(&self->service, backend_sqlite(),
			     self->options.state, &self->options.service);

	if (r < 0)
		complain(self->options.state, r);
	if (r == 0)
		r = loop_init(&self->loop, &hooks, self);
	if (r == 0)
		r = serve(self);
	if (r == 0)
		r = loop_run(&self->loop);
	service_deinit(&self->service);
	loop_deinit(&self->loop);
	return r < 0 ? EXIT_UNAVAILABLE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	static struct helio_store self;
	_cleanup_(close_fdp) int lock = -1;
	int status, r;

	if (!program_begin("helio-store", &options_table, argc, argv,
			   &self.options, &self.options.program.supervised,
			   &status))
		return status;
	/* Two stores would both write; the lock goes with the process. */
	r = folder_lock(self.options.state, &lock);
	if (r < 0) {
		complain(self.options.state, r);
		return EXIT_UNAVAILABLE;
	}
	return run(&self);
}
