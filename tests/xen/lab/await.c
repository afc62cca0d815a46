/* SPDX-License-Identifier: MIT */
/*
 * lab-await SECONDS PATH [VALUE]: wait until the node is there, and has this
 * value if one is given; print what it has. Exits with 1 when it took longer.
 *
 * A watch fires when it is set, so nothing is missed and nothing polled.
 */

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <xenstore.h>

static long long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* Is it as it should be? Then print it. */
static bool is_there(struct xs_handle *xs, const char *path, const char *value)
{
	char *found = xs_read(xs, XBT_NULL, path, NULL);
	bool is_right = found && (!value || strcmp(found, value) == 0);

	if (is_right)
		puts(found);
	free(found);
	return is_right;
}

static int await(struct xs_handle *xs, const char *path, const char *value,
		 long long deadline_ms)
{
	struct pollfd pollfd = { .fd = xs_fileno(xs), .events = POLLIN };

	for (;;) {
		long long left_ms = deadline_ms - now_ms();
		unsigned int n;

		if (left_ms <= 0 || poll(&pollfd, 1, (int)left_ms) == 0)
			return 1;
		free(xs_read_watch(xs, &n));
		if (is_there(xs, path, value))
			return 0;
	}
}

int main(int argc, char **argv)
{
	struct xs_handle *xs = xs_open(0);
	long long deadline_ms;

	if (argc < 3 || !xs || !xs_watch(xs, argv[2], "lab-await")) {
		fprintf(stderr, "lab-await: %s\n",
			argc < 3 ? "usage" : "xenstore");
		return 2;
	}
	deadline_ms = now_ms() + strtol(argv[1], NULL, 10) * 1000;
	return await(xs, argv[2], argc > 3 ? argv[3] : NULL, deadline_ms);
}
