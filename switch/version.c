/* SPDX-License-Identifier: MIT */

#include "switch/version.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "proto/subject.h"
#include "switch/bus.h"
#include "switch/endpoint.h"

enum { MAJOR_MAX = 32 };

static uint64_t tag_of(const struct bus *bus, const char *subject, size_t n)
{
	uint64_t tag = hash_bytes(&bus->schemas.key, subject, n);

	return tag ? tag : 1;
}

void version_keep(struct bus *bus, const struct membership *membership)
{
	const struct endpoint *endpoint = membership->endpoint;
	const struct schema *schema = membership->cohort->schema;
	struct version *kept;
	uint64_t tag;

	if (endpoint->n_members || !schema)
		return;
	tag = tag_of(bus, endpoint->subject, endpoint->n_subject);
	kept = &bus->versions.kept[tag % VERSIONS_KEPT];
	kept->tag = tag;
	memcpy(kept->hash, schema->hash, sizeof(kept->hash));
}

static __attribute__((format(printf, 3, 4))) void add(char *text, size_t n_text,
						      const char *format, ...)
{
	size_t n = strlen(text);
	va_list args;

	va_start(args, format);
	vsnprintf(text + n, n_text - n, format, args);
	va_end(args);
}

/* Where the number of `vN` stands; returns its digits, 0: there is none. */
static size_t find_major(const char *subject, size_t n, size_t *ret_at)
{
	for (size_t i = 0; i + 2 < n; i++) {
		size_t n_digits = 0;

		if (subject[i] != 'v' || (i && subject[i - 1] != '.'))
			continue;
		while (i + 1 + n_digits < n &&
		       subject[i + 1 + n_digits] >= '0' &&
		       subject[i + 1 + n_digits] <= '9')
			n_digits++;
		if (!n_digits || i + 1 + n_digits >= n ||
		    subject[i + 1 + n_digits] != '.')
			continue;
		*ret_at = i + 1;
		return n_digits;
	}
	return 0;
}

static void add_majors(const struct bus *bus, const char *subject, size_t n,
		       char *text, size_t n_text)
{
	size_t n_digits;
	size_t at = 0;

	n_digits = find_major(subject, n, &at);
	for (unsigned major = 1; n_digits && major <= MAJOR_MAX; major++) {
		char other[SUBJECT_MAX_BYTES + 16];
		const struct endpoint *endpoint;
		int n_other;

		n_other = snprintf(other, sizeof(other), "%.*s%u%.*s", (int)at,
				   subject, major, (int)(n - at - n_digits),
				   subject + at + n_digits);
		if ((size_t)n_other == n && !memcmp(other, subject, n))
			continue;
		endpoint = endpoint_lookup(bus, other, (size_t)n_other);
		if (endpoint && endpoint->n_members)
			add(text, n_text, "; %s is served", other);
	}
}

static void add_kept(const struct bus *bus, const char *subject, size_t n,
		     char *text, size_t n_text)
{
	uint64_t tag = tag_of(bus, subject, n);
	const struct version *kept = &bus->versions.kept[tag % VERSIONS_KEPT];

	if (kept->tag == tag)
		add(text, n_text,
		    "; schema %02x%02x%02x%02x has it, whose servers are gone",
		    kept->hash[0], kept->hash[1], kept->hash[2], kept->hash[3]);
}

void version_explain(const struct bus *bus, const char *subject, size_t n,
		     const struct schema *schema, char *text, size_t n_text)
{
	char name[SCHEMA_SHORT_CHARS];

	snprintf(text, n_text,
		 "the service is there, but has no method for %.*s", (int)n,
		 subject);
	if (schema)
		add(text, n_text, "; schema %s has it, which is the caller's",
		    schema_short(schema, name));
	add_kept(bus, subject, n, text, n_text);
	add_majors(bus, subject, n, text, n_text);
}
