/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_SWITCH_STAGE_H
#define TESTS_UNIT_SWITCH_STAGE_H

/**
 * What most tests of the switch begin with: one switch that allows everything,
 * and three peers.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/switch/fake_peer.h"

extern struct world world;
extern struct got got;     /* what came last */
extern struct fake_peer a; /* vm:a */
extern struct fake_peer b; /* vm:b */
extern struct fake_peer c; /* vm:c */

/** The switch alone; the end fails if it still holds anything. */
int stage_set_up(void **state);
int stage_tear_down(void **state);

/** The same, and a, b and c have joined; they leave at the end. */
int stage_set_up_three(void **state);
int stage_tear_down_three(void **state);

#define TEST_ALONE(name) \
	cmocka_unit_test_setup_teardown(name, stage_set_up, stage_tear_down)
#define TEST_OF_THREE(name)                                       \
	cmocka_unit_test_setup_teardown(name, stage_set_up_three, \
					stage_tear_down_three)

/** So much later, with all that comes of it. */
void stage_pass_ms(uint64_t ms);

/** Another policy from now on. */
void stage_set_policy(const char *text);

/** The account of the peer `name`. */
struct account *stage_account(const char *name);

/** From now on the account of the peer `name` may hold so much. */
void stage_limit(const char *name, enum resource resource, uint64_t n);

#endif
