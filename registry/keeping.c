/* SPDX-License-Identifier: MIT */

/* Put, Pin and Forget: what changes the store. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/diag.h"
#include "helio/registry/v1/registry.pb-c.h"
#include "registry/draft.h"
#include "registry/judge.h"
#include "registry/judgement.h"
#include "registry/methods.h"
#include "registry/server.h"
#include "registry/visibility.h"
#include "rpc/heliograph.h"

/* The steps of Put: may the caller serve it, or may it at least see it. */
enum { STEP_SERVE, STEP_SEE };

/* Behind a package there must be room for a service and a method. */
enum { PACKAGE_MAX = 200 };

static const Helio__Registry__V1__PutRequest *put_of(
	const struct question *question)
{
	return (const void *)question->message;
}

static bool is_package(const char *text)
{
	size_t n = strlen(text);

	return n && n <= PACKAGE_MAX && *text != '.' && text[n - 1] != '.' &&
	       !strstr(text, "..") &&
	       strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVW"
			    "XYZ0123456789_.") == n;
}

void method_put(struct question *question)
{
	const Helio__Registry__V1__PutRequest *asked = put_of(question);

	if (!asked->package || !is_package(asked->package)) {
		question_fail(question, HELIO_INVALID_ARGUMENT,
			      "a package of at most %d bytes is needed",
			      PACKAGE_MAX);
		return;
	}
	if (asked->set.len > CANONICAL_BYTES_MAX) {
		question_fail(question, HELIO_RESOURCE_EXHAUSTED,
			      "bytes of a schema: %s of %s has %zu of %d",
			      asked->package, question->caller, asked->set.len,
			      CANONICAL_BYTES_MAX);
		return;
	}
	question->step = STEP_SERVE;
	if (rights_add(&question->rights, "serve", "%s.>", asked->package) < 0)
		question_fail_errno(question, -ENOMEM, "the request");
	else
		question_ask(question);
}

static void put_answer(struct question *question, bool was_known)
{
	Helio__Registry__V1__PutReply reply =
		HELIO__REGISTRY__V1__PUT_REPLY__INIT;

	reply.has_hash = true;
	reply.hash.data = question->draft->canonical.hash;
	reply.hash.len = CANONICAL_HASH_BYTES;
	reply.has_was_known = true;
	reply.was_known = was_known;
	question_answer(question, &reply.base);
}

/* Returns whether there is room; if not the question has failed. */
static bool is_within_limits(struct question *question, bool is_new)
{
	const struct store *store = question->server->store;
	char owner[ENTRY_TEXT_BYTES];
	unsigned n = store_count_owned(store, question->caller, owner);

	if (n >= STORE_OWNED_MAX) {
		question_fail(question, HELIO_RESOURCE_EXHAUSTED,
			      "schemas: %s has %u of %d", owner, n,
			      STORE_OWNED_MAX);
		return false;
	}
	if (is_new && store->n_entries >= STORE_SCHEMAS_MAX) {
		question_fail(question, HELIO_RESOURCE_EXHAUSTED,
			      "schemas: helio-registry has %zu of %d",
			      store->n_entries, STORE_SCHEMAS_MAX);
		return false;
	}
	return true;
}

static void fail_broken(struct question *question, struct entry *base,
			const struct findings *findings)
{
	struct judgement judgement;

	judgement_init(&judgement, findings, question->draft->entry,
		       base->is_pinned ? "breaks the pinned" : "breaks", base);
	question_fail_with(question, HELIO_FAILED_PRECONDITION,
			   &judgement.message.base, judgement.text);
}

