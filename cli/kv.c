/* SPDX-License-Identifier: MIT */

/* helio kv put, create, update and del: what changes keys. */

#include "cli/kv.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/exit.h"
#include "cli/input.h"
#include "cli/json.h"
#include "cli/output.h"

int kv_open(struct stores *stores, const struct kv *kv)
{
	return stores_open(stores, &kv->common,
			   &helio__store__v1__buckets__type, kv->bucket,
			   kv->key);
}

/* A revision to go on with. */
static void show_revision(const struct kv *kv, uint64_t revision)
{
	struct json json = { .out = stdout };

	if (kv->common.format != FORMAT_JSON) {
		printf("%" PRIu64 "\n", revision);
		return;
	}
	json_open(&json, '{');
	stores_json_number(&json, "revision", revision);
	json_close(&json, '}');
	fputc('\n', stdout);
}

static int put(const struct kv *kv, bool has_revision, uint64_t revision)
{
	Helio__Store__V1__PutRequest request =
		HELIO__STORE__V1__PUT_REQUEST__INIT;
	_cleanup_(stores_close) struct stores stores = { 0 };
	_cleanup_(input_deinit) struct input input;
	const Helio__Store__V1__PutReply *reply = NULL;
	int r;

	input_init(&input, STDIN_FILENO);
	r = stores_bytes(kv->bucket, kv->key, kv->value, &input,
			 &request.value);
	if (r == EXIT_OK)
		r = kv_open(&stores, kv);
	request.bucket = stores_text(kv->bucket);
	request.key = stores_text(kv->key);
	request.has_value = true;
	request.has_if_revision = has_revision;
	request.if_revision = revision;
	request.has_ttl_ms = kv->ttl_ms != STORES_UNSET;
	request.ttl_ms = kv->ttl_ms;
	if (r == EXIT_OK)
		r = STORES_CALL(&stores, buckets__put, &request, &reply);
	if (r != EXIT_OK)
		return r;
	show_revision(kv, reply->revision);
	return EXIT_OK;
}

static int run_put(const void *settings)
{
	const struct kv *kv = settings;

	return put(kv, kv->if_revision != STORES_UNSET, kv->if_revision);
}

static int run_create(const void *settings)
{
	return put(settings, true, 0);
}

static int run_update(const void *settings)
{
	const struct kv *kv = settings;
	uint64_t revision;
	int r = stores_number("REVISION", kv->revision_text, &revision);

	return r == EXIT_OK ? put(kv, true, revision) : r;
}

static int run_del(const void *settings)
{
	Helio__Store__V1__DeleteRequest request =
		HELIO__STORE__V1__DELETE_REQUEST__INIT;
	_cleanup_(stores_close) struct stores stores = { 0 };
	const Helio__Store__V1__DeleteReply *reply = NULL;
	const struct kv *kv = settings;
	int r = kv_open(&stores, kv);

	request.bucket = stores_text(kv->bucket);
	request.key = stores_text(kv->key);
	request.has_if_revision = kv->if_revision != STORES_UNSET;
	request.if_revision = kv->if_revision;
	if (r == EXIT_OK)
		r = STORES_CALL(&stores, buckets__delete, &request, &reply);
	if (r != EXIT_OK)
		return r;
	if (reply->revision == 0) {
		talk("%s/%s: it was not there", kv->bucket, kv->key);
		return EXIT_NEGATIVE;
	}
	show_revision(kv, reply->revision);
	return EXIT_OK;
}

const struct kv kv_defaults = {
	.common.timeout_ms = TIMEOUT_DEFAULT_MS,
	.if_revision = STORES_UNSET,
	.at = STORES_UNSET,
	.after = STORES_UNSET,
	.limit = STORES_UNSET,
	.ttl_ms = STORES_UNSET,
};

#define KV_ROW_IF_REVISION                                               \
	{                                                                \
		0, "if-revision", OPTION_NUMBER,                         \
			offsetof(struct kv, if_revision), "N",           \
			"only if this is the key's revision; 0: only if" \
			" it is not there"                               \
	}

static const struct option put_options[] = {
	KV_ROW_TTL,
	KV_ROW_IF_REVISION,
	OPTION_ROWS_STORE,
};

static const struct option create_options[] = {
	KV_ROW_TTL,
	OPTION_ROWS_STORE,
};

static const struct option del_options[] = {
	KV_ROW_IF_REVISION,
	OPTION_ROWS_STORE,
};

#define KV_ARGUMENT_BUCKET                                                \
	{                                                                 \
		"BUCKET", OPTION_TEXT, offsetof(struct kv, bucket), true, \
			NULL, "which"                                     \
	}
#define KV_ARGUMENT_KEY                                                   \
	{                                                                 \
		"KEY", OPTION_TEXT, offsetof(struct kv, key), true, NULL, \
			"a name, often with `/` between its parts"        \
	}
const struct argument kv_key_arguments[] = {
	KV_ARGUMENT_BUCKET,
	KV_ARGUMENT_KEY,
	ARGUMENT_END,
};

const struct argument kv_prefix_arguments[] = {
	KV_ARGUMENT_BUCKET,
	{ "PREFIX", OPTION_TEXT, offsetof(struct kv, key), false, NULL,
	  "only keys that begin so" },
	ARGUMENT_END,
};

static const struct argument value_arguments[] = {
	KV_ARGUMENT_BUCKET,
	KV_ARGUMENT_KEY,
	{ "VALUE", OPTION_TEXT, offsetof(struct kv, value), false, NULL,
	  "any bytes; standard input if it is `-` or left out" },
	ARGUMENT_END,
};

static const struct argument update_arguments[] = {
	KV_ARGUMENT_BUCKET,
	KV_ARGUMENT_KEY,
	{ "VALUE", OPTION_TEXT, offsetof(struct kv, value), true, NULL,
	  "any bytes; `-`: standard input to its end" },
	{ "REVISION", OPTION_TEXT, offsetof(struct kv, revision_text), true,
	  NULL, "that the key must have" },
	ARGUMENT_END,
};

const struct command command_kv_put = {
	.name = "kv put",
	.summary = "put a key, whatever is there",
	.description = "Prints the revision that did it.",
	.options = put_options,
	.arguments = value_arguments,
	.defaults = &kv_defaults,
	.n_settings = sizeof(struct kv),
	.run = run_put,
};

const struct command command_kv_create = {
	.name = "kv create",
	.summary = "put a key that is not there",
	.description = "Prints the revision that did it. The exit status is 1 "
		       "when the key is there.",
	.options = create_options,
	.arguments = value_arguments,
	.defaults = &kv_defaults,
	.n_settings = sizeof(struct kv),
	.run = run_create,
};

const struct command command_kv_update = {
	.name = "kv update",
	.summary = "put a key that nobody has changed meanwhile",
	.description = "Prints the revision that did it. The exit status is 1 "
		       "when the key has another revision than the one given.",
	.options = create_options,
	.arguments = update_arguments,
	.defaults = &kv_defaults,
	.n_settings = sizeof(struct kv),
	.run = run_update,
};

const struct command command_kv_del = {
	.name = "kv del",
	.summary = "delete a key",
	.description = "Prints the revision that did it. The exit status is 1 "
		       "when the key was not there, or has another revision.",
	.options = del_options,
	.arguments = kv_key_arguments,
	.defaults = &kv_defaults,
	.n_settings = sizeof(struct kv),
	.run = run_del,
};
