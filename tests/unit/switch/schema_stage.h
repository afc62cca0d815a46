/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_SWITCH_SCHEMA_STAGE_H
#define TESTS_UNIT_SWITCH_SCHEMA_STAGE_H

/** Three peers on a switch that asks the oracle about their schemas. */

#include "tests/unit/switch/fake_schema.h"
#include "tests/unit/switch/stage.h"

/** Schemas of BAR. */
enum { OLD = 1, NEW = 2, OTHER = 3 };

#define BAR "foo.v1.Bar"

/** Ends with stage_tear_down_three(). */
int schema_stage_set_up(void **state);

/** A frame whose body is an id; 0: that has no body. */
void schema_stage_send(struct fake_peer *peer, enum frame_kind kind,
		       uint64_t correlation, uint32_t id);

#endif
