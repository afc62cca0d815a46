/* SPDX-License-Identifier: MIT */

#include <helio/store/v1/store.helio.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/torture/complaint.h"
#include "tests/torture/store/client.h"

enum { VALUE_BYTES = 24 };

static char NAMES[HISTORY_KEYS][2] = { "a", "b", "c", "d", "e", "f" };

/* ---- answers ---- */

struct call {
	struct client *client;
	struct op *op;
};

static struct call *call_new(struct client *client, enum op_kind kind)
{
	struct call *call = malloc(sizeof(*call));

	if (!call)
		complain("no memory");
	*call = (struct call){
		client,
		history_begin(client->history, client->index, kind),
	};
	client->n_under_way++;
	return call;
}

/* The answer was none, or a bad one. */
static enum op_fate judge_failure(const struct op *op,
				  const struct helio_reply *reply)
{
	bool is_gone = reply->status == HELIO_UNAVAILABLE ||
		       reply->status == HELIO_DEADLINE_EXCEEDED;
	/* A store that starts gives the switch no credit yet. */
	bool is_busy = reply->status == HELIO_RESOURCE_EXHAUSTED;

	if (!reply->is_handed_over && (is_gone || is_busy))
		return OP_LOST;
	if (is_gone)
		return op->n_writes ? OP_UNKNOWN : OP_LOST;
	if (reply->status == HELIO_ABORTED && op->n_conditions)
		return OP_REFUSED;
	if (reply->status == HELIO_NOT_FOUND && op->kind == OP_GET)
		return OP_REFUSED;
	history_print(op);
	complain("%s: %s", helio_status_name(reply->status), reply->reason);
}

/* `is_done`: all that it was told stands in the op. */
static void end_call(struct call *call, bool is_done)
{
	struct client *client = call->client;
	struct op *op = call->op;

	client->n_under_way--;
	history_end(op, is_done ? OP_DONE
				: judge_failure(op, helio_client_reply(
							    client->buckets)));
	for (unsigned i = 0; is_done && i < op->n_writes; i++)
		client->known[op->writes[i].key] = (struct op_seen){
			op->writes[i].is_delete ? 0 : op->id,
			op->writes[i].is_delete ? 0 : op->revision,
		};
	free(call);
}

static void see(struct call *call, const Helio__Store__V1__Entry *entry)
{
	unsigned key = (unsigned)(entry->key[0] - 'a');
	struct op_seen *seen;
	char text[VALUE_BYTES];

	if (key >= HISTORY_KEYS)
		complain("there is a key %s", entry->key);
	seen = &call->op->seen[key];
	snprintf(text, sizeof(text), "%.*s", (int)entry->value.len,
		 (const char *)entry->value.data);
	seen->value = strtoull(text, NULL, 10);
	seen->revision = entry->revision;
	call->client->known[key] = *seen;
}

static void on_get(const Helio__Store__V1__GetReply *reply, void *userdata)
{
	struct call *call = userdata;

	if (reply) {
		call->op->revision = reply->revision;
		see(call, reply->entry);
	}
	end_call(call, reply != NULL);
}

static void on_list(const Helio__Store__V1__ListReply *reply, void *userdata)
{
	struct call *call = userdata;

	for (size_t i = 0; reply && i < reply->n_entries; i++)
		see(call, reply->entries[i]);
	if (reply)
		call->op->revision = reply->revision;
	end_call(call, reply != NULL);
}

static void on_put(const Helio__Store__V1__PutReply *reply, void *userdata)
{
	struct call *call = userdata;

	if (reply)
		call->op->revision = reply->revision;
	end_call(call, reply != NULL);
}

static void on_delete(const Helio__Store__V1__DeleteReply *reply,
		      void *userdata)
{
	struct call *call = userdata;

	if (reply)
		call->op->revision = reply->revision;
	end_call(call, reply != NULL);
}

static void on_commit(const Helio__Store__V1__CommitReply *reply,
		      void *userdata)
{
	struct call *call = userdata;

	if (reply)
		call->op->revision = reply->revision;
	end_call(call, reply != NULL);
}

/* ---- calls ---- */

static char *bucket_of(const struct client *client)
{
	return (char *)(uintptr_t)client->bucket;
}

static ProtobufCBinaryData value_of(uint64_t number, char text[VALUE_BYTES])
{
	int n = snprintf(text, VALUE_BYTES, "%llu", (unsigned long long)number);

	return (ProtobufCBinaryData){ (size_t)n, (uint8_t *)text };
}

static unsigned draw_key(struct client *client)
{
	return (unsigned)dice_below(&client->dice, HISTORY_KEYS);
}

static ProtobufCService *service_of(struct client *client)
{
	const struct helio_invoke_options options = {
		.timeout_ms = CLIENT_CALL_MS,
		.is_waiting = dice_is(&client->dice, 70),
	};

	helio_client_next(client->buckets, &options);
	return helio_client_service(client->buckets);
}

static void get(struct client *client)
{
	Helio__Store__V1__GetRequest request =
		HELIO__STORE__V1__GET_REQUEST__INIT;
	struct call *call = call_new(client, OP_GET);

	call->op->key = draw_key(client);
	request.bucket = bucket_of(client);
	request.key = NAMES[call->op->key];
	helio__store__v1__buckets__get(service_of(client), &request, on_get,
				       call);
}

static void list(struct client *client)
{
	Helio__Store__V1__ListRequest request =
		HELIO__STORE__V1__LIST_REQUEST__INIT;
	struct call *call = call_new(client, OP_LIST);

	request.bucket = bucket_of(client);
	helio__store__v1__buckets__list(service_of(client), &request, on_list,
					call);
}

static void add_write(struct op *op, unsigned key, bool is_delete)
{
	op->writes[op->n_writes++] = (struct op_write){ key, is_delete };
}

