/* SPDX-License-Identifier: MIT */

/* Records by a cursor: given out, acknowledged, and given out again. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/list.h"
#include "helio/log/v1/log.helio.h"
#include "rpc/log/answers.h"
#include "rpc/log/record.h"
#include "rpc/typed/attachment.h"

enum { WINDOW_BYTES = 1 << 20, BATCH_MAX = 65536 };

struct helio_log_consumer {
	struct attachment attachment;
	struct helio_log_consume_options options;
	void *userdata;
	char *log; /* owned; the cursor's name stands behind it */
	char *cursor;
	bool is_opened; /* the first request of this stream was sent */
	struct answers answers;
	struct helio_timer *timer; /* until they are sent */
	struct run_reader run;
	struct record record;
	unsigned n_inside;
	bool is_freed;
};

static struct helio_log_consumer *consumer_of(struct attachment *attachment)
{
	return container_of(attachment, struct helio_log_consumer, attachment);
}

static void consumer_free(struct helio_log_consumer *consumer)
{
	helio_timer_cancel(consumer->timer);
	attachment_deinit(&consumer->attachment);
	answers_deinit(&consumer->answers);
	run_reader_deinit(&consumer->run);
	record_deinit(&consumer->record);
	free(consumer->log);
	free(consumer);
}

/* False: it is gone. */
static bool leave(struct helio_log_consumer *consumer)
{
	if (--consumer->n_inside > 0 || !consumer->is_freed)
		return true;
	consumer_free(consumer);
	return false;
}

void helio_log_consumer_free(struct helio_log_consumer *consumer)
{
	if (!consumer)
		return;
	if (consumer->n_inside == 0)
		consumer_free(consumer);
	else
		consumer->is_freed = true;
}

static int send_first(struct helio_log_consumer *consumer,
		      struct helio_stream *stream)
{
	Helio__Log__V1__ConsumeRequest request =
		HELIO__LOG__V1__CONSUME_REQUEST__INIT;

	request.log = consumer->log;
	request.cursor = consumer->cursor;
	request.has_batch = consumer->options.batch > 0;
	request.batch = consumer->options.batch;
	return helio__log__v1__logs__consume__send(stream, &request);
}

static int send_answers(const Helio__Log__V1__ConsumeRequest *request,
			void *userdata)
{
	return helio__log__v1__logs__consume__send(userdata, request);
}

/* -EAGAIN is no failure: on_writable comes back here. */
static void send_what_waits(struct helio_log_consumer *consumer)
{
	struct helio_stream *stream = consumer->attachment.stream;
	int r = 0;

	if (!stream)
		return;
	if (!consumer->is_opened) {
		r = send_first(consumer, stream);
		consumer->is_opened = r == 0;
	}
	if (r == 0 && !answers_is_empty(&consumer->answers))
		r = answers_send(&consumer->answers, send_answers, stream);
	if (r < 0 && r != -EAGAIN && r != -EPIPE)
		attachment_fail(&consumer->attachment, HELIO_RESOURCE_EXHAUSTED,
				strerror(-r));
}

static void on_writable(struct helio_stream *stream, void *userdata)
{
	(void)stream;
	send_what_waits(userdata);
}

static void fail_damaged(struct helio_log_consumer *consumer)
{
	attachment_fail(&consumer->attachment, HELIO_DATA_LOSS,
			"a run that was given out is damaged");
}

static bool is_wanted(const struct helio_log_consumer *consumer)
{
	return !consumer->is_freed && !consumer->attachment.is_over;
}

static int hand_out(struct helio_log_consumer *consumer,
		    const Helio__Log__V1__ConsumeReply *reply)
{
	struct run_record record;
	int r = run_reader_begin(&consumer->run, reply->run.data,
				 reply->run.len);

	record_forget(&consumer->record);
	for (size_t i = 0; r >= 0 && is_wanted(consumer); i++) {
		struct helio_log_delivery delivery = { 0 };

		r = run_reader_next(&consumer->run, &record);
		if (r <= 0)
			break;
		if (i >= reply->n_token)
			return -EBADMSG;
		r = record_set(&consumer->record, &record);
		if (r < 0)
			break;
		delivery.token = reply->token[i];
		if (i < reply->n_redelivered)
			delivery.n_redelivered = reply->redelivered[i];
		consumer->options.on_record(consumer, &consumer->record.log,
					    &delivery, consumer->userdata);
	}
	return r;
}

static void tell(struct helio_log_consumer *consumer,
		 const Helio__Log__V1__ConsumeReply *reply)
{
	const struct helio_log_consume_options *options = &consumer->options;

	if (reply->has_acked_to && options->on_acked && is_wanted(consumer))
		options->on_acked(consumer, reply->acked_to,
				  consumer->userdata);
	for (size_t i = 0;
	     options->on_late && i < reply->n_late && is_wanted(consumer); i++)
		options->on_late(consumer, reply->late[i], consumer->userdata);
}

static void on_message(struct helio_stream *stream,
		       const Helio__Log__V1__ConsumeReply *reply,
		       void *userdata)
{
	struct helio_log_consumer *consumer = userdata;
	int r = 0;

	(void)stream;
	attachment_is_served(&consumer->attachment);
	consumer->n_inside++;
	tell(consumer, reply);
	if (reply->has_run && is_wanted(consumer))
		r = hand_out(consumer, reply);
	if (r == -EBADMSG)
		fail_damaged(consumer);
	else if (r < 0)
		attachment_fail(&consumer->attachment, HELIO_RESOURCE_EXHAUSTED,
				strerror(-r));
	leave(consumer);
}

