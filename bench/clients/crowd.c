/* SPDX-License-Identifier: MIT */

/*
 * Many peers and many subscriptions, in one process, to see what a routed
 * message costs among them: crowd ADDRESS PEERS SUBSCRIPTIONS ACTIVE MESSAGES.
 *
 * Subscription i is on a subject of its own and belongs to peer i % PEERS.
 * Messages go to the first ACTIVE subscriptions at random, in bursts that are
 * the same for all sizes, so that what differs is what the switch has to look
 * through. Warming up goes through all of them, since what is measured is not
 * the first message to a subject. Prints `ready` when all is set up and warm,
 * sends MESSAGES for each line that comes on stdin, prints `done` when they
 * have arrived, and ends with stdin.
 */

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/heliograph.h"

enum {
	N_BODY = 100,
	BURST_MESSAGES = 64,
	WARM_ROUNDS = 8, /* over all active subjects */
	WARM_MIN = 2048,
	SETUP_MS = 60000,
	TURN_MS = 20000,
	SUBJECT_BYTES = 24,
	RING_BYTES = 65536, /* a thousand peers of 1 MiB would be too many */
};

struct crowd {
	struct helio **peers;
	struct pollfd *polled; /* of the peers */
	unsigned n_peers;
	unsigned n_subscriptions;
	unsigned n_active;
	unsigned n_messages;
	struct helio *publisher;
	uint64_t n_received;
	uint64_t random;
	unsigned next;
};

/** The number of the subscription that the next message goes to. */
typedef unsigned (*draw_fn)(struct crowd *crowd);

static void crowd_take(struct helio_subscription *subscription,
		       const struct helio_message *message, void *userdata)
{
	struct crowd *crowd = userdata;

	crowd->n_received++;
}

static int crowd_connect(const char *address, struct helio **ret_bus)
{
	const struct helio_options options = {
		.program = "crowd",
		.ring_bytes = RING_BYTES,
		.no_reconnect = true,
	};
	int r;

	r = helio_open(address, &options, ret_bus);
	if (!r)
		r = helio_connect_wait(*ret_bus, SETUP_MS);
	return r;
}

static void subject_format(unsigned index, char *ret_subject)
{
	snprintf(ret_subject, SUBJECT_BYTES, "crowd.%03u.%03u", index / 1000,
		 index % 1000);
}

static int crowd_subscribe(struct crowd *crowd)
{
	struct helio_subscription *subscription;
	char subject[SUBJECT_BYTES];
	int r = 0;

	for (unsigned i = 0; i < crowd->n_subscriptions && !r; i++) {
		struct helio *peer = crowd->peers[i % crowd->n_peers];

		subject_format(i, subject);
		while ((r = helio_subscribe(peer, subject, NULL, crowd_take,
					    crowd, &subscription)) == -EAGAIN) {
			r = helio_run(peer, TURN_MS);
			if (r < 0)
				return r;
		}
	}
	for (unsigned i = 0; i < crowd->n_peers && !r; i++)
		r = helio_flush_wait(crowd->peers[i], SETUP_MS);
	return r;
}

static int crowd_gather(struct crowd *crowd, const char *address)
{
	int r = 0;

	crowd->peers = calloc(crowd->n_peers, sizeof(struct helio *));
	crowd->polled = calloc(crowd->n_peers, sizeof(struct pollfd));
	if (!crowd->peers || !crowd->polled)
		return -ENOMEM;
	for (unsigned i = 0; i < crowd->n_peers && !r; i++) {
		r = crowd_connect(address, &crowd->peers[i]);
		if (!r)
			crowd->polled[i] = (struct pollfd){
				.fd = helio_fd(crowd->peers[i]),
				.events = POLLIN,
			};
	}
	if (!r)
		r = crowd_connect(address, &crowd->publisher);
	return r ? r : crowd_subscribe(crowd);
}

static void crowd_disperse(struct crowd *crowd)
{
	for (unsigned i = 0; crowd->peers && i < crowd->n_peers; i++)
		helio_close(crowd->peers[i]);
	helio_close(crowd->publisher);
	free(crowd->peers);
	free(crowd->polled);
}

static unsigned draw_random(struct crowd *crowd)
{
	crowd->random = crowd->random * 6364136223846793005u + 1;
	return (unsigned)((crowd->random >> 32) * crowd->n_active >> 32);
}

static unsigned draw_next(struct crowd *crowd)
{
	return crowd->next++ % crowd->n_active;
}

static int crowd_publish_burst(struct crowd *crowd, draw_fn draw)
{
	static const char BODY[N_BODY] = "a message of a hundred bytes";
	char subject[SUBJECT_BYTES];
	int r = 0;

	for (unsigned i = 0; i < BURST_MESSAGES && !r; i++) {
		subject_format(draw(crowd), subject);
		r = helio_publish(crowd->publisher, subject, BODY, N_BODY,
				  NULL);
	}
	if (!r)
		r = helio_dispatch(crowd->publisher);
	return r < 0 ? r : 0;
}

static int crowd_take_until(struct crowd *crowd, uint64_t n_received)
{
	while (crowd->n_received < n_received) {
		int n = poll(crowd->polled, crowd->n_peers, TURN_MS);

		if (n <= 0)
			return n ? -errno : -ETIMEDOUT;
		for (unsigned i = 0; i < crowd->n_peers; i++) {
			int r = crowd->polled[i].revents
					? helio_dispatch(crowd->peers[i])
					: 0;

			if (r < 0)
				return r;
		}
	}
	return 0;
}

static int crowd_send(struct crowd *crowd, unsigned n_messages, draw_fn draw)
{
	int r = 0;

	for (unsigned n_sent = 0; n_sent < n_messages && !r;
	     n_sent += BURST_MESSAGES) {
		r = crowd_publish_burst(crowd, draw);
		if (!r)
			r = crowd_take_until(crowd, crowd->n_received +
							    BURST_MESSAGES);
	}
	return r;
}

static int crowd_serve_stdin(struct crowd *crowd)
{
	char line[16];
	int r;

	r = crowd_send(crowd, WARM_MIN + WARM_ROUNDS * crowd->n_active,
		       draw_next);
	if (!r)
		puts("ready");
	while (!r && !fflush(stdout) && fgets(line, sizeof(line), stdin)) {
		r = crowd_send(crowd, crowd->n_messages, draw_random);
		if (!r)
			puts("done");
	}
	return r;
}

int main(int argc, char **argv)
{
	struct crowd crowd = { .random = 1 };
	int r;

	if (argc != 6) {
		fprintf(stderr,
			"usage: %s ADDRESS PEERS SUBSCRIPTIONS ACTIVE "
			"MESSAGES\n",
			argv[0]);
		return 2;
	}
	crowd.n_peers = (unsigned)strtoul(argv[2], NULL, 10);
	crowd.n_subscriptions = (unsigned)strtoul(argv[3], NULL, 10);
	crowd.n_active = (unsigned)strtoul(argv[4], NULL, 10);
	crowd.n_messages = (unsigned)strtoul(argv[5], NULL, 10);
	r = crowd_gather(&crowd, argv[1]);
	if (!r)
		r = crowd_serve_stdin(&crowd);
	crowd_disperse(&crowd);
	if (r < 0)
		fprintf(stderr, "crowd: %s\n", strerror(-r));
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
