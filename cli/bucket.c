/* SPDX-License-Identifier: MIT */

/* helio bucket: which there are, and how they are set up. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/command.h"
#include "cli/exit.h"
#include "cli/json.h"
#include "cli/output.h"
#include "cli/stores.h"
#include "cli/table.h"
#include "cli/text.h"

struct bucket {
	struct common common;
	const char *name;
	uint64_t history; /* or STORES_UNSET, as the others */
	uint64_t ttl_ms;
	uint64_t bytes;
	uint64_t keys;
	uint64_t value;
	uint64_t window;
};

static const struct column columns[] = {
	{ "BUCKET", "name", CELL_TEXT },
	{ "KEYS", "keys", CELL_NUMBER },
	{ "BYTES", "bytes", CELL_BYTES },
	{ "FIRST", "first_revision", CELL_NUMBER },
	{ "REVISION", "revision", CELL_NUMBER },
	{ "WATCHES", "watches", CELL_NUMBER },
	{ "OWNER", "owner", CELL_TEXT },
};
#define N_COLUMNS (sizeof(columns) / sizeof(*columns))

static int add_bucket(struct table *table,
		      const Helio__Store__V1__Bucket *bucket)
{
	const struct cell cells[N_COLUMNS] = {
		cell_text(bucket->name),
		cell_number(bucket->keys),
		cell_number(bucket->bytes),
		cell_number(bucket->first_revision),
		cell_number(bucket->revision),
		cell_number(bucket->watches),
		cell_text(bucket->owner),
	};

	return table_add(table, cells);
}

static int list_page(struct stores *stores, char **cursor, struct table *table)
{
	Helio__Store__V1__ListBucketsRequest request =
		HELIO__STORE__V1__LIST_BUCKETS_REQUEST__INIT;
	const Helio__Store__V1__ListBucketsReply *page = NULL;
	int r;

	request.cursor = *cursor;
	r = STORES_CALL(stores, buckets__list_buckets, &request, &page);
	if (r != EXIT_OK)
		return r;
	for (size_t i = 0; i < page->n_buckets; i++)
		if (add_bucket(table, page->buckets[i]) < 0)
			return session_complain("bucket ls", -ENOMEM, NULL);
	free(*cursor);
	*cursor = page->next && *page->next ? strdup(page->next) : NULL;
	return EXIT_OK;
}

static int open_buckets(struct stores *stores, const struct bucket *bucket,
			const char *thing)
{
	return stores_open(stores, &bucket->common,
			   &helio__store__v1__buckets__type, thing, NULL);
}

static int run_ls(const void *settings)
{
	_cleanup_(stores_close) struct stores stores = { 0 };
	_cleanup_(table_deinit) struct table table;
	_cleanup_(freep) char *cursor = NULL;
	const struct bucket *bucket = settings;
	int r;

	table_init(&table, columns, N_COLUMNS);
	r = open_buckets(&stores, bucket, "bucket ls");
	do {
		if (r == EXIT_OK)
			r = list_page(&stores, &cursor, &table);
	} while (r == EXIT_OK && cursor);
	if (r == EXIT_OK)
		table_write(&table, bucket->common.format);
	return r;
}

/* ---- one of them ---- */

static void write_text_of(const Helio__Store__V1__Bucket *bucket)
{
	const Helio__Store__V1__BucketConfig *config = bucket->config;

	text_write_escaped(stdout, bucket->name, strlen(bucket->name));
	fputc('\n', stdout);
	stores_show_number("keys", bucket->keys);
	stores_show_number("bytes", bucket->bytes);
	stores_show_number("first revision", bucket->first_revision);
	stores_show_number("revision", bucket->revision);
	stores_show_number("created", bucket->created_revision);
	stores_show_number("watches", bucket->watches);
	stores_show_text("owner", bucket->owner);
	if (!config)
		return;
	stores_show_limit("history", config->history);
	stores_show_ms("time to live", config->ttl_ms);
	stores_show_limit("bytes max", config->bytes_max);
	stores_show_limit("keys max", config->keys_max);
	stores_show_limit("value max", config->value_max);
	stores_show_limit("window, bytes", config->window_bytes);
}

