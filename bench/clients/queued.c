/* SPDX-License-Identifier: MIT */

/*
 * What submitting and leasing cost where so many jobs are queued already:
 * queued ADDRESS SECONDS QUEUE JOBS..., of two queues at most. Makes each and
 * fills it, then submits, leases and completes bursts of jobs, queue by queue;
 * prints of each the time of a submit and of a lease, those of a burst being
 * under way together.
 */

#include <errno.h>
#include <helio/store/v1/store.helio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

enum {
	N_BODY = 100,
	BURST = 256,
	SETUP_MS = 10000,
	JOBS_MAX = 4000000,
	QUEUES_MAX = 2,
	KEEP_MS = 1000,
};

#define BYTES_MAX (UINT64_C(4) << 30)

struct job {
	uint64_t id, token;
};

struct queued {
	struct helio *bus;
	struct helio_client *queues;
	char *queue;
	struct job jobs[BURST];
	unsigned n_leased;
	unsigned n_answered; /* of the burst */
	uint64_t submit_ns, lease_ns;
	uint64_t n_bursts;
	int r; /* of what failed in a callback */
};

static void answered(struct queued *queued, bool is_good)
{
	const struct helio_reply *reply = helio_client_reply(queued->queues);

	queued->n_answered++;
	if (is_good || queued->r)
		return;
	fprintf(stderr, "queued: %s\n", reply->reason);
	queued->r = -EPROTO;
}

/* ---- calls ---- */

static void on_submitted(const Helio__Store__V1__SubmitReply *reply,
			 void *userdata)
{
	answered(userdata, reply != NULL);
}

static void submit(struct queued *queued)
{
	static uint8_t body[N_BODY];
	Helio__Store__V1__SubmitRequest request =
		HELIO__STORE__V1__SUBMIT_REQUEST__INIT;

	request.queue = queued->queue;
	request.has_body = 1;
	request.body.data = body;
	request.body.len = sizeof(body);
	helio__store__v1__queues__submit(helio_client_service(queued->queues),
					 &request, on_submitted, queued);
}

static void on_leased(const Helio__Store__V1__LeaseReply *reply, void *userdata)
{
	struct queued *queued = userdata;
	bool is_good = reply && reply->n_jobs == 1;

	if (is_good)
		queued->jobs[queued->n_leased++] = (struct job){
			reply->jobs[0]->id,
			reply->jobs[0]->token,
		};
	answered(queued, is_good);
}

static void lease(struct queued *queued)
{
	Helio__Store__V1__LeaseRequest request =
		HELIO__STORE__V1__LEASE_REQUEST__INIT;

	request.queue = queued->queue;
	helio__store__v1__queues__lease(helio_client_service(queued->queues),
					&request, on_leased, queued);
}

static void on_completed(const Helio__Store__V1__CompleteReply *reply,
			 void *userdata)
{
	answered(userdata, reply != NULL);
}

static void complete(struct queued *queued)
{
	const struct job *job = &queued->jobs[--queued->n_leased];
	Helio__Store__V1__CompleteRequest request =
		HELIO__STORE__V1__COMPLETE_REQUEST__INIT;

	request.queue = queued->queue;
	request.has_id = request.has_token = 1;
	request.id = job->id;
	request.token = job->token;
	helio__store__v1__queues__complete(helio_client_service(queued->queues),
					   &request, on_completed, queued);
}

/* ---- bursts ---- */

/* How long it took, until all were answered, is added to *ns. */
static int burst(struct queued *queued, void (*call)(struct queued *queued),
		 uint64_t *ns)
{
	uint64_t begin_ns = clock_now_ns();
	int r = 0;

	queued->n_answered = 0;
	for (unsigned i = 0; i < BURST; i++)
		call(queued);
	while (r >= 0 && !queued->r && queued->n_answered < BURST)
		r = helio_run(queued->bus, SETUP_MS);
	*ns += clock_now_ns() - begin_ns;
	return r < 0 ? r : queued->r;
}

static int cycle(struct queued *queued)
{
	uint64_t unused_ns = 0;
	int r = burst(queued, submit, &queued->submit_ns);

	if (!r)
		r = burst(queued, lease, &queued->lease_ns);
	if (!r)
		r = burst(queued, complete, &unused_ns);
	queued->n_bursts++;
	return r;
}

/* ---- the queue ---- */

static int call(struct queued *queued, const char *method,
		const ProtobufCMessage *request, struct helio_reply *ret_reply)
{
	uint8_t bytes[256];
	int r = helio_call_wait(queued->bus, method, bytes,
				protobuf_c_message_pack(request, bytes), NULL,
				ret_reply);

	if (r || ret_reply->status == HELIO_OK)
		return r;
	fprintf(stderr, "queued: %s\n", ret_reply->reason);
	return helio_status_errno(ret_reply->status);
}

