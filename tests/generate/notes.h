/* SPDX-License-Identifier: MIT */
#ifndef TESTS_GENERATE_NOTES_H
#define TESTS_GENERATE_NOTES_H

/**
 * In the place of libheliograph-rpc: functions that do nothing but note how
 * they were called, for what the generated ones make of their arguments.
 */

#include <heliograph-rpc.h>

struct notes {
	const char *called; /* the last function, or NULL */
	unsigned method_index;
	const ProtobufCMessage *message;
	struct helio_stream_events stream;
	struct helio_serving_events serving;
	const struct helio_service_type *type;
	const helio_method_fn *methods;
	void *userdata;
};

extern struct notes notes;

/** What helio_client_service() says of any client. */
extern ProtobufCService notes_service;

/** What helio_client_wait() gives. */
extern const ProtobufCMessage *notes_response;

#endif
