/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_VM_FAKE_SERVING_H
#define TESTS_UNIT_VM_FAKE_SERVING_H

/**
 * Stands in for the library of typed calls: a test calls the methods of the
 * server, and sees what they answer.
 */

#include "rpc/heliograph-rpc.h"

struct helio_serving {
	struct helio_message message;
	struct helio_serving_events events;
	void *userdata;
	unsigned room;    /* how many messages more are taken */
	bool has_no_room; /* for the answer */
	bool is_cancelled;

	bool is_over; /* answered, and given up by the server */
	unsigned status;
	char reason[256];
	ProtobufCMessage *answer;   /* a copy, or NULL */
	ProtobufCMessage *sent[32]; /* copies of what was streamed */
	unsigned n_sent;
};

/** What the server was made with; zeroed by fake_serving_reset(). */
extern struct fake_server {
	const helio_method_fn *methods;
	struct helio_server_options options;
	unsigned n_freed;
} fake_server;

void fake_serving_reset(void);

/** A call by `principal`, whose durable id is the same, that nobody has yet. */
struct helio_serving *fake_serving_new(const char *principal, unsigned room);

/** A call by `principal` of the method, by its number in the .proto file. */
struct helio_serving *fake_serving_call(unsigned method, const char *principal,
					const ProtobufCMessage *request,
					unsigned room);

/** The caller gives up. */
void fake_serving_cancel(struct helio_serving *serving);

/** There is room for `room` more, and the server is told. */
void fake_serving_grant(struct helio_serving *serving, unsigned room);

/** Frees what it holds. The server must have given it up. */
void fake_serving_free(struct helio_serving *serving);

#endif
