/* SPDX-License-Identifier: MIT */

#include "transports/pair.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/list.h"
#include "transports/channel.h"
#include "transports/mirror.h"

/* One way. Both positions run freely and move only at a flush. */
struct flow {
	struct mirror mirror;
	uint64_t written;
	uint64_t read;
};

struct end {
	struct channel channel;
	struct pair *pair;
	struct end *other;
	struct flow *in;
	struct flow *out;
	bool is_open;
	bool is_over;     /* -EPIPE was said, and is said for ever */
	bool wants_bytes; /* asked to be woken when the other wrote ... */
	bool wants_room;  /* ... when the other read */
};

/* Lives until both ends are freed: what was flushed outlives its writer. */
struct pair {
	size_t n_bytes;
	struct flow flows[2];
	struct end ends[2];
};

static struct end *end_of(struct channel *channel)
{
	return container_of(channel, struct end, channel);
}

static int say_over(struct end *end)
{
	end->is_over = true;
	return -EPIPE;
}

/* What the other side flushed and this one has not consumed. */
static size_t count_unread(const struct end *end)
{
	return (size_t)(end->in->written - end->in->read) -
	       end->channel.n_consumed;
}

static bool is_at_end(const struct end *end)
{
	return end->is_over || (!end->other->is_open && !count_unread(end));
}

static int end_refill(struct channel *channel)
{
	struct end *end = end_of(channel);

	if (is_at_end(end))
		return say_over(end);
	channel->in = mirror_byte(&end->in->mirror,
				  end->in->read + channel->n_consumed);
	channel->n_in = count_unread(end);
	return 0;
}

static void find_room(struct end *end)
{
	uint64_t position = end->out->written + end->channel.n_committed;

	end->channel.out = mirror_byte(&end->out->mirror, position);
	end->channel.n_out =
		end->pair->n_bytes - (size_t)(position - end->out->read);
}

static int end_make_room(struct channel *channel, size_t n)
{
	struct end *end = end_of(channel);

	if (is_at_end(end))
		return say_over(end);
	if (n > channel->n_out_max)
		return -EMSGSIZE;
	find_room(end);
	return channel->n_out < n ? -EAGAIN : 0;
}

static void wake(struct end *end, bool has_bytes, bool has_room)
{
	if (!(has_bytes && end->wants_bytes) && !(has_room && end->wants_room))
		return;
	end->wants_bytes = false;
	end->wants_room = false;
	end->channel.on_ready(&end->channel);
}

static int end_flush(struct channel *channel)
{
	struct end *end = end_of(channel);
	bool has_bytes = channel->n_committed;
	bool has_room = channel->n_consumed;

	end->out->written += channel->n_committed;
	end->in->read += channel->n_consumed;
	channel->n_committed = 0;
	channel->n_consumed = 0;
	if (is_at_end(end))
		return say_over(end);
	if (end->other->is_open)
		wake(end->other, has_bytes, has_room);
	return 0;
}

static int end_arm(struct channel *channel, bool for_room)
{
	struct end *end = end_of(channel);
	int r;

	r = end_flush(channel);
	if (r < 0)
		return r;
	if (count_unread(end) > channel->n_in)
		return 1;
	if (!end->other->is_open)
		return say_over(end);
	if (for_room &&
	    end->pair->n_bytes - (size_t)(end->out->written - end->out->read) >
		    channel->n_out)
		return 1;
	end->wants_bytes = true;
	end->wants_room = for_room;
	return 0;
}

static void pair_free(struct pair *pair)
{
	mirror_deinit(&pair->flows[0].mirror);
	mirror_deinit(&pair->flows[1].mirror);
	free(pair);
}

static void end_free(struct channel *channel)
{
	struct end *end = end_of(channel);

	end->is_open = false;
	if (end->other->is_open)
		wake(end->other, true, true);
	else
		pair_free(end->pair);
}

static const struct channel_ops pair_ops = {
	.name = "pair",
	.refill = end_refill,
	.make_room = end_make_room,
	.flush = end_flush,
	.arm = end_arm,
	.free = end_free,
};

static void pair_init_end(struct pair *pair, int which)
{
	pair->ends[which] = (struct end){
		.channel = {
			.ops = &pair_ops,
			.in = pair->flows[!which].mirror.at,
			.out = pair->flows[which].mirror.at,
			.n_in_max = pair->n_bytes,
			.n_out_max = pair->n_bytes,
			.evidence = { .kind = EVIDENCE_INSIDE },
		},
		.pair = pair,
		.other = &pair->ends[!which],
		.in = &pair->flows[!which],
		.out = &pair->flows[which],
		.is_open = true,
	};
}

int pair_new(size_t n_bytes, struct channel **ret_a, struct channel **ret_b)
{
	struct pair *pair;

	pair = calloc(1, sizeof(*pair));
	if (!pair)
		return -ENOMEM;
	if (mirror_init(&pair->flows[0].mirror, n_bytes) < 0 ||
	    mirror_init(&pair->flows[1].mirror, n_bytes) < 0) {
		pair_free(pair);
		return -ENOMEM;
	}

	pair->n_bytes = n_bytes;
	pair_init_end(pair, 0);
	pair_init_end(pair, 1);
	*ret_a = &pair->ends[0].channel;
	*ret_b = &pair->ends[1].channel;
	return 0;
}
