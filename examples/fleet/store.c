/* SPDX-License-Identifier: MIT */

#include "store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	CALL_MS = 5000,
	/* A worker may be killed in the middle of a job, again and again. */
	ATTEMPTS_MAX = 1000,
	KEEP_MS = 60000,
};

void *store_must(void *memory)
{
	if (memory)
		return memory;
	fputs("fleet: no memory\n", stderr);
	exit(EXIT_FAILURE);
}

int store_complain(const struct helio_client *client, const char *what, int r)
{
	const struct helio_reply *reply;

	if (r == HELIO_OK)
		return 0;
	if (r < 0) {
		fprintf(stderr, "fleet: %s: %s\n", what, strerror(-r));
		return 1;
	}
	reply = helio_client_reply(client);
	fprintf(stderr, "fleet: %s: %s: %s\n", what,
		helio_status_name(reply->status), reply->reason);
	return 1;
}

/* ---- names and values ---- */

bool store_is_name(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz"
				"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");

	return n > 0 && n < STORE_NAME_BYTES && !name[n];
}

void store_queue_name(char name[STORE_KEY_BYTES], const char *host)
{
	snprintf(name, STORE_KEY_BYTES, "%s%s%s", STORE_QUEUE, host ? "-" : "",
		 host ? host : "");
}

void store_key(char key[STORE_KEY_BYTES], const char *kind, const char *name)
{
	snprintf(key, STORE_KEY_BYTES, "%s/%s", kind, name);
}

struct store_value store_pack(const ProtobufCMessage *message)
{
	struct store_value value;

	value.n = protobuf_c_message_get_packed_size(message);
	/* That of an empty message is 0. */
	value.bytes = store_must(malloc(value.n + 1));
	protobuf_c_message_pack(message, value.bytes);
	return value;
}

/* ---- to have what is needed ---- */

static int create_bucket(struct store *store)
{
	Helio__Store__V1__CreateBucketRequest request =
		HELIO__STORE__V1__CREATE_BUCKET_REQUEST__INIT;
	const Helio__Store__V1__CreateBucketReply *reply;
	char name[] = STORE_BUCKET;
	int r;

	request.name = name;
	r = helio__store__v1__buckets__create__wait(store->buckets, &request,
						    &reply);
	/* It may be there with another configuration. */
	return r == HELIO_ALREADY_EXISTS
		       ? 0
		       : store_complain(store->buckets, name, r);
}

int store_create_queue(struct store *store, const char *host)
{
	Helio__Store__V1__CreateQueueRequest request =
		HELIO__STORE__V1__CREATE_QUEUE_REQUEST__INIT;
	Helio__Store__V1__QueueConfig config =
		HELIO__STORE__V1__QUEUE_CONFIG__INIT;
	const Helio__Store__V1__CreateQueueReply *reply;
	char name[STORE_KEY_BYTES];
	int r;

	store_queue_name(name, host);
	request.name = name;
	request.config = &config;
	config.has_attempts_max = config.has_keep_dead_ms = 1;
	config.attempts_max = ATTEMPTS_MAX;
	config.keep_dead_ms = KEEP_MS;
	config.has_keep_ms = 1;
	config.keep_ms = KEEP_MS;
	r = helio__store__v1__queues__create__wait(store->queues, &request,
						   &reply);
	return r == HELIO_ALREADY_EXISTS
		       ? 0
		       : store_complain(store->queues, name, r);
}

int store_open(struct store *store, struct helio *bus)
{
	/* Who asks while the store is away waits a little for it. */
	const struct helio_client_options options = {
		.invoke = { .timeout_ms = CALL_MS, .is_waiting = true },
	};
	int r;

	store->bus = bus;
	r = helio_client_new(bus, &helio__store__v1__buckets__type, &options,
			     &store->buckets);
	if (r == 0)
		r = helio_client_new(bus, &helio__store__v1__queues__type,
				     &options, &store->queues);
	if (r < 0)
		return store_complain(NULL, "the store", r);
	r = create_bucket(store);
	return r ? r : store_create_queue(store, NULL);
}

void store_close(struct store *store)
{
	helio_client_free(store->queues);
	helio_client_free(store->buckets);
}

/* ---- what is said and not waited for ---- */

/* That somebody else was faster, or that the store is away, is no fault. */
static void note_failure(struct store *store, const struct helio_client *client,
			 const char *what)
{
	unsigned status = helio_client_reply(client)->status;

	if (status == HELIO_ABORTED)
		return;
	store->n_failed++;
	if (status != HELIO_UNAVAILABLE && status != HELIO_DEADLINE_EXCEEDED)
		store_complain(client, what, (int)status);
}

static void on_put(const Helio__Store__V1__PutReply *reply, void *userdata)
{
	struct store *store = userdata;

	if (!reply)
		note_failure(store, store->buckets, "put");
}

static void on_deleted(const Helio__Store__V1__DeleteReply *reply,
		       void *userdata)
{
	struct store *store = userdata;

	if (!reply)
		note_failure(store, store->buckets, "delete");
}

static void delete_key(struct store *store, char *key, uint64_t if_revision)
{
	Helio__Store__V1__DeleteRequest request =
		HELIO__STORE__V1__DELETE_REQUEST__INIT;
	char bucket[] = STORE_BUCKET;

	request.bucket = bucket;
	request.key = key;
	request.has_if_revision = 1;
	request.if_revision = if_revision;
	helio__store__v1__buckets__delete(helio_client_service(store->buckets),
					  &request, on_deleted, store);
}

void store_put(struct store *store, const char *kind, const char *name,
	       const ProtobufCMessage *value, uint64_t if_revision)
{
	Helio__Store__V1__PutRequest request =
		HELIO__STORE__V1__PUT_REQUEST__INIT;
	char bucket[] = STORE_BUCKET, key[STORE_KEY_BYTES];
	struct store_value packed;

	store_key(key, kind, name);
	if (!value) {
		delete_key(store, key, if_revision);
		return;
	}
	packed = store_pack(value);
	request.bucket = bucket;
	request.key = key;
	request.has_value = request.has_if_revision = 1;
	request.value.data = packed.bytes;
	request.value.len = packed.n;
	request.if_revision = if_revision;
	helio__store__v1__buckets__put(helio_client_service(store->buckets),
				       &request, on_put, store);
	free(packed.bytes);
}

static void on_submitted(const Helio__Store__V1__SubmitReply *reply,
			 void *userdata)
{
	struct store *store = userdata;

	if (!reply)
		note_failure(store, store->queues, "submit");
}

void store_submit(struct store *store, const struct store_job *job)
{
	Helio__Store__V1__SubmitRequest request =
		HELIO__STORE__V1__SUBMIT_REQUEST__INIT;
	struct store_value body = store_pack(&job->order->base);
	char queue[STORE_KEY_BYTES];

	store_queue_name(queue, job->host);
	request.queue = queue;
	request.has_body = 1;
	request.body.data = body.bytes;
	request.body.len = body.n;
	request.key = job->key;
	/* One machine's jobs are done one after the other. */
	request.order_key = job->order->name;
	request.has_delay_ms = request.has_timeout_ms = 1;
	request.delay_ms = job->delay_ms;
	request.timeout_ms = job->delay_ms + job->timeout_ms;
	helio__store__v1__queues__submit(helio_client_service(store->queues),
					 &request, on_submitted, store);
	free(body.bytes);
}
