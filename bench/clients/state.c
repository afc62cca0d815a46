/* SPDX-License-Identifier: MIT */

/*
 * Heliograph for keys and jobs: typed calls to helio-store through the switch,
 * with the options that are there by default.
 */

#include <errno.h>
#include <helio/store/v1/store.helio.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/clients/harness.h"

enum { SETUP_MS = 10000 };

struct client {
	struct helio *bus;
	struct helio_client *buckets;
	struct helio_client *queues;
	struct intake *intake;
	enum work work;
	int r; /* of what failed in a callback */
};

static char bucket[] = "bench", queue[] = "bench";

static void fail(struct client *client)
{
	client->r = -EPROTO;
}

static void done(struct client *client, bool is_good)
{
	if (is_good)
		client->intake->take(client->intake, NULL, 0);
	else
		fail(client);
}

/* ---- keys ---- */

static void on_put(const Helio__Store__V1__PutReply *reply, void *userdata)
{
	done(userdata, reply != NULL);
}

static void on_got(const Helio__Store__V1__GetReply *reply, void *userdata)
{
	done(userdata, reply && reply->entry && reply->entry->value.len);
}

static void put(struct client *client, const struct subject *key,
		const void *body, size_t n_body)
{
	Helio__Store__V1__PutRequest request =
		HELIO__STORE__V1__PUT_REQUEST__INIT;

	request.bucket = bucket;
	request.key = (char *)(uintptr_t)key->text;
	request.has_value = 1;
	request.value.data = (uint8_t *)(uintptr_t)body;
	request.value.len = n_body;
	helio__store__v1__buckets__put(helio_client_service(client->buckets),
				       &request, on_put, client);
}

static void get(struct client *client, const struct subject *key)
{
	Helio__Store__V1__GetRequest request =
		HELIO__STORE__V1__GET_REQUEST__INIT;

	request.bucket = bucket;
	request.key = (char *)(uintptr_t)key->text;
	helio__store__v1__buckets__get(helio_client_service(client->buckets),
				       &request, on_got, client);
}

/* ---- jobs ---- */

static void on_completed(const Helio__Store__V1__CompleteReply *reply,
			 void *userdata)
{
	done(userdata, reply != NULL);
}

static void on_leased(const Helio__Store__V1__LeaseReply *reply, void *userdata)
{
	Helio__Store__V1__CompleteRequest request =
		HELIO__STORE__V1__COMPLETE_REQUEST__INIT;
	struct client *client = userdata;

	if (!reply || reply->n_jobs != 1) {
		fail(client);
		return;
	}
	request.queue = queue;
	request.has_id = request.has_token = 1;
	request.id = reply->jobs[0]->id;
	request.token = reply->jobs[0]->token;
	helio__store__v1__queues__complete(helio_client_service(client->queues),
					   &request, on_completed, client);
}

static void on_submitted(const Helio__Store__V1__SubmitReply *reply,
			 void *userdata)
{
	if (!reply)
		fail(userdata);
}

/* There is one for everybody who has submitted one. */
static void lease(struct client *client)
{
	Helio__Store__V1__LeaseRequest request =
		HELIO__STORE__V1__LEASE_REQUEST__INIT;

	request.queue = queue;
	request.has_wait_ms = 1;
	request.wait_ms = SETUP_MS;
	helio__store__v1__queues__lease(helio_client_service(client->queues),
					&request, on_leased, client);
}

static void submit(struct client *client, const void *body, size_t n_body)
{
	Helio__Store__V1__SubmitRequest request =
		HELIO__STORE__V1__SUBMIT_REQUEST__INIT;

	request.queue = queue;
	request.has_body = 1;
	request.body.data = (uint8_t *)(uintptr_t)body;
	request.body.len = n_body;
	helio__store__v1__queues__submit(helio_client_service(client->queues),
					 &request, on_submitted, client);
}

static int client_store(struct client *client, const struct subject *key,
			const void *body, size_t n_body)
{
	if (client->work == WORK_PUT) {
		put(client, key, body, n_body);
	} else if (client->work == WORK_GET) {
		get(client, key);
	} else {
		submit(client, body, n_body);
		lease(client);
	}
	return client->r;
}

/* ---- the connection ---- */

static int call(struct client *client, const char *method,
		const ProtobufCMessage *request)
{
	struct helio_reply reply;
	uint8_t bytes[256];
	int r = helio_call_wait(client->bus, method, bytes,
				protobuf_c_message_pack(request, bytes), NULL,
				&reply);

	if (!r && reply.status != HELIO_OK) {
		fprintf(stderr, "heliograph: %s\n", reply.reason);
		r = helio_status_errno(reply.status);
	}
	return r;
}

/* They may be there already. */
static int make(struct client *client)
{
	Helio__Store__V1__CreateBucketRequest in_bucket =
		HELIO__STORE__V1__CREATE_BUCKET_REQUEST__INIT;
	Helio__Store__V1__CreateQueueRequest in_queue =
		HELIO__STORE__V1__CREATE_QUEUE_REQUEST__INIT;
	Helio__Store__V1__QueueConfig config =
		HELIO__STORE__V1__QUEUE_CONFIG__INIT;
	int r;

	in_bucket.name = bucket;
	in_queue.name = queue;
	in_queue.config = &config;
	/* What has ended is forgotten while others work, as elsewhere. */
	config.has_keep_ms = 1;
	config.keep_ms = 1000;
	r = call(client, "helio.store.v1.Buckets.Create", &in_bucket.base);
	return r ? r
		 : call(client, "helio.store.v1.Queues.Create", &in_queue.base);
}

static void client_close(struct client *client)
{
	helio_client_free(client->buckets);
	helio_client_free(client->queues);
	helio_close(client->bus);
	free(client);
}

static int client_open(const struct plan *plan, enum role role,
		       struct intake *intake, struct client **ret_client)
{
	struct client *client = calloc(1, sizeof(*client));
	struct helio_options options = { .program = "bench",
					 .no_reconnect = true };
	int r;

	if (!client)
		return -ENOMEM;
	client->intake = intake;
	client->work = plan->work;
	r = helio_open(plan->address, &options, &client->bus);
	if (!r)
		r = helio_connect_wait(client->bus, SETUP_MS);
	if (!r)
		r = make(client);
	if (!r)
		r = helio_client_new(client->bus,
				     &helio__store__v1__buckets__type, NULL,
				     &client->buckets);
	if (!r)
		r = helio_client_new(client->bus,
				     &helio__store__v1__queues__type, NULL,
				     &client->queues);
	if (r < 0) {
		client_close(client);
		return r;
	}
	*ret_client = client;
	return 0;
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

static const struct client_ops STATE = {
	.name = "heliograph",
	.open = client_open,
	.close = client_close,
	.store = client_store,
	.flush = client_flush,
	.turn = client_turn,
	.fd = client_fd,
};

int main(int argc, char **argv)
{
	return harness_main(argc, argv, &STATE);
}
