/* SPDX-License-Identifier: MIT */

#include "cli/schemas.h"

#include <errno.h>
#include <string.h>

#include "cli/exit.h"
#include "cli/output.h"

enum { PAGE_ROWS = 64, N_DIGITS_MIN = 6 };

int schemas_open(struct schemas_session *session, const struct schemas *schemas)
{
	int r = session_open(&session->session, &schemas->common, false);

	if (r != EXIT_OK)
		return r;
	if (control_init(&session->control, session->session.bus,
			 schemas->common.timeout_ms) < 0)
		return session_complain("schema", -ENOMEM, NULL);
	return EXIT_OK;
}

void schemas_close(struct schemas_session *session)
{
	session_close(&session->session);
	control_deinit(&session->control);
}

/* What was found so far; the second that fits makes it ambiguous. */
struct search {
	const char *digits;
	uint8_t *hash;
	unsigned n_found;
};

static void search_page(struct search *search,
			const Helio__Registry__V1__ListReply *page)
{
	for (size_t i = 0; i < page->n_schemas; i++) {
		const ProtobufCBinaryData *hash = &page->schemas[i]->hash;
		char text[REGISTRY_HASH_TEXT];

		if (hash->len != REGISTRY_HASH_BYTES)
			continue;
		registry_format_hash(hash->data, hash->len, text);
		if (strncmp(text, search->digits, strlen(search->digits)) != 0)
			continue;
		memcpy(search->hash, hash->data, REGISTRY_HASH_BYTES);
		search->n_found++;
	}
}

static int search_all(struct control *control, struct search *search)
{
	Helio__Registry__V1__ListRequest request =
		HELIO__REGISTRY__V1__LIST_REQUEST__INIT;
	const Helio__Registry__V1__ListReply *page;
	ProtobufCMessage *reply;
	int r;

	request.has_limit = true;
	request.limit = PAGE_ROWS;
	do {
		r = registry_call(control, "List", &request.base,
				  &helio__registry__v1__list_reply__descriptor,
				  &reply);
		if (r != EXIT_OK)
			return r;
		page = (const Helio__Registry__V1__ListReply *)reply;
		search_page(search, page);
		request.has_cursor = true;
		request.cursor = page->next;
	} while (page->next);
	return EXIT_OK;
}

static int find_by_digits(struct control *control, const char *digits,
			  uint8_t hash[REGISTRY_HASH_BYTES])
{
	struct search search = { .digits = digits, .hash = hash };
	int r = search_all(control, &search);

	if (r != EXIT_OK || search.n_found == 1)
		return r;
	talk("%s: %s", digits,
	     search.n_found ? "more than one schema begins so"
			    : "no schema begins so");
	return search.n_found ? EXIT_USAGE : EXIT_NOT_FOUND;
}

static int find_newest(struct control *control, const char *package,
		       uint8_t hash[REGISTRY_HASH_BYTES])
{
	const Helio__Registry__V1__GetReply *reply;
	int r = registry_get(control, NULL, package, &reply);

	if (r == EXIT_NOT_FOUND)
		talk("%s: the registry has no schema of this package", package);
	if (r != EXIT_OK)
		return r;
	if (!reply->schema || reply->schema->hash.len != REGISTRY_HASH_BYTES) {
		talk("%s: the registry's answer has no hash", package);
		return EXIT_INTERNAL;
	}
	memcpy(hash, reply->schema->hash.data, REGISTRY_HASH_BYTES);
	return EXIT_OK;
}

int schemas_find(struct control *control, const char *name,
		 uint8_t ret_hash[REGISTRY_HASH_BYTES])
{
	if (registry_parse_hash(name, ret_hash) == 0)
		return EXIT_OK;
	if (strspn(name, "0123456789abcdef") == strlen(name) &&
	    strlen(name) >= N_DIGITS_MIN)
		return find_by_digits(control, name, ret_hash);
	return find_newest(control, name, ret_hash);
}
