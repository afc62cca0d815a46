/* SPDX-License-Identifier: MIT */

#include "logger/consumer.h"

#include <errno.h>
#include <helio/log/v1/log.helio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "logger/cursor.h"
#include "logger/keeper.h"
#include "logger/logger.h"

enum { CONSUMERS_OF_ONE_MAX = 64 };

static void consumer_free(struct consumer *consumer)
{
	list_unlink(&consumer->all_link);
	list_unlink(&consumer->wait.link);
	sieve_deinit(&consumer->sieve);
	free(consumer->waiting);
	free(consumer->tokens);
	free(consumer->again);
	free(consumer);
}

static void leave(struct consumer *consumer, bool is_fault)
{
	struct cursor *cursor = take_ptr(consumer->cursor);

	list_unlink(&consumer->wait.link);
	if (cursor)
		cursor_leave(cursor, consumer, is_fault);
}

static void try_to_end(struct consumer *consumer)
{
	int r = consumer->status == HELIO_OK
			? helio_serving_reply(consumer->serving, NULL)
			: helio_serving_fail(consumer->serving,
					     consumer->status,
					     consumer->reason);

	consumer->is_failing = r == -EAGAIN;
	if (r < 0 && r != -EAGAIN)
		(void)helio_serving_fail(consumer->serving,
					 HELIO_RESOURCE_EXHAUSTED, "no memory");
	if (r != -EAGAIN)
		consumer_free(consumer);
}

void consumer_end(struct consumer *consumer, unsigned status,
		  const char *reason)
{
	if (consumer->is_failing)
		return;
	consumer->is_failing = true;
	consumer->status = status;
	snprintf(consumer->reason, sizeof(consumer->reason), "%s", reason);
	leave(consumer, false);
	try_to_end(consumer);
}

/* ---- sending ---- */

bool consumer_has_room(const struct consumer *consumer)
{
	return !consumer->waiting && !consumer->is_failing &&
	       !consumer->is_finished && consumer->n_out < consumer->batch &&
	       !list_is_linked(&consumer->wait.link);
}

int consumer_send(struct consumer *consumer,
		  const Helio__Log__V1__ConsumeReply *reply)
{
	size_t n = protobuf_c_message_get_packed_size(&reply->base);
	uint8_t *packed = malloc(n + 1);
	int r;

	if (!packed)
		return -ENOMEM;
	protobuf_c_message_pack(&reply->base, packed);
	r = consumer->waiting
		    ? -EAGAIN
		    : helio_serving_send_packed(consumer->serving, packed, n);
	if (r == -EAGAIN && !consumer->waiting) {
		consumer->waiting = packed;
		consumer->n_waiting = n;
		return 0;
	}
	free(packed);
	return r;
}

static void tell_kept(struct consumer *consumer)
{
	Helio__Log__V1__ConsumeReply reply =
		HELIO__LOG__V1__CONSUME_REPLY__INIT;

	if (consumer->owed_to <= consumer->acked_to || consumer->waiting)
		return;
	reply.has_acked_to = 1;
	reply.acked_to = consumer->owed_to;
	if (consumer_send(consumer, &reply) == 0)
		consumer->acked_to = consumer->owed_to;
}

/* What it acknowledged before it finished is on disk when it ends. */
static void end_if_kept(struct consumer *consumer)
{
	const struct cursor *cursor = consumer->cursor;

	if (consumer->is_finished && !consumer->waiting &&
	    (!cursor || (!cursor->is_dirty && !cursor->is_keeping)))
		consumer_end(consumer, HELIO_OK, "");
}

void consumer_kept(struct consumer *consumer, uint64_t next)
{
	consumer->owed_to = next;
	tell_kept(consumer);
	end_if_kept(consumer);
}

static void on_writable(struct helio_serving *serving, void *userdata)
{
	struct consumer *consumer = userdata;

	if (consumer->waiting) {
		if (helio_serving_send_packed(serving, consumer->waiting,
					      consumer->n_waiting) == -EAGAIN)
			return;
		free(take_ptr(consumer->waiting));
	}
	tell_kept(consumer);
	if (consumer->is_finished)
		end_if_kept(consumer);
	else if (consumer->cursor)
		cursor_pump(consumer->cursor);
}

/* ---- opening ---- */

