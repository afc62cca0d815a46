/* SPDX-License-Identifier: MIT */

/*
 * The input is a script of four-byte steps: messages of a hostile peer, whose
 * headers follow their step, and what an owner does in between. Whatever comes,
 * the windows stay within their bounds, nothing is sent beyond the peer's
 * window, and a channel that is over stays over.
 */

#include <string.h>

#include "base/le.h"
#include "tests/fuzz/fuzz.h"
#include "transports/tcp/duplex.h"

enum { STEP_BYTES = 4, BYTES_MAX = 4 * UINT16_MAX };

static bool is_full;

static int check_sent(struct duplex *duplex,
		      const uint8_t header[DUPLEX_HEADER_BYTES],
		      const uint8_t *bytes, size_t n)
{
	FUZZ_CHECK(n <= DUPLEX_MESSAGE_BYTES);
	if (is_full)
		return -EAGAIN;
	FUZZ_CHECK(duplex->sent + n - duplex->acked <= DUPLEX_WINDOW_BYTES);
	return 0;
}

static void wake(struct duplex *duplex)
{
	FUZZ_CHECK(!duplex->wants_bytes && !duplex->wants_room);
}

static const struct duplex_ops ops = {
	.name = "fuzz",
	.send = check_sent,
	.wake = wake,
};

static void take(struct duplex *duplex, const uint8_t *header, size_t n)
{
	static uint8_t message[DUPLEX_HEADER_BYTES + BYTES_MAX];

	memset(message, 'm', sizeof(message));
	memcpy(message, header, DUPLEX_HEADER_BYTES);
	duplex_take(duplex, message, n);
}

static void consume(struct channel *channel, size_t n)
{
	if (channel_refill(channel) < 0)
		return;
	FUZZ_CHECK(channel->n_in <= channel->n_in_max);
	for (size_t i = 0; i < channel->n_in; i += 4096)
		FUZZ_CHECK(channel->in[i] == 'm');
	channel_consume(channel, n < channel->n_in ? n : channel->n_in);
}

static void commit(struct channel *channel, size_t n)
{
	uint8_t *room;

	if (channel_reserve(channel, n, &room) < 0)
		return;
	memset(room, 'f', n);
	channel_commit(channel, n);
}

/* Returns how many bytes follow the step. */
static size_t do_step(struct duplex *duplex, const uint8_t *step, size_t n)
{
	struct channel *channel = &duplex->channel;
	size_t n_bytes = 4 * (size_t)le16_load(step + 2);

	switch (step[0] % 6) {
	case 0:
		if (n < STEP_BYTES + DUPLEX_HEADER_BYTES)
			return n - STEP_BYTES;
		take(duplex, step + STEP_BYTES,
		     n_bytes + DUPLEX_HEADER_BYTES -
			     (n_bytes ? 0 : step[1] % 9));
		return DUPLEX_HEADER_BYTES;
	case 1:
		consume(channel, n_bytes);
		break;
	case 2:
		commit(channel, n_bytes * 3);
		break;
	case 3:
		channel_flush(channel);
		break;
	case 4:
		channel_arm(channel, step[1] & 1);
		break;
	default:
		is_full = step[1] & 1;
		if (!is_full)
			duplex_send(duplex);
	}
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct duplex duplex;

	is_full = false;
	duplex_init(&duplex, &ops);
	duplex_connect(&duplex);
	while (n >= STEP_BYTES) {
		int error = duplex.error;
		size_t n_used = STEP_BYTES + do_step(&duplex, bytes, n);

		FUZZ_CHECK(!error || duplex.error == error);
		bytes += n_used;
		n -= n_used;
	}
	duplex_deinit(&duplex);
	return 0;
}
