/* SPDX-License-Identifier: MIT */

#include "rpc/log/reader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/list.h"
#include "helio/log/v1/log.helio.h"
#include "rpc/log/read_reply.h"
#include "rpc/typed/client.h"

enum { WINDOW_BYTES = 2 << 20 };

static struct helio_log_reader *reader_of(struct attachment *attachment)
{
	return container_of(attachment, struct helio_log_reader, attachment);
}

static void drop_item(struct helio_log_reader *reader)
{
	backlog_item_free(&reader->backlog, take_ptr(reader->item));
}

static void reader_free(struct helio_log_reader *reader)
{
	attachment_deinit(&reader->attachment);
	question_deinit(&reader->question);
	drop_item(reader);
	backlog_deinit(&reader->backlog);
	run_reader_deinit(&reader->run);
	record_deinit(&reader->record);
	free(reader);
}

static void enter(struct helio_log_reader *reader)
{
	reader->n_inside++;
}

/* False: it is gone. */
static bool leave(struct helio_log_reader *reader)
{
	if (--reader->n_inside > 0 || !reader->is_freed)
		return true;
	reader_free(reader);
	return false;
}

void helio_log_reader_free(struct helio_log_reader *reader)
{
	if (!reader)
		return;
	if (reader->n_inside == 0) {
		reader_free(reader);
		return;
	}
	reader->is_freed = true;
}

/* All that was wanted was handed out: no more needs to come. */
static void end_well(struct helio_log_reader *reader)
{
	reader->is_at_end = true;
	attachment_fail(&reader->attachment, HELIO_OK, "");
}

static int end_damaged(struct helio_log_reader *reader, const char *what)
{
	char reason[ATTACHMENT_REASON_BYTES];
	uint64_t position = reader->question.position;

	if (position > 0)
		snprintf(reason, sizeof(reason),
			 "%s, after what was told up to %llu", what,
			 (unsigned long long)position -
				 !reader->question.request.reverse);
	else
		snprintf(reason, sizeof(reason), "%s", what);
	reader->is_at_end = true;
	attachment_fail(&reader->attachment, HELIO_DATA_LOSS, reason);
	return -EBADMSG;
}

static void resume_if_low(struct helio_log_reader *reader)
{
	if (reader->attachment.stream && backlog_is_low(&reader->backlog))
		helio_stream_resume(reader->attachment.stream);
}

/* What is told between runs. */
static void tell(struct helio_log_reader *reader,
		 const struct backlog_item *item)
{
	const struct helio_log_read_options *options = &reader->options;

	switch (item->kind) {
	case BACKLOG_LIVE:
		question_set_live(&reader->question);
		if (options->on_live)
			options->on_live(reader, reader->userdata);
		return;
	case BACKLOG_EXPIRED:
		question_move(&reader->question, item->sequence);
		if (options->on_expired)
			options->on_expired(reader, item->sequence,
					    reader->userdata);
		return;
	case BACKLOG_NEXT:
		question_move(&reader->question, item->sequence);
		return;
	case BACKLOG_RUN:
		return;
	}
}

static int begin_run(struct helio_log_reader *reader,
		     const struct backlog_item *item, size_t at)
{
	int r = run_reader_begin(&reader->run, item->bytes + at, item->n - at);

	if (r == -EBADMSG)
		return end_damaged(reader, "a run is damaged");
	reader->n_taken = at;
	record_forget(&reader->record);
	return r;
}

/* Outcome 1: a run, which is being taken apart from now on. */
static int take_item(struct helio_log_reader *reader, struct backlog_item *item)
{
	int r = 0;

	if (item->kind == BACKLOG_RUN)
		r = begin_run(reader, item, item->start);
	else
		tell(reader, item);
	if (r < 0 || item->kind != BACKLOG_RUN) {
		backlog_item_free(&reader->backlog, item);
		return r;
	}
	reader->item = item;
	return 1;
}

/* 1: there is a run to take apart. */
static int next_item(struct helio_log_reader *reader)
{
	int r = 0;

	while (r == 0 && !reader->is_freed && !reader->is_at_end) {
		struct backlog_item *item = backlog_pop(&reader->backlog);

		if (!item)
			return 0;
		resume_if_low(reader);
		r = take_item(reader, item);
	}
	return r;
}

/* The next of the run that was not told already; 0: the run is over. */
static int next_of_run(struct helio_log_reader *reader,
		       struct run_record *ret_record)
{
	int r;

	do {
		r = run_reader_next(&reader->run, ret_record);
	} while (r > 0 &&
		 question_is_told(&reader->question, ret_record->sequence));
	if (r < 0)
		return end_damaged(reader, "a record is damaged");
	if (r > 0 && question_tell(&reader->question, ret_record->sequence))
		end_well(reader);
	return r;
}

