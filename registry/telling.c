/* SPDX-License-Identifier: MIT */

/* Get and List: what is told of the store. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "helio/registry/v1/registry.pb-c.h"
#include "registry/listing.h"
#include "registry/methods.h"
#include "registry/server.h"
#include "registry/visibility.h"
#include "rpc/heliograph.h"

static struct entry *got(const struct question *question)
{
	const Helio__Registry__V1__GetRequest *asked =
		(const void *)question->message;
	const struct store *store = question->server->store;

	if (asked->has_hash)
		return store_lookup(store, asked->hash.data, asked->hash.len);
	return asked->package ? store_base(store, asked->package) : NULL;
}

/* A package of which nothing is known is told to who may see it. */
void method_get(struct question *question)
{
	const Helio__Registry__V1__GetRequest *asked =
		(const void *)question->message;
	const struct entry *entry = got(question);
	const char *package = entry ? entry->package : asked->package;

	if (!entry && (asked->has_hash || !asked->package))
		question_fail(question, HELIO_NOT_FOUND,
			      "there is no such schema");
	else if (visibility_add(&question->rights, package, entry) < 0)
		question_fail_errno(question, -ENOMEM, "the request");
	else
		question_ask(question);
}

static void answer_get(struct question *question, struct entry *entry)
{
	Helio__Registry__V1__GetReply reply =
		HELIO__REGISTRY__V1__GET_REPLY__INIT;
	_cleanup_(freep) uint8_t *bytes = NULL;
	Helio__Registry__V1__Schema schema;
	const uint8_t *set;
	int r = store_read(question->server->store, entry, &bytes, &set);

	if (r < 0) {
		question_fail(question,
			      r == -EBADMSG ? HELIO_DATA_LOSS
					    : HELIO_UNAVAILABLE,
			      "the schema in the file %s cannot be read",
			      entry->name);
		return;
	}
	entry_tell(entry, &schema);
	reply.schema = &schema;
	reply.has_set = true;
	/* What is packed is not written to. */
	reply.set.data = (uint8_t *)(uintptr_t)set;
	reply.set.len = entry->n_set;
	question_answer(question, &reply.base);
}

void method_get_proceed(struct question *question, enum rights_verdict verdict,
			const char *text)
{
	struct entry *entry = got(question);

	if (verdict == RIGHTS_UNKNOWN)
		question_fail(question, HELIO_UNAVAILABLE, "%s", text);
	else if (verdict == RIGHTS_NO)
		question_fail(question, HELIO_PERMISSION_DENIED, "%s", text);
	else if (!entry)
		question_fail(question, HELIO_NOT_FOUND,
			      "there is no such schema");
	else
		answer_get(question, entry);
}

static const Helio__Registry__V1__ListRequest *list_of(
	const struct question *question)
{
	return (const void *)question->message;
}

/* The next to be looked at, or NULL. */
static const struct entry *next_of(const struct question *question)
{
	const char *package = list_of(question)->package;
	const struct store *store = question->server->store;
	const struct entry *entry =
		store_after(store, question->listing->cursor);

	while (entry && package && strcmp(entry->package, package) != 0)
		entry = store_after(store, entry->number);
	return entry;
}

static void answer_list(struct question *question)
{
	const struct listing *listing = question->listing;
	Helio__Registry__V1__ListReply reply =
		HELIO__REGISTRY__V1__LIST_REPLY__INIT;
	Helio__Registry__V1__Schema schemas[LISTING_MAX];
	Helio__Registry__V1__Schema *pointers[LISTING_MAX];

	for (size_t i = 0; i < listing->n_shown; i++) {
		const struct entry *entry = store_after(question->server->store,
							listing->shown[i] - 1);

		/* It may have been forgotten meanwhile. */
		if (!entry || entry->number != listing->shown[i])
			continue;
		entry_tell(entry, &schemas[reply.n_schemas]);
		pointers[reply.n_schemas] = &schemas[reply.n_schemas];
		reply.n_schemas++;
	}
	reply.schemas = pointers;
	reply.has_next = next_of(question) != NULL;
	reply.next = listing->cursor;
	question_answer(question, &reply.base);
}

/* Until the page is full, or the switch has to be asked about a package. */
static void continue_list(struct question *question)
{
	struct listing *listing = question->listing;
	const struct entry *entry = NULL;
	bool is_visible = true;

	while (listing_has_room(listing, list_of(question)->limit) &&
	       (entry = next_of(question))) {
		if (!listing_knows(listing, entry->package, &is_visible))
			break;
		listing_pass(listing, entry, is_visible);
		entry = NULL;
	}
	if (!entry) {
		answer_list(question);
		return;
	}
	rights_clear(&question->rights);
	snprintf(listing->asked, sizeof(listing->asked), "%s", entry->package);
	if (visibility_add(&question->rights, entry->package, entry) < 0)
		question_fail_errno(question, -ENOMEM, "the request");
	else
		question_ask(question);
}

void method_list(struct question *question)
{
	question->listing = listing_new(list_of(question)->cursor);
	if (question->listing)
		continue_list(question);
	else
		question_fail_errno(question, -ENOMEM, "the request");
}

void method_list_proceed(struct question *question, enum rights_verdict verdict,
			 const char *text)
{
	struct listing *listing = question->listing;

	if (verdict == RIGHTS_UNKNOWN) {
		question_fail(question, HELIO_UNAVAILABLE, "%s", text);
		return;
	}
	/* What is next may be another by now, if that one was forgotten. */
	listing_learn(listing, listing->asked, verdict == RIGHTS_YES);
	continue_list(question);
}
