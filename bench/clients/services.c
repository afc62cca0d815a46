/* SPDX-License-Identifier: MIT */

/*
 * Many services in one process, to see what a typed call costs among them:
 * services ADDRESS SERVICES CALLS. Prints `ready` when all are served and have
 * been called, makes CALLS for each line that comes on stdin, each to a service
 * drawn at random, prints `done` when they are answered, and ends with stdin.
 */

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "echo.helio.h"

enum {
	N_BODY = 100,
	BURST_CALLS = 64,
	WARM_ROUNDS = 8, /* over all services */
	WARM_MIN = 2048,
	SETUP_MS = 60000,
	TURN_MS = 20000,
	NAME_BYTES = 24,
};

struct service {
	struct helio_service_type type;
	char name[NAME_BYTES];
	struct helio_server *server;
	struct helio_client *client;
};

struct market {
	struct service *services;
	unsigned n_services;
	unsigned n_calls;
	struct helio *seller;
	struct helio *buyer;
	uint64_t n_answered;
	uint64_t random;
	unsigned next;
	int r; /* of what failed in a callback */
};

/** The number of the service that is called next. */
typedef unsigned (*draw_fn)(struct market *market);

static unsigned draw_random(struct market *market)
{
	market->random = market->random * 6364136223846793005u + 1;
	return (unsigned)((market->random >> 32) * market->n_services >> 32);
}

static unsigned draw_next(struct market *market)
{
	return market->next++ % market->n_services;
}

static void market_say(struct helio_serving *serving,
		       const ProtobufCMessage *request, void *userdata)
{
	struct market *market = userdata;
	int r = helio_serving_reply(serving, request);

	if (r < 0)
		market->r = r;
}

static const helio_method_fn methods[] = { market_say };

static void market_answered(const Bench__V1__Payload *reply, void *userdata)
{
	struct market *market = userdata;

	if (!reply)
		market->r = -EPROTO;
	market->n_answered++;
}

static int market_connect(const char *address, struct helio **ret_bus)
{
	const struct helio_options options = { .program = "services",
					       .no_reconnect = true };
	int r;

	r = helio_open(address, &options, ret_bus);
	return r ? r : helio_connect_wait(*ret_bus, SETUP_MS);
}

static int market_offer(struct market *market, unsigned index)
{
	struct service *service = &market->services[index];
	struct helio_server_options options = { .userdata = market };
	int r;

	snprintf(service->name, sizeof(service->name), "bench.v1.Echo%u",
		 index);
	service->type = bench__v1__echo__type;
	service->type.name = service->name;
	r = helio_server_new(market->seller, &service->type, methods, &options,
			     &service->server);
	if (!r)
		r = helio_server_wait(service->server, SETUP_MS);
	if (!r)
		r = helio_client_new(market->buyer, &service->type, NULL,
				     &service->client);
	return r;
}

static int market_open(struct market *market, const char *address)
{
	int r;

	market->services = calloc(market->n_services, sizeof(struct service));
	if (!market->services)
		return -ENOMEM;
	r = market_connect(address, &market->seller);
	if (!r)
		r = market_connect(address, &market->buyer);
	for (unsigned i = 0; i < market->n_services && !r; i++)
		r = market_offer(market, i);
	return r;
}

static void market_close(struct market *market)
{
	for (unsigned i = 0; market->services && i < market->n_services; i++) {
		helio_client_free(market->services[i].client);
		helio_server_free(market->services[i].server);
	}
	helio_close(market->seller);
	helio_close(market->buyer);
	free(market->services);
}

/* Both sides are looked after until all are answered. */
static int market_settle(struct market *market, uint64_t n_answered)
{
	struct pollfd polled[] = {
		{ .fd = helio_fd(market->seller), .events = POLLIN },
		{ .fd = helio_fd(market->buyer), .events = POLLIN },
	};
	int r = 0;

	while (market->n_answered < n_answered && r >= 0 && !market->r) {
		int n = poll(polled, 2, TURN_MS);

		if (n <= 0)
			return n ? -errno : -ETIMEDOUT;
		r = helio_dispatch(market->seller);
		if (r >= 0)
			r = helio_dispatch(market->buyer);
	}
	return r < 0 ? r : market->r;
}

static int market_burst(struct market *market, draw_fn draw)
{
	static uint8_t body[N_BODY];
	Bench__V1__Payload request = BENCH__V1__PAYLOAD__INIT;
	uint64_t n_answered = market->n_answered + BURST_CALLS;
	int r;

	request.body.data = body;
	request.body.len = sizeof(body);
	for (unsigned i = 0; i < BURST_CALLS; i++) {
		struct service *service = &market->services[draw(market)];

		bench__v1__echo__say(helio_client_service(service->client),
				     &request, market_answered, market);
	}
	r = helio_dispatch(market->buyer);
	return r < 0 ? r : market_settle(market, n_answered);
}

static int market_trade(struct market *market, unsigned n_calls, draw_fn draw)
{
	int r = 0;

	for (unsigned n = 0; n < n_calls && !r; n += BURST_CALLS)
		r = market_burst(market, draw);
	return r;
}

static int market_serve_stdin(struct market *market)
{
	char line[16];
	int r;

	r = market_trade(market, WARM_MIN + WARM_ROUNDS * market->n_services,
			 draw_next);
	if (!r)
		puts("ready");
	while (!r && !fflush(stdout) && fgets(line, sizeof(line), stdin)) {
		r = market_trade(market, market->n_calls, draw_random);
		if (!r)
			puts("done");
	}
	return r;
}

int main(int argc, char **argv)
{
	struct market market = { .random = 1 };
	int r;

	if (argc != 4) {
		fprintf(stderr, "usage: %s ADDRESS SERVICES CALLS\n", argv[0]);
		return 2;
	}
	market.n_services = (unsigned)strtoul(argv[2], NULL, 10);
	market.n_calls = (unsigned)strtoul(argv[3], NULL, 10);
	r = market_open(&market, argv[1]);
	if (!r)
		r = market_serve_stdin(&market);
	market_close(&market);
	if (r < 0)
		fprintf(stderr, "services: %s\n", strerror(-r));
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
