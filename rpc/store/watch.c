/* SPDX-License-Identifier: MIT */

/*
 * A watch: what is there is listed page by page, all as of one revision; then
 * comes a stream of changes after it. Both can be asked again at any point.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/list.h"
#include "helio/store/v1/store.helio.h"
#include "rpc/heliograph-store.h"
#include "rpc/store/pursuit.h"
#include "rpc/typed/attachment.h"

enum { PAGE_TIMEOUT_MS = 10000, WINDOW_BYTES = 256 << 10 };

struct helio_kv_watch {
	struct pursuit pages;
	struct attachment attachment;
	struct helio_kv_watch_options options;
	void *userdata;
	char *texts; /* owned: bucket, and key or prefix */
	char *bucket;
	char *key;
	char *prefix;
	char *cursor;      /* of the next page; owned */
	uint64_t revision; /* all up to it was told */
	/* Entries of the transaction after it that were told already, */
	size_t n_told;
	size_t n_skipped; /* and of these, how many came again */
	bool is_live;
	unsigned n_inside; /* functions that use it after a callback */
	bool is_freed;     /* once they are left */
};

static struct helio_kv_watch *watch_of(struct attachment *attachment)
{
	return container_of(attachment, struct helio_kv_watch, attachment);
}

static void watch_free(struct helio_kv_watch *watch)
{
	pursuit_deinit(&watch->pages);
	attachment_deinit(&watch->attachment);
	free(watch->cursor);
	free(watch->texts);
	free(watch);
}

static void watch_freep(struct helio_kv_watch **watch)
{
	if (*watch)
		watch_free(*watch);
}

/* False: it is gone. */
static bool leave(struct helio_kv_watch *watch)
{
	if (--watch->n_inside > 0 || !watch->is_freed)
		return true;
	watch_free(watch);
	return false;
}

void helio_kv_watch_free(struct helio_kv_watch *watch)
{
	if (!watch)
		return;
	watch->is_freed = true;
	watch->n_inside++;
	leave(watch);
}

uint64_t helio_kv_watch_revision(const struct helio_kv_watch *watch)
{
	return watch->revision;
}

static bool is_wanted(const struct helio_kv_watch *watch)
{
	return !watch->is_freed && !watch->attachment.is_over;
}

/* ---- telling ---- */

static const char *text_of(const char *text)
{
	return text ? text : "";
}

static void tell_entry(struct helio_kv_watch *watch,
		       const Helio__Store__V1__Entry *from)
{
	const struct helio_kv_entry entry = {
		.key = text_of(from->key),
		.has_value = from->has_value,
		.value = from->value.data,
		.n_value = from->value.len,
		.revision = from->revision,
		.created_revision = from->created_revision,
		.unix_ms = from->unix_ms,
		.expires_unix_ms = from->expires_unix_ms,
		.is_deleted = from->is_deleted,
		.is_expired = from->is_expired,
		.writer = text_of(from->writer),
		.writer_durable_id = text_of(from->writer_durable_id),
	};

	watch->options.on_entry(watch, &entry, watch->userdata);
}

static void tell_revision(struct helio_kv_watch *watch, uint64_t revision)
{
	watch->revision = revision;
	watch->n_told = watch->n_skipped = 0;
	if (watch->options.on_revision && is_wanted(watch))
		watch->options.on_revision(watch, revision, watch->userdata);
}

static void tell_end(struct helio_kv_watch *watch, unsigned status,
		     const char *reason)
{
	if (watch->options.on_end && !watch->is_freed)
		watch->options.on_end(watch, status, reason, watch->userdata);
}

static void tell_interrupted(struct helio_kv_watch *watch, unsigned status,
			     const char *reason)
{
	if (watch->options.on_interrupted && !watch->is_freed)
		watch->options.on_interrupted(watch, status, reason,
					      watch->userdata);
}

/* ---- what changes ---- */

/* One that was told before the stream was lost in the middle of it. */
static bool is_told(struct helio_kv_watch *watch)
{
	if (watch->n_skipped == watch->n_told)
		return false;
	watch->n_skipped++;
	return true;
}

