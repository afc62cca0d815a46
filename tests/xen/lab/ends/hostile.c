/* SPDX-License-Identifier: MIT */
/*
 * lab-hostile CRIME SERVER CLIENT PORT [SECONDS]: a peer of vchan that means
 * harm, by hand (tests/xen/raw.h), in one of these domains. A client's CRIME:
 *
 * ahead	says that it has written more than the ring holds
 * back		takes back what it has written
 * takes	says that it has read what was never written
 * overwrite	writes to the other side's words, then breaks a rule; the other
 *		side has to know its own place still
 * storm	rings as often as it can for so long
 * scribble	fills the page with noise for so long, and joins again when it
 *		is thrown out
 * silent	says nothing
 * half	has begun a frame when it writes data/half to xenstore, and goes on
 *		no more
 *
 * Each ends with 0 once the other side is gone, or when its time is over. A
 * server's, which go on until it is killed:
 *
 * orders	of rings that cannot be
 * grants	that are none
 * gone		no longer there, though its keys are
 * runs		ahead of the ring before anybody has joined
 * honest	does as it should; what is wrong comes from others
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <xenstore.h>

#include <cmocka.h>

#include "base/clock.h"
#include "tests/xen/raw.h"

enum { BOUND_S = 60, N_ROUNDS = 3, N_WORDS_BYTES = 24 };

static const unsigned orders[2] = { 12, 13 };

/* There is one world only, and who is in it knows where. */
static struct xen_world only;

void xen_world_enter(const struct xen_world *world, uint32_t domid)
{
}

/* What changes is a byte in a page, of which nobody is told. */
static void rest(void)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	nanosleep(&pause, NULL);
}

static bool is_thrown_out(const struct raw *raw)
{
	return atomic_load((_Atomic uint8_t *)&raw->page->server_live) ==
	       RING_GONE;
}

static void await_end(const struct raw *raw)
{
	while (!is_thrown_out(raw))
		rest();
}

/* Until the other side has looked and asks to be woken, so often. */
static void await_looks(struct raw *raw, unsigned n)
{
	while (n--) {
		atomic_store(&raw->page->client_notify, 0);
		raw_notify(raw);
		while (!(atomic_load(&raw->page->client_notify) &
			 RING_NOTIFY_WRITE))
			rest();
	}
}

/* The first byte of a frame: from then on it is a peer of the switch. */
static void join(struct raw *raw, const struct end_meeting *meeting)
{
	*raw = (struct raw){ 0 };
	raw_connect(raw, &only, meeting);
	raw->left[0] = 1;
	atomic_store(&raw->page->left_prod, 1);
	await_looks(raw, N_ROUNDS);
}

static void lie(struct raw *raw, _Atomic uint32_t *index, uint32_t value)
{
	atomic_store(index, value);
	raw_notify(raw);
	await_end(raw);
}

static void run_ahead(struct raw *raw)
{
	lie(raw, &raw->page->left_prod, (1U << raw->page->left_order) + 1);
}

static void move_back(struct raw *raw)
{
	lie(raw, &raw->page->left_prod, 0);
}

/* The switch looks for room when it has something to say: that it is over. */
static void take_nothing(struct raw *raw)
{
	memset(raw->left, 0xff, 64);
	atomic_store(&raw->page->right_cons, 1000000);
	lie(raw, &raw->page->left_prod, 64);
}

/* What it says at the end stands where it should, and is counted from there. */
static void overwrite(struct raw *raw)
{
	memset(raw->left, 0xff, 64);
	atomic_store(&raw->page->right_prod, 0xdeadbeef);
	atomic_store(&raw->page->left_cons, 0xdeadbeef);
	lie(raw, &raw->page->left_prod, 64);
	assert_in_range(raw->page->right_prod, 1, 4096);
}

static void ring_for(struct raw *raw, uint64_t end_ns)
{
	while (clock_now_ns() < end_ns)
		for (int i = 0; i < 100; i++)
			raw_notify(raw);
}

