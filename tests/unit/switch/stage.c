/* SPDX-License-Identifier: MIT */

#include "tests/unit/switch/stage.h"

#include <string.h>

#include "base/clock.h"
#include "switch/peer.h"
#include "switch/policy.h"

struct world world;
struct got got;
struct fake_peer a;
struct fake_peer b;
struct fake_peer c;

int stage_set_up(void **state)
{
	world_init(&world, NULL);
	return 0;
}

int stage_tear_down(void **state)
{
	world_deinit(&world);
	return 0;
}

int stage_set_up_three(void **state)
{
	world_init(&world, NULL);
	fake_join(&world, "a", &a);
	fake_join(&world, "b", &b);
	fake_join(&world, "c", &c);
	return 0;
}

int stage_tear_down_three(void **state)
{
	fake_leave(&a);
	fake_leave(&b);
	fake_leave(&c);
	world_deinit(&world);
	return 0;
}

void stage_pass_ms(uint64_t ms)
{
	world.now_ns += ms * NS_PER_MS;
	world_settle(&world);
}

void stage_set_policy(const char *text)
{
	struct policy *policy;
	char error[256];

	assert_int_equal(policy_parse("test", text, strlen(text), error,
				      sizeof(error), &policy),
			 0);
	bus_set_policy(&world.bus, policy);
	world_settle(&world);
}

struct account *stage_account(const char *name)
{
	struct list *link;

	list_for_each (link, &world.bus.peers) {
		struct peer *peer = container_of(link, struct peer, link);

		if (!strcmp(peer_path(peer), name))
			return peer->self.account;
	}
	fail_msg("no peer %s", name);
	return NULL;
}

void stage_limit(const char *name, enum resource resource, uint64_t n)
{
	stage_account(name)->limits.of[resource] = n;
}
