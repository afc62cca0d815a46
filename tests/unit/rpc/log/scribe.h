/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_RPC_LOG_SCRIBE_H
#define TESTS_UNIT_RPC_LOG_SCRIBE_H

/** What a logger would send, by a fake switch. */

#include <helio/log/v1/log.pb-c.h>

#include "tests/unit/rpc/fake_switch.h"

struct scribe_run {
	uint8_t bytes[4096];
	size_t n;
};

/** Records `first` to `last`, whose bodies are their numbers. */
void scribe_run(struct scribe_run *run, uint64_t first, uint64_t last);
/** The same, with another subject than "demo.a". */
void scribe_run_of(struct scribe_run *run, const char *subject, uint64_t first,
		   uint64_t last);

/** One message of a stream of replies. */
void scribe_next(struct fake_switch *fake, uint64_t id,
		 const ProtobufCMessage *message);
/** The same, of these bytes. */
void scribe_bytes(struct fake_switch *fake, uint64_t id, const void *bytes,
		  size_t n);
void scribe_records(struct fake_switch *fake, uint64_t id, uint64_t first,
		    uint64_t last);
void scribe_reply(struct fake_switch *fake, uint64_t id, unsigned status);

/** BIND and its answer. */
void scribe_bind(struct fake_switch *fake);

/** Let this much time pass. */
void scribe_wait(struct fake_switch *fake, uint64_t ms);

#endif
