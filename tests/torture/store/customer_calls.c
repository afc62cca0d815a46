/* SPDX-License-Identifier: MIT */

#include "tests/torture/store/customer_calls.h"

#include <helio/store/v1/store.helio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/torture/complaint.h"

enum { TEXT_BYTES = 32, LEASE_MS = 3600 * 1000 };

static char bucket[] = "keys", queue[] = "jobs";

struct call {
	struct customer *of;
	unsigned index; /* of the key, or the job */
	uint64_t value; /* that is written */
	enum fate before;
	struct account_found *found;
};

static struct call *call_new(struct customer *customer, unsigned index)
{
	struct call *call = calloc(1, sizeof(*call));

	if (!call)
		complain("no memory");
	call->of = customer;
	call->index = index;
	customer->n_under_way++;
	return call;
}

static void call_free(struct call *call)
{
	call->of->n_under_way--;
	free(call);
}

/* ---- what is said ---- */

/* Of a change that was answered, or not. */
static enum fate judge(struct customer *customer, struct helio_client *client,
		       bool is_done)
{
	const struct helio_reply *reply = helio_client_reply(client);

	if (is_done)
		return FATE_DONE;
	customer->n_failed++;
	if (customer->is_faulty && customer->is_full &&
	    reply->status == HELIO_RESOURCE_EXHAUSTED)
		return FATE_NOT;
	if (customer->is_faulty && !customer->is_full &&
	    reply->status == HELIO_UNAVAILABLE)
		return FATE_UNKNOWN;
	complain("%s: %s", helio_status_name(reply->status), reply->reason);
}

static void must(struct helio_client *client, const void *reply)
{
	const struct helio_reply *told = helio_client_reply(client);

	if (!reply)
		complain("a read: %s: %s", helio_status_name(told->status),
			 told->reason);
}

static uint64_t number_of(ProtobufCBinaryData bytes)
{
	char text[TEXT_BYTES];

	snprintf(text, sizeof(text), "%.*s", (int)bytes.len,
		 (const char *)bytes.data);
	return strtoull(text, NULL, 10);
}

static ProtobufCBinaryData bytes_of(char text[TEXT_BYTES], uint64_t number)
{
	int n = snprintf(text, TEXT_BYTES, "%llu", (unsigned long long)number);

	return (ProtobufCBinaryData){ (size_t)n, (uint8_t *)text };
}

/* ---- keys ---- */

static void key_name(char name[TEXT_BYTES], unsigned key)
{
	snprintf(name, TEXT_BYTES, "k%u", key);
}

static void wrote(struct call *call, bool is_done)
{
	struct customer *customer = call->of;

	account_wrote(customer->account, call->index, call->value,
		      judge(customer, customer->buckets, is_done));
	call_free(call);
}

static void on_put(const Helio__Store__V1__PutReply *reply, void *userdata)
{
	wrote(userdata, reply != NULL);
}

void customer_put(struct customer *customer, unsigned key)
{
	Helio__Store__V1__PutRequest request =
		HELIO__STORE__V1__PUT_REQUEST__INIT;
	struct call *call = call_new(customer, key);
	char name[TEXT_BYTES], text[TEXT_BYTES];

	call->value = ++customer->account->last_value;
	key_name(name, key);
	request.bucket = bucket;
	request.key = name;
	request.has_value = true;
	request.value = bytes_of(text, call->value);
	helio__store__v1__buckets__put(helio_client_service(customer->buckets),
				       &request, on_put, call);
}

static void on_delete(const Helio__Store__V1__DeleteReply *reply,
		      void *userdata)
{
	wrote(userdata, reply != NULL);
}

void customer_delete(struct customer *customer, unsigned key)
{
	Helio__Store__V1__DeleteRequest request =
		HELIO__STORE__V1__DELETE_REQUEST__INIT;
	struct call *call = call_new(customer, key);
	char name[TEXT_BYTES];

	key_name(name, key);
	request.bucket = bucket;
	request.key = name;
	helio__store__v1__buckets__delete(
		helio_client_service(customer->buckets), &request, on_delete,
		call);
}

