/* SPDX-License-Identifier: MIT */
#ifndef CLI_KV_ENTRY_H
#define CLI_KV_ENTRY_H

/** A version of a key, as a line that xenstore-ls would write, or as JSON. */

#include <helio/store/v1/store.pb-c.h>
#include <stdio.h>

struct kv;

/**
 * `name = "value"`, with writers `name = "value"   (vm:web,12)`; of one that is
 * gone `name (deleted)` or `name (expired)`. Without values the name alone.
 */
void kv_entry_line(const Helio__Store__V1__Entry *entry, const char *name,
		   const struct kv *kv, FILE *out);

/** An object in a line of its own. */
void kv_entry_json(const Helio__Store__V1__Entry *entry, FILE *out);

/** What of a key comes behind the last `/` of the prefix. */
const char *kv_entry_name(const Helio__Store__V1__Entry *entry,
			  const struct kv *kv);

/** Whichever of both lines is wanted, to standard output. */
void kv_entry_write(const Helio__Store__V1__Entry *entry, const struct kv *kv);

#endif