static void json_config(struct json *json,
			const Helio__Store__V1__BucketConfig *config)
{
	json_key(json, "config");
	json_open(json, '{');
	stores_json_limit(json, "history", config->history);
	stores_json_limit(json, "ttl_ms", config->ttl_ms);
	stores_json_limit(json, "bytes_max", config->bytes_max);
	stores_json_limit(json, "keys_max", config->keys_max);
	stores_json_limit(json, "value_max", config->value_max);
	stores_json_limit(json, "window_bytes", config->window_bytes);
	json_close(json, '}');
}

static void write_json_of(const Helio__Store__V1__Bucket *bucket)
{
	struct json json = { .out = stdout };

	json_open(&json, '{');
	stores_json_text(&json, "name", bucket->name);
	stores_json_number(&json, "keys", bucket->keys);
	stores_json_number(&json, "bytes", bucket->bytes);
	stores_json_number(&json, "first_revision", bucket->first_revision);
	stores_json_number(&json, "revision", bucket->revision);
	stores_json_number(&json, "created_revision", bucket->created_revision);
	stores_json_number(&json, "watches", bucket->watches);
	stores_json_text(&json, "owner", bucket->owner);
	stores_json_text(&json, "owner_durable_id", bucket->owner_durable_id);
	if (bucket->config)
		json_config(&json, bucket->config);
	json_close(&json, '}');
	fputc('\n', stdout);
}

static int show(const struct bucket *settings,
		const Helio__Store__V1__Bucket *bucket)
{
	if (!bucket || !bucket->name) {
		talk("%s: the store's answer has no bucket", settings->name);
		return EXIT_INTERNAL;
	}
	if (settings->common.format == FORMAT_JSON)
		write_json_of(bucket);
	else
		write_text_of(bucket);
	return EXIT_OK;
}

static int run_show(const void *settings)
{
	Helio__Store__V1__ShowBucketRequest request =
		HELIO__STORE__V1__SHOW_BUCKET_REQUEST__INIT;
	const Helio__Store__V1__ShowBucketReply *reply = NULL;
	_cleanup_(stores_close) struct stores stores = { 0 };
	const struct bucket *bucket = settings;
	int r = open_buckets(&stores, bucket, bucket->name);

	request.name = stores_text(bucket->name);
	if (r == EXIT_OK)
		r = STORES_CALL(&stores, buckets__show, &request, &reply);
	if (r != EXIT_OK)
		return r;
	return show(bucket, reply->bucket);
}

/* ---- setting up ---- */

static void fill_config(const struct bucket *bucket,
			Helio__Store__V1__BucketConfig *config)
{
	config->has_history = bucket->history != STORES_UNSET;
	config->history = bucket->history > UINT32_MAX
				  ? UINT32_MAX
				  : (uint32_t)bucket->history;
	config->has_ttl_ms = bucket->ttl_ms != STORES_UNSET;
	config->ttl_ms = bucket->ttl_ms;
	config->has_bytes_max = bucket->bytes != STORES_UNSET;
	config->bytes_max = bucket->bytes;
	config->has_keys_max = bucket->keys != STORES_UNSET;
	config->keys_max = bucket->keys;
	config->has_value_max = bucket->value != STORES_UNSET;
	config->value_max = bucket->value;
	config->has_window_bytes = bucket->window != STORES_UNSET;
	config->window_bytes = bucket->window;
}

/* How it is set up now; for people, no news is good news. */
static int tell(const struct bucket *settings,
		const Helio__Store__V1__Bucket *bucket)
{
	return settings->common.format == FORMAT_JSON ? show(settings, bucket)
						      : EXIT_OK;
}

static int run_create(const void *settings)
{
	Helio__Store__V1__CreateBucketRequest request =
		HELIO__STORE__V1__CREATE_BUCKET_REQUEST__INIT;
	Helio__Store__V1__BucketConfig config =
		HELIO__STORE__V1__BUCKET_CONFIG__INIT;
	const Helio__Store__V1__CreateBucketReply *reply = NULL;
	_cleanup_(stores_close) struct stores stores = { 0 };
	const struct bucket *bucket = settings;
	int r = open_buckets(&stores, bucket, bucket->name);

	fill_config(bucket, &config);
	request.name = stores_text(bucket->name);
	request.config = &config;
	if (r == EXIT_OK)
		r = STORES_CALL(&stores, buckets__create, &request, &reply);
	if (r != EXIT_OK)
		return r;
	if (reply->was_there)
		talk("%s: it was there already", bucket->name);
	return tell(bucket, reply->bucket);
}

