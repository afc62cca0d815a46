/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_SWITCH_FAKE_SCHEMA_H
#define TESTS_UNIT_SWITCH_FAKE_SCHEMA_H

/**
 * Peers with schemas, whose hashes are one byte that is repeated, and a
 * registry that says what the test has it say.
 */

#include "switch/verdict.h"
#include "tests/unit/switch/fake_peer.h"

enum { ORACLE_MAX = 4096 };

/** What was asked and is not answered, in this order. */
extern struct verdict *asked[ORACLE_MAX];
extern size_t n_asked;
extern size_t n_asked_ever;
extern int oracle_error; /* that asking fails with; 0: it does not */

/** The registry of this switch is asked here. */
void oracle_init(struct world *world);

/** Answer the oldest question, which must be of these two; 0: Admit. */
void oracle_answer(uint8_t client, uint8_t server, enum answer_kind kind,
		   const char *why);

/** SERVE with these methods, separated by blanks; no RESULT is taken. */
void fake_serve_schema(struct fake_peer *peer, uint32_t id, const char *name,
		       const char *methods, uint8_t schema);

/** The RESULT of such a SERVE must come. */
void fake_expect_served(struct fake_peer *peer, uint32_t id,
			enum status status);

/** SERVE and its RESULT, which is OK; the registry says yes if it is asked. */
void fake_serve_known(struct fake_peer *peer, uint32_t id, const char *name,
		      const char *methods, uint8_t schema);

/** BIND; no RESULT is taken. */
void fake_bind_quietly(struct fake_peer *peer, uint32_t handle,
		       const char *name, uint8_t schema);

/** BIND, whose RESULT must have this status. */
void fake_bind(struct fake_peer *peer, uint32_t handle, const char *name,
	       uint8_t schema, enum status status);

/** CALL "question" by a handle, with two seconds to go. */
void fake_call_by(struct fake_peer *peer, uint64_t id, uint8_t flags,
		  uint32_t handle, const char *method);

/** A REPLY of the bus must come, with this in its text. */
void fake_expect_refusal(struct fake_peer *peer, uint64_t id,
			 enum status status, const char *in_text);

#endif
