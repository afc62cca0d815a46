/* SPDX-License-Identifier: MIT */

/* helio kv get and history: one key. */

#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/exit.h"
#include "cli/kv.h"
#include "cli/kv_entry.h"
#include "cli/output.h"
#include "cli/text.h"

/* As they are; on a terminal so that they cannot drive it, and in a line. */
static void write_value(const struct kv *kv, const ProtobufCBinaryData *value)
{
	if (kv->is_raw || !isatty(STDOUT_FILENO)) {
		if (value->len)
			fwrite(value->data, 1, value->len, stdout);
		return;
	}
	text_write_escaped(stdout, value->data, value->len);
	fputc('\n', stdout);
}

static int run_get(const void *settings)
{
	Helio__Store__V1__GetRequest request =
		HELIO__STORE__V1__GET_REQUEST__INIT;
	_cleanup_(stores_close) struct stores stores = { 0 };
	const Helio__Store__V1__GetReply *reply = NULL;
	const struct kv *kv = settings;
	int r = kv_open(&stores, kv);

	request.bucket = stores_text(kv->bucket);
	request.key = stores_text(kv->key);
	request.has_at = kv->at != STORES_UNSET;
	request.at = kv->at;
	if (r == EXIT_OK)
		r = STORES_CALL(&stores, buckets__get, &request, &reply);
	if (r != EXIT_OK)
		return r;
	if (!reply->entry)
		return stores_complain(kv->bucket, kv->key, HELIO_INTERNAL,
				       "the store's answer has no entry");
	if (kv->common.format == FORMAT_JSON)
		kv_entry_json(reply->entry, stdout);
	else
		write_value(kv, &reply->entry->value);
	return EXIT_OK;
}

static int run_history(const void *settings)
{
	Helio__Store__V1__HistoryRequest request =
		HELIO__STORE__V1__HISTORY_REQUEST__INIT;
	_cleanup_(stores_close) struct stores stores = { 0 };
	const Helio__Store__V1__HistoryReply *reply = NULL;
	struct kv kv = *(const struct kv *)settings;
	int r = kv_open(&stores, &kv);

	request.bucket = stores_text(kv.bucket);
	request.key = stores_text(kv.key);
	request.has_limit = kv.limit != STORES_UNSET;
	request.limit = kv.limit > UINT32_MAX ? UINT32_MAX : (uint32_t)kv.limit;
	if (r == EXIT_OK)
		r = STORES_CALL(&stores, buckets__history, &request, &reply);
	if (r != EXIT_OK)
		return r;
	kv.has_paths = kv.has_writers = true;
	for (size_t i = 0; i < reply->n_entries; i++)
		kv_entry_write(reply->entries[i], &kv);
	if (reply->is_cut && !request.has_limit)
		talk("%s/%s: older ones are not kept", kv.bucket, kv.key);
	return EXIT_OK;
}

static const struct option get_options[] = {
	{ 0, "at", OPTION_NUMBER, offsetof(struct kv, at), "REVISION",
	  "as it was then" },
	{ 0, "raw", OPTION_FLAG, offsetof(struct kv, is_raw), NULL,
	  "as it is, even on a terminal" },
	OPTION_ROWS_STORE,
};

static const struct option history_options[] = {
	{ 'n', "limit", OPTION_NUMBER, offsetof(struct kv, limit), "N",
	  "only the newest N" },
	OPTION_ROWS_STORE,
};

const struct command command_kv_get = {
	.name = "kv get",
	.summary = "write the value of a key",
	.description = "The bytes are written as they are, with nothing added; "
		       "on a terminal, what could drive it is escaped.",
	.options = get_options,
	.arguments = kv_key_arguments,
	.defaults = &kv_defaults,
	.n_settings = sizeof(struct kv),
	.run = run_get,
};

const struct command command_kv_history = {
	.name = "kv history",
	.summary = "show what is kept of a key, the newest first",
	.description = "Each line has the writer and the revision behind the "
		       "value, as `kv ls -p` does.",
	.options = history_options,
	.arguments = kv_key_arguments,
	.defaults = &kv_defaults,
	.n_settings = sizeof(struct kv),
	.run = run_history,
};