static int run_change(const void *settings)
{
	Helio__Store__V1__ChangeBucketRequest request =
		HELIO__STORE__V1__CHANGE_BUCKET_REQUEST__INIT;
	Helio__Store__V1__BucketConfig config =
		HELIO__STORE__V1__BUCKET_CONFIG__INIT;
	const Helio__Store__V1__ChangeBucketReply *reply = NULL;
	_cleanup_(stores_close) struct stores stores = { 0 };
	const struct bucket *bucket = settings;
	int r = open_buckets(&stores, bucket, bucket->name);

	fill_config(bucket, &config);
	request.name = stores_text(bucket->name);
	request.config = &config;
	if (r == EXIT_OK)
		r = STORES_CALL(&stores, buckets__change, &request, &reply);
	if (r != EXIT_OK)
		return r;
	return tell(bucket, reply->bucket);
}

static int run_drop(const void *settings)
{
	Helio__Store__V1__DropBucketRequest request =
		HELIO__STORE__V1__DROP_BUCKET_REQUEST__INIT;
	const Helio__Store__V1__DropBucketReply *reply = NULL;
	_cleanup_(stores_close) struct stores stores = { 0 };
	const struct bucket *bucket = settings;
	int r = open_buckets(&stores, bucket, bucket->name);

	if (r != EXIT_OK)
		return r;
	request.name = stores_text(bucket->name);
	return STORES_CALL(&stores, buckets__drop, &request, &reply);
}

/* ---- tables ---- */

static const struct bucket defaults = {
	.common.timeout_ms = TIMEOUT_DEFAULT_MS,
	.history = STORES_UNSET,
	.ttl_ms = STORES_UNSET,
	.bytes = STORES_UNSET,
	.keys = STORES_UNSET,
	.value = STORES_UNSET,
	.window = STORES_UNSET,
};

static const struct option options[] = { OPTION_ROWS_STORE };

static const struct option config_options[] = {
	{ 0, "history", OPTION_NUMBER, offsetof(struct bucket, history), "N",
	  "versions that are kept of each key, 1 to 64 (1)" },
	{ 0, "ttl", OPTION_SPAN, offsetof(struct bucket, ttl_ms), "TIME",
	  "keys that are put without a time to live have this one: 30s, 12h" },
	{ 0, "bytes", OPTION_BYTES, offsetof(struct bucket, bytes), "BYTES",
	  "so much may be in it (64M)" },
	{ 0, "keys", OPTION_NUMBER, offsetof(struct bucket, keys), "N",
	  "so many keys (1000000)" },
	{ 0, "value", OPTION_BYTES, offsetof(struct bucket, value), "BYTES",
	  "the longest value, at most 1M" },
	{ 0, "window", OPTION_BYTES, offsetof(struct bucket, window), "BYTES",
	  "of the newest changes, for watches that begin in the past (8M)" },
	OPTION_ROWS_STORE,
};

static const struct argument name_arguments[] = {
	{ "BUCKET", OPTION_TEXT, offsetof(struct bucket, name), true, NULL,
	  "its name: letters, digits, `-` and `_`, with dots between" },
	ARGUMENT_END,
};

const struct command command_bucket_ls = {
	.name = "bucket ls",
	.summary = "list the buckets that we may read",
	.options = options,
	.defaults = &defaults,
	.n_settings = sizeof(struct bucket),
	.run = run_ls,
};

const struct command command_bucket_create = {
	.name = "bucket create",
	.summary = "make a bucket of keys",
	.description = "That it is there already, set up in the same way, is "
		       "fine.",
	.options = config_options,
	.arguments = name_arguments,
	.defaults = &defaults,
	.n_settings = sizeof(struct bucket),
	.run = run_create,
};

const struct command command_bucket_show = {
	.name = "bucket show",
	.summary = "show how a bucket is set up, and what is in it",
	.options = options,
	.arguments = name_arguments,
	.defaults = &defaults,
	.n_settings = sizeof(struct bucket),
	.run = run_show,
};

const struct command command_bucket_change = {
	.name = "bucket change",
	.summary = "set up a bucket anew",
	.description = "What is not given stays as it is.",
	.options = config_options,
	.arguments = name_arguments,
	.defaults = &defaults,
	.n_settings = sizeof(struct bucket),
	.run = run_change,
};

const struct command command_bucket_drop = {
	.name = "bucket drop",
	.summary = "delete a bucket with all that is in it",
	.options = options,
	.arguments = name_arguments,
	.defaults = &defaults,
	.n_settings = sizeof(struct bucket),
	.run = run_drop,
};