/* Behind the one that is over, or nothing. */
static int next_run(struct helio_log_reader *reader)
{
	size_t at = reader->n_taken + reader->run.head.n_bytes;

	if (at < reader->item->n)
		return begin_run(reader, reader->item, at);
	drop_item(reader);
	return 0;
}

static int next_record(struct helio_log_reader *reader)
{
	struct run_record record;
	int r;

	for (;;) {
		if (!reader->item) {
			r = next_item(reader);
			if (r <= 0)
				return r;
		}
		r = next_of_run(reader, &record);
		if (r < 0)
			return r;
		if (r > 0)
			break;
		r = next_run(reader);
		if (r < 0)
			return r;
	}
	r = record_set(&reader->record, &record);
	if (r == -EBADMSG)
		return end_damaged(reader, "a record cannot be read");
	return r < 0 ? r : 1;
}

int helio_log_next(struct helio_log_reader *reader,
		   const struct helio_log_record **ret_record)
{
	int r;

	/* The last one of a reader that is at its end was taken before. */
	if (reader->is_at_end)
		return 0;
	enter(reader);
	r = next_record(reader);
	if (!leave(reader))
		return 0;
	if (r > 0)
		*ret_record = &reader->record.log;
	return r == -EBADMSG ? 0 : r;
}

/* Every record is looked at, so that what is damaged is never handed on. */
static int check_run(struct helio_log_reader *reader)
{
	struct run_record record;
	int r;

	while ((r = run_reader_next(&reader->run, &record)) > 0) {
		if (question_is_told(&reader->question, record.sequence))
			return end_damaged(reader, "a record comes again");
		if (question_tell(&reader->question, record.sequence))
			end_well(reader);
	}
	return r < 0 ? end_damaged(reader, "a record is damaged") : 0;
}

int helio_log_next_run(struct helio_log_reader *reader, const void **ret_run,
		       size_t *ret_n)
{
	int r;

	if (reader->is_at_end)
		return 0;
	enter(reader);
	r = reader->item ? next_run(reader) : 0;
	if (r == 0 && !reader->item)
		r = next_item(reader);
	if (r >= 0 && reader->item)
		r = check_run(reader) < 0 ? 0 : 1;
	if (!leave(reader))
		return 0;
	if (r > 0) {
		*ret_run = reader->item->bytes + reader->n_taken;
		*ret_n = reader->run.head.n_bytes;
	}
	return r == -EBADMSG ? 0 : r;
}

/* Until something comes, or a timer did something. */
static int wait_once(struct helio *bus, int timeout_ms, uint64_t end_ns)
{
	uint64_t now_ns = clock_now_ns();
	int wait_ms = helio_timeout_ms(bus);
	int left_ms;

	if (timeout_ms >= 0) {
		left_ms = end_ns > now_ns
				  ? (int)((end_ns - now_ns) / NS_PER_MS) + 1
				  : 0;
		if (wait_ms < 0 || left_ms < wait_ms)
			wait_ms = left_ms;
	}
	return helio_run(bus, wait_ms);
}

/* It may be over, or freed, by a timer: that is looked at each time. */
static int wait_for_record(struct helio_log_reader *reader, int timeout_ms,
			   const struct helio_log_record **ret_record)
{
	uint64_t end_ns = clock_now_ns() + (uint64_t)timeout_ms * NS_PER_MS;
	int r = helio_log_next(reader, ret_record);

	while (r == 0 && !reader->is_freed &&
	       !helio_log_is_over(reader, NULL, NULL)) {
		if (timeout_ms >= 0 && clock_now_ns() >= end_ns)
			return 0;
		r = wait_once(reader->attachment.bus, timeout_ms, end_ns);
		if (r >= 0)
			r = helio_log_next(reader, ret_record);
	}
	return r;
}

int helio_log_next_wait(struct helio_log_reader *reader, int timeout_ms,
			const struct helio_log_record **ret_record)
{
	int r;

	enter(reader);
	r = wait_for_record(reader, timeout_ms, ret_record);
	return leave(reader) ? r : 0;
}

bool helio_log_is_over(const struct helio_log_reader *reader,
		       unsigned *ret_status, const char **ret_reason)
{
	bool has_more = reader->item || !list_is_empty(&reader->backlog.items);

	if (!reader->attachment.is_over || (has_more && !reader->is_at_end))
		return false;
	if (ret_status)
		*ret_status = reader->attachment.status;
	if (ret_reason)
		*ret_reason = reader->attachment.reason;
	return true;
}

uint64_t helio_log_position(const struct helio_log_reader *reader)
{
	return reader->question.position;
}

