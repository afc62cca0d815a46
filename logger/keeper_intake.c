/* SPDX-License-Identifier: MIT */

/* What a log is given: messages, observed calls, gaps. */

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "logger/capture.h"
#include "logger/keeper.h"
#include "logger/logger.h"
#include "rpc/heliograph.h"

/* A run is not longer than this and one record. */
enum { BATCH_BYTES = 1024 * 1024 };

/* Of one capture at most one gap in a while is told, or who is refused without
 * end would fill the log with that. */
#define GAP_PAUSE_NS NS_PER_S

/* Time in a log never runs backwards, whatever the clock does. */
static uint64_t next_time(struct keeper *keeper)
{
	uint64_t now_ns = logger_now_unix_ns(keeper->logger);

	if (now_ns > keeper->last_ns)
		keeper->last_ns = now_ns;
	return keeper->last_ns;
}

static void count_waiting(struct keeper *keeper)
{
	struct batch *batch = keeper->filling;
	size_t n;

	if (!batch)
		return;
	n = batch_bytes(batch);
	logger_waiting(keeper->logger, (int64_t)n - (int64_t)batch->n_counted);
	batch->n_counted = n;
}

/* The full one stays counted until it is stored. */
static void rotate(struct keeper *keeper)
{
	list_push_back(&keeper->full, &keeper->filling->link);
	keeper->filling = NULL;
}

void keeper_take_back(struct keeper *keeper)
{
	if (!keeper->filling)
		keeper->filling = atomic_exchange_explicit(
			&keeper->offered, NULL, memory_order_acq_rel);
}

static int make_filling(struct keeper *keeper)
{
	keeper_take_back(keeper);
	if (keeper->filling)
		return 0;
	keeper->filling = keeper->spare;
	keeper->spare = NULL;
	return keeper->filling ? 0 : batch_new(&keeper->filling);
}

static int add_gap(struct keeper *keeper, struct capture *capture)
{
	const struct run_record record = {
		.time_ns = next_time(keeper),
		.kind = RUN_GAP,
		.subject = capture->pattern,
		.n_subject = strlen(capture->pattern),
		.n_lost = capture->is_loss_known ? capture->n_lost : 0,
		.body = capture->reason,
		.n_body = strlen(capture->reason),
		.source = { .principal = "", .durable_id = "" },
	};
	int r = make_filling(keeper);

	if (r == 0)
		r = batch_add_gap(keeper->filling, capture, &record);
	if (r < 0)
		return r;
	capture->has_loss = false;
	capture->is_loss_first = false;
	capture->n_lost = 0;
	capture->gap_ns = clock_now_ns();
	return 0;
}

/* It is not for what fills, but for what comes before that. */
static bool is_for_others(const struct keeper *keeper,
			  const struct capture *capture)
{
	return capture->is_loss_first && keeper->n_committing;
}

/* Gaps stand before what came after them. */
static int add_gaps(struct keeper *keeper)
{
	uint64_t now_ns = 0;
	struct list *link;
	int r = 0;

	list_for_each (link, &keeper->captures) {
		struct capture *capture =
			container_of(link, struct capture, link);

		if (!capture->has_loss || is_for_others(keeper, capture))
			continue;
		now_ns = now_ns ? now_ns : clock_now_ns();
		if (!capture->gap_ns ||
		    now_ns - capture->gap_ns >= GAP_PAUSE_NS)
			r = add_gap(keeper, capture);
		if (r < 0)
			return r;
	}
	return 0;
}

struct batch *keeper_take_gaps(struct keeper *keeper)
{
	struct batch *filling = keeper->filling;
	struct batch *gaps;
	struct list *link;

	keeper->filling = NULL;
	list_for_each (link, &keeper->captures) {
		struct capture *capture =
			container_of(link, struct capture, link);

		if (capture->is_loss_first)
			(void)add_gap(keeper, capture);
	}
	count_waiting(keeper);
	gaps = keeper->filling;
	keeper->filling = filling;
	return gaps;
}

void keeper_add_gaps(struct keeper *keeper)
{
	if (keeper->state == KEEPER_OPEN && add_gaps(keeper) == 0)
		count_waiting(keeper);
}

