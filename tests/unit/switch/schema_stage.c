/* SPDX-License-Identifier: MIT */

#include "tests/unit/switch/schema_stage.h"

#include "base/le.h"

int schema_stage_set_up(void **state)
{
	stage_set_up_three(state);
	oracle_init(&world);
	return 0;
}

void schema_stage_send(struct fake_peer *peer, enum frame_kind kind,
		       uint64_t correlation, uint32_t id)
{
	struct frame frame = { .kind = (uint8_t)kind,
			       .correlation = correlation };
	uint8_t body[4];

	le32_store(body, id);
	fake_send(peer, &frame, "", body, id ? sizeof(body) : 0);
}