static int make(struct queued *queued)
{
	Helio__Store__V1__CreateQueueRequest request =
		HELIO__STORE__V1__CREATE_QUEUE_REQUEST__INIT;
	Helio__Store__V1__QueueConfig config =
		HELIO__STORE__V1__QUEUE_CONFIG__INIT;
	struct helio_reply reply;

	config.has_jobs_max = config.has_submitter_jobs_max = 1;
	config.jobs_max = config.submitter_jobs_max = JOBS_MAX;
	config.has_bytes_max = 1;
	config.bytes_max = BYTES_MAX;
	config.has_keep_ms = 1;
	config.keep_ms = KEEP_MS;
	request.name = queued->queue;
	request.config = &config;
	return call(queued, "helio.store.v1.Queues.Create", &request.base,
		    &reply);
}

static int count(struct queued *queued, uint64_t *ret_n)
{
	Helio__Store__V1__ShowQueueRequest request =
		HELIO__STORE__V1__SHOW_QUEUE_REQUEST__INIT;
	Helio__Store__V1__ShowQueueReply *shown;
	struct helio_reply reply;
	int r;

	request.name = queued->queue;
	r = call(queued, "helio.store.v1.Queues.Show", &request.base, &reply);
	if (r)
		return r;
	shown = helio__store__v1__show_queue_reply__unpack(
		NULL, reply.message->n_body, reply.message->body);
	if (!shown)
		return -EPROTO;
	*ret_n = shown->queue->waiting;
	helio__store__v1__show_queue_reply__free_unpacked(shown, NULL);
	return 0;
}

static int fill(struct queued *queued, uint64_t n_jobs)
{
	uint64_t n = 0, unused_ns = 0;
	int r = count(queued, &n);

	for (; !r && n + BURST <= n_jobs; n += BURST)
		r = burst(queued, submit, &unused_ns);
	return r;
}

static int queued_open(struct queued *queued, const char *address)
{
	const struct helio_options options = { .program = "queued",
					       .no_reconnect = true };
	int r = helio_open(address, &options, &queued->bus);

	if (!r)
		r = helio_connect_wait(queued->bus, SETUP_MS);
	if (!r)
		r = helio_client_new(queued->bus,
				     &helio__store__v1__queues__type, NULL,
				     &queued->queues);
	return r ? r : make(queued);
}

static void queued_close(struct queued *queued)
{
	helio_client_free(queued->queues);
	helio_close(queued->bus);
}

/* ---- several queues ---- */

struct measured {
	struct queued queues[QUEUES_MAX];
	unsigned n;
};

static int cycle_all(struct measured *all)
{
	int r = 0;

	for (unsigned i = 0; i < all->n && !r; i++)
		r = cycle(&all->queues[i]);
	return r;
}

static int measure(struct measured *all, double seconds)
{
	uint64_t end_ns;
	int r = cycle_all(all);

	for (unsigned i = 0; i < all->n; i++)
		all->queues[i].submit_ns = all->queues[i].lease_ns =
			all->queues[i].n_bursts = 0;
	end_ns = clock_now_ns() + (uint64_t)(seconds * 1e9);
	do
		r = r ? r : cycle_all(all);
	while (!r && clock_now_ns() < end_ns);
	return r;
}

static double each_us(const struct queued *queued, uint64_t ns)
{
	return (double)ns / (double)(queued->n_bursts * BURST) / 1e3;
}

static void print_result(const struct measured *all)
{
	for (unsigned i = 0; i < all->n; i++)
		printf("%s{\"submit_us\": %.3f, \"lease_us\": %.3f}",
		       i ? ", " : "[",
		       each_us(&all->queues[i], all->queues[i].submit_ns),
		       each_us(&all->queues[i], all->queues[i].lease_ns));
	puts("]");
}

static int prepare(struct measured *all, char **words, const char *address)
{
	int r = 0;

	for (; words[0] && words[1] && all->n < QUEUES_MAX && !r; words += 2) {
		struct queued *queued = &all->queues[all->n++];

		queued->queue = words[0];
		r = queued_open(queued, address);
		if (!r)
			r = fill(queued, strtoul(words[1], NULL, 10));
	}
	return r;
}

int main(int argc, char **argv)
{
	static struct measured all;
	int r;

	if (argc < 5) {
		fprintf(stderr, "usage: %s ADDRESS SECONDS QUEUE JOBS...\n",
			argv[0]);
		return 2;
	}
	r = prepare(&all, argv + 3, argv[1]);
	if (!r)
		r = measure(&all, strtod(argv[2], NULL));
	if (!r)
		print_result(&all);
	for (unsigned i = 0; i < all.n; i++)
		queued_close(&all.queues[i]);
	if (r < 0)
		fprintf(stderr, "queued: %s\n", strerror(-r));
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
