/* SPDX-License-Identifier: MIT */

/*
 * Heliograph by its own library, as any program would use it: publishing in
 * place, everything else with the options that are there by default.
 */

#include <errno.h>
#include <helio/log/v1/log.pb-c.h>
#include <heliograph-log.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/clients/harness.h"
#include "rpc/heliograph.h"

enum { SETUP_MS = 10000 };

struct client {
	struct helio *bus;
	struct intake *intake;
	const struct plan *plan;
	struct helio_log_reader *reader;
	int r; /* of what failed in a callback */
};

static void client_take_message(struct helio_subscription *subscription,
				const struct helio_message *message,
				void *userdata)
{
	struct client *client = userdata;

	client->intake->take(client->intake, message->body, message->n_body);
}

static void client_take_request(struct helio_service *service,
				struct helio_request *request,
				const struct helio_message *message,
				void *userdata)
{
	struct client *client = userdata;
	int r;

	client->intake->take(client->intake, message->body, message->n_body);
	r = helio_respond(request, message->body, message->n_body);
	if (r < 0)
		client->r = r;
}

static void client_take_reply(struct helio_call *call,
			      const struct helio_reply *reply, void *userdata)
{
	struct client *client = userdata;

	if (reply->status == HELIO_OK)
		client->intake->take(client->intake, reply->message->body,
				     reply->message->n_body);
	else
		client->r = -EPROTO;
}

static void client_refused(struct helio *bus, unsigned status,
			   const char *reason, void *userdata)
{
	struct client *client = userdata;

	client->r = -EACCES;
}

static void client_close(struct client *client)
{
	helio_log_reader_free(client->reader);
	helio_close(client->bus);
	free(client);
}

/* The log of all subjects that begin with its name; it may be there. */
static int client_make_log(struct client *client)
{
	Helio__Log__V1__CreateRequest request =
		HELIO__LOG__V1__CREATE_REQUEST__INIT;
	Helio__Log__V1__Config config = HELIO__LOG__V1__CONFIG__INIT;
	struct helio_reply reply;
	char pattern[32], name[32];
	char *patterns[] = { pattern };
	uint8_t bytes[256];
	int r;

	snprintf(name, sizeof(name), "%s", client->plan->log);
	snprintf(pattern, sizeof(pattern), "%s.>", client->plan->log);
	config.patterns = patterns;
	config.n_patterns = 1;
	request.name = name;
	request.config = &config;
	r = helio_call_wait(
		client->bus, "helio.log.v1.Logs.Create", bytes,
		helio__log__v1__create_request__pack(&request, bytes), NULL,
		&reply);
	if (!r && reply.status != HELIO_OK) {
		fprintf(stderr, "heliograph: %s\n", reply.reason);
		r = helio_status_errno(reply.status);
	}
	return r;
}

static void client_take_ack(struct helio *bus, const struct helio_ack *ack,
			    void *userdata)
{
	struct client *client = userdata;

	if (ack->status == HELIO_OK) {
		client->intake->take(client->intake, NULL, 0);
		return;
	}
	fprintf(stderr, "heliograph: %s\n", ack->reason);
	client->r = -EPROTO;
}

static int client_store(struct client *client, const struct subject *subject,
			const void *body, size_t n_body)
{
	struct helio_publish_options options = {
		.flags = HELIO_ACK_STORED,
		.on_ack = client_take_ack,
		.userdata = client,
	};
	int r;

	while ((r = helio_publish(client->bus, subject->text, body, n_body,
				  &options)) == -EAGAIN) {
		r = helio_run(client->bus, SETUP_MS);
		if (r < 0)
			return r;
	}
	return r;
}

static void client_take_record(struct helio_log_reader *reader,
			       const struct helio_log_record *record,
			       void *userdata)
{
	struct client *client = userdata;

	client->intake->take(client->intake, record->message.body,
			     record->message.n_body);
}

static void client_end_records(struct helio_log_reader *reader, unsigned status,
			       const char *reason, void *userdata)
{
	struct client *client = userdata;

	if (status == HELIO_OK)
		return;
	fprintf(stderr, "heliograph: %s\n", reason);
	client->r = -EPROTO;
}

static int client_replay(struct client *client)
{
	struct helio_log_read_options options = {
		.on_record = client_take_record,
		.on_end = client_end_records,
	};

	return helio_log_read(client->bus, client->plan->log, &options, client,
			      &client->reader);
}

static int client_join(struct client *client, const struct plan *plan,
		       enum role role)
{
	struct helio_subscription *subscription;
	struct helio_service *service;

	if (role == ROLE_STORER)
		return client_make_log(client);
	if (role == ROLE_SUBSCRIBER)
		return helio_subscribe_wait(client->bus, plan->pattern, NULL,
					    client_take_message, client,
					    SETUP_MS, &subscription);
	if (role == ROLE_RESPONDER)
		return helio_serve_wait(client->bus, PLAN_SERVICE, NULL,
					client_take_request, client, SETUP_MS,
					&service);
	return 0;
}

static int client_open(const struct plan *plan, enum role role,
		       struct intake *intake, struct client **ret_client)
{
	struct client *client = calloc(1, sizeof(*client));
	struct helio_options options = {
		.program = "bench",
		.no_reconnect = true,
		.key_file = plan->key_file,
		.server_key = plan->server_key,
		.is_plain = plan->is_plain,
		.on_refused = client_refused,
		.userdata = client,
	};
	int r;

	if (!client)
		return -ENOMEM;
	client->intake = intake;
	client->plan = plan;
	r = helio_open(role == ROLE_SUBSCRIBER ? plan->receive_address
					       : plan->address,
		       &options, &client->bus);
	if (!r)
		r = helio_connect_wait(client->bus, SETUP_MS);
	if (!r)
		r = client_join(client, plan, role);
	if (r < 0) {
		client_close(client);
		return r;
	}
	*ret_client = client;
	return 0;
}

static int client_begin(struct client *client, const struct subject *subject,
			size_t n_body, void **ret_body)
{
	return helio_publish_begin(client->bus, subject->text, n_body,
				   ret_body);
}

static int client_end(struct client *client, size_t n_body)
{
	helio_publish_end(client->bus, n_body);
	return 0;
}

static int client_request(struct client *client, const void *body,
			  size_t n_body)
{
	struct helio_call *call;

	return helio_call_start(client->bus, PLAN_SERVICE, body, n_body, NULL,
				client_take_reply, client, &call);
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

static const struct client_ops HELIO = {
	.name = "heliograph",
	.open = client_open,
	.close = client_close,
	.begin = client_begin,
	.end = client_end,
	.request = client_request,
	.store = client_store,
	.replay = client_replay,
	.flush = client_flush,
	.turn = client_turn,
	.fd = client_fd,
};

int main(int argc, char **argv)
{
	return harness_main(argc, argv, &HELIO);
}