static int prepare(struct consumer *consumer, struct keeper *keeper,
		   const struct cursor *cursor)
{
	static const Helio__Log__V1__Filter all = HELIO__LOG__V1__FILTER__INIT;
	const Helio__Log__V1__Filter *filter =
		cursor->config->filter ? cursor->config->filter : &all;

	consumer->tokens = calloc(consumer->batch, sizeof(*consumer->tokens));
	consumer->again = calloc(consumer->batch, sizeof(*consumer->again));
	if (!consumer->tokens || !consumer->again)
		return -ENOMEM;
	return sieve_init(&consumer->sieve, keeper, consumer->principal,
			  filter->subjects, filter->n_subjects,
			  filter->principals, filter->n_principals);
}

static void join(struct consumer *consumer)
{
	struct keeper *keeper = keeper_lookup(consumer->logger, consumer->log);
	struct cursor *cursor;

	consumer->is_opening = false;
	if (!keeper || !keeper_is_served(keeper)) {
		consumer_end(
			consumer, keeper ? HELIO_UNAVAILABLE : HELIO_NOT_FOUND,
			keeper ? keeper_why(keeper) : "there is no such log");
		return;
	}
	cursor = cursor_lookup(keeper, consumer->name);
	if (!cursor) {
		consumer_end(consumer, HELIO_NOT_FOUND,
			     "the log has no such cursor");
	} else if (prepare(consumer, keeper, cursor) < 0) {
		consumer_end(consumer, HELIO_RESOURCE_EXHAUSTED, "no memory");
	} else if (cursor_join(cursor, consumer) < 0) {
		consumer_end(consumer, HELIO_FAILED_PRECONDITION,
			     "the cursor is exclusive, and has a reader");
	} else {
		consumer->cursor = cursor;
		helio_serving_resume(consumer->serving);
		cursor_pump(cursor);
		if (consumer->is_finished)
			end_if_kept(consumer);
	}
}

static void ask(struct consumer *consumer)
{
	struct access *access = &consumer->logger->access;
	const struct access_question question = {
		.principal = consumer->principal,
		.verb = "log-read",
		.resource = consumer->log,
		.n_resource = strlen(consumer->log),
	};
	int r = access_ask(access, &question, &consumer->wait);

	if (r == -EINPROGRESS)
		return;
	if (r == 1)
		join(consumer);
	else
		consumer_end(consumer, access_status(r),
			     access_reason(access, r));
}

static void on_verdict(struct access_wait *wait, int r)
{
	struct consumer *consumer = container_of(wait, struct consumer, wait);

	if (r < 0)
		consumer_end(consumer, access_status(r),
			     access_reason(&consumer->logger->access, r));
	else if (consumer->is_opening)
		ask(consumer);
	else if (consumer->cursor)
		cursor_pump(consumer->cursor);
}

static void begin(struct consumer *consumer,
		  const Helio__Log__V1__ConsumeRequest *request)
{
	if (!config_is_name(request->log) || !config_is_name(request->cursor)) {
		consumer_end(consumer, HELIO_INVALID_ARGUMENT,
			     "the first message names a log and a cursor");
		return;
	}
	snprintf(consumer->log, sizeof(consumer->log), "%s", request->log);
	snprintf(consumer->name, sizeof(consumer->name), "%s", request->cursor);
	consumer->batch =
		request->batch ? request->batch : CONSUMER_BATCH_DEFAULT;
	if (consumer->batch > CONSUMER_BATCH_MAX)
		consumer->batch = CONSUMER_BATCH_MAX;
	consumer->is_opening = true;
	helio_serving_pause(consumer->serving);
	ask(consumer);
}

/* ---- acks ---- */

struct late {
	uint64_t *tokens;
	size_t n;
};

static void note_late(struct late *late, uint64_t token, int r)
{
	if (r < 0)
		late->tokens[late->n++] = token;
}

static void take_acks(struct consumer *consumer,
		      const Helio__Log__V1__ConsumeRequest *request,
		      struct late *late)
{
	struct cursor *cursor = consumer->cursor;

	for (size_t i = 0; i < request->n_ack; i++)
		note_late(late, request->ack[i],
			  cursor_ack(cursor, consumer, request->ack[i]));
	if (request->has_ack_to)
		note_late(late, request->ack_to,
			  cursor_ack_to(cursor, consumer, request->ack_to));
	for (size_t i = 0; i < request->n_in_progress; i++)
		note_late(late, request->in_progress[i],
			  cursor_in_progress(cursor, consumer,
					     request->in_progress[i]));
	for (size_t i = 0; i < request->n_nak; i++)
		note_late(late, request->nak[i]->token,
			  cursor_nak(cursor, consumer, request->nak[i]->token,
				     request->nak[i]->delay_ms));
}

