/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_RPC_STORE_KEEPER_H
#define TESTS_UNIT_RPC_STORE_KEEPER_H

/** What a store would send, by a fake switch. */

#include <helio/store/v1/store.pb-c.h>

#include "rpc/heliograph-store.h"
#include "tests/unit/rpc/fake_switch.h"

/** BIND to helio.store.v1.`service`, and its answer. */
void keeper_bind(struct fake_switch *fake, const char *service);

/** UNBIND: it calls no more. */
void keeper_unbind(struct fake_switch *fake);

/** The CALL of this method; its id. */
uint64_t keeper_expect(struct fake_switch *fake, const char *method,
		       struct received *received);

/**
 * The same, unpacked as one of `type`, to be freed by
 * protobuf_c_message_free_unpacked().
 */
uint64_t keeper_asked(struct fake_switch *fake, const char *method,
		      const ProtobufCMessageDescriptor *type,
		      ProtobufCMessage **ret_request);

/** REPLY: the switch has nobody to hand it to. */
void keeper_nobody(struct fake_switch *fake, uint64_t id);

/** REPLY: OK with a message. */
void keeper_answer(struct fake_switch *fake, uint64_t id,
		   const ProtobufCMessage *message);

struct keeper_entries {
	Helio__Store__V1__Entry at[4];
	Helio__Store__V1__Entry *pointers[4];
	char keys[4][2];
	size_t n;
};

/** One for each letter; a great one is gone. */
void keeper_fill(struct keeper_entries *entries, const char *letters);

/** helio_work_complete() with a transaction that has one of everything. */
int keeper_complete(struct helio_work *work);

/** The CALL that it makes, for job 1 with the token 101; its id. */
uint64_t keeper_completed(struct fake_switch *fake);

#endif
