/* SPDX-License-Identifier: MIT */

#include "tests/torture/store/setting.h"

#include <errno.h>
#include <helio/store/v1/store.helio.h>
#include <poll.h>
#include <string.h>

#include "tests/torture/complaint.h"

enum {
	CONNECT_MS = 10000,
	MAKE_MS = 20000,
	WINDOW_BYTES = 64 * 1024 * 1024,
	ATTEMPTS_MAX = 1000,
	BUSES_MAX = 8,
};

static const struct helio_client_options OPTIONS = {
	.invoke = { .timeout_ms = MAKE_MS,
		    .is_waiting = true,
		    .retry = HELIO_RETRY_IDEMPOTENT },
};

struct helio *setting_connect(const struct world *world, const char *domain)
{
	const struct helio_options options = { .program = domain };
	char address[256];
	struct helio *bus;
	int r;

	world_address(world, domain, address);
	r = helio_open(address, &options, &bus);
	if (r >= 0)
		r = helio_connect_wait(bus, CONNECT_MS);
	if (r < 0)
		complain("%s: %s", domain, strerror(-r));
	return bus;
}

static int earlier_ms(int a, int b)
{
	if (a < 0)
		return b;
	return b < 0 || a < b ? a : b;
}

void setting_rest(struct helio *const buses[], unsigned n, int timeout_ms)
{
	struct pollfd polled[BUSES_MAX];

	for (unsigned i = 0; i < n; i++) {
		timeout_ms = earlier_ms(timeout_ms, helio_timeout_ms(buses[i]));
		polled[i] = (struct pollfd){ helio_fd(buses[i]), POLLIN, 0 };
	}
	poll(polled, n, timeout_ms);
}

uint64_t setting_make_bucket(struct helio *bus, const char *name)
{
	Helio__Store__V1__BucketConfig config =
		HELIO__STORE__V1__BUCKET_CONFIG__INIT;
	Helio__Store__V1__CreateBucketRequest request =
		HELIO__STORE__V1__CREATE_BUCKET_REQUEST__INIT;
	const Helio__Store__V1__CreateBucketReply *reply = NULL;
	struct helio_client *buckets;
	uint64_t revision;

	config.has_window_bytes = true;
	config.window_bytes = WINDOW_BYTES;
	request.name = (char *)(uintptr_t)name;
	request.config = &config;
	if (helio_client_new(bus, &helio__store__v1__buckets__type, &OPTIONS,
			     &buckets) < 0)
		complain("no memory");
	if (helio__store__v1__buckets__create__wait(buckets, &request,
						    &reply) != HELIO_OK)
		complain("no bucket: %s", helio_client_reply(buckets)->reason);
	revision = reply->bucket->created_revision;
	helio_client_free(buckets);
	return revision;
}

void setting_make_queue(struct helio *bus, const char *name)
{
	Helio__Store__V1__QueueConfig config =
		HELIO__STORE__V1__QUEUE_CONFIG__INIT;
	Helio__Store__V1__CreateQueueRequest request =
		HELIO__STORE__V1__CREATE_QUEUE_REQUEST__INIT;
	const Helio__Store__V1__CreateQueueReply *reply = NULL;
	struct helio_client *queues;

	config.has_attempts_max = true;
	config.attempts_max = ATTEMPTS_MAX;
	request.name = (char *)(uintptr_t)name;
	request.config = &config;
	if (helio_client_new(bus, &helio__store__v1__queues__type, &OPTIONS,
			     &queues) < 0)
		complain("no memory");
	if (helio__store__v1__queues__create__wait(queues, &request, &reply) !=
	    HELIO_OK)
		complain("no queue: %s", helio_client_reply(queues)->reason);
	helio_client_free(queues);
}
