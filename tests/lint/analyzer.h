/* SPDX-License-Identifier: MIT */
#ifndef TESTS_LINT_ANALYZER_H
#define TESTS_LINT_ANALYZER_H

/**
 * What clang-tidy sees before each source: errno as a few known numbers.
 *
 * The analyzer of clang 14 knows nothing of the sign of `-errno`, so it would
 * follow every failure as if it had been a success.
 */

#include <errno.h>

int analyzer_choose(void);

static inline int *analyzer_errno(void)
{
	static int value;

	switch (analyzer_choose()) {
	case 0:
		value = EINTR;
		break;
	case 1:
		value = EAGAIN;
		break;
	default:
		value = EIO;
	}
	return &value;
}

#undef errno
#define errno (*analyzer_errno())

#endif
