/* SPDX-License-Identifier: MIT */

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/diag.h"
#include "daemon/loop.h"
#include "logger/answer.h"
#include "logger/logger.h"
#include "logger/options.h"
#include "storage/backend/backend.h"

struct helio_logger {
	struct options options;
	struct loop loop;
	struct logger logger;
};

static bool on_turn(void *userdata)
{
	struct helio_logger *self = userdata;

	return self->logger.is_open && logger_turn(&self->logger);
}

static void on_state(void *userdata, enum helio_state state)
{
	struct helio_logger *self = userdata;

	if (state != HELIO_CONNECTED && self->logger.is_open)
		logger_lose(&self->logger);
}

static const struct loop_hooks hooks = { .turn = on_turn, .state = on_state };

static void on_ready(void *userdata)
{
	struct helio_logger *self = userdata;

	program_say_answered(&self->options.program, self->logger.is_served);
}

static int start(struct helio_logger *self)
{
	int r = loop_connect(&self->loop, "helio-logger",
			     &self->options.program);

	if (r < 0)
		return r;
	self->logger.on_ready = on_ready;
	self->logger.userdata = self;
	r = logger_init(&self->logger, &self->loop.uv, self->loop.bus,
			backend_sqlite(), self->options.state);
	return r < 0 ? program_complain(self->options.state, r) : 0;
}

static int run(struct helio_logger *self)
{
	int r = loop_init(&self->loop, &hooks, self);

	if (r == 0)
		r = start(self);
	if (r == 0)
		r = loop_run(&self->loop);
	logger_deinit(&self->logger);
	loop_deinit(&self->loop);
	return r < 0 ? EXIT_UNAVAILABLE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	static struct helio_logger self;
	_cleanup_(close_fdp) int lock = -1;
	int status;

	diag_init("helio-logger", DIAG_INFO);
	/* It was started by itself, see logger/answer.h. */
	if (argc == 5 && !strcmp(argv[1], "--answer"))
		return answer_main(argv[2], argv[3], argv[4]);
	if (!program_begin("helio-logger", &options_table, argc, argv,
			   &self.options, &self.options.program.supervised,
			   &status))
		return status;
	if (program_lock(self.options.state, "logger", &lock) < 0)
		return EXIT_UNAVAILABLE;
	return run(&self);
}
