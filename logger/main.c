/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/diag.h"
#include "logger/answer.h"
#include "logger/logger.h"
#include "logger/loop.h"
#include "logger/options.h"
#include "rpc/heliograph.h"
#include "storage/backend/backend.h"

enum { EXIT_USAGE = 2, EXIT_UNAVAILABLE = 5, EXIT_INTERNAL = 70 };

struct helio_logger {
	struct options options;
	struct loop loop;
	struct logger logger;
	struct helio *bus;
};

static bool on_turn(void *userdata)
{
	struct helio_logger *self = userdata;

	return self->logger.is_open && logger_turn(&self->logger);
}

static const struct loop_hooks hooks = { .turn = on_turn };

static void on_state(struct helio *bus, enum helio_state state, void *userdata)
{
	struct helio_logger *self = userdata;

	if (state == HELIO_CONNECTED) {
		log_info("connected as %s", helio_principal(bus));
		return;
	}
	if (*helio_error(bus))
		log_warning("no connection: %s", helio_error(bus));
	if (self->logger.is_open)
		logger_lose(&self->logger);
}

static void on_ready(void *userdata)
{
	static const char word[] = "READY\n";
	const struct helio_logger *self = userdata;
	int fd = self->options.ready_fd;

	log_info("serving");
	if (fd < 0)
		return;
	if (write(fd, word, sizeof(word) - 1) < 0)
		log_warning("--ready-fd: %s", strerror(errno));
	close(fd);
}

static int complain(const char *what, int r)
{
	log_error("%s: %s", what,
		  r == -EWOULDBLOCK ? "another logger has it" : strerror(-r));
	return r;
}

static int start(struct helio_logger *self)
{
	const struct helio_options options = {
		.program = "helio-logger",
		.key_file = self->options.key_file,
		.server_key = self->options.server_key,
		.on_state = on_state,
		.userdata = self,
	};
	int r = helio_open(self->options.address, &options, &self->bus);

	if (r < 0)
		return complain(self->options.address, r);
	self->logger.on_ready = on_ready;
	self->logger.userdata = self;
	r = loop_set_bus(&self->loop, self->bus);
	if (r == 0)
		r = logger_init(&self->logger, &self->loop.uv, self->bus,
				backend_sqlite(), self->options.state);
	return r < 0 ? complain(self->options.state, r) : 0;
}

static int run(struct helio_logger *self)
{
	int r = loop_init(&self->loop, &hooks, self);

	if (r == 0)
		r = start(self);
	if (r == 0)
		r = loop_run(&self->loop);
	if (r < 0 && self->bus && *helio_error(self->bus))
		log_error("the connection is closed: %s",
			  helio_error(self->bus));
	logger_deinit(&self->logger);
	helio_close(self->bus);
	loop_deinit(&self->loop);
	return r < 0 ? EXIT_UNAVAILABLE : EXIT_SUCCESS;
}

/* Two loggers would both write; the lock goes with the process. */
static int lock_state(const char *path, int *ret_fd)
{
	_cleanup_(close_fdp) int fd = -1;

	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return -errno;
	*ret_fd = take_fd(fd);
	return 0;
}

/*
 * Who supervises us may be killed and cannot take us along: then the kernel
 * does. It may have been killed already, which nobody would tell.
 */
static int end_with(pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0)
		return -errno;
	return getppid() == parent ? 0 : -ESRCH;
}

int main(int argc, char **argv)
{
	static struct helio_logger self;
	_cleanup_(close_fdp) int lock = -1;
	struct options *options = &self.options;
	int r;

	diag_init("helio-logger", DIAG_INFO);
	/* It was started by itself, see logger/answer.h. */
	if (argc == 4 && !strcmp(argv[1], "--answer"))
		return answer_main(argv[2], argv[3]);
	r = options_parse(argc, argv, options);
	if (r) {
		fputs(options_usage, r < 0 ? stderr : stdout);
		return r < 0 ? EXIT_USAGE : EXIT_SUCCESS;
	}
	diag_init("helio-logger", options->log_level);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	if (options->parent && end_with(options->parent) < 0) {
		log_error("the parent, process %d, is gone", options->parent);
		return EXIT_UNAVAILABLE;
	}
	r = lock_state(options->state, &lock);
	if (r < 0) {
		complain(options->state, r);
		return EXIT_UNAVAILABLE;
	}
	return run(&self);
}
