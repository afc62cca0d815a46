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

/* Pages that are mapped once end where a thread or address checker sees it. */
static int map_ring(struct mirror *mirror, enum ring_mapping mapping,
		    unsigned order)
{
	size_t n_bytes = (size_t)1 << order;

	if (order < RING_ORDER_PAGES)
		return 0;
	if (mapping == MAPPED_TWICE)
		return mirror_init(mirror, n_bytes);
	mirror->at = calloc(1, n_bytes);
	return mirror->at ? 0 : -ENOMEM;
}

static void unmap_ring(struct mirror *mirror, enum ring_mapping mapping)
{
	if (mapping == MAPPED_TWICE)
		mirror_deinit(mirror);
	else
		free(mirror->at);
}

static int init_end(struct ring *ring, struct ring_config *config,
		    enum ring_role role, void (*notify)(struct ring *ring))
{
	config->role = role;
	config->notify = notify;
	return ring_init(ring, config);
}

int ring_pair_init(struct ring_pair *pair, enum ring_mapping mapping,
		   unsigned left_order, unsigned right_order,
		   void (*notify)(struct ring *ring))
{
	struct ring_config config = {
		.left_order = left_order,
		.right_order = right_order,
		.is_mapped_twice = mapping == MAPPED_TWICE,
	};

	*pair = (struct ring_pair){ .mapping = mapping };
	pair->page = aligned_alloc(RING_PAGE_BYTES, RING_PAGE_BYTES);
	if (!pair->page)
		return -ENOMEM;
	memset(pair->page, 0, RING_PAGE_BYTES);
	config.page = pair->page;
	if (map_ring(&pair->left, mapping, left_order) < 0 ||
	    map_ring(&pair->right, mapping, right_order) < 0) {
		ring_pair_deinit(pair);
		return -ENOMEM;
	}
	config.left = pair->left.at;
	config.right = pair->right.at;
	if (init_end(&pair->server, &config, RING_SERVER,
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
	unmap_ring(&pair->left, pair->mapping);
	unmap_ring(&pair->right, pair->mapping);
	free(pair->page);
}
