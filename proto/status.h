/* SPDX-License-Identifier: MIT */
#ifndef PROTO_STATUS_H
#define PROTO_STATUS_H

/**
 * How a call or a request to the switch ended: gRPC's seventeen codes, with
 * gRPC's numbers (https://grpc.github.io/grpc/core/md_doc_statuscodes.html).
 */

enum status {
	STATUS_OK = 0,
	STATUS_CANCELLED = 1,
	STATUS_UNKNOWN = 2,
	STATUS_INVALID_ARGUMENT = 3,
	STATUS_DEADLINE_EXCEEDED = 4,
	STATUS_NOT_FOUND = 5,
	STATUS_ALREADY_EXISTS = 6,
	STATUS_PERMISSION_DENIED = 7,
	STATUS_RESOURCE_EXHAUSTED = 8,
	STATUS_FAILED_PRECONDITION = 9,
	STATUS_ABORTED = 10,
	STATUS_OUT_OF_RANGE = 11,
	STATUS_UNIMPLEMENTED = 12,
	STATUS_INTERNAL = 13,
	STATUS_UNAVAILABLE = 14,
	STATUS_DATA_LOSS = 15,
	STATUS_UNAUTHENTICATED = 16,
	N_STATUS
};

/** Who said it: the service that was called, or the bus itself. */
enum status_origin { ORIGIN_SERVICE = 0, ORIGIN_BUS = 1 };

/** "UNAVAILABLE" for 14; "UNKNOWN" for a number that is none of them. */
const char *status_name(unsigned status);

#endif