static void on_get(const Helio__Store__V1__GetReply *reply, void *userdata)
{
	struct call *call = userdata;
	struct customer *customer = call->of;
	const struct helio_reply *told = helio_client_reply(customer->buckets);

	if (!reply && told->status != HELIO_NOT_FOUND)
		must(customer->buckets, NULL);
	account_read(customer->account, call->index,
		     reply ? number_of(reply->entry->value) : 0);
	call_free(call);
}

void customer_get(struct customer *customer, unsigned key)
{
	Helio__Store__V1__GetRequest request =
		HELIO__STORE__V1__GET_REQUEST__INIT;
	char name[TEXT_BYTES];

	key_name(name, key);
	request.bucket = bucket;
	request.key = name;
	helio__store__v1__buckets__get(helio_client_service(customer->buckets),
				       &request, on_get,
				       call_new(customer, key));
}

/* ---- jobs ---- */

static unsigned job_of(const struct customer *customer,
		       ProtobufCBinaryData body)
{
	uint64_t job = number_of(body);

	if (job >= customer->account->n_jobs)
		complain("there is a job %llu that nobody submitted",
			 (unsigned long long)job);
	return (unsigned)job;
}

static void on_submit(const Helio__Store__V1__SubmitReply *reply,
		      void *userdata)
{
	struct call *call = userdata;
	struct customer *customer = call->of;

	account_submitted(customer->account, call->index, reply ? reply->id : 0,
			  call->before,
			  judge(customer, customer->queues, reply != NULL));
	call_free(call);
}

void customer_submit(struct customer *customer, unsigned job)
{
	Helio__Store__V1__SubmitRequest request =
		HELIO__STORE__V1__SUBMIT_REQUEST__INIT;
	struct call *call = call_new(customer, job);
	char text[TEXT_BYTES];

	call->before = account_submit(customer->account, job);
	request.queue = queue;
	request.has_body = true;
	request.body = bytes_of(text, job);
	request.key = text;
	helio__store__v1__queues__submit(helio_client_service(customer->queues),
					 &request, on_submit, call);
}

static void on_lease(const Helio__Store__V1__LeaseReply *reply, void *userdata)
{
	struct call *call = userdata;
	struct customer *customer = call->of;

	(void)judge(customer, customer->queues, reply != NULL);
	for (size_t i = 0; reply && i < reply->n_jobs; i++)
		account_leased(customer->account,
			       job_of(customer, reply->jobs[i]->body),
			       reply->jobs[i]->id, reply->jobs[i]->token);
	call_free(call);
}

void customer_lease(struct customer *customer)
{
	Helio__Store__V1__LeaseRequest request =
		HELIO__STORE__V1__LEASE_REQUEST__INIT;

	request.queue = queue;
	request.has_lease_ms = true;
	request.lease_ms = LEASE_MS;
	helio__store__v1__queues__lease(helio_client_service(customer->queues),
					&request, on_lease,
					call_new(customer, 0));
}

static void on_complete(const Helio__Store__V1__CompleteReply *reply,
			void *userdata)
{
	struct call *call = userdata;
	struct customer *customer = call->of;

	account_completed(customer->account, call->index,
			  judge(customer, customer->queues, reply != NULL));
	call_free(call);
}

void customer_complete(struct customer *customer, unsigned job)
{
	const struct account_job *known = &customer->account->jobs[job];
	Helio__Store__V1__CompleteRequest request =
		HELIO__STORE__V1__COMPLETE_REQUEST__INIT;
	Helio__Store__V1__Transaction transaction =
		HELIO__STORE__V1__TRANSACTION__INIT;
	Helio__Store__V1__Write write = HELIO__STORE__V1__WRITE__INIT;
	char name[TEXT_BYTES], text[TEXT_BYTES];

	snprintf(name, sizeof(name), "done/%u", job);
	write.bucket = bucket;
	write.key = name;
	write.has_value = true;
	write.value = bytes_of(text, known->token);
	transaction.n_writes = 1;
	transaction.writes = (Helio__Store__V1__Write *[]){ &write };
	request.queue = queue;
	request.has_id = request.has_token = true;
	request.id = known->id;
	request.token = known->token;
	request.transaction = &transaction;
	helio__store__v1__queues__complete(
		helio_client_service(customer->queues), &request, on_complete,
		call_new(customer, job));
}

