/* SPDX-License-Identifier: MIT */

#include "switch/principal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "proto/subject.h"

bool principal_name_is_valid(const char *name, size_t n)
{
	return n && n <= PRINCIPAL_NAME_MAX_BYTES && name[0] != '$' &&
	       !memchr(name, '.', n) && !memchr(name, '/', n) &&
	       subject_is_valid(name, n);
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
	case EVIDENCE_DOMAIN: /* No channel brings this evidence yet. */
	case EVIDENCE_NONE:
		break;
	}
	return -EACCES;
}

int principal_from_evidence(const struct channel_evidence *evidence,
			    struct principal *ret_principal)
{
	struct principal principal = { .incarnation = 0 };
	int r;

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
