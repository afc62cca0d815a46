/* SPDX-License-Identifier: MIT */
/*
 * lab-end IMPLEMENTATION ROLE DOMID PATH READ WRITE WORK [SIZE [N]]: one end of
 * a vchan, doing WORK with one that does its counterpart at the other end.
 *
 * IMPLEMENTATION is upstream or ours, ROLE server or client. READ and WRITE
 * are the least sizes of a server's rings. WORK is
 *
 * exchange SIZE	so many bytes each way at once, in odd pieces, checked
 * source SIZE MS	messages of this size for so long
 * sink SIZE		takes them, and prints how many there were
 * bulk SIZE MS		the same, but a message may be written in pieces
 * bulk-sink SIZE
 * ping SIZE N		so many round trips
 * pong SIZE
 * die			connects, and is killed at once
 * hold			connects, then does nothing until it is killed
 *
 * Its exit status is 0, or it says why not on stderr. SIGALRM ends it after a
 * minute.
 */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/xen/lab/ends/end.h"

enum { BOUND_S = 60 };

static int work(struct end *end, bool is_server, char **argv)
{
	const char *name = argv[0];
	size_t size = argv[1] ? strtoull(argv[1], NULL, 10) : 0;
	unsigned n = argv[1] && argv[2] ? strtoul(argv[2], NULL, 10) : 0;
	int r;

	if (strcmp(name, "die") == 0)
		return raise(SIGKILL);
	if (strcmp(name, "hold") == 0)
		return pause();
	if (strcmp(name, "exchange") == 0)
		return exchange(end, is_server, size);
	r = greet(end, is_server);
	if (r < 0)
		return r;
	if (strcmp(name, "source") == 0 || strcmp(name, "bulk") == 0)
		return source(end, size, *name == 'b', n);
	if (strcmp(name, "sink") == 0 || strcmp(name, "bulk-sink") == 0)
		return sink(end, size, *name == 'b');
	if (strcmp(name, "ping") == 0)
		return ping(end, size, n);
	if (strcmp(name, "pong") == 0)
		return pong(end, size);
	return -EINVAL;
}

static struct end *open_end(const char *implementation,
			    const struct end_place *place)
{
	return strcmp(implementation, "ours") == 0 ? ours_open(place)
						   : upstream_open(place);
}

int main(int argc, char **argv)
{
	struct end_place place;
	struct end *end;
	int r;

	if (argc < 8) {
		fprintf(stderr, "lab-end: see the head of its source\n");
		return 2;
	}
	alarm(BOUND_S);
	place = (struct end_place){
		.is_server = strcmp(argv[2], "server") == 0,
		.domid = (int)strtol(argv[3], NULL, 10),
		.path = argv[4],
		.read_bytes = (uint32_t)strtoul(argv[5], NULL, 10),
		.write_bytes = (uint32_t)strtoul(argv[6], NULL, 10),
	};
	end = open_end(argv[1], &place);
	if (!end) {
		fprintf(stderr, "lab-end: cannot open: %s\n", strerror(errno));
		return 1;
	}
	r = work(end, place.is_server, argv + 7);
	end->ops->close(end);
	if (r < 0)
		fprintf(stderr, "lab-end: %s\n", strerror(-r));
	return r < 0;
}
