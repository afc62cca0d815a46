/* SPDX-License-Identifier: MIT */

#include "logger/schemas.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "daemon/errand.h"
#include "helio/registry/v1/registry.pb-c.h"
#include "logger/keeper.h"
#include "logger/logger.h"
#include "logger/service.h"
#include "proto/unpack.h"
#include "rpc/heliograph.h"

enum {
	TIMEOUT_MS = 10000,
	ARENA_BYTES = 4096, /* and for a reply four times its length */
	CALLS_MAX = 16,     /* of one log at a time; the others wait */
};

#define RETRY_NS (60 * NS_PER_S)

struct schema_copy {
	struct map_node node;
	struct keeper *keeper;
	struct helio_call *call; /* under way, or NULL */
	uint64_t retry_ns;       /* it was not there; 0: it is kept */
	bool is_waiting;         /* too many are asked for as it is */
	uint8_t hash[SCHEMA_HASH_BYTES];
};

static const char subject[] = "helio.registry.v1.Registry.Get";

int schemas_init(struct schemas *schemas)
{
	int r = hash_key_draw(&schemas->key);

	return r < 0 ? r : map_init(&schemas->map);
}

void schemas_deinit(struct schemas *schemas)
{
	struct map_node *node;

	if (!schemas->map.buckets)
		return;
	while ((node = map_pop(&schemas->map))) {
		struct schema_copy *copy =
			container_of(node, struct schema_copy, node);

		if (copy->call)
			helio_call_cancel(copy->call);
		free(copy);
	}
	map_deinit(&schemas->map);
}

void schemas_key(const uint8_t *hash, char ret_key[SCHEMAS_KEY_BYTES])
{
	int n = snprintf(ret_key, SCHEMAS_KEY_BYTES, "schema/");

	for (size_t i = 0; i < SCHEMA_HASH_BYTES; i++)
		n += snprintf(ret_key + n, (size_t)(SCHEMAS_KEY_BYTES - n),
			      "%02x", hash[i]);
}

static struct schema_copy *lookup(const struct schemas *schemas,
				  const uint8_t *hash)
{
	uint64_t value = hash_bytes(&schemas->key, hash, SCHEMA_HASH_BYTES);
	struct map_node *node = map_lookup(&schemas->map, value);

	for (; node; node = map_next(node)) {
		struct schema_copy *copy =
			container_of(node, struct schema_copy, node);

		if (!memcmp(copy->hash, hash, SCHEMA_HASH_BYTES))
			return copy;
	}
	return NULL;
}

/* One that the registry does not know makes room: anybody can invent some. */
static void evict(struct schemas *schemas)
{
	struct map_node *node = NULL;

	while ((node = map_walk(&schemas->map, node))) {
		struct schema_copy *copy =
			container_of(node, struct schema_copy, node);

		if (!copy->retry_ns || copy->call)
			continue;
		schemas->n_waiting -= copy->is_waiting;
		map_remove(&schemas->map, node);
		free(copy);
		return;
	}
}

static struct schema_copy *add(struct keeper *keeper, const uint8_t *hash)
{
	struct schemas *schemas = &keeper->schemas;
	struct schema_copy *copy;

	if (schemas->map.n_nodes >= SCHEMAS_MAX)
		evict(schemas);
	if (schemas->map.n_nodes >= SCHEMAS_MAX)
		return NULL;
	copy = calloc(1, sizeof(*copy));
	if (!copy)
		return NULL;
	copy->keeper = keeper;
	memcpy(copy->hash, hash, SCHEMA_HASH_BYTES);
	map_add(&schemas->map, &copy->node,
		hash_bytes(&schemas->key, hash, SCHEMA_HASH_BYTES));
	return copy;
}

/* ---- asking the registry ---- */

static int keep(struct schema_copy *copy, const uint8_t *set, size_t n)
{
	_cleanup_(keeping_freep) struct keeping *keeping = keeping_new();

	if (!keeping || !keeping_add_value(keeping, n))
		return -ENOMEM;
	memcpy(keeping->value, set, n);
	schemas_key(copy->hash, keeping->key);
	keeper_keep(copy->keeper, take_ptr(keeping));
	return 0;
}

static int take_reply(struct schema_copy *copy,
		      const struct helio_message *message)
{
	size_t n = message->n_body;
	struct unpack_arena arena = { .n_bytes = ARENA_BYTES + 4 * n };
	_cleanup_(freep) uint8_t *memory = malloc(arena.n_bytes + n);
	const Helio__Registry__V1__GetReply *reply;
	ProtobufCMessage *unpacked;
	uint8_t *own;

	if (!memory)
		return -ENOMEM;
	own = memory + arena.n_bytes;
	if (n)
		memcpy(own, message->body, n);
	arena.bytes = memory;
	if (unpack(&helio__registry__v1__get_reply__descriptor, own, n, &arena,
		   &unpacked) != 0)
		return -EBADMSG;
	reply = (const void *)unpacked;
	if (!reply->has_set || !reply->set.len)
		return -EBADMSG;
	return keep(copy, reply->set.data, reply->set.len);
}

static void ask_waiting(struct schemas *schemas);

static void on_reply(struct helio_call *call, const struct helio_reply *reply,
		     void *userdata)
{
	struct schema_copy *copy = userdata;

	(void)call;
	copy->call = NULL;
	copy->keeper->schemas.n_calls--;
	if (reply->status == HELIO_OK && take_reply(copy, reply->message) == 0)
		copy->retry_ns = 0;
	ask_waiting(&copy->keeper->schemas);
}

