/* SPDX-License-Identifier: MIT */
#ifndef REGISTRY_QUESTION_H
#define REGISTRY_QUESTION_H

/**
 * A call that the registry has to answer, perhaps after it has asked the switch
 * what the caller may do.
 *
 * A method begins a question, and proceeds with it when the switch has told
 * about the rights that were asked for. In each it answers, fails, or asks
 * again; the first two free the question.
 */

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "registry/rights.h"
#include "schema/finding.h"

struct draft;
struct helio_message;
struct helio_request;
struct listing;
struct question;
struct server;

enum { QUESTION_CALLER_BYTES = 256 };

struct method {
	const char *name;
	const ProtobufCMessageDescriptor *request;
	void (*begin)(struct question *question);
	/* NULL: it asks for no rights. */
	void (*proceed)(struct question *question, enum rights_verdict verdict,
			const char *text);
};

struct question {
	struct list link; /* in server.questions */
	struct server *server;
	struct helio_request *request;
	const struct method *method;
	char caller[QUESTION_CALLER_BYTES];
	uint8_t *memory; /* in which the message is */
	const ProtobufCMessage *message;
	struct rights rights;
	unsigned step; /* the method's own */
	/* Put's and List's own; freed with it. */
	struct draft *draft;
	struct listing *listing;
	bool is_unasked; /* its rights, for the connection is not ready yet */
	/* An answer that did not go out yet; NULL: none. */
	uint8_t *answer;
	size_t n_answer;
};

/**
 * Take up a call; it is answered now or later. The question is the server's
 * list's, from which question_free() takes it.
 */
void question_begin(struct server *server, struct helio_request *request,
		    const struct method *method,
		    const struct helio_message *message);

/** Drop it: the caller waits no longer, or is told that we end. */
void question_drop(struct question *question);

/** Whether it is the switch itself who asks. */
bool question_is_of_switch(const struct question *question);

/** Ask for the rights that were added: the method proceeds later. */
void question_ask(struct question *question);

void question_answer(struct question *question, const ProtobufCMessage *reply);
__attribute__((format(printf, 3, 4))) void question_fail(
	struct question *question, unsigned status, const char *format, ...);
/** The same with details, for programs. */
void question_fail_with(struct question *question, unsigned status,
			const ProtobufCMessage *details, const char *text);
/** What went wrong here, and not with the caller. */
void question_fail_errno(struct question *question, int r, const char *what);

/**
 * What the connection was not ready for, or had no room for, is tried again.
 * It may free the question.
 */
void question_retry(struct question *question);

#endif
