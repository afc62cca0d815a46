/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "daemon/loop.h"
#include "registry/options.h"
#include "registry/registry_cage.h"
#include "registry/server.h"
#include "registry/store.h"

/* A policy that refuses us may be another one by then. */
enum { AGAIN_MS = 2000 };

struct helio_registry {
	struct options options;
	struct loop loop;
	struct server server;
	uv_timer_t again; /* until a refused registration is tried again */
	struct store *store;
};

static bool on_turn(void *userdata)
{
	struct helio_registry *self = userdata;

	server_turn(&self->server);
	return false;
}

static const struct loop_hooks hooks = { .turn = on_turn };

static void on_again(uv_timer_t *timer)
{
	struct helio_registry *self = timer->data;
	int r = server_serve(&self->server);

	if (r < 0)
		program_complain("serving", r);
}

static void on_ready(void *userdata, unsigned status, const char *reason)
{
	struct helio_registry *self = userdata;
	const char *principal = helio_principal(self->loop.bus);

	supervised_say_ready(&self->options.program.supervised);
	if (status == HELIO_OK) {
		log_info("serving as %s on %s", principal, self->loop.address);
		return;
	}
	log_error("not serving as %s: %s: %s", principal,
		  helio_status_name(status), reason);
	uv_timer_start(&self->again, on_again, AGAIN_MS, 0);
}

/* What a stranger says is read by a process that has given up its rights. */
static int start(struct helio_registry *self)
{
	const char *address = self->options.program.address;
	int r = loop_connect(&self->loop, "helio-registry",
			     &self->options.program);

	if (r < 0)
		return r;
	uv_timer_init(&self->loop.uv, &self->again);
	self->again.data = self;
	r = server_init(&self->server, self->loop.bus, self->store, on_ready,
			self);
	if (r < 0)
		return program_complain(address, r);
	r = registry_cage_enter(self->store->folder, address);
	return r < 0 ? program_complain("giving up rights", r) : r;
}

static int serve(struct helio_registry *self)
{
	int r = loop_init(&self->loop, &hooks, self);

	if (r >= 0)
		r = start(self);
	if (r >= 0)
		r = loop_run(&self->loop);
	server_deinit(&self->server);
	loop_deinit(&self->loop);
	return r;
}

static int run(struct helio_registry *self)
{
	const char *state = self->options.state;
	int r = store_open(state, &self->store);

	if (r < 0) {
		log_error("%s: %s", state,
			  r == -EWOULDBLOCK ? "another registry has it"
					    : strerror(-r));
		return EXIT_UNAVAILABLE;
	}
	log_info("%zu schemas in %s", self->store->n_entries, state);
	r = serve(self);
	store_free(self->store);
	return r < 0 ? EXIT_UNAVAILABLE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	static struct helio_registry self;
	int status;

	if (!program_begin("helio-registry", &options_table, argc, argv,
			   &self.options, &self.options.program.supervised,
			   &status))
		return status;
	return run(&self);
}
