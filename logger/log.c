/* SPDX-License-Identifier: MIT */

#include "logger/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "logger/home.h"
#include "logger/log_inside.h"
#include "storage/backend/row.h"

DEFINE_CLEANUP(struct log *, log_close);
DEFINE_CLEANUP(struct store_cursor *, store_cursor_close);

enum { THING_KEY_MAX = 512 };

int log_fail(struct log *log, int r)
{
	if (r < 0 && r != -ENOSPC && !log->broken)
		log->broken = r;
	return r;
}

static int log_new(struct backend *backend, const char *folder,
		   const struct log_limits *limits, struct log **ret_log)
{
	_cleanup_(log_closep) struct log *log = NULL;
	int r;

	log = calloc(1, sizeof(*log));
	if (!log)
		return -ENOMEM;
	log->backend = backend;
	log->limits = *limits;
	log->folder = strdup(folder);
	if (!log->folder)
		return -ENOMEM;
	r = sha256_new(&log->sha256);
	if (r >= 0)
		r = index_init(&log->index);
	if (r >= 0)
		r = accounts_init(&log->accounts);
	if (r < 0)
		return r;
	log->keys = (struct keys){
		.backend = backend,
		.folder = log->folder,
		.ledger = &log->ledger,
		.sha256 = log->sha256,
	};
	*ret_log = take_ptr(log);
	return 0;
}

/*
 * A state that says nothing of a log was left by one whose making was cut
 * short; unless there are segments, for then it was lost.
 */
static int make(struct log *log, struct fault *fault)
{
	int r;

	r = ledger_open(&log->ledger, log->backend, log->folder, 0, fault);
	ledger_close(&log->ledger);
	if (r >= 0)
		return -EEXIST;
	if (r != -ENOENT)
		return r;
	r = home_make(log->backend, log->folder);
	if (r < 0)
		return fault_of(fault, NULL, r);
	r = ledger_open(&log->ledger, log->backend, log->folder, STORE_CREATE,
			fault);
	if (r >= 0)
		r = ledger_found(&log->ledger);
	return r;
}

static int open_or_make(struct log *log, bool create, struct fault *fault)
{
	int r;

	r = home_look(log->backend, log->folder, fault);
	if (r < 0)
		return r;
	if (create)
		r = make(log, fault);
	else
		r = ledger_open(&log->ledger, log->backend, log->folder, 0,
				fault);
	if (r >= 0)
		r = log_recover(log, fault);
	return r;
}

int log_open(struct backend *backend, const char *folder, bool create,
	     const struct log_limits *limits, struct log **ret_log,
	     char **ret_why)
{
	_cleanup_(log_closep) struct log *log = NULL;
	struct fault fault = { .file = "state" };
	int r;

	r = log_new(backend, folder, limits, &log);
	if (r >= 0)
		r = open_or_make(log, create, &fault);
	if (r < 0) {
		fault_of(&fault, NULL, r);
		if (ret_why)
			*ret_why = fault_text(&fault);
		return r;
	}
	*ret_log = take_ptr(log);
	return 0;
}

struct log *log_close(struct log *log)
{
	if (!log)
		return NULL;
	keys_deinit(&log->keys);
	store_close(log->active.store);
	store_close(log->ended);
	ledger_close(&log->ledger);
	index_deinit(&log->index);
	accounts_deinit(&log->accounts);
	sha256_free(log->sha256);
	free(log->folder);
	free(log->verdicts);
	free(log->places);
	free(log);
	return NULL;
}

const struct log_status *log_status(const struct log *log)
{
	return &log->status;
}

void log_set_limits(struct log *log, const struct log_limits *limits)
{
	log->limits = *limits;
}

void log_count_segments(struct log *log)
{
	const struct ledger *ledger = &log->ledger;
	struct log_status *status = &log->status;
	uint64_t first = status->last + 1;

	status->bytes = log->active.n_bytes;
	status->n_segments = (unsigned)ledger->n_rows;
	for (size_t i = 0; i < ledger->n_rows; i++)
		status->bytes += ledger->rows[i].n_bytes;
	if (ledger->n_rows)
		first = ledger->rows[0].first;
	status->first = ledger->floor > first ? ledger->floor : first;
	if (status->first > status->last + 1)
		status->first = status->last + 1;
}

