/* SPDX-License-Identifier: MIT */

/* helio kv watch: what is in a bucket, then what changes. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/exit.h"
#include "cli/kv.h"
#include "cli/kv_entry.h"
#include "cli/loop.h"
#include "cli/output.h"
#include "rpc/heliograph-store.h"

struct watcher {
	struct kv kv;
	struct loop loop;
	struct helio_kv_watch *watch;
	uint64_t n_shown;
};

DEFINE_CLEANUP(struct helio_kv_watch *, helio_kv_watch_free);

static void on_entry(struct helio_kv_watch *watch,
		     const struct helio_kv_entry *from, void *userdata)
{
	Helio__Store__V1__Entry entry = HELIO__STORE__V1__ENTRY__INIT;
	struct watcher *watcher = userdata;

	entry.key = stores_text(from->key);
	entry.has_value = from->has_value;
	entry.value.len = from->n_value;
	entry.value.data = (uint8_t *)stores_text(from->value);
	entry.revision = from->revision;
	entry.unix_ms = from->unix_ms;
	entry.created_revision = from->created_revision;
	entry.is_deleted = from->is_deleted;
	entry.is_expired = from->is_expired;
	entry.expires_unix_ms = from->expires_unix_ms;
	entry.writer = stores_text(from->writer);
	entry.writer_durable_id = stores_text(from->writer_durable_id);
	if (watcher->n_shown >= watcher->kv.limit)
		return;
	kv_entry_write(&entry, &watcher->kv);
	if (++watcher->n_shown == watcher->kv.limit)
		loop_end(&watcher->loop, EXIT_OK);
}

static void on_live(struct helio_kv_watch *watch, void *userdata)
{
	struct watcher *watcher = userdata;

	talk("%s: revision %" PRIu64 "; what comes now happens now",
	     watcher->kv.bucket, helio_kv_watch_revision(watch));
}

static void on_interrupted(struct helio_kv_watch *watch, unsigned status,
			   const char *reason, void *userdata)
{
	struct watcher *watcher = userdata;

	talk("%s: the store is away (%s); waiting for it", watcher->kv.bucket,
	     reason);
}

static void on_end(struct helio_kv_watch *watch, unsigned status,
		   const char *reason, void *userdata)
{
	struct watcher *watcher = userdata;
	const struct kv *kv = &watcher->kv;

	loop_end(&watcher->loop,
		 stores_complain(kv->bucket, kv->key, (int)status, reason));
}

static int watch(struct watcher *watcher, struct helio *bus)
{
	_cleanup_(helio_kv_watch_freep) struct helio_kv_watch *kv_watch = NULL;
	const struct kv *kv = &watcher->kv;
	const struct helio_kv_watch_options options = {
		.key = kv->is_one_key ? kv->key : NULL,
		.prefix = kv->is_one_key ? NULL : kv->key,
		.has_after = kv->after != STORES_UNSET,
		.after = kv->after,
		.is_keys_only = kv->is_keys_only,
		.on_entry = on_entry,
		.on_live = on_live,
		.on_interrupted = on_interrupted,
		.on_end = on_end,
	};
	int r = loop_init(&watcher->loop, bus, EXIT_OK);

	if (r == 0)
		r = helio_kv_watch(bus, kv->bucket, &options, watcher,
				   &kv_watch);
	if (r < 0)
		return stores_complain(kv->bucket, kv->key, r, NULL);
	return loop_run(&watcher->loop);
}

static int run(const void *settings)
{
	_cleanup_(session_close) struct session session = { 0 };
	struct watcher watcher = { .kv = *(const struct kv *)settings };
	int r;

	if (watcher.kv.is_one_key && !watcher.kv.key) {
		talk("%s: --key takes the key in place of PREFIX",
		     watcher.kv.bucket);
		return EXIT_USAGE;
	}
	r = session_open(&session, &watcher.kv.common, true);
	if (r == EXIT_OK)
		r = watch(&watcher, session.bus);
	loop_deinit(&watcher.loop);
	return r;
}

static const struct option options[] = {
	KV_ROW_PATHS,
	KV_ROW_WRITERS,
	KV_ROW_KEYS_ONLY,
	{ 0, "key", OPTION_FLAG, offsetof(struct kv, is_one_key), NULL,
	  "PREFIX is one whole key" },
	{ 0, "after", OPTION_NUMBER, offsetof(struct kv, after), "REVISION",
	  "only changes, from there on" },
	{ 'n', "count", OPTION_NUMBER, offsetof(struct kv, limit), "N",
	  "end after N lines" },
	OPTION_ROWS_STORE,
};

const struct command command_kv_watch = {
	.name = "kv watch",
	.summary = "show keys, and then whatever changes",
	.description =
		"A line for each key that is there, then one for each change, "
		"written as `kv ls` writes them. When the connection or the "
		"store is lost it goes on where it was, without a gap and "
		"without a repeat. Standard error tells when all that was "
		"there has been shown. With -o json, each is an object in a "
		"line of its own.",
	.options = options,
	.arguments = kv_prefix_arguments,
	.defaults = &kv_defaults,
	.n_settings = sizeof(struct kv),
	.run = run,
};