/* Returns whether it may be kept; if not the question has failed. */
static bool is_compatible(struct question *question)
{
	struct draft *draft = question->draft;
	struct store *store = question->server->store;
	struct entry *base = store_base(store, draft->entry->package);
	struct findings findings = { .total = 0 };
	int r;

	if (!base ||
	    !memcmp(base->hash, draft->entry->hash, CANONICAL_HASH_BYTES))
		return true;
	r = judge_beside(store, base, &draft->reading, draft->entry->package,
			 &findings);
	draft->entry->is_older = r == JUDGE_OLDER;
	if (r == JUDGE_FOLLOWS || r == JUDGE_OLDER)
		return true;
	if (r == JUDGE_BREAKS)
		fail_broken(question, base, &findings);
	else if (r == -EBADMSG)
		question_fail(question, HELIO_DATA_LOSS,
			      "schema %.12s, by which %s is judged, is "
			      "damaged: register it again, or forget it",
			      base->name, base->package);
	else
		question_fail_errno(question, r, "judging the schema");
	return false;
}

static void keep(struct question *question, bool is_client_only)
{
	struct draft *draft = question->draft;
	struct entry *entry = draft->entry;
	int r;

	snprintf(entry->principal, ENTRY_TEXT_BYTES, "%s", question->caller);
	entry->registered_at_ms = clock_unix_ns() / NS_PER_MS;
	entry->is_client_only = is_client_only;
	r = store_add(question->server->store, entry, draft->canonical.set);
	if (r < 0) {
		log_error("schema %.12s of %s cannot be kept: %s", entry->name,
			  entry->package, strerror(-r));
		question_fail_errno(question, r, "keeping the schema");
		return;
	}
	draft->entry = NULL;
	log_info("schema %.12s of %s is known now, from %s%s", entry->name,
		 entry->package, question->caller,
		 is_client_only ? ", for clients" : "");
	put_answer(question, false);
}

/*
 * What is made whole again counts as it did, and so does what only changes its
 * kind; what comes from another owner is one more.
 */
static bool adds_to_owned(const struct question *question,
			  const struct entry *before)
{
	return !before ||
	       (!before->is_damaged &&
		!store_is_same_owner(before->principal, question->caller));
}

/* The caller may register it: see whether it is one to be kept. */
static void decide(struct question *question, bool is_client_only)
{
	const struct entry *entry = question->draft->entry;
	const struct entry *before = store_lookup(
		question->server->store, entry->hash, CANONICAL_HASH_BYTES);

	if (before && !before->is_damaged &&
	    strcmp(before->package, entry->package) != 0) {
		question_fail(question, HELIO_ALREADY_EXISTS,
			      "this is known as the schema of %s",
			      before->package);
		return;
	}
	if (before && !before->is_damaged &&
	    (is_client_only || !before->is_client_only)) {
		put_answer(question, true);
		return;
	}
	if (adds_to_owned(question, before) &&
	    !is_within_limits(question, !before))
		return;
	if (is_client_only || is_compatible(question))
		keep(question, is_client_only);
}

/* Returns whether it was read; if not the question has failed. */
static bool read_draft(struct question *question)
{
	const Helio__Registry__V1__PutRequest *asked = put_of(question);
	struct canonical_reason reason = { .text = "" };
	int r = draft_new(asked->set.data, asked->set.len, asked->package,
			  &reason, &question->draft);

	if (r == -EINVAL)
		question_fail(question, HELIO_INVALID_ARGUMENT,
			      "no schema of %s: %s", asked->package,
			      reason.text);
	else if (r < 0)
		question_fail_errno(question, r, "reading the schema");
	return !r;
}

/* A client's schema has to be known too, so that it can be judged. */
static void ask_whether_visible(struct question *question, const char *text)
{
	struct draft *draft = question->draft;

	snprintf(draft->refusal, sizeof(draft->refusal), "%s", text);
	question->step = STEP_SEE;
	rights_clear(&question->rights);
	if (visibility_add(&question->rights, draft->entry->package,
			   draft->entry) < 0)
		question_fail_errno(question, -ENOMEM, "the request");
	else
		question_ask(question);
}

