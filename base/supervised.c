/* SPDX-License-Identifier: MIT */

#include "base/supervised.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/diag.h"

const struct options_row supervised_rows[] = {
	{ .name = "parent",
	  .kind = OPTIONS_NUMBER,
	  .min = 1,
	  .offset = offsetof(struct supervised, parent),
	  .value = "PID",
	  .help = "end when the process that started this ends,\n"
		  "whose number this is" },
	{ .name = "log",
	  .kind = OPTIONS_LEVEL,
	  .offset = offsetof(struct supervised, log_level),
	  .value = "LEVEL",
	  .help = "error, warning, info or debug" },
	{ .name = NULL },
};

void supervised_say_ready(struct supervised *supervised)
{
	static const char word[] = "READY\n";

	if (supervised->ready_fd < 0)
		return;
	if (write(supervised->ready_fd, word, sizeof(word) - 1) < 0)
		log_warning("--ready-fd: %s", strerror(errno));
	close(supervised->ready_fd);
	supervised->ready_fd = -1;
}

/*
 * Who supervises us may be killed and cannot take us along: then the kernel
 * does. It may have been killed already, which nobody would tell.
 */
int supervised_end_with_parent(const struct supervised *supervised)
{
	if (!supervised->parent)
		return 0;
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 &&
	    getppid() == supervised->parent)
		return 0;
	log_error("the parent, process %d, is gone", supervised->parent);
	return -ESRCH;
}
