/* SPDX-License-Identifier: MIT */

#include "rpc/subscription.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/le.h"
#include "helio/bus/v1/control.pb-c.h"
#include "proto/subject.h"
#include "rpc/client.h"
#include "rpc/incoming.h"

enum {
	CREDIT_MESSAGES_DEFAULT = 65536,
	NAME_MAX_BYTES = 255, /* of a group or a log */
	ACK_ENTRY_BYTES = 24,
	RUNS_FIRST = 8,
};

static struct helio_subscription *subscription_of(
	struct registration *registration)
{
	return container_of(registration, struct helio_subscription,
			    registration);
}

static void subscription_free(struct helio_subscription *subscription)
{
	free(subscription->group);
	free(subscription->capture);
	free(subscription->runs);
	free(subscription);
}

DEFINE_CLEANUP(struct helio_subscription *, subscription_free);

static void free_registration(struct registration *registration)
{
	subscription_free(subscription_of(registration));
}

static size_t write_subscribe(struct inquiry *inquiry, uint8_t *out)
{
	struct registration *registration =
		container_of(inquiry, struct registration, opening);
	struct helio_subscription *subscription = container_of(
		registration, struct helio_subscription, registration);
	Helio__Bus__V1__Subscribe body = HELIO__BUS__V1__SUBSCRIBE__INIT;

	body.has_id = true;
	body.id = registration->id;
	body.group = subscription->group;
	body.capture = subscription->capture;
	body.has_overflow = true;
	body.overflow = (Helio__Bus__V1__Overflow)subscription->overflow;
	body.has_credit_messages = true;
	body.credit_messages = registration->credit_messages;
	body.has_credit_bytes = true;
	body.credit_bytes = registration->credit_bytes;
	body.has_queue_messages = subscription->queue_messages != 0;
	body.queue_messages = subscription->queue_messages;
	body.has_queue_bytes = subscription->queue_bytes != 0;
	body.queue_bytes = subscription->queue_bytes;
	body.has_observe = subscription->on_observed != NULL;
	body.observe = true;
	return out ? helio__bus__v1__subscribe__pack(&body, out)
		   : helio__bus__v1__subscribe__get_packed_size(&body);
}

/* A gap stands before the first message that comes after it. */
static void tell_lost(struct helio_subscription *subscription)
{
	struct registration *registration = &subscription->registration;

	if (!registration->was_lost)
		return;
	registration->was_lost = false;
	subscription->n_runs = 0;
	helio_subscription_gap(registration, 0, "reconnect");
}

static void on_opened(struct registration *registration,
		      const struct result *result)
{
	(void)result;
	tell_lost(subscription_of(registration));
}

static bool is_name(const char *name)
{
	return !name || (*name && strlen(name) <= NAME_MAX_BYTES);
}

static int copy_text(const char *text, char **ret_copy)
{
	if (!text)
		return 0;
	*ret_copy = strdup(text);
	return *ret_copy ? 0 : -ENOMEM;
}

static int subscription_new(const struct helio_subscribe_options *options,
			    struct helio_subscription **ret_subscription)
{
	_cleanup_(subscription_freep) struct helio_subscription *subscription =
		NULL;

	subscription = malloc(sizeof(*subscription));
	if (!subscription)
		return -ENOMEM;
	*subscription = (struct helio_subscription){
		.registration = {
			.opening = {
				.kind = FRAME_SUBSCRIBE,
				.write = write_subscribe,
			},
			.closing = { .kind = FRAME_UNSUBSCRIBE },
			.on_ready = options->on_ready,
			.credit_messages = options->credit_messages
				? options->credit_messages
				: CREDIT_MESSAGES_DEFAULT,
			.credit_bytes = registration_credit_bytes(
				options->credit_bytes,
				SUBSCRIPTION_CREDIT_BYTES),
			.on_opened = on_opened,
			.free = free_registration,
		},
		.overflow = options->overflow,
		.queue_messages = options->queue_messages,
		.queue_bytes = options->queue_bytes,
		.on_observed = options->on_observed,
		.on_gap = options->on_gap,
	};
	if (copy_text(options->group, &subscription->group) < 0 ||
	    copy_text(options->capture, &subscription->capture) < 0)
		return -ENOMEM;
	*ret_subscription = take_ptr(subscription);
	return 0;
}

int helio_subscribe(struct helio *bus, const char *pattern,
		    const struct helio_subscribe_options *options,
		    helio_message_fn on_message, void *userdata,
		    struct helio_subscription **ret_subscription)
{
	static const struct helio_subscribe_options no_options;
	_cleanup_(subscription_freep) struct helio_subscription *subscription =
		NULL;
	int r;

	options = options ? options : &no_options;
	if (!pattern_is_valid(pattern, strlen(pattern)) ||
	    !is_name(options->group) || !is_name(options->capture) ||
	    options->overflow > HELIO_LATEST)
		return -EINVAL;
	if (bus->phase == PHASE_CLOSED)
		return -ENOTCONN;
	r = subscription_new(options, &subscription);
	if (r < 0)
		return r;
	subscription->on_message = on_message;
	subscription->registration.userdata = userdata;
	r = registration_open(&subscription->registration, bus, pattern);
	if (r < 0)
		return r;
	if (ret_subscription)
		*ret_subscription = subscription;
	subscription = NULL;
	return 0;
}

void helio_unsubscribe(struct helio_subscription *subscription)
{
	if (subscription)
		registration_close(&subscription->registration);
}

void helio_pause(struct helio_subscription *subscription)
{
	registration_pause(&subscription->registration);
}