static void scribble_once(struct raw *raw, uint64_t end_ns)
{
	uint16_t left_order = raw->page->left_order;
	uint16_t right_order = raw->page->right_order;

	while (clock_now_ns() < end_ns && !is_thrown_out(raw)) {
		((uint8_t *)raw->page)[random() % N_WORDS_BYTES] =
			(uint8_t)random();
		raw_notify(raw);
	}
	raw->page->left_order = left_order;
	raw->page->right_order = right_order;
}

static void scribble_for(const struct end_meeting *meeting, uint64_t end_ns)
{
	unsigned n = 0;

	while (clock_now_ns() < end_ns) {
		struct raw raw;

		join(&raw, meeting);
		scribble_once(&raw, end_ns);
		raw_close(&raw);
		n++;
	}
	printf("joined %u times\n", n);
}

static void stop_halfway(struct raw *raw)
{
	struct xs_handle *xs = xs_open(0);

	assert_non_null(xs);
	assert_true(xs_write(xs, XBT_NULL, "data/half", "1", 1));
	xs_close(xs);
	await_end(raw);
}

static int commit_as_client(const char *crime,
			    const struct end_meeting *meeting, uint64_t end_ns)
{
	static const struct {
		const char *name;
		void (*commit)(struct raw *raw);
	} lies[] = {
		{ "ahead", run_ahead },
		{ "back", move_back },
		{ "takes", take_nothing },
		{ "overwrite", overwrite },
	};
	struct raw raw = { 0 };

	if (strcmp(crime, "scribble") == 0) {
		scribble_for(meeting, end_ns);
		return 0;
	}
	if (strcmp(crime, "silent") == 0) {
		raw_connect(&raw, &only, meeting);
		await_end(&raw);
		raw_close(&raw);
		return 0;
	}
	join(&raw, meeting);
	if (strcmp(crime, "storm") == 0)
		ring_for(&raw, end_ns);
	if (strcmp(crime, "half") == 0)
		stop_halfway(&raw);
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++)
		if (strcmp(crime, lies[i].name) == 0)
			lies[i].commit(&raw);
	raw_close(&raw);
	return 0;
}

static int commit_as_server(const char *crime,
			    const struct end_meeting *meeting)
{
	struct raw raw = { 0 };

	raw_serve(&raw, &only, meeting, orders);
	if (strcmp(crime, "orders") == 0)
		raw.page->left_order = 21;
	if (strcmp(crime, "grants") == 0)
		raw.page->grants[1] = 0xffffffff;
	if (strcmp(crime, "gone") == 0)
		raw.page->server_live = RING_GONE;
	if (strcmp(crime, "runs") == 0)
		atomic_store(&raw.page->right_prod, 8193);
	raw_publish(&raw, &only, meeting);
	return pause();
}

static bool is_of_server(const char *crime)
{
	static const char *const crimes[] = { "orders", "grants", "gone",
					      "runs", "honest" };

	for (size_t i = 0; i < sizeof(crimes) / sizeof(crimes[0]); i++)
		if (strcmp(crime, crimes[i]) == 0)
			return true;
	return false;
}

int main(int argc, char **argv)
{
	struct end_meeting meeting;
	uint64_t seconds;

	if (argc < 5) {
		fprintf(stderr, "lab-hostile: see the head of its source\n");
		return 2;
	}
	meeting = (struct end_meeting){
		.server = (uint32_t)strtoul(argv[2], NULL, 10),
		.client = (uint32_t)strtoul(argv[3], NULL, 10),
		.port = argv[4],
	};
	alarm(BOUND_S);
	if (is_of_server(argv[1]))
		return commit_as_server(argv[1], &meeting);
	seconds = argc > 5 ? strtoul(argv[5], NULL, 10) : 0;
	return commit_as_client(argv[1], &meeting,
				clock_now_ns() + seconds * NS_PER_S);
}