/* That it is as the client knows it, mostly. */
static void add_condition(struct client *client, struct op *op, unsigned key)
{
	struct op_condition *condition = &op->conditions[op->n_conditions++];
	const struct op_seen *known = &client->known[key];

	*condition = (struct op_condition){ key, CONDITION_REVISION,
					    known->revision };
	if (op->kind != OP_COMMIT)
		return;
	condition->kind = (enum op_condition_kind)dice_below(&client->dice, 3);
	if (condition->kind == CONDITION_IS_THERE)
		condition->number = known->value != 0;
	if (condition->kind == CONDITION_VALUE && !known->value)
		*condition =
			(struct op_condition){ key, CONDITION_IS_THERE, 0 };
	else if (condition->kind == CONDITION_VALUE)
		condition->number = known->value;
}

static void put(struct client *client)
{
	Helio__Store__V1__PutRequest request =
		HELIO__STORE__V1__PUT_REQUEST__INIT;
	struct call *call = call_new(client, OP_PUT);
	unsigned key = draw_key(client);
	char text[VALUE_BYTES];

	add_write(call->op, key, false);
	if (dice_is(&client->dice, 60))
		add_condition(client, call->op, key);
	request.bucket = bucket_of(client);
	request.key = NAMES[key];
	request.has_value = true;
	request.value = value_of(call->op->id, text);
	request.has_if_revision = call->op->n_conditions != 0;
	request.if_revision = call->op->conditions[0].number;
	helio__store__v1__buckets__put(service_of(client), &request, on_put,
				       call);
}

static void remove_key(struct client *client)
{
	Helio__Store__V1__DeleteRequest request =
		HELIO__STORE__V1__DELETE_REQUEST__INIT;
	struct call *call = call_new(client, OP_DELETE);
	unsigned key = draw_key(client);

	add_write(call->op, key, true);
	request.bucket = bucket_of(client);
	request.key = NAMES[key];
	helio__store__v1__buckets__delete(service_of(client), &request,
					  on_delete, call);
}

struct transaction {
	Helio__Store__V1__Condition conditions[OP_CONDITIONS_MAX];
	Helio__Store__V1__Condition *condition_list[OP_CONDITIONS_MAX];
	Helio__Store__V1__Write writes[OP_WRITES_MAX];
	Helio__Store__V1__Write *write_list[OP_WRITES_MAX];
	char texts[OP_CONDITIONS_MAX + 1][VALUE_BYTES];
};

static void fill_condition(const struct client *client,
			   const struct op_condition *from, char *text,
			   Helio__Store__V1__Condition *condition)
{
	helio__store__v1__condition__init(condition);
	condition->bucket = bucket_of(client);
	condition->key = NAMES[from->key];
	condition->has_revision = from->kind == CONDITION_REVISION;
	condition->revision = from->number;
	condition->has_exists = from->kind == CONDITION_IS_THERE;
	condition->exists = from->number != 0;
	condition->has_value = from->kind == CONDITION_VALUE;
	if (condition->has_value)
		condition->value = value_of(from->number, text);
}

static void fill_write(const struct client *client, const struct op *op,
		       unsigned index, char *text,
		       Helio__Store__V1__Write *write)
{
	helio__store__v1__write__init(write);
	write->bucket = bucket_of(client);
	write->key = NAMES[op->writes[index].key];
	write->has_value = !op->writes[index].is_delete;
	if (write->has_value)
		write->value = value_of(op->id, text);
}

static void send_commit(struct client *client, struct call *call)
{
	Helio__Store__V1__CommitRequest request =
		HELIO__STORE__V1__COMMIT_REQUEST__INIT;
	Helio__Store__V1__Transaction transaction =
		HELIO__STORE__V1__TRANSACTION__INIT;
	const struct op *op = call->op;
	struct transaction parts;

	for (unsigned i = 0; i < op->n_conditions; i++) {
		parts.condition_list[i] = &parts.conditions[i];
		fill_condition(client, &op->conditions[i], parts.texts[i + 1],
			       &parts.conditions[i]);
	}
	for (unsigned i = 0; i < op->n_writes; i++) {
		parts.write_list[i] = &parts.writes[i];
		fill_write(client, op, i, parts.texts[0], &parts.writes[i]);
	}
	transaction.n_conditions = op->n_conditions;
	transaction.conditions = parts.condition_list;
	transaction.n_writes = op->n_writes;
	transaction.writes = parts.write_list;
	request.transaction = &transaction;
	helio__store__v1__buckets__commit(service_of(client), &request,
					  on_commit, call);
}

/* Each key once; the first is put, so that all of it can be told. */
static void commit(struct client *client)
{
	struct call *call = call_new(client, OP_COMMIT);
	struct op *op = call->op;
	unsigned first = draw_key(client);
	unsigned n_writes =
		(unsigned)dice_between(&client->dice, 1, OP_WRITES_MAX);
	unsigned n_conditions =
		(unsigned)dice_below(&client->dice, OP_CONDITIONS_MAX + 1);

	for (unsigned i = 0; i < n_writes; i++)
		add_write(op, (first + i) % HISTORY_KEYS,
			  i && dice_is(&client->dice, 40));
	for (unsigned i = 0; i < n_conditions; i++)
		add_condition(client, op, (first + 2 * i) % HISTORY_KEYS);
	send_commit(client, call);
}

void client_begin(struct client *client, enum op_kind kind)
{
	static void (*const BEGIN[])(struct client * client) = {
		[OP_GET] = get,           [OP_LIST] = list,     [OP_PUT] = put,
		[OP_DELETE] = remove_key, [OP_COMMIT] = commit,
	};

	BEGIN[kind](client);
}