static void tell_late(struct consumer *consumer, const struct late *late)
{
	Helio__Log__V1__ConsumeReply reply =
		HELIO__LOG__V1__CONSUME_REPLY__INIT;

	if (!late->n)
		return;
	reply.late = late->tokens;
	reply.n_late = late->n;
	/* It is a courtesy: whoever does not take it learns it by and by. */
	(void)consumer_send(consumer, &reply);
}

static void acknowledge(struct consumer *consumer,
			const Helio__Log__V1__ConsumeRequest *request)
{
	size_t n_max =
		request->n_ack + 1 + request->n_nak + request->n_in_progress;
	_cleanup_(freep) uint64_t *tokens = calloc(n_max, sizeof(*tokens));
	struct late late = { .tokens = tokens };
	struct cursor *cursor = consumer->cursor;

	if (!tokens) {
		consumer_end(consumer, HELIO_RESOURCE_EXHAUSTED, "no memory");
		return;
	}
	take_acks(consumer, request, &late);
	tell_late(consumer, &late);
	cursor_advance(cursor);
	if (cursor->is_dirty)
		cursor_touch(cursor);
	cursor_pump(cursor);
}

static void on_message(struct helio_serving *serving,
		       const Helio__Log__V1__ConsumeRequest *request,
		       void *userdata)
{
	struct consumer *consumer = userdata;

	(void)serving;
	if (consumer->is_failing)
		return;
	if (consumer->cursor)
		acknowledge(consumer, request);
	else if (!consumer->log[0])
		begin(consumer, request);
}

static void on_finish(struct helio_serving *serving, void *userdata)
{
	struct consumer *consumer = userdata;

	(void)serving;
	consumer->is_finished = true;
	if (!consumer->is_opening && !consumer->is_failing)
		end_if_kept(consumer);
}

static void on_cancelled(struct helio_serving *serving, void *userdata)
{
	struct consumer *consumer = userdata;

	(void)helio_serving_fail(serving, HELIO_CANCELLED, NULL);
	consumer->is_failing = true;
	leave(consumer, true);
	consumer_free(consumer);
}

static unsigned count(const struct logger *logger, const char *principal)
{
	struct list *link;
	unsigned n = 0;

	list_for_each (link, &logger->consumers)
		n += !strcmp(container_of(link, struct consumer, all_link)
				     ->principal,
			     principal);
	return n;
}

void consumer_start(struct logger *logger, struct helio_serving *serving)
{
	static const struct helio__log__v1__logs__consume__requests events = {
		.on_message = on_message,
		.on_finish = on_finish,
		.on_writable = on_writable,
		.on_cancelled = on_cancelled,
	};
	const char *principal = helio_serving_message(serving)->source;
	struct consumer *consumer;

	if (count(logger, principal) >= CONSUMERS_OF_ONE_MAX) {
		(void)helio_serving_fail(
			serving, HELIO_RESOURCE_EXHAUSTED,
			"the principal has 64 cursors open already");
		return;
	}
	consumer = calloc(1, sizeof(*consumer));
	if (!consumer) {
		(void)helio_serving_fail(serving, HELIO_RESOURCE_EXHAUSTED,
					 "no memory");
		return;
	}
	consumer->logger = logger;
	consumer->serving = serving;
	consumer->wait.on_verdict = on_verdict;
	snprintf(consumer->principal, sizeof(consumer->principal), "%s",
		 principal);
	list_init(&consumer->link);
	list_init(&consumer->given);
	list_init(&consumer->wait.link);
	list_push_back(&logger->consumers, &consumer->all_link);
	helio__log__v1__logs__consume__listen(serving, &events, consumer);
}

void consumers_turn(struct logger *logger)
{
	struct list *link, *after;

	list_for_each_safe (link, after, &logger->consumers) {
		struct consumer *consumer =
			container_of(link, struct consumer, all_link);

		if (consumer->is_failing)
			try_to_end(consumer);
	}
}

void consumers_end(struct logger *logger)
{
	struct list *link, *after;

	list_for_each_safe (link, after, &logger->consumers) {
		struct consumer *consumer =
			container_of(link, struct consumer, all_link);

		(void)helio_serving_fail(consumer->serving, HELIO_UNAVAILABLE,
					 "the logger ends");
		consumer->is_failing = true;
		leave(consumer, false);
		consumer_free(consumer);
	}
}
