/* SPDX-License-Identifier: MIT */

#include "switch/principal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "proto/subject.h"
#include "switch/domain.h"

bool principal_name_is_valid(const char *name, size_t n)
{
	return n && n <= PRINCIPAL_NAME_MAX_BYTES && name[0] != '$' &&
	       !memchr(name, '.', n) && !memchr(name, '/', n) &&
	       subject_is_valid(name, n);
}

/* 8-4-4-4-12 digits. */
static bool is_dash_at(size_t i)
{
	return i == 8 || i == 13 || i == 18 || i == 23;
}

bool principal_name_is_uuid(const char *name, size_t n)
{
	if (n != PRINCIPAL_UUID_CHARS)
		return false;
	for (size_t i = 0; i < n; i++) {
		char c = name[i];
		bool is_digit = (c >= '0' && c <= '9') ||
				(c >= 'a' && c <= 'f') ||
				(c >= 'A' && c <= 'F');

		if (is_dash_at(i) ? c != '-' : !is_digit)
			return false;
	}
	return true;
}

void principal_format_uuid(const uint8_t uuid[16],
			   char ret_text[PRINCIPAL_UUID_CHARS + 1])
{
	static const char digits[] = "0123456789abcdef";
	unsigned n_digits = 0;

	for (size_t i = 0; i < PRINCIPAL_UUID_CHARS; i++) {
		uint8_t byte = uuid[n_digits / 2];

		if (is_dash_at(i)) {
			ret_text[i] = '-';
			continue;
		}
		ret_text[i] = digits[n_digits++ % 2 ? byte & 15 : byte >> 4];
	}
	ret_text[PRINCIPAL_UUID_CHARS] = '\0';
}

/* Zero would read as "not told". */
static int draw_incarnation(uint64_t *ret_incarnation)
{
	uint64_t drawn = 0;

	while (!drawn) {
		ssize_t n = getrandom(&drawn, sizeof(drawn), 0);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n != (ssize_t)sizeof(drawn))
			drawn = 0;
	}
	*ret_incarnation = drawn;
	return 0;
}

static int set_named(const char *kind, const char *name, size_t n_name_max,
		     char path[PRINCIPAL_MAX_BYTES + 1])
{
	size_t n = strnlen(name, n_name_max);

	if (!principal_name_is_valid(name, n))
		return -EACCES;
	snprintf(path, PRINCIPAL_MAX_BYTES + 1, "%s:%s", kind, name);
	return 0;
}

static int set_path(const struct channel_evidence *evidence,
		    char path[PRINCIPAL_MAX_BYTES + 1])
{
	const char *name = evidence->name;

	switch (evidence->kind) {
	case EVIDENCE_INSIDE:
		strncpy(path, "helio:switch", PRINCIPAL_MAX_BYTES);
		return 0;
	case EVIDENCE_SOCKET:
		if (!strncmp(name, "vm:", 3))
			return set_named("vm", name + 3,
					 sizeof(evidence->name) - 3, path);
		if (name[0])
			return -EACCES;
		snprintf(path, PRINCIPAL_MAX_BYTES + 1, "uid:%u",
			 (unsigned)evidence->uid);
		return 0;
	case EVIDENCE_KEY:
		if (name[0])
			return set_named("key", name, sizeof(evidence->name),
					 path);
		strncpy(path, "tcp:plain", PRINCIPAL_MAX_BYTES);
		return 0;
	case EVIDENCE_DOMAIN: /* judged by its own function */
	case EVIDENCE_NONE:
		break;
	}
	return -EACCES;
}

static int judge_domain(const struct channel_evidence *evidence,
			const struct domains *domains,
			struct principal *ret_principal)
{
	struct principal principal = { .incarnation = evidence->incarnation };
	char uuid[PRINCIPAL_UUID_CHARS + 1];
	const struct domain *domain = NULL;

	if (domains)
		domain = domains_lookup(domains, evidence->incarnation);
	if (!domain || domain->is.domid != evidence->domid ||
	    memcmp(domain->is.uuid, evidence->uuid, sizeof(evidence->uuid)))
		return -EACCES;
	memcpy(principal.path, domain->path, sizeof(domain->path));
	principal_format_uuid(evidence->uuid, uuid);
	snprintf(principal.durable_id, sizeof(principal.durable_id), "vm:%s",
		 uuid);
	*ret_principal = principal;
	return 0;
}

int principal_from_evidence(const struct channel_evidence *evidence,
			    const struct domains *domains,
			    struct principal *ret_principal)
{
	struct principal principal = { .incarnation = 0 };
	int r;

	if (evidence->kind == EVIDENCE_DOMAIN)
		return judge_domain(evidence, domains, ret_principal);
	r = set_path(evidence, principal.path);
	if (r)
		return r;
	memcpy(principal.durable_id, principal.path, sizeof(principal.path));
	r = draw_incarnation(&principal.incarnation);
	if (r)
		return r;
	*ret_principal = principal;
	return 0;
}

static bool is_kind(const char *kind, size_t n)
{
	if (!n || n > PRINCIPAL_KIND_MAX_BYTES)
		return false;
	for (size_t i = 0; i < n; i++)
		if (kind[i] < 'a' || kind[i] > 'z')
			return false;
	return true;
}

/* KIND:NAME */
static bool is_path_part(const char *part, size_t n)
{
	const char *colon = memchr(part, ':', n);
	size_t n_kind = colon ? (size_t)(colon - part) : n;

	return colon && is_kind(part, n_kind) &&
	       principal_name_is_valid(colon + 1, n - n_kind - 1);
}

/*
 * The number of parts that `below` has when it stands below `above`; 0: it
 * cannot, by its form, its number of parts or its length.
 */
static size_t n_parts_below(const char *above, const char *below)
{
	size_t n_parts = 1;
	size_t n_below = 0;

	if (!below || strlen(above) + 1 + strlen(below) > PRINCIPAL_MAX_BYTES)
		return 0;
	for (; *above; above++)
		n_parts += *above == '/';
	for (;; below++) {
		size_t n = strcspn(below, "/");

		if (!is_path_part(below, n) ||
		    n_parts + ++n_below > PRINCIPAL_PARTS_MAX)
			return 0;
		below += n;
		if (!*below)
			return n_below;
	}
}

static void join(const char *above, const char *below,
		 char joined[PRINCIPAL_MAX_BYTES + 1])
{
	size_t n = strlen(above);

	memcpy(joined, above, n);
	joined[n] = '/';
	memcpy(joined + n + 1, below, strlen(below) + 1);
}

int principal_below(const struct principal *leaf,
		    const struct principal_claim *claim,
		    struct principal *ret_principal, const char **ret_fault)
{
	size_t n = n_parts_below(leaf->path, claim->path);

	if (!n) {
		*ret_fault = "a leaf announces what is no principal";
		return 1;
	}
	if (n_parts_below(leaf->durable_id, claim->durable_id) != n) {
		*ret_fault = "a leaf announces what is no durable id";
		return 1;
	}
	if (!claim->incarnation) {
		*ret_fault = "a leaf announces the incarnation 0";
		return 1;
	}
	*ret_principal =
		(struct principal){ .incarnation = claim->incarnation };
	join(leaf->path, claim->path, ret_principal->path);
	join(leaf->durable_id, claim->durable_id, ret_principal->durable_id);
	return 0;
}
