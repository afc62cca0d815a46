/* SPDX-License-Identifier: MIT */
#ifndef LOGGER_VERIFY_H
#define LOGGER_VERIFY_H

struct errand;

/**
 * Answer Verify. In a thread of its own: neither readers nor writers wait.
 */
void verify(struct errand *errand);

#endif
