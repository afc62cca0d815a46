/* SPDX-License-Identifier: MIT */

#include "tests/unit/transports/ring_pair.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"

/* The client's notify wakes the server, and the reverse. */
static void wake_server(struct ring *ring)
{
	container_of(ring, struct ring_pair, client)->n_server_wakes++;
}

static void wake_client(struct ring *ring)
{
	container_of(ring, struct ring_pair, server)->n_client_wakes++;
}

static int map_ring(struct mirror *mirror, unsigned order)
{
	if (order < RING_ORDER_PAGES)
		return 0;
	return mirror_init(mirror, (size_t)1 << order);
}

static int init_end(struct ring *ring, struct ring_config *config,
		    enum ring_role role, void (*notify)(struct ring *ring))
{
	config->role = role;
	config->notify = notify;
	return ring_init(ring, config);
}

int ring_pair_init(struct ring_pair *pair, unsigned left_order,
		   unsigned right_order, void (*notify)(struct ring *ring))
{
	struct ring_config config = {
		.left_order = left_order,
		.right_order = right_order,
		.left = &pair->left,
		.right = &pair->right,
	};

	*pair = (struct ring_pair){ 0 };
	pair->page = aligned_alloc(RING_PAGE_BYTES, RING_PAGE_BYTES);
	if (!pair->page)
		return -ENOMEM;
	memset(pair->page, 0, RING_PAGE_BYTES);
	config.page = pair->page;
	if (map_ring(&pair->left, left_order) < 0 ||
	    map_ring(&pair->right, right_order) < 0 ||
	    init_end(&pair->server, &config, RING_SERVER,
		     notify ? notify : wake_client) < 0 ||
	    init_end(&pair->client, &config, RING_CLIENT,
		     notify ? notify : wake_server) < 0) {
		ring_pair_deinit(pair);
		return -ENOMEM;
	}
	return 0;
}

static void deinit_end(struct ring *ring)
{
	if (ring->our_live)
		ring_deinit(ring);
	ring->our_live = NULL;
}

void ring_pair_deinit(struct ring_pair *pair)
{
	deinit_end(&pair->client);
	deinit_end(&pair->server);
	mirror_deinit(&pair->left);
	mirror_deinit(&pair->right);
	free(pair->page);
}
