/* SPDX-License-Identifier: MIT */
#ifndef VM_REASON_H
#define VM_REASON_H

/**
 * Why something is as it is: one short line of printable ASCII, whatever the
 * hypervisor said, for it is shown on terminals and sent in protobuf.
 */

#include <stddef.h>

enum { REASON_BYTES = 160 };

struct reason {
	char text[REASON_BYTES]; /* "": nothing to say */
};

/** Cut what is too long, and put `?` for what is not printable. */
__attribute__((format(printf, 2, 3))) void reason_set(struct reason *reason,
						      const char *format, ...);

/** The same, unless there is a reason already: the first is the cause. */
__attribute__((format(printf, 2, 3))) void reason_set_first(
	struct reason *reason, const char *format, ...);

#endif