void method_put_proceed(struct question *question, enum rights_verdict verdict,
			const char *text)
{
	if (verdict == RIGHTS_UNKNOWN)
		question_fail(question, HELIO_UNAVAILABLE, "%s", text);
	else if (question->step == STEP_SEE && verdict == RIGHTS_YES)
		decide(question, true);
	else if (question->step == STEP_SEE)
		question_fail(question, HELIO_PERMISSION_DENIED, "%s",
			      question->draft->refusal);
	else if (!read_draft(question))
		return;
	else if (verdict == RIGHTS_YES)
		decide(question, false);
	else
		ask_whether_visible(question, text);
}

/* Find what is to be changed, and ask whether the caller may. */
static void ask_whether_admin(struct question *question,
			      const ProtobufCBinaryData *hash)
{
	const struct entry *entry =
		store_lookup(question->server->store, hash->data, hash->len);

	if (!entry)
		question_fail(question, HELIO_NOT_FOUND,
			      "there is no such schema");
	else if (rights_add(&question->rights, "admin", "%s",
			    *entry->package ? entry->package : ">") < 0)
		question_fail_errno(question, -ENOMEM, "the request");
	else
		question_ask(question);
}

/* Returns what is to be changed now; if NULL the question has failed. */
static struct entry *administered(struct question *question,
				  const ProtobufCBinaryData *hash,
				  enum rights_verdict verdict, const char *text)
{
	struct entry *entry =
		store_lookup(question->server->store, hash->data, hash->len);

	if (verdict == RIGHTS_YES && entry)
		return entry;
	if (verdict == RIGHTS_YES)
		question_fail(question, HELIO_NOT_FOUND,
			      "there is no such schema");
	else
		question_fail(question,
			      verdict == RIGHTS_NO ? HELIO_PERMISSION_DENIED
						   : HELIO_UNAVAILABLE,
			      "%s", text);
	return NULL;
}

void method_pin(struct question *question)
{
	const Helio__Registry__V1__PinRequest *asked =
		(const void *)question->message;

	ask_whether_admin(question, &asked->hash);
}

void method_pin_proceed(struct question *question, enum rights_verdict verdict,
			const char *text)
{
	const Helio__Registry__V1__PinRequest *asked =
		(const void *)question->message;
	Helio__Registry__V1__PinReply reply =
		HELIO__REGISTRY__V1__PIN_REPLY__INIT;
	struct entry *entry =
		administered(question, &asked->hash, verdict, text);
	int r;

	if (!entry)
		return;
	if (!asked->unpin && (entry->is_damaged || entry->is_client_only)) {
		question_fail(question, HELIO_FAILED_PRECONDITION,
			      entry->is_damaged ? "the schema is damaged"
						: "no server has this schema");
		return;
	}
	r = store_pin(question->server->store, entry, !asked->unpin);
	if (r < 0) {
		question_fail_errno(question, r, "writing down the pin");
		return;
	}
	log_info("schema %.12s of %s is %s by %s", entry->name, entry->package,
		 asked->unpin ? "unpinned" : "pinned", question->caller);
	question_answer(question, &reply.base);
}

void method_forget(struct question *question)
{
	const Helio__Registry__V1__ForgetRequest *asked =
		(const void *)question->message;

	ask_whether_admin(question, &asked->hash);
}

void method_forget_proceed(struct question *question,
			   enum rights_verdict verdict, const char *text)
{
	const Helio__Registry__V1__ForgetRequest *asked =
		(const void *)question->message;
	Helio__Registry__V1__ForgetReply reply =
		HELIO__REGISTRY__V1__FORGET_REPLY__INIT;
	struct entry *entry =
		administered(question, &asked->hash, verdict, text);
	int r;

	if (!entry)
		return;
	if (entry->is_pinned) {
		question_fail(question, HELIO_FAILED_PRECONDITION,
			      "it is pinned: take the pin away first");
		return;
	}
	log_info("schema %.12s of %s is forgotten, by %s", entry->name,
		 entry->package, question->caller);
	r = store_forget(question->server->store, entry);
	if (r < 0)
		question_fail_errno(question, r, "removing the schema");
	else
		question_answer(question, &reply.base);
}
