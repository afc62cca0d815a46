/* SPDX-License-Identifier: MIT */

#include "daemon/errand.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "proto/unpack.h"

void errands_init(struct errands *errands, struct access *access,
		  void *userdata)
{
	*errands = (struct errands){
		.access = access,
		.userdata = userdata,
		.n_max = ERRANDS_MAX,
		.n_of_one_max = ERRANDS_OF_ONE_MAX,
	};
	list_init(&errands->all);
}

static void errand_free(struct errand *errand)
{
	list_unlink(&errand->link);
	list_unlink(&errand->wait.link);
	errand->errands->n--;
	errand->errands->n_answered -= errand->is_answered;
	if (errand->free_state)
		errand->free_state(errand->state);
	protobuf_c_message_free_unpacked(errand->request, NULL);
	free(errand);
}

/* ---- the end ---- */

static int answer_failure(struct errand *errand)
{
	return helio_serving_fail(errand->serving, errand->status,
				  errand->reason);
}

/* Whatever cannot be said for another reason than room is said so. */
static void try_to_answer(struct errand *errand)
{
	int r = 0;

	if (errand->serving)
		r = errand->answer(errand);
	if (r < 0 && r != -EAGAIN)
		r = helio_serving_fail(errand->serving,
				       HELIO_RESOURCE_EXHAUSTED,
				       "no memory for the answer");
	if (r == 0)
		errand_free(errand);
}

void errand_answer(struct errand *errand, int (*answer)(struct errand *errand))
{
	errand->answer = answer;
	errand->errands->n_answered += !errand->is_answered;
	errand->is_answered = true;
	try_to_answer(errand);
}

void errand_fail(struct errand *errand, unsigned status, const char *format,
		 ...)
{
	va_list args;

	errand->status = status;
	va_start(args, format);
	vsnprintf(errand->reason, sizeof(errand->reason), format, args);
	va_end(args);
	errand_answer(errand, answer_failure);
}

void errand_settle(struct errand *errand, unsigned status, const char *reason,
		   int (*answer)(struct errand *errand))
{
	if (status == HELIO_OK)
		errand_answer(errand, answer);
	else
		errand_fail(errand, status, "%s", reason);
}

/* What it began goes on; nobody is told. */
static void on_cancelled(struct helio_serving *serving, void *userdata)
{
	struct errand *errand = userdata;

	(void)helio_serving_fail(serving, HELIO_CANCELLED, NULL);
	errand->serving = NULL;
	if (errand->is_answered)
		errand_free(errand);
}

static const struct helio_serving_events events = {
	.on_cancelled = on_cancelled,
};

/* ---- rights ---- */

int errand_ask(struct errand *errand, const char *verb, const char *resource)
{
	const struct access_question question = {
		.principal = errand->principal,
		.verb = verb,
		.resource = resource,
		.n_resource = strlen(resource),
	};

	return access_ask(errand->errands->access, &question, &errand->wait);
}

bool errand_may(struct errand *errand, const char *verb, const char *resource)
{
	int r = errand_ask(errand, verb, resource);

	if (r <= 0 && r != -EINPROGRESS)
		errand_fail(errand, access_status(r), "%s",
			    access_reason(errand->errands->access, r));
	return r == 1;
}

static void proceed(struct errand *errand)
{
	const struct errand_type *type = errand->type;

	if (errand->errands->closed)
		errand_fail(errand, HELIO_UNAVAILABLE, "%s",
			    errand->errands->closed);
	else if (!type->verb ||
		 errand_may(errand, type->verb, errand->resource))
		type->act(errand);
}

static void on_verdict(struct access_wait *wait, int r)
{
	struct errand *errand = container_of(wait, struct errand, wait);

	/* Its answer is being put together. */
	if (errand->is_answered && r == 0)
		try_to_answer(errand);
	else if (r < 0)
		errand_fail(errand, access_status(r), "%s",
			    access_reason(errand->errands->access, r));
	else
		proceed(errand);
}