void helio_resume(struct helio_subscription *subscription)
{
	registration_resume(&subscription->registration);
}

void helio_subscription_gap(struct registration *registration, uint64_t n_lost,
			    const char *reason)
{
	struct helio_subscription *subscription = subscription_of(registration);

	if (registration->state != REGISTRATION_CLOSING && subscription->on_gap)
		subscription->on_gap(subscription, n_lost, reason,
				     registration->userdata);
}

static struct run *add_run(struct helio_subscription *subscription)
{
	size_t n = subscription->n_runs_room ? subscription->n_runs_room * 2
					     : RUNS_FIRST;
	struct run *runs;

	if (subscription->n_runs == subscription->n_runs_room) {
		runs = realloc(subscription->runs, n * sizeof(*runs));
		if (!runs)
			return NULL;
		subscription->runs = runs;
		subscription->n_runs_room = n;
	}
	return &subscription->runs[subscription->n_runs++];
}

/*
 * A log answers by number, and numbers may be left out where something was
 * lost on the way to it.
 */
static int note_delivery(struct helio_subscription *subscription,
			 uint32_t number)
{
	struct run *last = NULL;

	if (subscription->n_runs)
		last = &subscription->runs[subscription->n_runs - 1];
	if (last && last->first + last->n == number && last->n < UINT32_MAX) {
		last->n++;
		return 0;
	}
	last = add_run(subscription);
	if (!last)
		return -ENOMEM;
	*last = (struct run){ .first = number, .n = 1 };
	return 0;
}

static void call_back(struct helio_subscription *subscription,
		      const struct incoming *incoming,
		      const struct helio_message *message)
{
	const struct frame *frame = incoming->frame;
	void *userdata = subscription->registration.userdata;

	if (frame->kind == FRAME_MESSAGE) {
		if (subscription->on_message)
			subscription->on_message(subscription, message,
						 userdata);
	} else if (subscription->on_observed) {
		subscription->on_observed(subscription, message,
					  frame->kind == FRAME_OBSERVED_REPLY,
					  frame->slot, frame->status, userdata);
	}
}

/*
 * Metadata that is none is its sender's fault: the message is shown without.
 */
void helio_subscription_deliver(struct registration *registration,
				const struct incoming *incoming)
{
	struct helio_subscription *subscription = subscription_of(registration);
	struct helio_message message;

	tell_lost(subscription);
	if (subscription->capture &&
	    note_delivery(subscription,
			  (uint32_t)incoming->frame->correlation) < 0) {
		client_fail(registration->bus, -ENOMEM, "no memory");
		return;
	}
	(void)incoming_decode(registration->bus, incoming, &message);
	if (registration->state != REGISTRATION_CLOSING)
		call_back(subscription, incoming, &message);
	registration_owe(registration, 1, 0);
}

static int send_stored(struct helio_subscription *subscription,
		       const struct run *run, const struct helio_ack *ack)
{
	struct frame frame = { .kind = FRAME_ACK };
	size_t n_log = strlen(subscription->capture);
	uint8_t bytes[FRAME_HEADER_BYTES + NAME_MAX_BYTES + ACK_ENTRY_BYTES];
	uint8_t *entry;

	frame.n_subject = (uint16_t)n_log;
	frame_set_body(&frame, ACK_ENTRY_BYTES);
	entry = bytes + frame_encode(&frame, bytes);
	memcpy(entry, subscription->capture, n_log);
	entry += n_log;
	le64_store(entry,
		   (uint64_t)subscription->registration.id << 32 | run->first);
	le32_store(entry + 8, run->n);
	le16_store(entry + 12, (uint16_t)ack->status);
	entry[14] = (uint8_t)(1 | ack->is_duplicate << 1);
	entry[15] = 0;
	le64_store(entry + 16, ack->sequence);
	outbox_send_small(subscription->registration.bus, bytes, frame.length);
	return 0;
}

static uint64_t count_unanswered(const struct helio_subscription *subscription)
{
	uint64_t n = 0;

	for (size_t i = 0; i < subscription->n_runs; i++)
		n += subscription->runs[i].n;
	return n;
}

/* Ids in one entry follow each other as 64-bit numbers: no run wraps. */
static uint32_t run_bytes_to_wrap(uint32_t first, uint32_t n)
{
	uint32_t n_to_wrap = UINT32_MAX - first;

	return n - 1 > n_to_wrap ? n_to_wrap + 1 : n;
}

static void drop_first(struct helio_subscription *subscription, uint32_t n)
{
	struct run *first = subscription->runs;

	first->first += n;
	first->n -= n;
	if (!first->n)
		memmove(first, first + 1,
			--subscription->n_runs * sizeof(*first));
}

int helio_stored(struct helio_subscription *subscription, uint32_t n_records,
		 unsigned status, uint64_t sequence, bool is_duplicate)
{
	struct helio_ack ack = {
		.status = status,
		.sequence = sequence,
		.is_duplicate = is_duplicate,
	};

	if (!subscription->capture || !n_records || status > UINT16_MAX ||
	    n_records > count_unanswered(subscription))
		return -EINVAL;
	if (!client_is_welcome(subscription->registration.bus))
		return -ENOTCONN;
	while (n_records) {
		struct run run = subscription->runs[0];

		run.n = n_records < run.n ? n_records : run.n;
		run.n = run_bytes_to_wrap(run.first, run.n);
		send_stored(subscription, &run, &ack);
		drop_first(subscription, run.n);
		ack.sequence += run.n;
		n_records -= run.n;
	}
	return 0;
}
