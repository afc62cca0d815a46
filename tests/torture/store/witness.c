/* SPDX-License-Identifier: MIT */

#include "tests/torture/store/witness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/torture/complaint.h"

static void add_version(struct versions *versions,
			const struct version *version)
{
	if (versions->n == versions->n_max) {
		versions->n_max = 2 * versions->n_max + 256;
		versions->all = realloc(versions->all,
					versions->n_max * sizeof(*version));
		if (!versions->all)
			complain("no memory");
	}
	versions->all[versions->n++] = *version;
}

static unsigned client_of(const char *writer)
{
	static const char NAME[] = "vm:voice";

	if (strncmp(writer, NAME, sizeof(NAME) - 1) != 0)
		complain("%s wrote a key", writer);
	return (unsigned)strtoul(writer + sizeof(NAME) - 1, NULL, 10);
}

static uint64_t value_of(const struct helio_kv_entry *entry)
{
	char text[32];

	if (entry->is_deleted)
		return 0;
	snprintf(text, sizeof(text), "%.*s", (int)entry->n_value,
		 (const char *)entry->value);
	return strtoull(text, NULL, 10);
}

static void on_entry(struct helio_kv_watch *watch,
		     const struct helio_kv_entry *entry, void *userdata)
{
	struct witness *witness = userdata;
	struct version version = {
		.revision = entry->revision,
		.value = value_of(entry),
		.client = client_of(entry->writer),
	};
	unsigned key = (unsigned)(entry->key[0] - 'a');

	if (key >= HISTORY_KEYS || entry->key[1])
		complain("the watch tells of a key %s", entry->key);
	if (entry->revision < witness->last ||
	    entry->revision <= witness->told ||
	    witness_written(witness, key, entry->revision))
		complain("the watch tells of %s of revision %llu after %llu, "
			 "and had told all up to %llu",
			 entry->key, (unsigned long long)entry->revision,
			 (unsigned long long)witness->last,
			 (unsigned long long)witness->told);
	witness->last = entry->revision;
	witness->n_versions++;
	add_version(&witness->keys[key], &version);
}

static void on_revision(struct helio_kv_watch *watch, uint64_t revision,
			void *userdata)
{
	struct witness *witness = userdata;

	if (revision > witness->told)
		witness->told = revision;
}

static void on_interrupted(struct helio_kv_watch *watch, unsigned status,
			   const char *reason, void *userdata)
{
	struct witness *witness = userdata;

	witness->n_interrupted++;
}

static void on_end(struct helio_kv_watch *watch, unsigned status,
		   const char *reason, void *userdata)
{
	complain("the watch ended: %s: %s", helio_status_name(status), reason);
}

void witness_init(struct witness *witness, struct helio *bus,
		  const char *bucket, uint64_t after)
{
	const struct helio_kv_watch_options options = {
		.has_after = true,
		.after = after,
		.is_waiting = true,
		.on_entry = on_entry,
		.on_revision = on_revision,
		.on_interrupted = on_interrupted,
		.on_end = on_end,
	};

	*witness = (struct witness){ .told = after };
	if (helio_kv_watch(bus, bucket, &options, witness, &witness->watch) < 0)
		complain("no watch");
}

void witness_deinit(struct witness *witness)
{
	helio_kv_watch_free(witness->watch);
	for (unsigned i = 0; i < HISTORY_KEYS; i++)
		free(witness->keys[i].all);
}

/* How many versions there were up to a revision. */
static size_t n_until(const struct versions *versions, uint64_t revision)
{
	size_t low = 0, high = versions->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (versions->all[middle].revision <= revision)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct version witness_at(const struct witness *witness, unsigned key,
			  uint64_t revision)
{
	const struct versions *versions = &witness->keys[key];
	size_t n = n_until(versions, revision);

	return n ? versions->all[n - 1] : (struct version){ 0 };
}

struct version *witness_written(struct witness *witness, unsigned key,
				uint64_t revision)
{
	struct versions *versions = &witness->keys[key];
	size_t n = n_until(versions, revision);

	if (!n || versions->all[n - 1].revision != revision)
		return NULL;
	return &versions->all[n - 1];
}

void witness_cut(struct witness *witness, uint64_t revision)
{
	for (unsigned i = 0; i < HISTORY_KEYS; i++) {
		struct versions *versions = &witness->keys[i];
		size_t n = n_until(versions, revision);

		if (n < 2)
			continue;
		versions->n -= n - 1;
		memmove(versions->all, versions->all + n - 1,
			versions->n * sizeof(*versions->all));
	}
}