/* ---- the beginning ---- */

static unsigned count(const struct errands *errands, const char *principal)
{
	struct list *link;
	unsigned n = 0;

	list_for_each (link, &errands->all)
		n += !strcmp(container_of(link, struct errand, link)->principal,
			     principal);
	return n;
}

/* Whether the caller has to wait until others are done, which he is told. */
static bool is_too_many(const struct errands *errands,
			struct helio_serving *serving)
{
	const struct helio_message *message = helio_serving_message(serving);
	bool is_all = errands->n >= errands->n_max;
	char reason[80];

	if (!is_all && count(errands, message->source) < errands->n_of_one_max)
		return false;
	snprintf(reason, sizeof(reason), "%u calls%s wait already",
		 is_all ? errands->n_max : errands->n_of_one_max,
		 is_all ? "" : " of this principal");
	(void)helio_serving_fail(serving, HELIO_RESOURCE_EXHAUSTED, reason);
	return true;
}

static const char *fault_of(const struct errand_type *type,
			    const ProtobufCMessage *request)
{
	const char *fault =
		type->fault_of ? type->fault_of(type, request) : NULL;

	if (!fault && type->resource_of && !type->resource_of(request))
		fault = "it is not said what the request is about";
	return fault;
}

static struct errand *errand_new(struct errands *errands,
				 const struct errand_type *type,
				 struct helio_serving *serving,
				 const ProtobufCMessage *request)
{
	const struct helio_message *message = helio_serving_message(serving);
	struct errand *errand = calloc(1, sizeof(*errand));

	if (!errand)
		return NULL;
	errand->request = unpack_copy(request);
	if (!errand->request) {
		free(errand);
		return NULL;
	}
	errand->errands = errands;
	errand->type = type;
	errand->serving = serving;
	errand->resource =
		type->resource_of ? type->resource_of(errand->request) : "";
	errand->wait.on_verdict = on_verdict;
	list_init(&errand->wait.link);
	snprintf(errand->principal, sizeof(errand->principal), "%s",
		 message->source);
	snprintf(errand->durable_id, sizeof(errand->durable_id), "%s",
		 message->durable_id);
	list_push_back(&errands->all, &errand->link);
	errands->n++;
	return errand;
}

void errand_start(struct errands *errands, const struct errand_type *type,
		  struct helio_serving *serving,
		  const ProtobufCMessage *request)
{
	const char *fault;
	struct errand *errand;

	if (is_too_many(errands, serving))
		return;
	fault = fault_of(type, request);
	if (fault) {
		(void)helio_serving_fail(serving, HELIO_INVALID_ARGUMENT,
					 fault);
		return;
	}
	errand = errand_new(errands, type, serving, request);
	if (!errand) {
		(void)helio_serving_fail(serving, HELIO_RESOURCE_EXHAUSTED,
					 "no memory for the call");
		return;
	}
	helio_serving_listen(serving, &events, errand);
	proceed(errand);
}

struct helio_serving *errand_hand_over(struct errand *errand)
{
	return take_ptr(errand->serving);
}

void errand_drop(struct errand *errand)
{
	errand_free(errand);
}

void errands_turn(struct errands *errands)
{
	struct list *link, *after;

	if (!errands->n_answered)
		return;
	list_for_each_safe (link, after, &errands->all) {
		struct errand *errand = container_of(link, struct errand, link);

		if (errand->is_answered && !list_is_linked(&errand->wait.link))
			try_to_answer(errand);
	}
}

void errands_close(struct errands *errands, const char *reason)
{
	errands->closed = reason;
}

void errands_end(struct errands *errands, const char *reason)
{
	struct list *link, *after;

	if (!errands->access)
		return;
	list_for_each_safe (link, after, &errands->all) {
		struct errand *errand = container_of(link, struct errand, link);

		if (errand->serving)
			(void)helio_serving_fail(errand->serving,
						 HELIO_UNAVAILABLE, reason);
		errand_free(errand);
	}
}
