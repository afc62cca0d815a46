/* SPDX-License-Identifier: MIT */
#ifndef TESTS_CONFORMANCE_HAMMER_H
#define TESTS_CONFORMANCE_HAMMER_H

struct duo;

/**
 * Both ends of an open duo, each in a thread of its own, send and receive some
 * megabytes in odd pieces and sleep whenever they are told to. Returns NULL,
 * or what went wrong, such as a wake-up that never came.
 */
const char *hammer(struct duo *duo);

#endif