/* ---- small things ---- */

static int thing_key(const char *text, struct store_key *ret_key)
{
	size_t n = strlen(text);

	if (!n || n > THING_KEY_MAX)
		return -EINVAL;
	*ret_key = row_bytes(text, n);
	return 0;
}

static int begin_things(struct log *log)
{
	int r;

	if (log->broken)
		return -ESTALE;
	r = ledger_begin(&log->ledger);
	if (r >= 0)
		log->ledger.has_things = true;
	return log_fail(log, r);
}

/* What fails in a transaction undoes all of it; the next commit says so. */
static int end_things(struct log *log, int r)
{
	int undone;

	if (r >= 0)
		return 0;
	undone = ledger_undo(&log->ledger);
	log_fail(log, undone);
	return log_fail(log, r);
}

/* Its value and its checksum are of any length. */
int log_state_put(struct log *log, const char *key, const void *value,
		  size_t n_value)
{
	struct store_key at;
	int r;

	r = thing_key(key, &at);
	if (r < 0)
		return r;
	r = begin_things(log);
	if (r < 0)
		return r;
	return end_things(log, row_put(log->ledger.store, LEDGER_THINGS, &at,
				       value, n_value));
}

int log_state_delete(struct log *log, const char *key)
{
	struct store_key at;
	int r;

	r = thing_key(key, &at);
	if (r < 0)
		return r;
	r = begin_things(log);
	if (r < 0)
		return r;
	return end_things(log,
			  store_delete(log->ledger.store, LEDGER_THINGS, &at));
}

int log_state_commit(struct log *log)
{
	int r;

	if (log->broken)
		return -ESTALE;
	if (log->ledger.is_lost) {
		ledger_undo(&log->ledger);
		log->ledger.is_lost = false;
		return -ENOSPC;
	}
	r = ledger_commit(&log->ledger, false);
	if (r < 0) {
		end_things(log, r);
		log->ledger.is_lost = false;
	}
	return r;
}

static int each_thing(struct store_cursor *cursor, const char *prefix,
		      int (*on_each)(const char *key, const void *value,
				     size_t n_value, void *userdata),
		      void *userdata)
{
	struct store_key key = store_cursor_key(cursor);
	char text[THING_KEY_MAX + 1];
	const void *value;
	size_t n;
	int r;

	if (key.n_bytes > THING_KEY_MAX)
		return -EBADMSG;
	memcpy(text, key.bytes, key.n_bytes);
	text[key.n_bytes] = '\0';
	if (strncmp(text, prefix, strlen(prefix)) != 0)
		return 1;
	r = store_cursor_value(cursor, &value, &n);
	if (r >= 0)
		r = row_check(&key, value, n, &n);
	return r < 0 ? r : on_each(text, value, n, userdata);
}

static int each(struct log *log, const char *prefix,
		int (*on_each)(const char *key, const void *value,
			       size_t n_value, void *userdata),
		void *userdata)
{
	_cleanup_(store_cursor_closep) struct store_cursor *cursor = NULL;
	const struct store_key key = row_bytes(prefix, strlen(prefix));
	int r;

	r = store_cursor_open(log->ledger.store, LEDGER_THINGS,
			      STORE_AT_OR_AFTER, *prefix ? &key : NULL,
			      &cursor);
	while (r >= 0 && (r = store_cursor_next(cursor)) > 0) {
		r = each_thing(cursor, prefix, on_each, userdata);
		if (r > 0)
			return 0;
	}
	return r;
}

int log_state_each(struct log *log, const char *prefix,
		   int (*on_each)(const char *key, const void *value,
				  size_t n_value, void *userdata),
		   void *userdata)
{
	bool is_inside = log->ledger.is_open;
	int r;

	r = is_inside ? 0 : store_snapshot(log->ledger.store);
	if (r < 0)
		return r;
	r = each(log, prefix, on_each, userdata);
	if (!is_inside)
		store_end(log->ledger.store);
	return r;
}
