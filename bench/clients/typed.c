/* SPDX-License-Identifier: MIT */

/*
 * Heliograph by typed calls, as programs that were generated from a .proto file
 * make and serve them, with the options that are there by default.
 */

#include <errno.h>
#include <stdlib.h>

#include "bench/clients/harness.h"
#include "echo.helio.h"

enum { SETUP_MS = 10000 };

struct client {
	struct helio *bus;
	struct helio_server *server;
	struct helio_client *client;
	struct intake *intake;
	int r; /* of what failed in a callback */
};

static void client_say(struct helio_serving *serving,
		       const ProtobufCMessage *message, void *userdata)
{
	const Bench__V1__Payload *request = (const Bench__V1__Payload *)message;
	struct client *client = userdata;
	int r;

	client->intake->take(client->intake, request->body.data,
			     request->body.len);
	r = helio_serving_reply(serving, message);
	if (r < 0)
		client->r = r;
}

static const helio_method_fn methods[] = { client_say };

static void client_take_reply(const Bench__V1__Payload *reply, void *userdata)
{
	struct client *client = userdata;

	if (reply)
		client->intake->take(client->intake, reply->body.data,
				     reply->body.len);
	else
		client->r = -EPROTO;
}

static void client_close(struct client *client)
{
	helio_client_free(client->client);
	helio_server_free(client->server);
	helio_close(client->bus);
	free(client);
}

static int client_join(struct client *client, enum role role)
{
	struct helio_server_options options = { .userdata = client };
	int r;

	if (role == ROLE_REQUESTER)
		return helio_client_new(client->bus, &bench__v1__echo__type,
					NULL, &client->client);
	if (role != ROLE_RESPONDER)
		return -ENOTSUP;
	r = helio_server_new(client->bus, &bench__v1__echo__type, methods,
			     &options, &client->server);
	return r ? r : helio_server_wait(client->server, SETUP_MS);
}

static int client_open(const struct plan *plan, enum role role,
		       struct intake *intake, struct client **ret_client)
{
	struct client *client = calloc(1, sizeof(*client));
	struct helio_options options = {
		.program = "bench",
		.no_reconnect = true,
	};
	int r;

	if (!client)
		return -ENOMEM;
	client->intake = intake;
	r = helio_open(plan->address, &options, &client->bus);
	if (!r)
		r = helio_connect_wait(client->bus, SETUP_MS);
	if (!r)
		r = client_join(client, role);
	if (r < 0) {
		client_close(client);
		return r;
	}
	*ret_client = client;
	return 0;
}

static int client_request(struct client *client, const void *body,
			  size_t n_body)
{
	Bench__V1__Payload request = BENCH__V1__PAYLOAD__INIT;

	request.body.data = (uint8_t *)(uintptr_t)body;
	request.body.len = n_body;
	bench__v1__echo__say(helio_client_service(client->client), &request,
			     client_take_reply, client);
	return client->r;
}

/* What a dispatch returns is a count; a callback's failure comes first. */
static int client_result(const struct client *client, int r)
{
	if (client->r < 0)
		return client->r;
	return r < 0 ? r : 0;
}

static int client_flush(struct client *client)
{
	return client_result(client, helio_dispatch(client->bus));
}

static int client_turn(struct client *client, int timeout_ms)
{
	return client_result(client, helio_run(client->bus, timeout_ms));
}

static int client_fd(const struct client *client)
{
	return helio_fd(client->bus);
}

static const struct client_ops TYPED = {
	.name = "heliograph",
	.open = client_open,
	.close = client_close,
	.request = client_request,
	.flush = client_flush,
	.turn = client_turn,
	.fd = client_fd,
};

int main(int argc, char **argv)
{
	return harness_main(argc, argv, &TYPED);
}