/* That it is over is told after the last record, and once. */
static void tell_end(struct helio_log_reader *reader)
{
	unsigned status;
	const char *reason;

	if (reader->is_freed || reader->is_told_of_end ||
	    !reader->options.on_end ||
	    !helio_log_is_over(reader, &status, &reason))
		return;
	reader->is_told_of_end = true;
	reader->options.on_end(reader, status, reason, reader->userdata);
}

/* With on_record: hand out what is there. */
static void hand_out(struct helio_log_reader *reader)
{
	int r = 1;

	while (r > 0 && reader->options.on_record && !reader->is_paused &&
	       !reader->is_freed && !reader->is_at_end) {
		r = next_record(reader);
		if (r > 0)
			reader->options.on_record(reader, &reader->record.log,
						  reader->userdata);
		else if (r == -ENOMEM)
			attachment_fail(&reader->attachment,
					HELIO_RESOURCE_EXHAUSTED, "no memory");
	}
}

static void on_packed(struct helio_stream *stream, const void *bytes, size_t n,
		      void *userdata)
{
	struct helio_log_reader *reader = userdata;
	const char *reason;
	unsigned status;

	attachment_is_served(&reader->attachment);
	status = read_reply_keep(&reader->backlog,
				 &reader->attachment.client->intake, stream,
				 bytes, n, &reason);
	if (status) {
		attachment_fail(&reader->attachment, status, reason);
		return;
	}
	if (backlog_is_full(&reader->backlog))
		helio_stream_pause(stream);
	enter(reader);
	hand_out(reader);
	leave(reader);
}

static void on_stream_end(struct helio_stream *stream,
			  const struct helio_reply *reply,
			  const ProtobufCMessage *null, void *userdata)
{
	struct helio_log_reader *reader = userdata;

	(void)stream;
	(void)null;
	attachment_stream_ended(&reader->attachment, reply);
}

static unsigned method_index(const char *name)
{
	const ProtobufCServiceDescriptor *service =
		&helio__log__v1__logs__descriptor;
	const ProtobufCMethodDescriptor *method =
		protobuf_c_service_descriptor_get_method_by_name(service, name);

	return (unsigned)(method - service->methods);
}

static int open_read(struct attachment *attachment,
		     struct helio_stream **ret_stream)
{
	static const struct helio_stream_events events = {
		.on_packed = on_packed,
		.on_end = on_stream_end,
	};
	struct helio_log_reader *reader = reader_of(attachment);
	const Helio__Log__V1__ReadRequest *request =
		question_ask(&reader->question);

	return helio_client_stream(attachment->client, method_index("Read"),
				   &request->base, &events, reader, ret_stream);
}

static bool on_lost(struct attachment *attachment)
{
	struct helio_log_reader *reader = reader_of(attachment);

	enter(reader);
	hand_out(reader);
	if (!reader->is_freed && !reader->is_at_end &&
	    reader->options.on_interrupted)
		reader->options.on_interrupted(reader, attachment->status,
					       attachment->reason,
					       reader->userdata);
	return leave(reader) && !reader->is_at_end;
}

static void on_end(struct attachment *attachment)
{
	struct helio_log_reader *reader = reader_of(attachment);

	enter(reader);
	hand_out(reader);
	tell_end(reader);
	leave(reader);
}

static const struct attachment_events attachment_events = {
	.open = open_read,
	.on_lost = on_lost,
	.on_end = on_end,
};

static void reader_freep(struct helio_log_reader **reader)
{
	if (*reader)
		reader_free(*reader);
}

int helio_log_read(struct helio *bus, const char *log,
		   const struct helio_log_read_options *options, void *userdata,
		   struct helio_log_reader **ret_reader)
{
	_cleanup_(reader_freep) struct helio_log_reader *reader = NULL;
	uint32_t window_bytes;
	int r;

	reader = calloc(1, sizeof(*reader));
	if (!reader)
		return -ENOMEM;
	window_bytes =
		options->window_bytes ? options->window_bytes : WINDOW_BYTES;
	reader->options = *options;
	reader->userdata = userdata;
	backlog_init(&reader->backlog, window_bytes);
	r = question_init(&reader->question, log, options);
	if (r < 0)
		return r;
	reader->attachment = (struct attachment){
		.events = &attachment_events,
		.bus = bus,
		.type = &helio__log__v1__logs__type,
		.window_bytes = window_bytes,
		.is_waiting = options->is_waiting,
	};
	r = attachment_init(&reader->attachment);
	if (r < 0)
		return r;
	*ret_reader = take_ptr(reader);
	return 0;
}

void helio_log_pause(struct helio_log_reader *reader)
{
	reader->is_paused = true;
}

void helio_log_resume(struct helio_log_reader *reader)
{
	if (!reader->is_paused)
		return;
	reader->is_paused = false;
	enter(reader);
	hand_out(reader);
	if (reader->attachment.is_over)
		tell_end(reader);
	leave(reader);
}
