/* SPDX-License-Identifier: MIT */

#include "logger/access.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "helio/switch/v1/switch.pb-c.h"
#include "proto/unpack.h"
#include "rpc/heliograph.h"

enum {
	TIMEOUT_MS = 5000,
	BODY_BYTES = 1024,
	ARENA_BYTES = 4096,
	RESOURCE_MAX_BYTES = 255,
};

struct verdict {
	struct map_node node;
	struct list link; /* in access.by_age once it is settled */
	struct access *access;
	struct helio_call *call; /* under way, or NULL */
	struct list waits;
	bool is_allowed;
	char *refusal; /* or NULL */
	const char *verb;
	const char *resource; /* behind the principal */
	char principal[];
};

static const char subject[] = "helio.switch.v1.Switch.Check";

static struct verdict *verdict_free(struct verdict *verdict)
{
	struct list *link, *after;

	if (verdict->call)
		helio_call_cancel(verdict->call);
	list_for_each_safe (link, after, &verdict->waits)
		list_unlink(link);
	map_remove(&verdict->access->verdicts, &verdict->node);
	list_unlink(&verdict->link);
	free(verdict->refusal);
	free(verdict);
	return NULL;
}

int access_init(struct access *access, struct helio *bus)
{
	int r;

	*access = (struct access){ .bus = bus };
	list_init(&access->by_age);
	r = hash_key_draw(&access->key);
	return r < 0 ? r : map_init(&access->verdicts);
}

void access_deinit(struct access *access)
{
	struct map_node *node;

	if (!access->bus)
		return;
	if (access->question)
		helio_call_cancel(access->question);
	while (access->verdicts.buckets &&
	       (node = map_first(&access->verdicts)))
		verdict_free(container_of(node, struct verdict, node));
	map_deinit(&access->verdicts);
	*access = (struct access){ .bus = NULL };
}

void access_forget(struct access *access)
{
	struct list *link, *after;

	access->n_changes++;
	access->generation = 0;
	list_for_each_safe (link, after, &access->by_age)
		verdict_free(container_of(link, struct verdict, link));
}

/* What was said by another policy is not known any more. */
static void note_generation(struct access *access, uint64_t generation)
{
	if (access->generation == generation)
		return;
	access_forget(access);
	access->generation = generation;
}

/* Returns 0 or -EBADMSG. */
static int take_reply(struct verdict *verdict, const struct helio_reply *reply)
{
	_Alignas(16) uint8_t bytes[ARENA_BYTES];
	struct unpack_arena arena = { .bytes = bytes,
				      .n_bytes = sizeof(bytes) };
	const Helio__Switch__V1__CheckReply *check;
	uint8_t copy[BODY_BYTES];
	ProtobufCMessage *message;

	if (reply->message->n_body > sizeof(copy))
		return -EBADMSG;
	if (reply->message->n_body)
		memcpy(copy, reply->message->body, reply->message->n_body);
	if (unpack(&helio__switch__v1__check_reply__descriptor, copy,
		   reply->message->n_body, &arena, &message))
		return -EBADMSG;
	check = (const void *)message;
	note_generation(verdict->access, check->policy_generation);
	verdict->is_allowed = check->allowed;
	if (!check->allowed && strncmp(verdict->verb, "log-", 4) == 0)
		verdict->refusal = strdup(check->text ? check->text : "denied");
	return 0;
}

static void tell(struct list *waits, int r)
{
	struct list *link;

	while ((link = list_pop_front(waits))) {
		struct access_wait *wait =
			container_of(link, struct access_wait, link);

		wait->on_verdict(wait, r);
	}
}

static void on_reply(struct helio_call *call, const struct helio_reply *reply,
		     void *userdata)
{
	struct verdict *verdict = userdata;
	struct access *access = verdict->access;
	struct list waits = LIST_INIT(waits);
	int r;

	(void)call;
	verdict->call = NULL;
	r = reply->status == HELIO_OK ? take_reply(verdict, reply) : -ENOTCONN;
	list_splice_back(&waits, &verdict->waits);
	if (r < 0)
		verdict_free(verdict);
	else
		list_push_back(&access->by_age, &verdict->link);
	tell(&waits, r);
}

static int ask(struct access *access, const char *principal, const char *verb,
	       const char *resource, helio_reply_fn on_answer, void *userdata,
	       struct helio_call **ret_call)
{
	const struct helio_call_options options = {
		.timeout_ms = TIMEOUT_MS,
		.is_patient = true,
	};
	Helio__Switch__V1__CheckRequest request =
		HELIO__SWITCH__V1__CHECK_REQUEST__INIT;
	uint8_t body[BODY_BYTES];

