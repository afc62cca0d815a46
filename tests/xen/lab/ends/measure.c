/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "tests/xen/lab/ends/end.h"

/* Messages in a row before a turn is over, as in the switch. */
enum { TURN_BYTES = 262144, TURN_MESSAGES = 64, TRIPS_MAX = 10000 };

/* One message, however many pieces it comes in. Returns 0 or -errno. */
static int receive(struct end *end, size_t size)
{
	while (size) {
		const uint8_t *bytes;
		ssize_t r = end->ops->look(end, &bytes);

		if (r < 0)
			return (int)r;
		if (r == 0)
			end->ops->wait(end, false);
		if ((size_t)r > size)
			r = (ssize_t)size;
		end->ops->take(end, (size_t)r);
		size -= (size_t)r;
	}
	return 0;
}

static int send_message(struct end *end, const uint8_t *message, size_t size)
{
	ssize_t r;

	while ((r = end->ops->send(end, message, size)) == 0)
		end->ops->wait(end, true);
	return r < 0 ? (int)r : end->ops->turn(end);
}

int greet(struct end *end, bool is_server)
{
	const uint8_t go = 1;

	return is_server ? receive(end, sizeof(go))
			 : send_message(end, &go, sizeof(go));
}

static ssize_t give(struct end *end, const uint8_t *message, size_t size,
		    bool is_bulk)
{
	return is_bulk ? end->ops->write(end, message, size)
		       : end->ops->send(end, message, size);
}

/* Write until there is no room or the turn is over. Returns bytes. */
static ssize_t source_turn(struct end *end, uint8_t *message, size_t size,
			   bool is_bulk, uint64_t *n)
{
	ssize_t n_bytes = 0;

	for (unsigned i = 0; i < TURN_MESSAGES && n_bytes < TURN_BYTES; i++) {
		ssize_t r;

		/* The receiver checks these, and so that none is lost. */
		memcpy(message, n, sizeof(*n));
		r = give(end, message, size, is_bulk);
		if (r < 0)
			return r;
		if (r == 0)
			break;
		n_bytes += r;
		*n += 1;
	}
	return n_bytes;
}

int source(struct end *end, size_t size, bool is_bulk, unsigned ms)
{
	uint64_t end_ns = clock_now_ns() + ms * NS_PER_MS;
	uint8_t *message = calloc(1, size);
	uint64_t n_before = n_notifications();
	uint64_t n = 0;
	int r = 0;

	while (message && r >= 0 && clock_now_ns() < end_ns) {
		ssize_t n_bytes = source_turn(end, message, size, is_bulk, &n);

		if (n_bytes > 0)
			r = end->ops->turn(end);
		else if (n_bytes == 0)
			end->ops->wait(end, true);
		else
			r = (int)n_bytes;
	}
	free(message);
	printf("source messages %" PRIu64 " notified %" PRIu64 "\n", n,
	       n_notifications() - n_before);
	return r;
}

/* Check and take whole messages. Returns how many, or -EBADMSG. */
static int64_t sink_messages(struct end *end, const uint8_t *bytes,
			     size_t n_bytes, size_t size, uint64_t n)
{
	uint64_t n_first = n;
	uint64_t number;

	for (; n_bytes >= size; n_bytes -= size) {
		memcpy(&number, bytes, sizeof(number));
		if (number != n)
			return -EBADMSG;
		bytes += size;
		n++;
		end->ops->take(end, size);
	}
	return (int64_t)(n - n_first);
}

/* Take all that is there, once around. Returns bytes, or a negative errno. */
static ssize_t sink_turn(struct end *end, size_t size, bool is_bulk,
			 uint64_t *n)
{
	const uint8_t *bytes;
	ssize_t r = end->ops->look(end, &bytes);
	int64_t n_messages;

	if (r <= 0)
		return r;
	if (is_bulk) {
		end->ops->take(end, (size_t)r);
		return r;
	}
	n_messages = sink_messages(end, bytes, (size_t)r, size, *n);
	if (n_messages < 0)
		return (ssize_t)n_messages;
	*n += (uint64_t)n_messages;
	return (ssize_t)((uint64_t)n_messages * size);
}

int sink(struct end *end, size_t size, bool is_bulk)
{
	uint64_t n_before = n_notifications();
	uint64_t n_bytes = 0;
	uint64_t n = 0;
	uint64_t first_ns = 0;
	uint64_t last_ns = 0;
	ssize_t r;

	while ((r = sink_turn(end, size, is_bulk, &n)) >= 0) {
		n_bytes += (uint64_t)r;
		if (r == 0) {
			end->ops->wait(end, false);
			continue;
		}
		last_ns = clock_now_ns();
		if (!first_ns)
			first_ns = last_ns;
		if (end->ops->turn(end) < 0)
			break;
	}
	printf("sink bytes %" PRIu64 " us %" PRIu64 " notified %" PRIu64 "\n",
	       n_bytes, (last_ns - first_ns) / 1000,
	       n_notifications() - n_before);
	return r == -EPIPE ? 0 : (int)r;
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a;
	uint64_t y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static int ping_all(struct end *end, const uint8_t *message, size_t size,
		    uint64_t *trips_ns, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		uint64_t start_ns = clock_now_ns();
		int r = send_message(end, message, size);

		if (!r)
			r = receive(end, size);
		if (r < 0)
			return r;
		trips_ns[i] = clock_now_ns() - start_ns;
	}
	return 0;
}

int ping(struct end *end, size_t size, unsigned n)
{
	uint64_t *trips_ns = calloc(n ? n : 1, sizeof(*trips_ns));
	uint8_t *message = calloc(1, size);
	int r = -ENOMEM;

	if (trips_ns && message && n)
		r = ping_all(end, message, size, trips_ns, n);
	if (!r) {
		qsort(trips_ns, n, sizeof(*trips_ns), by_size);
		printf("ping trips %u median_ns %" PRIu64 " notified %" PRIu64
		       "\n",
		       n, trips_ns[n / 2], n_notifications());
	}
	free(trips_ns);
	free(message);
	return r;
}

int pong(struct end *end, size_t size)
{
	uint8_t *message = calloc(1, size);
	int r = message ? 0 : -ENOMEM;

	while (!r) {
		r = receive(end, size);
		if (!r)
			r = send_message(end, message, size);
	}
	free(message);
	return r == -EPIPE ? 0 : r;
}
