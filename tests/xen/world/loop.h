/* SPDX-License-Identifier: MIT */
#ifndef TESTS_XEN_WORLD_LOOP_H
#define TESTS_XEN_WORLD_LOOP_H

/**
 * The world's loop. One event is handled at a time, so a callback may destroy
 * any source, its own included.
 */

#include <stdbool.h>
#include <stdint.h>

struct source {
	int fd; /* owned: loop_remove() closes it */
	void (*on_ready)(struct source *source, uint32_t events);
};

struct loop {
	int epoll_fd;
	bool is_over;
};

/** Each returns 0 or a negative errno. */
int loop_init(struct loop *loop);
int loop_add(struct loop *loop, struct source *source, uint32_t events);
int loop_change(struct loop *loop, struct source *source, uint32_t events);

/** Close the source's descriptor, if it has one. */
void loop_remove(struct loop *loop, struct source *source);

/** Handle one event if there is one now. Returns whether there was. */
bool loop_step(struct loop *loop);

/** Run until is_over. */
int loop_run(struct loop *loop);

/** A listening socket at `path`; returns it or a negative errno. */
int loop_listen(const char *path, int type);

#endif
