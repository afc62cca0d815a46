/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "logger/verify_inside.h"

/* ---- segments ---- */

static int check_birth(struct verify *verify, const struct segment_row *row)
{
	struct segment_birth birth;
	int r;

	r = segment_get_birth(verify->store, &birth);
	if (r < 0 && r != -EBADMSG)
		return r;
	if (r <= 0 && row->state == SEGMENT_COMING)
		return r;
	if (r <= 0 || birth.first != row->first ||
	    birth.number != row->number || birth.first_ns != row->first_ns ||
	    memcmp(birth.uuid, verify->ledger.uuid, LOG_UUID_BYTES) != 0 ||
	    memcmp(birth.previous_hash, verify->head_hash, SHA256_BYTES) != 0)
		return fault_found(&verify->fault, row->first,
				   "it is a segment of another place");
	return 0;
}

static int check_end(struct verify *verify, const struct segment_row *row)
{
	uint64_t end;
	int r;

	if (row->state == SEGMENT_ACTIVE && verify->last < row->first)
		return fault_found(&verify->fault, row->first,
				   "it had records, and has none");
	if (row->state < SEGMENT_ENDED)
		return 0;
	r = segment_get_end(verify->store, &end);
	if (r < 0 && r != -EBADMSG)
		return r;
	if (r <= 0 || end != row->last || verify->last != row->last ||
	    verify->last_ns != row->last_ns ||
	    memcmp(verify->head_hash, row->head_hash, SHA256_BYTES) != 0)
		return fault_found(&verify->fault, verify->last + 1,
				   "it does not end as state says");
	return verify_sums(verify);
}

/* Records first, so that it is the record that is named. */
static int check_inside(struct verify *verify, const struct segment_row *row)
{
	int r;

	r = check_birth(verify, row);
	if (r >= 0)
		r = verify_runs(verify);
	if (r >= 0)
		r = verify_tables(verify);
	if (r >= 0)
		r = check_end(verify, row);
	store_end(verify->store);
	if (r >= 0)
		r = store_check(verify->store);
	return fault_of(&verify->fault, verify->store, r);
}

static int open_segment(struct verify *verify, const struct segment_row *row)
{
	_cleanup_(freep) char *path =
		segment_path(verify->folder, row->first, row->first_ns);
	unsigned flags = STORE_READ_ONLY;
	int r;

	if (!path)
		return -ENOMEM;
	fault_at(&verify->fault, path);
	if (row->state == SEGMENT_SEALED)
		flags |= STORE_SEALED;
	r = store_open(verify->backend, path, &segment_layout, flags,
		       &verify->store);
	if (r == -ENOENT)
		return r;
	if (r < 0)
		return fault_of(&verify->fault, NULL, r);
	r = store_snapshot(verify->store);
	if (r < 0)
		verify->store = store_close(verify->store);
	return fault_of(&verify->fault, NULL, r);
}

/* With what the chain begins: what was removed is known by its hash. */
static int begin_chain(struct verify *verify)
{
	const struct ledger *ledger = &verify->ledger;
	struct segment_row removed;
	int r;

	r = store_snapshot(ledger->store);
	if (r < 0)
		return r;
	r = ledger_last_removed(&verify->ledger, &removed);
	store_end(ledger->store);
	if (r <= 0)
		return r;
	verify->last = removed.last;
	verify->last_ns = removed.last_ns;
	memcpy(verify->head_hash, removed.head_hash, SHA256_BYTES);
	return 0;
}

/* One that is not there may have been removed since the ledger was read. */
static int check_missing(struct verify *verify, const struct segment_row *row)
{
	uint64_t first = row->first;
	bool is_coming = row->state == SEGMENT_COMING;
	int r;

	if (is_coming)
		return 0;
	r = ledger_refresh(&verify->ledger);
	if (r < 0)
		return r;
	row = ledger_find(&verify->ledger, first);
	if (row && row->first == first)
		return fault_found(&verify->fault, first, "it is missing");
	return begin_chain(verify);
}

static int check_segment(struct verify *verify, const struct segment_row *row)
{
	struct segment_row copy = *row;
	int r;

	verify->done = copy.first;
	r = open_segment(verify, &copy);
	if (r == -ENOENT)
		return check_missing(verify, &copy);
	if (r < 0)
		return r;
	verify->finding.n_segments++;
	r = check_inside(verify, &copy);
	verify->store = store_close(verify->store);
	return r;
}

/* ---- all of it ---- */

static const struct segment_row *next_row(const struct verify *verify)
{
	for (size_t i = 0; i < verify->ledger.n_rows; i++)
		if (verify->ledger.rows[i].first > verify->done)
			return &verify->ledger.rows[i];
	return NULL;
}

static int check_ledger(struct verify *verify)
{
	struct store *store = verify->ledger.store;
	uint64_t n;
	int r;

	r = store_snapshot(store);
	if (r < 0)
		return r;
	for (unsigned table = 0; r >= 0 && table < LEDGER_TABLES; table++)
		r = verify_rows(verify, store, table, &n);
	store_end(store);
	if (r >= 0)
		r = store_check(store);
	return fault_of(&verify->fault, store, r);
}

static int check_all(struct verify *verify)
{
	const struct segment_row *row;
	int r;

	r = ledger_open(&verify->ledger, verify->backend, verify->folder,
			STORE_READ_ONLY, &verify->fault);
	if (r >= 0)
		r = begin_chain(verify);
	while (r >= 0 && (row = next_row(verify)))
		r = check_segment(verify, row);
	if (r < 0)
		return r;
	fault_at(&verify->fault, "state");
	return check_ledger(verify);
}

static void tell(const struct verify *verify, int r,
		 struct log_finding *ret_finding)
{
	const struct fault *fault = &verify->fault;

	*ret_finding = verify->finding;
	ret_finding->is_good = !r;
	if (!r)
		return;
	ret_finding->bad_sequence = fault->sequence;
	memcpy(ret_finding->file, fault->file, sizeof(ret_finding->file));
	memcpy(ret_finding->fault, fault->text, sizeof(ret_finding->fault));
	if (!ret_finding->fault[0])
		snprintf(ret_finding->fault, sizeof(ret_finding->fault), "%s",
			 r == -EBADMSG ? "damaged" : strerror(-r));
}

int log_verify(struct backend *backend, const char *folder,
	       struct log_finding *ret_finding)
{
	struct verify verify = { .backend = backend, .folder = folder };
	int r;

	r = sha256_new(&verify.sha256);
	if (r >= 0)
		r = index_init(&verify.index);
	if (r >= 0)
		r = check_all(&verify);
	if (r >= 0 || r == -EBADMSG) {
		tell(&verify, r < 0 ? r : 0, ret_finding);
		r = 0;
	}
	store_close(verify.store);
	ledger_close(&verify.ledger);
	index_deinit(&verify.index);
	run_reader_deinit(&verify.reader);
	sha256_free(verify.sha256);
	return r;
}
