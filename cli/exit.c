/* SPDX-License-Identifier: MIT */

#include "cli/exit.h"

#include <errno.h>

#include "rpc/heliograph.h"

static enum exit_code code_of_errno(int error)
{
	switch (error) {
	case EINVAL:
	case EMSGSIZE:
	case E2BIG:
	case EPROTONOSUPPORT:
		return EXIT_USAGE;
	case ENOENT:
		return EXIT_NOT_FOUND;
	case EACCES:
	case EPERM:
		return EXIT_DENIED;
	case ECONNREFUSED:
	case ECONNRESET:
	case EHOSTUNREACH:
	case ENETUNREACH:
	case ENOTCONN:
	case EPIPE:
	case ETIMEDOUT:
		return EXIT_UNAVAILABLE;
	case EDQUOT:
	case ENOSPC:
		return EXIT_QUOTA;
	case EINTR:
		return EXIT_INTERRUPTED;
	default:
		return EXIT_INTERNAL;
	}
}

enum exit_code exit_code(int result)
{
	if (result < 0)
		return code_of_errno(-result);

	switch (result) {
	case HELIO_OK:
		return EXIT_OK;
	case HELIO_NOT_FOUND:
	case HELIO_UNIMPLEMENTED:
		return EXIT_NOT_FOUND;
	case HELIO_PERMISSION_DENIED:
	case HELIO_UNAUTHENTICATED:
		return EXIT_DENIED;
	case HELIO_UNAVAILABLE:
	case HELIO_DEADLINE_EXCEEDED:
	case HELIO_CANCELLED:
		return EXIT_UNAVAILABLE;
	case HELIO_RESOURCE_EXHAUSTED:
		return EXIT_QUOTA;
	case HELIO_INTERNAL:
	case HELIO_DATA_LOSS:
		return EXIT_INTERNAL;
	default:
		return EXIT_NEGATIVE;
	}
}
