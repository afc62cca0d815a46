/* SPDX-License-Identifier: MIT */
#ifndef TESTS_TORTURE_DISK_HARM_H
#define TESTS_TORTURE_DISK_HARM_H

/**
 * What a disk may do to a file that lies on it: a bit is turned, bytes are
 * overwritten, it is cut, a sector is zero or that of another place.
 */

#include <stdbool.h>

#include "tests/torture/dice.h"
#include "tests/torture/disk/content.h"

struct harm {
	char what[160];
	bool is_misplaced; /* what is there was right once, or elsewhere */
};

/** One of these; nothing, if the file is empty. */
void harm_do(struct harm *ret_harm, struct content *content, struct dice *dice);

#endif