static void refuse(struct keeper *keeper, struct capture *capture,
		   unsigned status, bool is_plain)
{
	int r = make_filling(keeper);

	if (r == 0)
		r = batch_refuse(keeper->filling, capture, status, is_plain);
	/* Out of order it would answer another: then nobody is answered. */
	if (r < 0)
		capture_orphan(capture);
	keeper->stats.n_refused++;
	count_waiting(keeper);
	keeper_stir(keeper);
}

static void add(struct keeper *keeper, struct capture *capture,
		const struct run_record *record,
		const struct log_condition *condition, bool is_plain)
{
	int r = 0;

	for (int i = 0; i < 2; i++) {
		r = make_filling(keeper);
		if (r == 0)
			r = batch_add(keeper->filling, capture, record,
				      condition, is_plain);
		if (r != -EMSGSIZE || batch_is_empty(keeper->filling))
			break;
		rotate(keeper);
	}
	if (r < 0) {
		refuse(keeper, capture, HELIO_RESOURCE_EXHAUSTED, is_plain);
		return;
	}
	count_waiting(keeper);
	if (run_builder_bytes(&keeper->filling->builder) >= BATCH_BYTES)
		rotate(keeper);
	keeper_stir(keeper);
}

static void fill_record(struct keeper *keeper,
			const struct helio_message *message,
			struct run_record *ret_record)
{
	*ret_record = (struct run_record){
		.time_ns = next_time(keeper),
		.kind = RUN_MESSAGE,
		.subject = message->subject,
		.n_subject = strlen(message->subject),
		.source = {
			.principal = message->source,
			.n_principal = strlen(message->source),
			.durable_id = message->durable_id,
			.n_durable_id = strlen(message->durable_id),
			.incarnation = message->incarnation,
		},
		.schema = message->schema_hash,
		.metadata = message->metadata,
		.n_metadata = message->n_metadata,
		.body = message->body,
		.n_body = message->n_body,
	};
}

/* Returns HELIO_OK, or what a message is refused with before the disk. */
static unsigned judge(const struct keeper *keeper,
		      const struct helio_message *message)
{
	if (message->n_body > config_body_max(&keeper->config))
		return HELIO_INVALID_ARGUMENT;
	if (keeper->state != KEEPER_OPEN)
		return keeper->is_full ? HELIO_RESOURCE_EXHAUSTED
				       : HELIO_UNAVAILABLE;
	return HELIO_OK;
}

void keeper_take(struct keeper *keeper, struct capture *capture,
		 const struct helio_message *message)
{
	const struct log_condition condition = {
		.key = message->idempotency_key,
		.durable_id = message->durable_id,
		.has_expected = message->has_expected,
		.expected = message->expected_sequence,
	};
	bool is_plain = !message->is_ack_stored;
	bool has_condition = condition.key || condition.has_expected;
	unsigned status = judge(keeper, message);
	struct run_record record;

	if (status != HELIO_OK) {
		refuse(keeper, capture, status, is_plain);
		return;
	}
	if (capture->has_loss)
		(void)add_gaps(keeper);
	fill_record(keeper, message, &record);
	if (condition.key)
		record.flags |= RUN_HAS_KEY;
	if (record.schema)
		schemas_note(keeper, record.schema);
	add(keeper, capture, &record, has_condition ? &condition : NULL,
	    is_plain);
}

void keeper_observe(struct keeper *keeper, struct capture *capture,
		    const struct helio_message *message,
		    const struct keeper_observed *observed)
{
	unsigned status = judge(keeper, message);
	struct run_record record;

	if (status != HELIO_OK) {
		refuse(keeper, capture, status, true);
		return;
	}
	if (capture->has_loss)
		(void)add_gaps(keeper);
	fill_record(keeper, message, &record);
	record.kind = observed->is_reply ? RUN_REPLY : RUN_CALL;
	record.slot = observed->slot;
	record.status = (uint16_t)observed->status;
	if (record.schema)
		schemas_note(keeper, record.schema);
	add(keeper, capture, &record, NULL, true);
}
