/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/diag.h"
#include "registry/cage.h"
#include "registry/loop.h"
#include "registry/options.h"
#include "registry/store.h"

enum { EXIT_USAGE = 2, EXIT_UNAVAILABLE = 5, EXIT_INTERNAL = 70 };

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

static int serve(const struct options *options, struct store *store)
{
	struct loop loop;
	int r = loop_init(&loop, options, store);

	if (r < 0)
		log_error("%s: %s", options->address, strerror(-r));
	if (r >= 0) {
		r = cage_enter(store->folder, options->address);
		if (r < 0)
			log_error("giving up rights: %s", strerror(-r));
	}
	if (r >= 0)
		r = loop_run(&loop);
	loop_deinit(&loop);
	return r;
}

static int run(const struct options *options)
{
	struct store *store;
	int r = store_open(options->dir, &store);

	if (r < 0) {
		log_error("%s: %s", options->dir,
			  r == -EWOULDBLOCK ? "another registry has it"
					    : strerror(-r));
		return EXIT_UNAVAILABLE;
	}
	log_info("%zu schemas in %s", store->n_entries, options->dir);
	r = serve(options, store);
	store_free(store);
	return r < 0 ? EXIT_UNAVAILABLE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct options options;
	int r;

	diag_init("helio-registry", DIAG_INFO);
	r = options_parse(argc, argv, &options);
	if (r) {
		fputs(options_usage, r < 0 ? stderr : stdout);
		return r < 0 ? EXIT_USAGE : EXIT_SUCCESS;
	}
	diag_init("helio-registry", options.log_level);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	if (options.parent && end_with(options.parent) < 0) {
		log_error("the parent, process %d, is gone", options.parent);
		return EXIT_UNAVAILABLE;
	}
	return run(&options);
}