/* ---- all that there is ---- */

static void find_entry(struct customer *customer, struct account_found *found,
		       const Helio__Store__V1__Entry *entry)
{
	uint64_t value = number_of(entry->value);
	unsigned index;

	if (sscanf(entry->key, "k%u", &index) == 1 && index < ACCOUNT_KEYS)
		found->keys[index] = value;
	else if (sscanf(entry->key, "done/%u", &index) == 1 &&
		 index < customer->account->n_jobs)
		found->jobs[index].written = value;
	else
		complain("there is a key %s", entry->key);
}

static void on_list(const Helio__Store__V1__ListReply *reply, void *userdata)
{
	struct call *call = userdata;

	must(call->of->buckets, reply);
	for (size_t i = 0; i < reply->n_entries; i++)
		find_entry(call->of, call->found, reply->entries[i]);
	call_free(call);
}

void customer_list(struct customer *customer, struct account_found *found)
{
	Helio__Store__V1__ListRequest request =
		HELIO__STORE__V1__LIST_REQUEST__INIT;
	struct call *call = call_new(customer, 0);

	call->found = found;
	request.bucket = bucket;
	helio__store__v1__buckets__list(helio_client_service(customer->buckets),
					&request, on_list, call);
}

static void find_job(struct customer *customer, struct account_found *found,
		     const Helio__Store__V1__Job *in)
{
	unsigned job = job_of(customer, in->body);

	if (found->jobs[job].is_there)
		complain("job %u is there twice", job);
	found->jobs[job].is_there = true;
	found->jobs[job].is_done =
		in->state == HELIO__STORE__V1__JOB_STATE__JOB_STATE_DONE;
	found->jobs[job].id = in->id;
	found->jobs[job].token = in->token;
}

static void on_list_jobs(const Helio__Store__V1__ListJobsReply *reply,
			 void *userdata)
{
	struct call *call = userdata;

	must(call->of->queues, reply);
	for (size_t i = 0; i < reply->n_jobs; i++)
		find_job(call->of, call->found, reply->jobs[i]);
	call_free(call);
}

void customer_list_jobs(struct customer *customer, struct account_found *found)
{
	Helio__Store__V1__ListJobsRequest request =
		HELIO__STORE__V1__LIST_JOBS_REQUEST__INIT;
	struct call *call = call_new(customer, 0);

	call->found = found;
	request.queue = queue;
	helio__store__v1__queues__list_jobs(
		helio_client_service(customer->queues), &request, on_list_jobs,
		call);
}

/* ---- the beginning ---- */

static void on_bucket(const Helio__Store__V1__CreateBucketReply *reply,
		      void *userdata)
{
	struct call *call = userdata;

	must(call->of->buckets, reply);
	call_free(call);
}

static void on_queue(const Helio__Store__V1__CreateQueueReply *reply,
		     void *userdata)
{
	struct call *call = userdata;

	must(call->of->queues, reply);
	call_free(call);
}

void customer_create(struct customer *customer)
{
	Helio__Store__V1__CreateBucketRequest in_bucket =
		HELIO__STORE__V1__CREATE_BUCKET_REQUEST__INIT;
	Helio__Store__V1__CreateQueueRequest in_queue =
		HELIO__STORE__V1__CREATE_QUEUE_REQUEST__INIT;

	in_bucket.name = bucket;
	in_queue.name = queue;
	helio__store__v1__buckets__create(
		helio_client_service(customer->buckets), &in_bucket, on_bucket,
		call_new(customer, 0));
	helio__store__v1__queues__create(helio_client_service(customer->queues),
					 &in_queue, on_queue,
					 call_new(customer, 0));
}
