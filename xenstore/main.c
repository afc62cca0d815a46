/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/diag.h"
#include "daemon/loop.h"
#include "xenstore/bridge.h"
#include "xenstore/options.h"
#include "xenstore/service.h"

struct helio_xenstore {
	struct options options;
	struct loop loop;
	struct bridge bridge;
	struct service service;
};

static bool on_turn(void *userdata)
{
	struct helio_xenstore *self = userdata;

	bridge_turn(&self->bridge);
	service_turn(&self->service);
	return false;
}

static const struct loop_hooks hooks = { .turn = on_turn };

static void on_ready(void *userdata)
{
	struct helio_xenstore *self = userdata;

	program_say_answered(&self->options.program, self->service.is_served);
}

static int select_trees(struct helio_xenstore *self)
{
	const struct options_texts *trees = &self->options.trees;

	if (!trees->n)
		log_error("no --tree is given: nothing would be mirrored");
	for (size_t i = 0; i < trees->n; i++) {
		if (selection_add(&self->bridge.selection, trees->at[i]) == 0)
			continue;
		log_error("%s: no path of xenstore below which something can "
			  "be mirrored",
			  trees->at[i]);
		return -EINVAL;
	}
	return trees->n ? 0 : -EINVAL;
}

static int start(struct helio_xenstore *self)
{
	int r = loop_connect(&self->loop, "helio-xenstore",
			     &self->options.program);

	if (r < 0)
		return r;
	self->service.on_ready = on_ready;
	self->service.userdata = self;
	r = bridge_start(&self->bridge, &self->loop.uv, self->loop.bus,
			 self->options.bucket);
	if (r == 0)
		r = service_start(&self->service, self->loop.bus,
				  &self->bridge);
	return r < 0 ? program_complain("start", r) : 0;
}

static int run(struct helio_xenstore *self)
{
	int r = loop_init(&self->loop, &hooks, self);
	int status;

	if (r == 0)
		r = start(self);
	if (r == 0)
		r = loop_run(&self->loop);
	status = r < 0 ? EXIT_UNAVAILABLE : EXIT_SUCCESS;
	/* A thread that waits for the daemon, which may hang, is not ended. */
	if (bridge_is_asking(&self->bridge))
		_exit(status);
	service_deinit(&self->service);
	bridge_deinit(&self->bridge);
	loop_deinit(&self->loop);
	return status;
}

int main(int argc, char **argv)
{
	static struct helio_xenstore self;
	int status;

	if (!program_begin("helio-xenstore", &options_table, argc, argv,
			   &self.options, &self.options.program.supervised,
			   &status))
		return status;
	if (select_trees(&self) < 0)
		return EXIT_USAGE;
	return run(&self);
}
