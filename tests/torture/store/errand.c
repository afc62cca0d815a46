/* SPDX-License-Identifier: MIT */

#include "tests/torture/store/errand.h"

#include <helio/store/v1/store.helio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/torture/complaint.h"

enum { TEXT_BYTES = 32, LEASE_MS = 3600 * 1000 };

static char bucket[] = "keys", queue[] = "jobs";

struct errand {
	struct errands *of;
	unsigned index; /* of the key, or the job */
	uint64_t value; /* that is written */
	enum fate before;
	struct account_found *found;
};

static struct errand *errand_new(struct errands *errands, unsigned index)
{
	struct errand *errand = calloc(1, sizeof(*errand));

	if (!errand)
		complain("no memory");
	errand->of = errands;
	errand->index = index;
	errands->n_under_way++;
	return errand;
}

static void errand_free(struct errand *errand)
{
	errand->of->n_under_way--;
	free(errand);
}

/* ---- what is said ---- */

/* Of a change that was answered, or not. */
static enum fate judge(struct errands *errands, struct helio_client *client,
		       bool is_done)
{
	const struct helio_reply *reply = helio_client_reply(client);

	if (is_done)
		return FATE_DONE;
	errands->n_failed++;
	if (errands->is_faulty && errands->is_full &&
	    reply->status == HELIO_RESOURCE_EXHAUSTED)
		return FATE_NOT;
	if (errands->is_faulty && !errands->is_full &&
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

static void wrote(struct errand *errand, bool is_done)
{
	struct errands *errands = errand->of;

	account_wrote(errands->account, errand->index, errand->value,
		      judge(errands, errands->buckets, is_done));
	errand_free(errand);
}

static void on_put(const Helio__Store__V1__PutReply *reply, void *userdata)
{
	wrote(userdata, reply != NULL);
}

void errand_put(struct errands *errands, unsigned key)
{
	Helio__Store__V1__PutRequest request =
		HELIO__STORE__V1__PUT_REQUEST__INIT;
	struct errand *errand = errand_new(errands, key);
	char name[TEXT_BYTES], text[TEXT_BYTES];

	errand->value = ++errands->account->last_value;
	key_name(name, key);
	request.bucket = bucket;
	request.key = name;
	request.has_value = true;
	request.value = bytes_of(text, errand->value);
	helio__store__v1__buckets__put(helio_client_service(errands->buckets),
				       &request, on_put, errand);
}

static void on_delete(const Helio__Store__V1__DeleteReply *reply,
		      void *userdata)
{
	wrote(userdata, reply != NULL);
}

void errand_delete(struct errands *errands, unsigned key)
{
	Helio__Store__V1__DeleteRequest request =
		HELIO__STORE__V1__DELETE_REQUEST__INIT;
	struct errand *errand = errand_new(errands, key);
	char name[TEXT_BYTES];

	key_name(name, key);
	request.bucket = bucket;
	request.key = name;
	helio__store__v1__buckets__delete(
		helio_client_service(errands->buckets), &request, on_delete,
		errand);
}

static void on_get(const Helio__Store__V1__GetReply *reply, void *userdata)
{
	struct errand *errand = userdata;
	struct errands *errands = errand->of;
	const struct helio_reply *told = helio_client_reply(errands->buckets);

	if (!reply && told->status != HELIO_NOT_FOUND)
		must(errands->buckets, NULL);
	account_read(errands->account, errand->index,
		     reply ? number_of(reply->entry->value) : 0);
	errand_free(errand);
}

void errand_get(struct errands *errands, unsigned key)
{
	Helio__Store__V1__GetRequest request =
		HELIO__STORE__V1__GET_REQUEST__INIT;
	char name[TEXT_BYTES];

	key_name(name, key);
	request.bucket = bucket;
	request.key = name;
	helio__store__v1__buckets__get(helio_client_service(errands->buckets),
				       &request, on_get,
				       errand_new(errands, key));
}

/* ---- jobs ---- */

static unsigned job_of(const struct errands *errands, ProtobufCBinaryData body)
{
	uint64_t job = number_of(body);

	if (job >= errands->account->n_jobs)
		complain("there is a job %llu that nobody submitted",
			 (unsigned long long)job);
	return (unsigned)job;
}

static void on_submit(const Helio__Store__V1__SubmitReply *reply,
		      void *userdata)
{
	struct errand *errand = userdata;
	struct errands *errands = errand->of;

	account_submitted(errands->account, errand->index,
			  reply ? reply->id : 0, errand->before,
			  judge(errands, errands->queues, reply != NULL));
	errand_free(errand);
}

void errand_submit(struct errands *errands, unsigned job)
{
	Helio__Store__V1__SubmitRequest request =
		HELIO__STORE__V1__SUBMIT_REQUEST__INIT;
	struct errand *errand = errand_new(errands, job);
	char text[TEXT_BYTES];

	errand->before = account_submit(errands->account, job);
	request.queue = queue;
	request.has_body = true;
	request.body = bytes_of(text, job);
	request.key = text;
	helio__store__v1__queues__submit(helio_client_service(errands->queues),
					 &request, on_submit, errand);
}

static void on_lease(const Helio__Store__V1__LeaseReply *reply, void *userdata)
{
	struct errand *errand = userdata;
	struct errands *errands = errand->of;

	(void)judge(errands, errands->queues, reply != NULL);
	for (size_t i = 0; reply && i < reply->n_jobs; i++)
		account_leased(errands->account,
			       job_of(errands, reply->jobs[i]->body),
			       reply->jobs[i]->id, reply->jobs[i]->token);
	errand_free(errand);
}

void errand_lease(struct errands *errands)
{
	Helio__Store__V1__LeaseRequest request =
		HELIO__STORE__V1__LEASE_REQUEST__INIT;

	request.queue = queue;
	request.has_lease_ms = true;
	request.lease_ms = LEASE_MS;
	helio__store__v1__queues__lease(helio_client_service(errands->queues),
					&request, on_lease,
					errand_new(errands, 0));
}

static void on_complete(const Helio__Store__V1__CompleteReply *reply,
			void *userdata)
{
	struct errand *errand = userdata;
	struct errands *errands = errand->of;

	account_completed(errands->account, errand->index,
			  judge(errands, errands->queues, reply != NULL));
	errand_free(errand);
}

void errand_complete(struct errands *errands, unsigned job)
{
	const struct account_job *known = &errands->account->jobs[job];
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
		helio_client_service(errands->queues), &request, on_complete,
		errand_new(errands, job));
}

/* ---- all that there is ---- */

static void find_entry(struct errands *errands, struct account_found *found,
		       const Helio__Store__V1__Entry *entry)
{
	uint64_t value = number_of(entry->value);
	unsigned index;

	if (sscanf(entry->key, "k%u", &index) == 1 && index < ACCOUNT_KEYS)
		found->keys[index] = value;
	else if (sscanf(entry->key, "done/%u", &index) == 1 &&
		 index < errands->account->n_jobs)
		found->jobs[index].written = value;
	else
		complain("there is a key %s", entry->key);
}

static void on_list(const Helio__Store__V1__ListReply *reply, void *userdata)
{
	struct errand *errand = userdata;

	must(errand->of->buckets, reply);
	for (size_t i = 0; i < reply->n_entries; i++)
		find_entry(errand->of, errand->found, reply->entries[i]);
	errand_free(errand);
}

void errand_list(struct errands *errands, struct account_found *found)
{
	Helio__Store__V1__ListRequest request =
		HELIO__STORE__V1__LIST_REQUEST__INIT;
	struct errand *errand = errand_new(errands, 0);

	errand->found = found;
	request.bucket = bucket;
	helio__store__v1__buckets__list(helio_client_service(errands->buckets),
					&request, on_list, errand);
}

static void find_job(struct errands *errands, struct account_found *found,
		     const Helio__Store__V1__Job *in)
{
	unsigned job = job_of(errands, in->body);

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
	struct errand *errand = userdata;

	must(errand->of->queues, reply);
	for (size_t i = 0; i < reply->n_jobs; i++)
		find_job(errand->of, errand->found, reply->jobs[i]);
	errand_free(errand);
}

void errand_list_jobs(struct errands *errands, struct account_found *found)
{
	Helio__Store__V1__ListJobsRequest request =
		HELIO__STORE__V1__LIST_JOBS_REQUEST__INIT;
	struct errand *errand = errand_new(errands, 0);

	errand->found = found;
	request.queue = queue;
	helio__store__v1__queues__list_jobs(
		helio_client_service(errands->queues), &request, on_list_jobs,
		errand);
}

/* ---- the beginning ---- */

static void on_bucket(const Helio__Store__V1__CreateBucketReply *reply,
		      void *userdata)
{
	struct errand *errand = userdata;

	must(errand->of->buckets, reply);
	errand_free(errand);
}

static void on_queue(const Helio__Store__V1__CreateQueueReply *reply,
		     void *userdata)
{
	struct errand *errand = userdata;

	must(errand->of->queues, reply);
	errand_free(errand);
}

void errand_create(struct errands *errands)
{
	Helio__Store__V1__CreateBucketRequest in_bucket =
		HELIO__STORE__V1__CREATE_BUCKET_REQUEST__INIT;
	Helio__Store__V1__CreateQueueRequest in_queue =
		HELIO__STORE__V1__CREATE_QUEUE_REQUEST__INIT;

	in_bucket.name = bucket;
	in_queue.name = queue;
	helio__store__v1__buckets__create(
		helio_client_service(errands->buckets), &in_bucket, on_bucket,
		errand_new(errands, 0));
	helio__store__v1__queues__create(helio_client_service(errands->queues),
					 &in_queue, on_queue,
					 errand_new(errands, 0));
}
