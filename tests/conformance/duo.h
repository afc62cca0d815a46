/* SPDX-License-Identifier: MIT */
#ifndef TESTS_CONFORMANCE_DUO_H
#define TESTS_CONFORMANCE_DUO_H

/**
 * Two connected channels, each with a poller of its own, so that each can be
 * given to a thread. Whatever goes wrong fails the test.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/conformance/conformance.h"
#include "transports/poller.h"

/** One end, and the stream of test bytes that goes each way through it. */
struct side {
	struct poller poller;
	struct channel *channel;
	unsigned n_ready;
	uint64_t n_sent;     /* committed so far */
	uint64_t n_received; /* consumed so far */
	uint32_t random;     /* state */
};

struct duo {
	const struct conformance *kind;
	char folder[64];
	char address[CONFORMANCE_ADDRESS_BYTES];
	struct transport_options listening;
	struct transport_options connecting;
	struct listener *listener;
	struct side a; /* connects */
	struct side b; /* was listened for */
};

/** Pollers and addresses, and nobody connected. */
void duo_init(struct duo *duo, const struct conformance *kind);
void duo_deinit(struct duo *duo);

/** duo_init(), then connected. */
void duo_open(struct duo *duo, const struct conformance *kind);

/** Listen. Returns what the transport returned. */
int duo_listen(struct duo *duo);

/**
 * Connect and wait until both ends can be used. Returns 0, or what the
 * transport or the connecting channel said instead.
 */
int duo_connect(struct duo *duo);

/**
 * In a process that does not listen: connect and say one byte, for some
 * listeners learn what a peer is only from its first bytes.
 */
int duo_connect_alone(struct duo *duo);

/** Dispatch both pollers, after at most `timeout_ms` of waiting for either. */
void duo_dispatch(struct duo *duo, int timeout_ms);

/** Dispatch until the condition holds; fails the test after ten seconds. */
#define duo_await(duo, condition)                                       \
	do {                                                            \
		uint64_t deadline_ns_ = clock_now_ns() + 10 * NS_PER_S; \
		while (!(condition)) {                                  \
			assert_true(clock_now_ns() < deadline_ns_);     \
			duo_dispatch((duo), 100);                       \
		}                                                       \
	} while (0)

/** A number below `n`. */
uint32_t side_random(struct side *side, uint32_t n);

/** How much to put next: mostly little, sometimes all that ever fits. */
size_t side_odd_size(struct side *side);

/** Commit the next `n` bytes. Returns what channel_reserve() returned. */
int side_put(struct side *side, size_t n);

/** Look for bytes. Returns how many the window shows; 0 after an error. */
size_t side_look(struct side *side);

/**
 * Look for bytes, check and consume at most `n`. Returns how many; -EBADMSG
 * when they are not those that were put; or what channel_refill() returned.
 */
ssize_t side_take(struct side *side, size_t n);

#endif