static void tell_changes(struct helio_kv_watch *watch,
			 const Helio__Store__V1__WatchReply *reply)
{
	for (size_t i = 0; i < reply->n_entries && is_wanted(watch); i++) {
		if (is_told(watch))
			continue;
		watch->n_told++;
		watch->n_skipped++;
		tell_entry(watch, reply->entries[i]);
	}
	if (reply->has_revision && is_wanted(watch))
		tell_revision(watch, reply->revision);
	if (!reply->is_live || watch->is_live || !is_wanted(watch))
		return;
	watch->is_live = true;
	if (watch->options.on_live)
		watch->options.on_live(watch, watch->userdata);
}

static void on_message(struct helio_stream *stream,
		       const Helio__Store__V1__WatchReply *reply,
		       void *userdata)
{
	struct helio_kv_watch *watch = userdata;

	(void)stream;
	attachment_is_served(&watch->attachment);
	watch->n_inside++;
	tell_changes(watch, reply);
	leave(watch);
}

static void on_stream_end(struct helio_stream *stream,
			  const struct helio_reply *reply,
			  const Helio__Store__V1__WatchReply *null,
			  void *userdata)
{
	struct helio_kv_watch *watch = userdata;

	(void)stream;
	(void)null;
	attachment_stream_ended(&watch->attachment, reply);
}

static int open_watch(struct attachment *attachment,
		      struct helio_stream **ret_stream)
{
	static const struct helio__store__v1__buckets__watch__events events = {
		.on_message = on_message,
		.on_end = on_stream_end,
	};
	Helio__Store__V1__WatchRequest request =
		HELIO__STORE__V1__WATCH_REQUEST__INIT;
	struct helio_kv_watch *watch = watch_of(attachment);

	watch->n_skipped = 0;
	request.bucket = watch->bucket;
	request.key = watch->key;
	request.prefix = watch->prefix;
	request.has_after = true;
	request.after = watch->revision;
	request.has_keys_only = watch->options.is_keys_only;
	request.keys_only = watch->options.is_keys_only;
	return helio__store__v1__buckets__watch__stream(
		attachment->client, &request, &events, watch, ret_stream);
}

static bool on_lost(struct attachment *attachment)
{
	struct helio_kv_watch *watch = watch_of(attachment);

	watch->n_inside++;
	tell_interrupted(watch, attachment->status, attachment->reason);
	return leave(watch);
}

static void on_end(struct attachment *attachment)
{
	struct helio_kv_watch *watch = watch_of(attachment);

	watch->n_inside++;
	tell_end(watch, attachment->status, attachment->reason);
	leave(watch);
}

static int start_stream(struct helio_kv_watch *watch, bool is_waiting)
{
	static const struct attachment_events events = {
		.open = open_watch,
		.on_lost = on_lost,
		.on_end = on_end,
	};
	uint32_t window_bytes = watch->options.window_bytes;

	watch->attachment = (struct attachment){
		.events = &events,
		.bus = watch->pages.bus,
		.type = &helio__store__v1__buckets__type,
		.window_bytes = window_bytes ? window_bytes : WINDOW_BYTES,
		.is_waiting = is_waiting,
	};
	return attachment_init(&watch->attachment);
}

/* ---- what is there ---- */

static bool is_in(const struct helio_kv_watch *watch,
		  const Helio__Store__V1__Entry *entry)
{
	return !watch->key || strcmp(watch->key, text_of(entry->key)) == 0;
}

/* Returns 0 or a negative errno. */
static int go_on(struct helio_kv_watch *watch,
		 const Helio__Store__V1__ListReply *page)
{
	bool has_more = page->next && *page->next && !watch->key;

	free(take_ptr(watch->cursor));
	if (has_more) {
		watch->cursor = strdup(page->next);
		return watch->cursor ? pursuit_ask(&watch->pages) : -ENOMEM;
	}
	pursuit_deinit(&watch->pages);
	tell_revision(watch, page->revision);
	return watch->is_freed ? 0 : start_stream(watch, true);
}

