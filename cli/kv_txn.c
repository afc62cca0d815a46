/* SPDX-License-Identifier: MIT */

/* helio kv txn: several conditions, then all writes or none. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/exit.h"
#include "cli/input.h"
#include "cli/json.h"
#include "cli/kv.h"
#include "cli/output.h"
#include "schema/json_in.h"
#include "schema/pool.h"

#define TYPE "helio.store.v1.Transaction"

static int encode(const struct input *input, uint8_t **ret_bytes, size_t *ret_n)
{
	_cleanup_(pool_freep) struct pool *pool = NULL;
	const struct pool_message *type;
	char pool_error[POOL_ERROR_BYTES] = "";
	char error[RECORD_ERROR_BYTES] = "";
	int r = pool_read(helio__store__v1__schema.set,
			  helio__store__v1__schema.n_set, &pool, pool_error);

	if (r < 0)
		return session_complain("txn", r, pool_error);
	type = pool_message_lookup(pool, TYPE, strlen(TYPE));
	if (!type)
		return session_complain("txn", -ENOENT, TYPE);
	r = json_in(pool, type, input->n ? input->bytes : "", input->n,
		    ret_bytes, ret_n, error);
	if (r == 0)
		return EXIT_OK;
	talk("txn: the transaction on standard input: %s",
	     *error ? error : strerror(-r));
	return EXIT_USAGE;
}

static int read_transaction(Helio__Store__V1__Transaction **ret_transaction)
{
	_cleanup_(input_deinit) struct input input;
	_cleanup_(freep) uint8_t *bytes = NULL;
	size_t n = 0;
	int r;

	input_init(&input, STDIN_FILENO);
	r = input_all(&input);
	if (r < 0)
		return session_complain("txn", r, "standard input");
	r = encode(&input, &bytes, &n);
	if (r != EXIT_OK)
		return r;
	*ret_transaction =
		helio__store__v1__transaction__unpack(NULL, n, bytes);
	return *ret_transaction ? EXIT_OK
				: session_complain("txn", -ENOMEM, NULL);
}

static void show(const struct kv *kv,
		 const Helio__Store__V1__CommitReply *reply)
{
	struct json json = { .out = stdout };

	if (kv->common.format != FORMAT_JSON) {
		printf("%" PRIu64, reply->revision);
		for (size_t i = 0; i < reply->n_jobs; i++)
			printf(" %" PRIu64, reply->jobs[i]);
		fputc('\n', stdout);
		return;
	}
	json_open(&json, '{');
	stores_json_number(&json, "revision", reply->revision);
	json_key(&json, "jobs");
	json_open(&json, '[');
	for (size_t i = 0; i < reply->n_jobs; i++)
		json_number(&json, reply->jobs[i]);
	json_close(&json, ']');
	json_close(&json, '}');
	fputc('\n', stdout);
}

static int commit(const struct kv *kv,
		  Helio__Store__V1__Transaction *transaction)
{
	Helio__Store__V1__CommitRequest request =
		HELIO__STORE__V1__COMMIT_REQUEST__INIT;
	_cleanup_(stores_close) struct stores stores = { 0 };
	const Helio__Store__V1__CommitReply *reply = NULL;
	int r = stores_open(&stores, &kv->common,
			    &helio__store__v1__buckets__type, "txn", NULL);

	request.transaction = transaction;
	if (r == EXIT_OK)
		r = STORES_CALL(&stores, buckets__commit, &request, &reply);
	if (r != EXIT_OK)
		return r;
	show(kv, reply);
	return EXIT_OK;
}

static int run(const void *settings)
{
	Helio__Store__V1__Transaction *transaction = NULL;
	int r = read_transaction(&transaction);

	if (r == EXIT_OK)
		r = commit(settings, transaction);
	helio__store__v1__transaction__free_unpacked(transaction, NULL);
	return r;
}

static const struct option options[] = { OPTION_ROWS_STORE };

const struct command command_kv_txn = {
	.name = "kv txn",
	.summary = "do all of a transaction, or nothing",
	.description =
		"Standard input has a helio.store.v1.Transaction as JSON: "
		"`conditions` on keys, `writes` to them, `messages` to be "
		"published and `submits` of jobs; bytes are base64. Prints the "
		"revision that did it, and the ids of jobs. The exit status is "
		"1 when a condition does not hold.",
	.options = options,
	.defaults = &kv_defaults,
	.n_settings = sizeof(struct kv),
	.run = run,
};
