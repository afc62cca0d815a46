/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_SWITCH_FAKE_LEAF_H
#define TESTS_UNIT_SWITCH_FAKE_LEAF_H

/**
 * A host and a leaf of it in one process, which turn together, and programs of
 * both. The host denies what is below `secret`, the leaf what is below `own`.
 */

#include "switch/uplink.h"
#include "tests/unit/switch/fake_peer.h"

enum { WHY_MAX_BYTES = 900 };

extern struct world host;
extern struct world leaf;
extern struct uplink uplink; /* of the leaf, which is vm:web to the host */
extern struct fake_peer a;   /* of the leaf */
extern struct fake_peer b;   /* of the leaf */
extern struct fake_peer h;   /* of the host */
extern struct got got;
extern unsigned n_there; /* how often the uplink was */
extern char why_failed[WHY_MAX_BYTES];

/** For cmocka: all that stands above, and nothing left of it. */
int fake_leaf_set_up(void **state);
int fake_leaf_tear_down(void **state);

/** A channel from the leaf to the host. Returns 0 or a negative errno. */
int fake_leaf_try(void);

/** The same, greeted; fails the test. */
void fake_leaf_connect(void);
void fake_leaf_lose(void);

/** What on_failed of an uplink is to be; sets why_failed. */
void fake_leaf_failed(void *userdata, const char *why);

/** Subscribe to "work" in the group "g", as 9. */
void fake_join_group(struct fake_peer *peer, uint32_t credit);

/** `b` publishes with flags that ask for an ack. */
void fake_publish_asking(uint8_t flags, uint64_t id, const char *subject);

#endif
