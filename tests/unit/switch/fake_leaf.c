/* SPDX-License-Identifier: MIT */

#include "tests/unit/switch/fake_leaf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "transports/channel.h"
#include "transports/pair.h"

static const char host_policy[] = "allow vm:web uplink leaf\n"
				  "deny vm:web/** any secret.>\n"
				  "allow ** any,group,capture,observe >\n"
				  "allow ** subscribe $sys.>\n";

static const char leaf_policy[] = "deny vm:web/** any own.>\n"
				  "allow ** any,group,capture,observe >\n"
				  "allow ** subscribe $sys.>\n";

enum { RING_BYTES = 64 * 1024 };

struct world host;
struct world leaf;
struct uplink uplink;
struct fake_peer a; /* of the leaf */
struct fake_peer b; /* of the leaf */
struct fake_peer h; /* of the host */
struct got got;
unsigned n_there;
char why_failed[WHY_MAX_BYTES];

static void on_there(void *userdata)
{
	n_there++;
}

void fake_leaf_failed(void *userdata, const char *why)
{
	snprintf(why_failed, sizeof(why_failed), "%s", why);
}

int fake_leaf_try(void)
{
	struct channel *ours;
	struct channel *theirs;
	int r;

	r = pair_new(RING_BYTES, &ours, &theirs);
	if (r < 0)
		return r;
	theirs->evidence.kind = EVIDENCE_SOCKET;
	snprintf(theirs->evidence.name, sizeof(theirs->evidence.name),
		 "vm:web");
	r = uplink_take(&uplink, ours);
	if (r < 0) {
		channel_free(ours);
		channel_free(theirs);
		return r;
	}
	r = bus_add_channel(&host.bus, theirs);
	if (r < 0)
		channel_free(theirs);
	return r;
}

void fake_leaf_connect(void)
{
	assert_int_equal(fake_leaf_try(), 0);
	world_settle(&host);
}

void fake_leaf_lose(void)
{
	if (uplink.peer)
		peer_end(uplink.peer, STATUS_OK, "the test is over");
	world_settle(&host);
}

int fake_leaf_set_up(void **state)
{
	struct uplink_options options = { .on_there = on_there,
					  .on_failed = fake_leaf_failed };

	n_there = 0;
	why_failed[0] = '\0';
	world_init(&host, host_policy);
	world_init(&leaf, leaf_policy);
	host.beside = &leaf;
	leaf.beside = &host;
	assert_int_equal(uplink_init(&uplink, &leaf.bus, &options), 0);
	fake_leaf_connect();
	assert_int_equal(n_there, 1);
	fake_join(&leaf, "a", &a);
	fake_join(&leaf, "b", &b);
	fake_join(&host, "h", &h);
	return 0;
}

int fake_leaf_tear_down(void **state)
{
	fake_leave(&a);
	fake_leave(&b);
	fake_leave(&h);
	fake_leaf_lose();
	world_deinit(&host);
	leaf.beside = NULL;
	world_deinit(&leaf);
	uplink_deinit(&uplink);
	return 0;
}

void fake_join_group(struct fake_peer *peer, uint32_t credit)
{
	Helio__Bus__V1__Subscribe subscribe = HELIO__BUS__V1__SUBSCRIBE__INIT;
	char group[] = "g";

	subscribe.has_id = subscribe.has_credit_messages = 1;
	subscribe.has_credit_bytes = 1;
	subscribe.id = 9;
	subscribe.group = group;
	subscribe.credit_messages = credit;
	subscribe.credit_bytes = credit * UINT64_C(65536);
	fake_subscribe_with(peer, &subscribe, "work", STATUS_OK);
}

void fake_publish_asking(uint8_t flags, uint64_t id, const char *subject)
{
	struct frame frame = { .kind = FRAME_MESSAGE,
			       .flags = FRAME_WHOLE | flags,
			       .correlation = id };

	fake_send(&b, &frame, subject, "x", 1);
}
