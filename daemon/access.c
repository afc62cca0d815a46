/* SPDX-License-Identifier: MIT */

#include "daemon/access.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/heliograph.h"

struct verdict {
	struct map_node node;
	struct list link; /* in access.by_age once it is settled */
	struct access *access;
	struct check check;
	struct list waits;
	bool is_settled;
	bool is_allowed;
	bool is_terse;
	char *refusal; /* or NULL */
	const char *verb;
	size_t n_resource;
	const char *resource; /* behind the principal */
	char principal[];
};

static void on_generation(struct check *check, int r,
			  const struct check_verdict *told);

/* Where one stands that was asked for lately, if no other one does. */
static struct verdict **lately(struct access *access, const char *verb,
			       size_t n_resource)
{
	return &access->lately[((uintptr_t)verb / 4 + n_resource) %
			       ACCESS_LATELY];
}

static struct verdict *verdict_free(struct verdict *verdict)
{
	struct verdict **place =
		lately(verdict->access, verdict->verb, verdict->n_resource);
	struct list *link, *after;

	if (*place == verdict)
		*place = NULL;
	check_cancel(&verdict->check);
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

	*access = (struct access){ .bus = bus,
				   .question.on_verdict = on_generation };
	list_init(&access->by_age);
	r = hash_key_draw(&access->key);
	return r < 0 ? r : map_init(&access->verdicts);
}

void access_deinit(struct access *access)
{
	struct map_node *node;

	if (!access->bus)
		return;
	check_cancel(&access->question);
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

static void tell(struct list *waits, int r)
{
	struct list *link;

	while ((link = list_pop_front(waits))) {
		struct access_wait *wait =
			container_of(link, struct access_wait, link);

		wait->on_verdict(wait, r);
	}
}

static void settle(struct verdict *verdict, const struct check_verdict *told)
{
	note_generation(verdict->access, told->generation);
	verdict->is_settled = true;
	verdict->is_allowed = told->is_allowed;
	if (!told->is_allowed && !verdict->is_terse)
		verdict->refusal = strdup(told->text);
	list_push_back(&verdict->access->by_age, &verdict->link);
}

static void on_verdict(struct check *check, int r,
		       const struct check_verdict *told)
{
	struct verdict *verdict = container_of(check, struct verdict, check);
	struct list waits = LIST_INIT(waits);

	list_splice_back(&waits, &verdict->waits);
	if (r < 0)
		verdict_free(verdict);
	else
		settle(verdict, told);
	tell(&waits, r);
}

static uint64_t hash(const struct access *access,
		     const struct access_question *question)
{
	const struct hash_key *key = &access->key;

	return hash_bytes(key, question->principal,
			  strlen(question->principal)) *
		       3 +
	       hash_bytes(key, question->verb, strlen(question->verb)) * 5 +
	       hash_bytes(key, question->resource, question->n_resource);
}

static bool is_about(const struct verdict *verdict,
		     const struct access_question *question)
{
	return verdict->n_resource == question->n_resource &&
	       (verdict->verb == question->verb ||
		!strcmp(verdict->verb, question->verb)) &&
	       !strcmp(verdict->principal, question->principal) &&
	       !memcmp(verdict->resource, question->resource,
		       question->n_resource);
}

static struct verdict *lookup(const struct access *access, uint64_t value,
			      const struct access_question *question)
{
	struct map_node *node = map_lookup(&access->verdicts, value);

	for (; node; node = map_next(node)) {
		struct verdict *verdict =
			container_of(node, struct verdict, node);

		if (is_about(verdict, question))
			return verdict;
	}
	return NULL;
}

static int make_room(struct access *access)
{
	if (access->verdicts.n_nodes < ACCESS_VERDICTS_MAX)
		return 0;
	if (list_is_empty(&access->by_age))
		return -EBUSY;
	verdict_free(container_of(access->by_age.next, struct verdict, link));
	return 0;
}

static int verdict_new(struct access *access,
		       const struct access_question *question, uint64_t value,
		       struct verdict **ret_verdict)
{
	size_t n_principal = strlen(question->principal) + 1;
	struct verdict *verdict;
	int r = make_room(access);

	if (r < 0)
		return r;
	verdict = calloc(1, sizeof(*verdict) + n_principal +
				    question->n_resource + 1);
	if (!verdict)
		return -ENOMEM;
	verdict->access = access;
	verdict->check.on_verdict = on_verdict;
	verdict->verb = question->verb;
	verdict->is_terse = question->is_terse;
	list_init(&verdict->link);
	list_init(&verdict->waits);
	memcpy(verdict->principal, question->principal, n_principal);
	memcpy(verdict->principal + n_principal, question->resource,
	       question->n_resource);
	verdict->resource = verdict->principal + n_principal;
	verdict->n_resource = question->n_resource;
	map_add(&access->verdicts, &verdict->node, value);
	*ret_verdict = verdict;
	return 0;
}

static int ask_anew(struct access *access,
		    const struct access_question *question, uint64_t value,
		    struct verdict **ret_verdict)
{
	struct verdict *verdict;
	int r = verdict_new(access, question, value, &verdict);

	if (r < 0)
		return r;
	r = check_start(&verdict->check, access->bus, verdict->principal,
			verdict->verb, verdict->resource);
	if (r < 0)
		verdict_free(verdict);
	else
		*ret_verdict = verdict;
	return r;
}

static int refuse(struct access *access, const char *principal,
		  const char *verb, const char *resource, const char *why)
{
	snprintf(access->refusal, sizeof(access->refusal),
		 "%s may not %s %s: %s", principal, verb, resource, why);
	return 0;
}

static int say(struct access *access, const struct verdict *verdict)
{
	if (verdict->is_allowed)
		return 1;
	return refuse(access, verdict->principal, verdict->verb,
		      verdict->resource,
		      verdict->refusal ? verdict->refusal : "denied");
}

static int ask(struct access *access, const struct access_question *question,
	       struct verdict **ret_verdict)
{
	uint64_t value = hash(access, question);
	struct verdict *verdict = lookup(access, value, question);

	*ret_verdict = verdict;
	return verdict ? 0 : ask_anew(access, question, value, ret_verdict);
}

int access_ask(struct access *access, const struct access_question *question,
	       struct access_wait *wait)
{
	struct verdict **place =
		lately(access, question->verb, question->n_resource);
	struct verdict *verdict = *place;
	int r;

	if (question->n_resource > ACCESS_RESOURCE_MAX_BYTES)
		return refuse(access, question->principal, question->verb, "it",
			      "the name is too long");
	if (!verdict || !is_about(verdict, question)) {
		r = ask(access, question, &verdict);
		if (r < 0)
			return r;
		/* Its own, which it leaves when it goes. */
		*lately(access, verdict->verb, verdict->n_resource) = verdict;
	}
	if (verdict->is_settled)
		return say(access, verdict);
	list_push_back(&verdict->waits, &wait->link);
	return -EINPROGRESS;
}

unsigned access_status(int r)
{
	return r < 0 ? HELIO_UNAVAILABLE : HELIO_PERMISSION_DENIED;
}

const char *access_reason(const struct access *access, int r)
{
	return r < 0 ? "the switch cannot be asked" : access->refusal;
}

static void on_generation(struct check *check, int r,
			  const struct check_verdict *told)
{
	if (r == 0)
		note_generation(container_of(check, struct access, question),
				told->generation);
}

/* Whatever is asked, the answer has the generation. */
void access_tick(struct access *access)
{
	if (access->question.call || !access->verdicts.n_nodes)
		return;
	(void)check_start(&access->question, access->bus,
			  helio_principal(access->bus), "subscribe", "any");
}
