/* SPDX-License-Identifier: MIT */

/* Admit, Judge and Diff: what is said of schemas beside each other. */

#include <errno.h>
#include <string.h>

#include "helio/registry/v1/registry.pb-c.h"
#include "registry/judge.h"
#include "registry/judgement.h"
#include "registry/methods.h"
#include "registry/server.h"
#include "registry/visibility.h"
#include "rpc/heliograph.h"

/* Diff looks at two packages, one after the other. */
enum { STEP_FIRST, STEP_SECOND };

static struct entry *entry_of(const struct question *question,
			      const ProtobufCBinaryData *hash)
{
	return store_lookup(question->server->store, hash->data, hash->len);
}

/* The switch may know all; of others, those whom the package concerns. */
static void ask_whether_visible(struct question *question,
				const struct entry *entry)
{
	if (question_is_of_switch(question))
		question->method->proceed(question, RIGHTS_YES, "");
	else if (visibility_add(&question->rights, entry->package, entry) < 0)
		question_fail_errno(question, -ENOMEM, "the request");
	else
		question_ask(question);
}

/* Returns whether it was said yes; if not the question has failed. */
static bool is_allowed(struct question *question, enum rights_verdict verdict,
		       const char *text)
{
	if (verdict == RIGHTS_YES)
		return true;
	question_fail(question,
		      verdict == RIGHTS_NO ? HELIO_PERMISSION_DENIED
					   : HELIO_UNAVAILABLE,
		      "%s", text);
	return false;
}

static void fail_unknown(struct question *question, const char *whose)
{
	question_fail(question, HELIO_NOT_FOUND,
		      "helio-registry does not know the schema of %s", whose);
}

/* Damaged counts as unknown: who has it registers it again. */
static bool is_known(const struct entry *entry)
{
	return entry && !entry->is_damaged;
}

static const Helio__Registry__V1__AdmitRequest *admit_of(
	const struct question *question)
{
	return (const void *)question->message;
}

void method_admit(struct question *question)
{
	const Helio__Registry__V1__AdmitRequest *asked = admit_of(question);
	const struct entry *entry = entry_of(question, &asked->hash);

	if (!asked->service)
		question_fail(question, HELIO_INVALID_ARGUMENT,
			      "a service is needed");
	else if (!is_known(entry) || entry->is_client_only)
		fail_unknown(question, asked->service);
	else
		ask_whether_visible(question, entry);
}

static bool is_of_package(const char *service, const char *package)
{
	const char *dot = strrchr(service, '.');
	size_t n = dot ? (size_t)(dot - service) : 0;

	return n == strlen(package) && !memcmp(service, package, n);
}

/* Of very many services not all names are kept. */
static bool has_service(const struct entry *entry, const char *service)
{
	if (!is_of_package(service, entry->package))
		return false;
	for (size_t i = 0; i < entry->services.n; i++)
		if (!strcmp(entry->services.at[i], service))
			return true;
	return entry->services.n < entry->services.n_all;
}

static void admit(struct question *question, struct entry *entry)
{
	Helio__Registry__V1__AdmitReply reply =
		HELIO__REGISTRY__V1__ADMIT_REPLY__INIT;
	struct store *store = question->server->store;
	struct entry *base = store_base(store, entry->package);
	struct findings findings = { .total = 0 };
	struct judgement judgement;
	int r = JUDGE_FOLLOWS;

	/* Without a pin it was judged when it became known. */
	if (base && base->is_pinned && base != entry)
		r = judge_known(store, base, entry, &findings);
	if (r < 0) {
		question_fail_errno(question, r, "judging the schema");
		return;
	}
	if (r == JUDGE_BREAKS) {
		judgement_init(&judgement, &findings, entry,
			       "breaks the pinned", base);
		question_fail_with(question, HELIO_FAILED_PRECONDITION,
				   &judgement.message.base, judgement.text);
		return;
	}
	question_answer(question, &reply.base);
}

void method_admit_proceed(struct question *question,
			  enum rights_verdict verdict, const char *text)
{
	const Helio__Registry__V1__AdmitRequest *asked = admit_of(question);
	struct entry *entry = entry_of(question, &asked->hash);

	if (!is_allowed(question, verdict, text))
		return;
	if (!is_known(entry))
		fail_unknown(question, asked->service);
	else if (!has_service(entry, asked->service))
		question_fail(question, HELIO_FAILED_PRECONDITION,
			      "schema %.12s of package %s has no service %s",
			      entry->name, entry->package, asked->service);
	else
		admit(question, entry);
}

static const Helio__Registry__V1__JudgeRequest *judge_of(
	const struct question *question)
{
	return (const void *)question->message;
}

void method_judge(struct question *question)
{
	const Helio__Registry__V1__JudgeRequest *asked = judge_of(question);
	const struct entry *client = entry_of(question, &asked->client);
	const struct entry *server = entry_of(question, &asked->server);

	if (!asked->service)
		question_fail(question, HELIO_INVALID_ARGUMENT,
			      "a service is needed");
	else if (!is_known(client))
		fail_unknown(question, "the client");
	else if (!is_known(server))
		fail_unknown(question, "the server");
	else
		ask_whether_visible(question, server);
}

static void answer_findings(struct question *question,
			    const struct findings *findings,
			    const struct entry *first, const char *relation,
			    const struct entry *second)
{
	struct judgement judgement;

	judgement_init(&judgement, findings, first, relation, second);
	question_answer(question, &judgement.message.base);
}

void method_judge_proceed(struct question *question,
			  enum rights_verdict verdict, const char *text)
{
	const Helio__Registry__V1__JudgeRequest *asked = judge_of(question);
	struct entry *client = entry_of(question, &asked->client);
	struct entry *server = entry_of(question, &asked->server);
	struct findings findings = { .total = 0 };
	int r;

	if (!is_allowed(question, verdict, text))
		return;
	if (!is_known(client) || !is_known(server)) {
		fail_unknown(question, asked->service);
		return;
	}
	r = judge_call(question->server->store, client, server, asked->service,
		       &findings);
	if (r < 0)
		question_fail_errno(question, r, "judging the schemas");
	else
		answer_findings(question, &findings, client,
				"does not understand", server);
}

static const Helio__Registry__V1__DiffRequest *diff_of(
	const struct question *question)
{
	return (const void *)question->message;
}

void method_diff(struct question *question)
{
	const Helio__Registry__V1__DiffRequest *asked = diff_of(question);
	const struct entry *from = entry_of(question, &asked->from);
	const struct entry *to = entry_of(question, &asked->to);

	question->step = STEP_FIRST;
	if (from && to)
		ask_whether_visible(question, from);
	else
		question_fail(question, HELIO_NOT_FOUND,
			      "there is no such schema");
}

void method_diff_proceed(struct question *question, enum rights_verdict verdict,
			 const char *text)
{
	const Helio__Registry__V1__DiffRequest *asked = diff_of(question);
	struct entry *from = entry_of(question, &asked->from);
	struct entry *to = entry_of(question, &asked->to);
	struct findings findings = { .total = 0 };
	int r;

	if (!is_allowed(question, verdict, text))
		return;
	if (!from || !to) {
		question_fail(question, HELIO_NOT_FOUND,
			      "there is no such schema");
		return;
	}
	if (question->step++ == STEP_FIRST &&
	    strcmp(from->package, to->package) != 0) {
		rights_clear(&question->rights);
		ask_whether_visible(question, to);
		return;
	}
	r = judge_pair(question->server->store, from, to, &findings);
	if (r < 0)
		question_fail_errno(question, r, "comparing the schemas");
	else
		answer_findings(question, &findings, to, "breaks", from);
}