static void ask(struct schema_copy *copy)
{
	const struct helio_call_options options = {
		.timeout_ms = TIMEOUT_MS,
		.is_patient = true,
	};
	Helio__Registry__V1__GetRequest request =
		HELIO__REGISTRY__V1__GET_REQUEST__INIT;
	uint8_t body[64];

	request.has_hash = 1;
	request.hash.data = copy->hash;
	request.hash.len = SCHEMA_HASH_BYTES;
	copy->retry_ns = clock_now_ns() + RETRY_NS;
	if (helio_call_start(copy->keeper->logger->bus, subject, body,
			     protobuf_c_message_pack(&request.base, body),
			     &options, on_reply, copy, &copy->call) == 0)
		copy->keeper->schemas.n_calls++;
}

static void ask_waiting(struct schemas *schemas)
{
	struct map_node *node = NULL;

	while (schemas->n_waiting && schemas->n_calls < CALLS_MAX &&
	       (node = map_walk(&schemas->map, node))) {
		struct schema_copy *copy =
			container_of(node, struct schema_copy, node);

		if (!copy->is_waiting)
			continue;
		copy->is_waiting = false;
		schemas->n_waiting--;
		ask(copy);
	}
}

static void ask_in_turn(struct schema_copy *copy)
{
	struct schemas *schemas = &copy->keeper->schemas;

	/* Until then it is one that was not there. */
	copy->retry_ns = UINT64_MAX;
	copy->is_waiting = true;
	schemas->n_waiting++;
	ask_waiting(schemas);
}

void schemas_note(struct keeper *keeper, const uint8_t *hash)
{
	struct schemas *schemas = &keeper->schemas;
	struct schema_copy *copy;

	if (!memcmp(schemas->last, hash, SCHEMA_HASH_BYTES))
		return;
	copy = lookup(schemas, hash);
	if (!copy) {
		copy = add(keeper, hash);
		if (copy)
			ask_in_turn(copy);
	} else if (copy->retry_ns && !copy->call &&
		   clock_now_ns() >= copy->retry_ns) {
		ask_in_turn(copy);
	}
	if (copy && !copy->retry_ns)
		memcpy(schemas->last, hash, SCHEMA_HASH_BYTES);
}

static int parse_key(const char *key, uint8_t hash[SCHEMA_HASH_BYTES])
{
	const char *hex = key + strlen("schema/");

	if (strlen(hex) != 2 * SCHEMA_HASH_BYTES)
		return -EINVAL;
	for (size_t i = 0; i < SCHEMA_HASH_BYTES; i++) {
		char digits[3] = { hex[2 * i], hex[2 * i + 1], '\0' };
		char *end;

		hash[i] = (uint8_t)strtoul(digits, &end, 16);
		if (*end)
			return -EINVAL;
	}
	return 0;
}

void schemas_found(struct keeper *keeper, const char *key)
{
	uint8_t hash[SCHEMA_HASH_BYTES];

	if (parse_key(key, hash) == 0)
		(void)add(keeper, hash);
}

/* ---- telling ---- */

struct telling {
	struct task task;
	struct errand *errand;
	struct keeper *keeper;
	char key[SCHEMAS_KEY_BYTES];
	uint8_t *set;
	size_t n_set;
	int r;
};

static int copy_set(const char *key, const void *value, size_t n_value,
		    void *userdata)
{
	struct telling *telling = userdata;

	(void)key;
	telling->set = malloc(n_value + 1);
	if (!telling->set)
		return -ENOMEM;
	if (n_value)
		memcpy(telling->set, value, n_value);
	telling->n_set = n_value;
	return 0;
}

static void run(struct task *task)
{
	struct telling *telling = container_of(task, struct telling, task);
	struct log *log = telling->keeper->log;

	telling->r = log ? log_state_each(log, telling->key, copy_set, telling)
			 : -EIO;
}

static int answer(struct errand *errand)
{
	Helio__Log__V1__GetSchemaReply reply =
		HELIO__LOG__V1__GET_SCHEMA_REPLY__INIT;
	const struct telling *telling = errand->state;

	reply.has_set = 1;
	reply.set.data = telling->set;
	reply.set.len = telling->n_set;
	return helio_serving_reply(errand->serving, &reply.base);
}

static void done(struct task *task)
{
	struct telling *telling = container_of(task, struct telling, task);
	struct errand *errand = telling->errand;

	keeper_fetched(telling->keeper);
	if (telling->r < 0)
		errand_fail(errand, HELIO_UNAVAILABLE, "the log: %s",
			    strerror(-telling->r));
	else if (!telling->set)
		errand_fail(errand, HELIO_NOT_FOUND,
			    "the log has kept no such schema");
	else
		errand_answer(errand, answer);
}

static void free_telling(void *state)
{
	struct telling *telling = state;

	free(telling->set);
	free(telling);
}

void schemas_get(struct errand *errand)
{
	const Helio__Log__V1__GetSchemaRequest *request =
		(const void *)errand->request;
	struct keeper *keeper = service_log(errand);
	struct telling *telling;

	if (!keeper)
		return;
	if (request->hash.len != SCHEMA_HASH_BYTES) {
		errand_fail(errand, HELIO_INVALID_ARGUMENT,
			    "a hash has 32 bytes");
		return;
	}
	telling = calloc(1, sizeof(*telling));
	if (!telling) {
		errand_fail(errand, HELIO_RESOURCE_EXHAUSTED, "no memory");
		return;
	}
	telling->task.run = run;
	telling->task.done = done;
	telling->errand = errand;
	telling->keeper = keeper;
	schemas_key(request->hash.data, telling->key);
	errand->state = telling;
	errand->free_state = free_telling;
	keeper->n_fetches++;
	worker_push(&keeper->logger->writer, &telling->task);
}
