/* SPDX-License-Identifier: MIT */

#include "tests/torture/store/client.h"

#include <errno.h>
#include <helio/store/v1/store.helio.h>
#include <stdio.h>
#include <string.h>

#include "tests/torture/complaint.h"
#include "tests/torture/store/setting.h"

enum {
	UNDER_WAY_MAX = 3,
};

void client_init(struct client *client, const struct world *world,
		 unsigned index, uint64_t seed)
{
	const struct helio_client_options options = {
		.invoke = { .timeout_ms = CLIENT_CALL_MS },
	};
	char domain[16];

	*client = (struct client){
		.index = index,
		.dice = dice_new(seed, 100 + index),
	};
	snprintf(domain, sizeof(domain), "voice%u", index);
	client->bus = setting_connect(world, domain);
	if (helio_client_new(client->bus, &helio__store__v1__buckets__type,
			     &options, &client->buckets) < 0)
		complain("no memory");
}

void client_deinit(struct client *client)
{
	helio_client_free(client->buckets);
	helio_close(client->bus);
}

/* ---- turns ---- */

void client_listen(struct client *client)
{
	int r = helio_dispatch(client->bus);

	if (r < 0)
		complain("voice%u: %s", client->index, strerror(-r));
}

void client_act(struct client *client)
{
	unsigned draw = (unsigned)dice_below(&client->dice, 100);

	if (client->n_under_way >= UNDER_WAY_MAX)
		return;
	if (draw < 30)
		client_begin(client, OP_GET);
	else if (draw < 40)
		client_begin(client, OP_LIST);
	else if (draw < 70)
		client_begin(client, OP_PUT);
	else if (draw < 80)
		client_begin(client, OP_DELETE);
	else
		client_begin(client, OP_COMMIT);
}
