/* SPDX-License-Identifier: MIT */

#include "bench/clients/board.h"

#include <errno.h>
#include <linux/futex.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"

#define WANTED_NOTHING UINT64_MAX

struct board *board_new(unsigned n_lanes)
{
	struct board *board;

	board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (board == MAP_FAILED)
		return NULL;
	board->n_lanes = n_lanes;
	board->wanted = WANTED_NOTHING;
	board->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (board->wake_fd < 0) {
		munmap(board, sizeof(*board));
		return NULL;
	}
	return board;
}

void board_free(struct board *board)
{
	if (!board)
		return;
	close(board->wake_fd);
	munmap(board, sizeof(*board));
}

static void board_ring(struct board *board)
{
	atomic_fetch_add(&board->bell, 1);
	syscall(SYS_futex, &board->bell, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

void board_set_phase(struct board *board, enum phase phase)
{
	atomic_store(&board->phase, (uint32_t)phase);
	board_ring(board);
}

void board_count(struct board *board, _Atomic uint32_t *counter)
{
	atomic_fetch_add(counter, 1);
	board_ring(board);
}

void board_fail(struct board *board, const char *format, ...)
{
	char failure[sizeof(board->failure)];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(failure, sizeof(failure), format, arguments);
	va_end(arguments);
	if (!atomic_exchange(&board->has_failed, true))
		snprintf(board->failure, sizeof(board->failure), "%s", failure);
	board_ring(board);
}

/* The bell is read before what it announces, so no ring is slept through. */
int board_await(struct board *board, _Atomic uint32_t *counter, uint32_t n,
		int timeout_ms)
{
	uint64_t end_ns = clock_now_ns() + (uint64_t)timeout_ms * NS_PER_MS;

	for (;;) {
		uint32_t bell = atomic_load(&board->bell);
		uint64_t now_ns = clock_now_ns();
		struct timespec left;

		if (atomic_load(&board->has_failed))
			return -ECANCELED;
		if (atomic_load(counter) >= n)
			return 0;
		if (now_ns >= end_ns)
			return -ETIMEDOUT;
		left.tv_sec = (time_t)((end_ns - now_ns) / NS_PER_S);
		left.tv_nsec = (long)((end_ns - now_ns) % NS_PER_S);
		syscall(SYS_futex, &board->bell, FUTEX_WAIT, bell, &left, NULL,
			0);
	}
}

uint64_t board_min_received(struct board *board)
{
	uint64_t min = UINT64_MAX;

	for (unsigned i = 0; i < board->n_lanes; i++) {
		uint64_t n = atomic_load(&board->lanes[i].n_received);

		if (n < min)
			min = n;
	}
	return min;
}

void board_receive(struct board *board, unsigned index, uint64_t n_received)
{
	uint64_t wanted;
	uint64_t one = 1;

	atomic_store(&board->lanes[index].n_received, n_received);
	wanted = atomic_load(&board->wanted);
	if (n_received < wanted || board_min_received(board) < wanted)
		return;
	/* Several may see the last lane arrive; one of them wakes. */
	if (!atomic_compare_exchange_strong(&board->wanted, &wanted,
					    WANTED_NOTHING))
		return;
	if (write(board->wake_fd, &one, sizeof(one)) < 0)
		board_fail(board, "eventfd: %m");
}

bool board_want(struct board *board, uint64_t wanted)
{
	atomic_store(&board->wanted, wanted);
	if (board_min_received(board) < wanted)
		return true;
	atomic_store(&board->wanted, WANTED_NOTHING);
	return false;
}
