/* SPDX-License-Identifier: MIT */

#include "logger/errand.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "logger/config.h"
#include "logger/logger.h"

static void errand_free(struct errand *errand)
{
	list_unlink(&errand->link);
	list_unlink(&errand->wait.link);
	if (errand->free_state)
		errand->free_state(errand->state);
	protobuf_c_message_free_unpacked(errand->request, NULL);
	free(errand);
}

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

static void ask(struct errand *errand)
{
	struct access *access = &errand->logger->access;
	int r = 1;

	if (errand->type->verb)
		r = access_ask(access, errand->principal, errand->type->verb,
			       errand->log, strlen(errand->log), &errand->wait);
	if (r == -EINPROGRESS)
		return;
	if (r < 0)
		errand_fail(errand, HELIO_UNAVAILABLE,
			    "the switch cannot be asked: %s", strerror(-r));
	else if (r == 0)
		errand_fail(errand, HELIO_PERMISSION_DENIED, "%s",
			    access->refusal);
	else
		errand->type->act(errand);
}

static void on_verdict(struct access_wait *wait, int r)
{
	struct errand *errand = container_of(wait, struct errand, wait);

	/* Its answer is being put together. */
	if (errand->is_answered && r == 0)
		try_to_answer(errand);
	else if (r < 0)
		errand_fail(errand, HELIO_UNAVAILABLE,
			    "the switch cannot be asked: %s", strerror(-r));
	else
		ask(errand);
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

/* NULL, or why this caller has to wait. */
static const char *count(const struct logger *logger, const char *principal)
{
	struct list *link;
	unsigned n = 0, n_own = 0;

	list_for_each (link, &logger->errands) {
		struct errand *errand = container_of(link, struct errand, link);

		n++;
		n_own += !strcmp(errand->principal, principal);
	}
	if (n_own >= ERRANDS_OF_ONE_MAX)
		return "64 calls of this principal wait already";
	return n >= ERRANDS_MAX ? "512 calls wait already" : NULL;
}

static ProtobufCMessage *copy(const ProtobufCMessage *message)
{
	size_t n = protobuf_c_message_get_packed_size(message);
	uint8_t *packed = malloc(n + 1);
	ProtobufCMessage *result;

	if (!packed)
		return NULL;
	protobuf_c_message_pack(message, packed);
	result =
		protobuf_c_message_unpack(message->descriptor, NULL, n, packed);
	free(packed);
	return result;
}

static struct errand *errand_new(struct logger *logger,
				 const struct errand_type *type,
				 struct helio_serving *serving,
				 const ProtobufCMessage *request)
{
	const struct helio_message *message = helio_serving_message(serving);
	struct errand *errand = calloc(1, sizeof(*errand));

	if (!errand)
		return NULL;
	errand->request = copy(request);
	if (!errand->request) {
		free(errand);
		return NULL;
	}
	errand->logger = logger;
	errand->type = type;
	errand->serving = serving;
	errand->wait.on_verdict = on_verdict;
	list_init(&errand->wait.link);
	snprintf(errand->principal, sizeof(errand->principal), "%s",
		 message->source);
	snprintf(errand->durable_id, sizeof(errand->durable_id), "%s",
		 message->durable_id);
	list_push_back(&logger->errands, &errand->link);
	return errand;
}

void errand_start(struct logger *logger, const struct errand_type *type,
		  struct helio_serving *serving,
		  const ProtobufCMessage *request)
{
	const struct helio_message *message = helio_serving_message(serving);
	const char *why = count(logger, message->source);
	const char *log = type->log_of ? type->log_of(request) : NULL;
	const char *cursor = type->cursor_of ? type->cursor_of(request) : NULL;
	struct errand *errand;

	if (!why && type->log_of && !config_is_name(log)) {
		(void)helio_serving_fail(serving, HELIO_INVALID_ARGUMENT,
					 "no name of a log is given");
		return;
	}
	if (!why && type->cursor_of && !config_is_name(cursor)) {
		(void)helio_serving_fail(serving, HELIO_INVALID_ARGUMENT,
					 "no name of a cursor is given");
		return;
	}
	errand = why ? NULL : errand_new(logger, type, serving, request);
	if (!errand) {
		(void)helio_serving_fail(serving, HELIO_RESOURCE_EXHAUSTED,
					 why ? why : "no memory for the call");
		return;
	}
	snprintf(errand->log, sizeof(errand->log), "%s", log ? log : "");
	snprintf(errand->cursor, sizeof(errand->cursor), "%s",
		 cursor ? cursor : "");
	helio_serving_listen(serving, &events, errand);
	ask(errand);
}

struct helio_serving *errand_hand_over(struct errand *errand)
{
	return take_ptr(errand->serving);
}

void errand_drop(struct errand *errand)
{
	errand_free(errand);
}

void errands_turn(struct logger *logger)
{
	struct list *link, *after;

	list_for_each_safe (link, after, &logger->errands) {
		struct errand *errand = container_of(link, struct errand, link);

		if (errand->is_answered && !list_is_linked(&errand->wait.link))
			try_to_answer(errand);
	}
}

void errands_end(struct logger *logger)
{
	struct list *link, *after;

	list_for_each_safe (link, after, &logger->errands) {
		struct errand *errand = container_of(link, struct errand, link);

		if (errand->serving)
			(void)helio_serving_fail(errand->serving,
						 HELIO_UNAVAILABLE,
						 "the logger ends");
		errand_free(errand);
	}
}