static void take_page(struct helio_kv_watch *watch,
		      const Helio__Store__V1__ListReply *page)
{
	int r = 0;

	pursuit_is_answered(&watch->pages);
	for (size_t i = 0; i < page->n_entries && !watch->is_freed; i++)
		if (is_in(watch, page->entries[i]))
			tell_entry(watch, page->entries[i]);
	if (!watch->is_freed)
		r = go_on(watch, page);
	if (r < 0)
		tell_end(watch, HELIO_RESOURCE_EXHAUSTED, strerror(-r));
}

static void on_page(const Helio__Store__V1__ListReply *page, void *userdata)
{
	struct helio_kv_watch *watch = userdata;
	const struct helio_reply *reply =
		helio_client_reply(watch->pages.client);

	watch->n_inside++;
	if (page)
		take_page(watch, page);
	else if (pursuit_repeats(&watch->pages))
		tell_interrupted(watch, reply->status, reply->reason);
	else
		tell_end(watch, reply->status, reply->reason);
	leave(watch);
}

static void ask_page(struct pursuit *pursuit)
{
	struct helio_kv_watch *watch =
		container_of(pursuit, struct helio_kv_watch, pages);
	Helio__Store__V1__ListRequest request =
		HELIO__STORE__V1__LIST_REQUEST__INIT;

	request.bucket = watch->bucket;
	/* The key itself is the first of those that begin with it. */
	request.prefix = watch->key ? watch->key : watch->prefix;
	request.has_limit = watch->key != NULL;
	request.limit = 1;
	request.has_keys_only = watch->options.is_keys_only;
	request.keys_only = watch->options.is_keys_only;
	request.cursor = watch->cursor;
	helio__store__v1__buckets__list(helio_client_service(pursuit->client),
					&request, on_page, watch);
}

/* ---- beginning ---- */

static int keep_texts(struct helio_kv_watch *watch, const char *bucket)
{
	const struct helio_kv_watch_options *options = &watch->options;
	const char *what = options->key ? options->key : options->prefix;
	size_t n_bucket = strlen(bucket) + 1;
	size_t n_what = what ? strlen(what) + 1 : 0;
	char *at;

	watch->texts = malloc(n_bucket + n_what);
	if (!watch->texts)
		return -ENOMEM;
	watch->bucket = memcpy(watch->texts, bucket, n_bucket);
	if (!what)
		return 0;
	at = memcpy(watch->texts + n_bucket, what, n_what);
	if (options->key)
		watch->key = at;
	else
		watch->prefix = at;
	return 0;
}

static int begin(struct helio_kv_watch *watch)
{
	int r;

	if (watch->options.has_after) {
		watch->revision = watch->options.after;
		return start_stream(watch, watch->options.is_waiting);
	}
	r = pursuit_init(&watch->pages);
	return r < 0 ? r : pursuit_ask(&watch->pages);
}

int helio_kv_watch(struct helio *bus, const char *bucket,
		   const struct helio_kv_watch_options *options, void *userdata,
		   struct helio_kv_watch **ret_watch)
{
	_cleanup_(watch_freep) struct helio_kv_watch *watch = NULL;
	int r;

	if (!options->on_entry || !bucket || (options->key && options->prefix))
		return -EINVAL;
	watch = calloc(1, sizeof(*watch));
	if (!watch)
		return -ENOMEM;
	watch->options = *options;
	watch->userdata = userdata;
	watch->pages = (struct pursuit){
		.bus = bus,
		.type = &helio__store__v1__buckets__type,
		.ask = ask_page,
		.timeout_ms = PAGE_TIMEOUT_MS,
		.is_waiting = options->is_waiting,
	};
	r = keep_texts(watch, bucket);
	if (r == 0)
		r = begin(watch);
	if (r < 0)
		return r;
	*ret_watch = take_ptr(watch);
	return 0;
}
