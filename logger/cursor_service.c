/* SPDX-License-Identifier: MIT */

#include "logger/cursor_service.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "daemon/errand.h"
#include "logger/cursor.h"
#include "logger/cursor_room.h"
#include "logger/keeper.h"
#include "logger/logger.h"
#include "logger/service.h"

static void describe(const struct cursor *cursor,
		     Helio__Log__V1__Cursor *ret_cursor)
{
	Helio__Log__V1__Cursor shown = HELIO__LOG__V1__CURSOR__INIT;

	/* What is packed is not written to. */
	shown.log = (char *)(uintptr_t)cursor->keeper->name;
	shown.name = (char *)(uintptr_t)cursor->name;
	shown.config = cursor->config;
	shown.owner = (char *)(uintptr_t)cursor->owner;
	shown.fault = (char *)(uintptr_t)cursor->fault;
	shown.has_next = shown.has_pending = shown.has_readers = 1;
	shown.next = cursor->next;
	shown.pending = (uint32_t)cursor_n_pending(cursor);
	shown.readers = (uint32_t)cursor->n_consumers;
	shown.has_delivered = shown.has_redelivered = shown.has_dead = 1;
	shown.delivered = cursor->n_given;
	shown.redelivered = cursor->n_again;
	shown.dead = cursor->n_dead;
	*ret_cursor = shown;
}

/* The cursor that an errand is about; NULL when it is gone. */
static struct cursor *cursor_of(const struct errand *errand)
{
	struct keeper *keeper =
		keeper_lookup(logger_of(errand), errand->resource);

	return keeper ? cursor_lookup(keeper, service_cursor(errand)) : NULL;
}

static int answer_gone(const struct errand *errand)
{
	return helio_serving_fail(errand->serving, HELIO_NOT_FOUND,
				  "the log has no such cursor");
}

/* ---- places: found in the reader's thread where the disk is asked ---- */

struct placing {
	struct fetch fetch;
	struct errand *errand;
	void (*on_place)(struct errand *errand, uint64_t sequence);
};

static void on_fetched(struct fetch *fetch)
{
	struct placing *placing = container_of(fetch, struct placing, fetch);
	struct errand *errand = placing->errand;

	if (fetch->r < 0)
		errand_fail(errand, HELIO_UNAVAILABLE, "the log: %s",
			    strerror(-fetch->r));
	else
		placing->on_place(errand, fetch->next);
	fetch_deinit(fetch);
	free(placing);
}

static void seek(struct errand *errand, struct keeper *keeper, uint64_t unix_ns,
		 void (*on_place)(struct errand *errand, uint64_t sequence))
{
	struct placing *placing = calloc(1, sizeof(*placing));

	if (!placing) {
		errand_fail(errand, HELIO_RESOURCE_EXHAUSTED, "no memory");
		return;
	}
	placing->errand = errand;
	placing->on_place = on_place;
	placing->fetch.kind = FETCH_TIME;
	placing->fetch.time_ns = unix_ns;
	placing->fetch.on_done = on_fetched;
	fetch_start(&placing->fetch, keeper);
}

static void find_place(struct errand *errand, struct keeper *keeper,
		       const Helio__Log__V1__Place *place,
		       void (*on_place)(struct errand *errand,
					uint64_t sequence))
{
	const struct log_status *status = &keeper->status;
	uint64_t sequence = status->first;

	if (place && place->has_sequence)
		sequence = place->sequence;
	else if (place && place->has_unix_ns) {
		seek(errand, keeper, place->unix_ns, on_place);
		return;
	} else if (place && place->has_newest)
		sequence = place->newest > status->last
				   ? 1
				   : status->last + 1 - place->newest;
	else if (place && place->end)
		sequence = status->last + 1;
	on_place(errand, sequence < status->first ? status->first : sequence);
}

/* ---- create ---- */

static int answer_cursor(struct errand *errand, bool was_there)
{
	Helio__Log__V1__CreateCursorReply reply =
		HELIO__LOG__V1__CREATE_CURSOR_REPLY__INIT;
	const struct cursor *cursor = cursor_of(errand);
	Helio__Log__V1__Cursor shown;

	if (!cursor)
		return answer_gone(errand);
	describe(cursor, &shown);
	reply.cursor = &shown;
	reply.has_was_there = 1;
	reply.was_there = was_there;
	return helio_serving_reply(errand->serving, &reply.base);
}

