/* SPDX-License-Identifier: MIT */
#ifndef TRANSPORTS_VCHAN_DOM0_EXIT_H
#define TRANSPORTS_VCHAN_DOM0_EXIT_H

/** How the programs of dom0 are called, and what they end with. */

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "transports/vchan/dom0/live.h"

/** Those of cli/exit.h, for `helio` passes them on. */
enum dom0_exit {
	DOM0_OK = 0,
	DOM0_USAGE = 2,
	DOM0_NOT_FOUND = 3,
	DOM0_DENIED = 4,
	DOM0_UNAVAILABLE = 5,
	DOM0_INTERNAL = 70,
};

/** -ENXIO: there is no such domain. */
static inline enum dom0_exit dom0_exit(int r)
{
	switch (-r) {
	case 0:
		return DOM0_OK;
	case ENXIO:
		return DOM0_NOT_FOUND;
	case EACCES:
	case EPERM:
		return DOM0_DENIED;
	case ENOMEM:
		return DOM0_INTERNAL;
	default:
		return DOM0_UNAVAILABLE;
	}
}

/**
 * `DOMID` and perhaps the one flag, in any order. Returns 0; 1 when help is
 * asked for; -EINVAL when it is called otherwise.
 */
static inline int dom0_parse(int argc, char **argv, const char *flag,
			     uint32_t *ret_domid, bool *ret_is_set)
{
	bool has_domid = false;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0 ||
		    strcmp(argv[i], "-h") == 0)
			return 1;
		if (strcmp(argv[i], flag) == 0)
			*ret_is_set = true;
		else if (!has_domid &&
			 live_parse_domid(argv[i], ret_domid) == 0)
			has_domid = true;
		else
			return -EINVAL;
	}
	return has_domid ? 0 : -EINVAL;
}

#endif
