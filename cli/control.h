/* SPDX-License-Identifier: MIT */
#ifndef CLI_CONTROL_H
#define CLI_CONTROL_H

/**
 * Calls to the switch's own service, helio.switch.v1.Switch, which is called
 * over the bus like any other and judged by policy like any other.
 */

#include <helio/switch/v1/switch.pb-c.h>
#include <stdint.h>

struct helio_reply;
struct session;

/** Memory for one reply at a time. */
struct control {
	struct helio *bus; /* borrowed */
	uint32_t timeout_ms;
	uint8_t *arena; /* owned */
};

/** Returns 0 or -ENOMEM. */
int control_init(struct control *control, struct helio *bus,
		 uint32_t timeout_ms);
void control_deinit(struct control *control);

/**
 * Call any `subject` and wait. Returns an exit code: EXIT_OK with the reply, of
 * the type that `descriptor` says, which lives until the next call. Otherwise
 * *ret_status says how the call ended, and nothing was told; if it could not be
 * made, or its reply not be read, that was told and the status is OK.
 */
int control_ask(struct control *control, const char *subject,
		const ProtobufCMessage *request,
		const ProtobufCMessageDescriptor *descriptor,
		ProtobufCMessage **ret_reply, struct helio_reply *ret_status);

/**
 * Call `method` of the switch and wait. Returns an exit code; unless it is
 * EXIT_OK, why has been told. The reply, of the type that `descriptor` says,
 * lives until the next call.
 */
int control_call(struct control *control, const char *method,
		 const ProtobufCMessage *request,
		 const ProtobufCMessageDescriptor *descriptor,
		 ProtobufCMessage **ret_reply);

#endif
