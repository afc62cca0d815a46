/* SPDX-License-Identifier: MIT */
#ifndef TESTS_FAULT_H
#define TESTS_FAULT_H

/**
 * Let an allocation of the code under test fail, for every n.
 *
 *     for (unsigned n = 0; n == 0 || fault_hit(); n++) {
 *             fault_arm(n);
 *             r = thing_new(&thing);
 *             fault_disarm();
 *             if (!fault_hit()) { assert r is 0; free thing }
 *             else { assert r is -ENOMEM and nothing changed }
 *     }
 */

#include <stdbool.h>

/** The allocation after `n` others fails, once. */
void fault_arm(unsigned n);
void fault_disarm(void);

/** Whether the armed allocation came and failed. */
bool fault_hit(void);

/**
 * Call `hook` in the next allocation, once: so a test can act between two
 * steps of the code under test, as a hostile peer would.
 */
void fault_hook(void (*hook)(void));

#endif