static void on_stream_end(struct helio_stream *stream,
			  const struct helio_reply *reply,
			  const Helio__Log__V1__ConsumeReply *null,
			  void *userdata)
{
	struct helio_log_consumer *consumer = userdata;

	(void)stream;
	(void)null;
	/* Tokens are void from now on. */
	answers_clear(&consumer->answers);
	consumer->is_opened = false;
	attachment_stream_ended(&consumer->attachment, reply);
}

static int open_consume(struct attachment *attachment,
			struct helio_stream **ret_stream)
{
	static const struct helio__log__v1__logs__consume__events events = {
		.on_message = on_message,
		.on_writable = on_writable,
		.on_end = on_stream_end,
	};
	struct helio_log_consumer *consumer = consumer_of(attachment);
	int r;

	consumer->is_opened = false;
	r = helio__log__v1__logs__consume__stream(attachment->client, &events,
						  consumer, ret_stream);
	/* The first credit comes when the logger has the call. */
	if (r == 0 && send_first(consumer, *ret_stream) == 0)
		consumer->is_opened = true;
	return r;
}

static bool on_lost(struct attachment *attachment)
{
	struct helio_log_consumer *consumer = consumer_of(attachment);

	consumer->n_inside++;
	if (consumer->options.on_interrupted)
		consumer->options.on_interrupted(consumer, attachment->status,
						 attachment->reason,
						 consumer->userdata);
	return leave(consumer);
}

static void on_end(struct attachment *attachment)
{
	struct helio_log_consumer *consumer = consumer_of(attachment);

	consumer->n_inside++;
	if (consumer->options.on_end)
		consumer->options.on_end(consumer, attachment->status,
					 attachment->reason,
					 consumer->userdata);
	leave(consumer);
}

static const struct attachment_events attachment_events = {
	.open = open_consume,
	.on_lost = on_lost,
	.on_end = on_end,
};

static void consumer_freep(struct helio_log_consumer **consumer)
{
	if (*consumer)
		consumer_free(*consumer);
}

static int keep_names(struct helio_log_consumer *consumer, const char *log,
		      const char *cursor)
{
	size_t n_log = strlen(log) + 1, n_cursor = strlen(cursor) + 1;

	consumer->log = malloc(n_log + n_cursor);
	if (!consumer->log)
		return -ENOMEM;
	memcpy(consumer->log, log, n_log);
	consumer->cursor = memcpy(consumer->log + n_log, cursor, n_cursor);
	return 0;
}

int helio_log_consume(struct helio *bus, const char *log, const char *cursor,
		      const struct helio_log_consume_options *options,
		      void *userdata, struct helio_log_consumer **ret_consumer)
{
	_cleanup_(consumer_freep) struct helio_log_consumer *consumer = NULL;
	int r;

	if (!options->on_record || options->batch > BATCH_MAX)
		return -EINVAL;
	consumer = calloc(1, sizeof(*consumer));
	if (!consumer)
		return -ENOMEM;
	consumer->options = *options;
	consumer->userdata = userdata;
	r = keep_names(consumer, log, cursor);
	if (r < 0)
		return r;
	consumer->attachment = (struct attachment){
		.events = &attachment_events,
		.bus = bus,
		.type = &helio__log__v1__logs__type,
		.window_bytes = options->window_bytes ? options->window_bytes
						      : WINDOW_BYTES,
		.is_waiting = options->is_waiting,
	};
	r = attachment_init(&consumer->attachment);
	if (r < 0)
		return r;
	*ret_consumer = take_ptr(consumer);
	return 0;
}

static void on_timer(struct helio *bus, void *userdata)
{
	struct helio_log_consumer *consumer = userdata;

	(void)bus;
	consumer->timer = NULL;
	send_what_waits(consumer);
}

/* Those of one turn go together. */
static int send_soon(struct helio_log_consumer *consumer)
{
	if (consumer->timer)
		return 0;
	return helio_timer_start(consumer->attachment.bus, 0, on_timer,
				 consumer, &consumer->timer);
}

static int add(struct helio_log_consumer *consumer, struct tokens *tokens,
	       uint64_t token)
{
	int r = 0;

	if (!consumer->attachment.stream)
		return -ENOTCONN;
	r = tokens_add(tokens, token);
	return r < 0 ? r : send_soon(consumer);
}

int helio_log_ack(struct helio_log_consumer *consumer, uint64_t token)
{
	return add(consumer, &consumer->answers.acks, token);
}

int helio_log_ack_to(struct helio_log_consumer *consumer, uint64_t token)
{
	if (!consumer->attachment.stream)
		return -ENOTCONN;
	consumer->answers.has_ack_to = true;
	consumer->answers.ack_to = token;
	return send_soon(consumer);
}

int helio_log_nak(struct helio_log_consumer *consumer, uint64_t token,
		  uint32_t delay_ms)
{
	int r;

	if (!consumer->attachment.stream)
		return -ENOTCONN;
	r = tokens_add(&consumer->answers.delays, delay_ms);
	if (r < 0)
		return r;
	r = add(consumer, &consumer->answers.naks, token);
	if (r == -ENOMEM &&
	    consumer->answers.delays.n > consumer->answers.naks.n)
		consumer->answers.delays.n--;
	return r;
}

int helio_log_in_progress(struct helio_log_consumer *consumer, uint64_t token)
{
	return add(consumer, &consumer->answers.in_progress, token);
}