static int answer_create(struct errand *errand)
{
	return answer_cursor(errand, false);
}

static int answer_existing(struct errand *errand)
{
	return answer_cursor(errand, true);
}

static bool is_config_equal(const Helio__Log__V1__CursorConfig *a,
			    const Helio__Log__V1__CursorConfig *b)
{
	size_t n_a = protobuf_c_message_get_packed_size(&a->base);
	size_t n_b = protobuf_c_message_get_packed_size(&b->base);
	_cleanup_(freep) uint8_t *packed = malloc(n_a + n_b + 1);

	if (!packed || n_a != n_b)
		return false;
	protobuf_c_message_pack(&a->base, packed);
	protobuf_c_message_pack(&b->base, packed + n_a);
	return !memcmp(packed, packed + n_a, n_a);
}

static const Helio__Log__V1__CursorConfig *config_of(
	const struct errand *errand)
{
	static const Helio__Log__V1__CursorConfig usual =
		HELIO__LOG__V1__CURSOR_CONFIG__INIT;
	const Helio__Log__V1__CreateCursorRequest *request =
		(const void *)errand->request;

	return request->config ? request->config : &usual;
}

/* It is on disk before it is answered. */
static void on_created(struct keeping *keeping, int r)
{
	struct errand *errand = keeping->userdata;

	if (r == 0)
		errand_answer(errand, answer_create);
	else
		errand_fail(errand,
			    r == -ENOSPC ? HELIO_RESOURCE_EXHAUSTED
					 : HELIO_UNAVAILABLE,
			    "the cursor cannot be written: %s", strerror(-r));
}

/* An empty keeping commits with the state that was put before it. */
static int answer_when_kept(struct errand *errand, struct keeper *keeper)
{
	struct keeping *keeping = keeping_new();

	if (!keeping)
		return -ENOMEM;
	keeping->is_delete = true;
	memcpy(keeping->key, "none", sizeof("none"));
	keeping->on_kept = on_created;
	keeping->userdata = errand;
	keeper_keep(keeper, keeping);
	return 0;
}

/* Then it is answered. */
static bool is_full(struct errand *errand, const struct keeper *keeper)
{
	char text[CURSOR_ROOM_TEXT_BYTES];

	if (cursor_has_room(keeper, errand->durable_id, config_of(errand),
			    text))
		return false;
	errand_fail(errand, HELIO_RESOURCE_EXHAUSTED, "%s", text);
	return true;
}

static void create_at(struct errand *errand, uint64_t sequence)
{
	struct keeper *keeper = service_log(errand);
	struct cursor *cursor;
	int r;

	/* Others may have been made while the place was sought. */
	if (!keeper || is_full(errand, keeper))
		return;
	if (cursor_of(errand)) {
		errand_fail(errand, HELIO_ABORTED,
			    "somebody else has just made it");
		return;
	}
	r = cursor_new(keeper, service_cursor(errand), errand->durable_id,
		       config_of(errand), &cursor);
	if (r < 0) {
		errand_fail(errand, HELIO_RESOURCE_EXHAUSTED, "no memory");
		return;
	}
	cursor_move(cursor, sequence);
	if (answer_when_kept(errand, keeper) < 0)
		errand_fail(errand, HELIO_RESOURCE_EXHAUSTED, "no memory");
}

void cursor_service_create(struct errand *errand)
{
	const Helio__Log__V1__CreateCursorRequest *request =
		(const void *)errand->request;
	struct keeper *keeper = service_log(errand);
	const struct cursor *cursor;
	const char *fault;

	/* Then the errand is over, and gone. */
	if (!keeper)
		return;
	fault = cursor_config_fault(config_of(errand));
	cursor = cursor_of(errand);
	if (fault)
		errand_fail(errand, HELIO_INVALID_ARGUMENT, "%s", fault);
	else if (cursor && is_config_equal(cursor->config, config_of(errand)))
		errand_answer(errand, answer_existing);
	else if (cursor)
		errand_fail(errand, HELIO_ALREADY_EXISTS,
			    "%s is there with another configuration",
			    service_cursor(errand));
	else if (!is_full(errand, keeper))
		find_place(errand, keeper, request->place, create_at);
}

/* ---- list ---- */