	/* What is packed is not written to. */
	request.principal = (char *)(uintptr_t)principal;
	request.verb = (char *)(uintptr_t)verb;
	request.resource = (char *)(uintptr_t)resource;
	if (protobuf_c_message_get_packed_size(&request.base) > sizeof(body))
		return -EMSGSIZE;
	return helio_call_start(access->bus, subject, body,
				protobuf_c_message_pack(&request.base, body),
				&options, on_answer, userdata, ret_call);
}

static uint64_t hash(const struct access *access, const char *principal,
		     const char *verb, const char *resource, size_t n)
{
	return hash_bytes(&access->key, principal, strlen(principal)) * 3 +
	       hash_bytes(&access->key, verb, strlen(verb)) * 5 +
	       hash_bytes(&access->key, resource, n);
}

static struct verdict *lookup(const struct access *access, uint64_t hash_value,
			      const char *principal, const char *verb,
			      const char *resource, size_t n)
{
	struct map_node *node = map_lookup(&access->verdicts, hash_value);

	for (; node; node = map_next(node)) {
		struct verdict *verdict =
			container_of(node, struct verdict, node);

		if (!strcmp(verdict->principal, principal) &&
		    !strcmp(verdict->verb, verb) &&
		    strlen(verdict->resource) == n &&
		    !memcmp(verdict->resource, resource, n))
			return verdict;
	}
	return NULL;
}

static int verdict_new(struct access *access, const char *principal,
		       const char *resource, size_t n,
		       struct verdict **ret_verdict)
{
	size_t n_principal = strlen(principal) + 1;
	struct verdict *verdict;

	if (access->verdicts.n_nodes >= ACCESS_VERDICTS_MAX) {
		if (list_is_empty(&access->by_age))
			return -EBUSY;
		verdict_free(container_of(access->by_age.next, struct verdict,
					  link));
	}
	verdict = calloc(1, sizeof(*verdict) + n_principal + n + 1);
	if (!verdict)
		return -ENOMEM;
	verdict->access = access;
	list_init(&verdict->link);
	list_init(&verdict->waits);
	memcpy(verdict->principal, principal, n_principal);
	memcpy(verdict->principal + n_principal, resource, n);
	verdict->resource = verdict->principal + n_principal;
	*ret_verdict = verdict;
	return 0;
}

static int say(struct access *access, const struct verdict *verdict)
{
	if (!verdict->is_allowed)
		snprintf(access->refusal, sizeof(access->refusal),
			 "%s may not %s %s: %s", verdict->principal,
			 verdict->verb, verdict->resource,
			 verdict->refusal ? verdict->refusal : "denied");
	return verdict->is_allowed;
}

int access_ask(struct access *access, const char *principal, const char *verb,
	       const char *resource, size_t n_resource,
	       struct access_wait *wait)
{
	uint64_t value;
	struct verdict *verdict;
	int r;

	if (n_resource > RESOURCE_MAX_BYTES)
		return 0;
	value = hash(access, principal, verb, resource, n_resource);
	verdict = lookup(access, value, principal, verb, resource, n_resource);
	if (verdict && !verdict->call)
		return say(access, verdict);
	if (!verdict) {
		r = verdict_new(access, principal, resource, n_resource,
				&verdict);
		if (r < 0)
			return r;
		verdict->verb = verb;
		map_add(&access->verdicts, &verdict->node, value);
		r = ask(access, principal, verb, verdict->resource, on_reply,
			verdict, &verdict->call);
		if (r < 0) {
			verdict_free(verdict);
			return r;
		}
	}
	list_push_back(&verdict->waits, &wait->link);
	return -EINPROGRESS;
}

static void on_generation(struct helio_call *call,
			  const struct helio_reply *reply, void *userdata)
{
	struct access *access = userdata;
	struct verdict nobody = { .access = access, .verb = "" };

	(void)call;
	access->question = NULL;
	if (reply->status == HELIO_OK)
		(void)take_reply(&nobody, reply);
}

void access_tick(struct access *access)
{
	if (access->question || !access->verdicts.n_nodes)
		return;
	(void)ask(access, helio_principal(access->bus), "log-read", "any",
		  on_generation, access, &access->question);
}
