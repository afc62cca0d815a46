/* SPDX-License-Identifier: MIT */

#include "tests/unit/rpc/subscriber.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void note_message(struct helio_subscription *subscription,
		  const struct helio_message *message, void *userdata)
{
	struct seen *seen = userdata;

	seen->n++;
	snprintf(seen->subject, sizeof(seen->subject), "%s", message->subject);
	snprintf(seen->source, sizeof(seen->source), "%s", message->source);
	snprintf(seen->type, sizeof(seen->type), "%s",
		 message->content_type ? message->content_type : "");
	seen->incarnation = message->incarnation;
	free(seen->body);
	seen->body = malloc(message->n_body + 1);
	memcpy(seen->body, message->body, message->n_body);
	seen->n_body = message->n_body;
	if (seen->leaves)
		helio_unsubscribe(subscription);
}

static void note_gap(struct helio_subscription *subscription, uint64_t n_lost,
		     const char *reason, void *userdata)
{
	struct seen *seen = userdata;

	(void)subscription;
	seen->n_gaps++;
	seen->n_lost = n_lost;
	snprintf(seen->gap, sizeof(seen->gap), "%s", reason);
}

static void note_ready(struct helio *bus, unsigned status, const char *reason,
		       void *userdata)
{
	struct seen *seen = userdata;

	(void)bus;
	seen->n_ready++;
	seen->status = status;
	if (status)
		assert_string_equal(reason, "policy:7");
}

const struct helio_subscribe_options with_callbacks = {
	.on_gap = note_gap,
	.on_ready = note_ready,
};

struct helio_subscription *subscribe(
	struct fake_switch *fake, struct seen *seen,
	const struct helio_subscribe_options *options)
{
	struct helio_subscription *subscription;
	struct received received;

	assert_int_equal(helio_subscribe(fake->bus, "vm.>", options,
					 note_message, seen, &subscription),
			 0);
	fake_expect(fake, FRAME_SUBSCRIBE, &received);
	fake_result(fake, received.frame.correlation, 0, "");
	return subscription;
}

void send_message(struct fake_switch *fake, uint32_t id, uint32_t n,
		  const char *body, size_t n_body)
{
	struct frame frame = {
		.kind = FRAME_MESSAGE,
		.flags = FRAME_WHOLE,
		.correlation = delivery(id, n),
	};

	fake_send(fake, &frame, "vm.web.log", body, n_body);
}

void send_fragment(struct fake_switch *fake, uint64_t id, uint8_t flags,
		   uint64_t n_total, const char *body, size_t n)
{
	struct frame frame = {
		.kind = FRAME_MESSAGE,
		.flags = flags,
		.correlation = id,
		.total_bytes = n_total,
	};

	if (flags & FRAME_FIRST)
		frame.flags |= FRAME_EXTENDED;
	fake_send(fake, &frame, flags & FRAME_FIRST ? "vm.long" : NULL, body,
		  n);
}