static int answer_list(struct errand *errand)
{
	Helio__Log__V1__ListCursorsReply reply =
		HELIO__LOG__V1__LIST_CURSORS_REPLY__INIT;
	struct keeper *keeper =
		keeper_lookup(logger_of(errand), errand->resource);
	_cleanup_(freep) Helio__Log__V1__Cursor *cursors = NULL;
	Helio__Log__V1__Cursor *shown[CURSORS_MAX];
	struct list *link;

	cursors = calloc(CURSORS_MAX, sizeof(*cursors));
	if (!keeper || !cursors)
		return helio_serving_fail(errand->serving,
					  keeper ? HELIO_RESOURCE_EXHAUSTED
						 : HELIO_NOT_FOUND,
					  keeper ? "no memory" : "no such log");
	reply.cursors = shown;
	list_for_each (link, &keeper->cursors) {
		if (reply.n_cursors == CURSORS_MAX)
			break;
		describe(container_of(link, struct cursor, link),
			 &cursors[reply.n_cursors]);
		shown[reply.n_cursors] = &cursors[reply.n_cursors];
		reply.n_cursors++;
	}
	return helio_serving_reply(errand->serving, &reply.base);
}

void cursor_service_list(struct errand *errand)
{
	if (service_log(errand))
		errand_answer(errand, answer_list);
}

/* ---- move, delete: by who made it, or who may administer the log ---- */

static void ask_owner(struct errand *errand,
		      void (*act)(struct errand *errand, struct cursor *cursor))
{
	struct access *access = &logger_of(errand)->access;
	struct cursor *cursor;
	int r = 1;

	if (!service_log(errand))
		return;
	cursor = cursor_of(errand);
	if (!cursor) {
		errand_fail(errand, HELIO_NOT_FOUND, "%s has no cursor %s",
			    errand->resource, service_cursor(errand));
		return;
	}
	if (strcmp(cursor->owner, errand->durable_id) != 0)
		r = errand_ask(errand, "log-admin", errand->resource);
	if (r == -EINPROGRESS)
		return;
	if (r == 1)
		act(errand, cursor);
	else
		errand_fail(errand, access_status(r), "%s%s",
			    r ? "" : "it is another's cursor, and ",
			    access_reason(access, r));
}

static int answer_move(struct errand *errand)
{
	Helio__Log__V1__MoveCursorReply reply =
		HELIO__LOG__V1__MOVE_CURSOR_REPLY__INIT;
	const struct cursor *cursor = cursor_of(errand);
	Helio__Log__V1__Cursor shown;

	if (!cursor)
		return answer_gone(errand);
	describe(cursor, &shown);
	reply.cursor = &shown;
	return helio_serving_reply(errand->serving, &reply.base);
}

static void move_to(struct errand *errand, uint64_t sequence)
{
	struct cursor *cursor = cursor_of(errand);

	if (cursor)
		cursor_move(cursor, sequence);
	errand_answer(errand, answer_move);
}

static void move(struct errand *errand, struct cursor *cursor)
{
	const Helio__Log__V1__MoveCursorRequest *request =
		(const void *)errand->request;

	find_place(errand, cursor->keeper, request->place, move_to);
}

void cursor_service_move(struct errand *errand)
{
	ask_owner(errand, move);
}

static int answer_delete(struct errand *errand)
{
	Helio__Log__V1__DeleteCursorReply reply =
		HELIO__LOG__V1__DELETE_CURSOR_REPLY__INIT;

	return helio_serving_reply(errand->serving, &reply.base);
}

static void on_deleted(struct keeping *keeping, int r)
{
	struct errand *errand = keeping->userdata;

	if (r == 0)
		errand_answer(errand, answer_delete);
	else
		errand_fail(errand, HELIO_UNAVAILABLE, "the log: %s",
			    strerror(-r));
}

static void delete (struct errand *errand, struct cursor *cursor)
{
	struct keeping *keeping = keeping_new();

	if (!keeping) {
		errand_fail(errand, HELIO_RESOURCE_EXHAUSTED, "no memory");
		return;
	}
	snprintf(keeping->key, sizeof(keeping->key), "cursor/%s", cursor->name);
	keeping->is_delete = true;
	keeping->on_kept = on_deleted;
	keeping->userdata = errand;
	cursor_forget(cursor);
	keeper_keep(cursor->keeper, keeping);
	cursor_remove(cursor);
}

void cursor_service_delete(struct errand *errand)
{
	ask_owner(errand, delete);
}
