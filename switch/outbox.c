/* SPDX-License-Identifier: MIT */

#include "switch/outbox.h"

#include <string.h>

#include "transports/channel.h"

int outbox_send(struct outbox *outbox, struct channel *channel,
		size_t *ret_n_sent)
{
	const uint8_t *frame;
	size_t n;

	*ret_n_sent = 0;
	while ((frame = queue_peek(&outbox->queue, &n))) {
		size_t n_left = n - outbox->n_sent;
		size_t n_piece = n_left;
		uint8_t *room;

		if (channel_reserve(channel, 1, &room))
			return 1;
		if (n_piece > channel->n_out)
			n_piece = channel->n_out;
		memcpy(room, frame + outbox->n_sent, n_piece);
		channel_commit(channel, n_piece);
		*ret_n_sent += n_piece;
		outbox->n_sent += n_piece;
		if (n_piece < n_left)
			continue;
		queue_pop(&outbox->queue);
		outbox->n_sent = 0;
	}
	return 0;
}
