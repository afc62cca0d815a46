/* SPDX-License-Identifier: MIT */
#ifndef CLI_KV_H
#define CLI_KV_H

/** What the commands about keys of buckets have in common. */

#include "cli/command.h"
#include "cli/stores.h"

/** The settings of all of them; of numbers STORES_UNSET is not given. */
struct kv {
	struct common common;
	const char *bucket;
	const char *key; /* or a prefix */
	const char *value;
	const char *revision_text;
	uint64_t if_revision;
	uint64_t at;
	uint64_t after;
	uint64_t limit;
	uint64_t ttl_ms;
	bool is_raw;
	bool has_paths;
	bool has_writers;
	bool is_keys_only;
	bool is_one_key;
};

extern const struct kv kv_defaults;
extern const struct argument kv_key_arguments[];    /* BUCKET KEY */
extern const struct argument kv_prefix_arguments[]; /* BUCKET [PREFIX] */

#define KV_ROW_TTL                                                          \
	{                                                                   \
		0, "ttl", OPTION_SPAN, offsetof(struct kv, ttl_ms), "TIME", \
			"it is gone after this time: 30s, 12h; 0: never"    \
	}
#define KV_ROW_PATHS                                                      \
	{                                                                 \
		'f', "full", OPTION_FLAG, offsetof(struct kv, has_paths), \
			NULL, "write the whole key in each line"          \
	}
#define KV_ROW_WRITERS                                                         \
	{                                                                      \
		'p', "writers", OPTION_FLAG, offsetof(struct kv, has_writers), \
			NULL, "show who wrote each, and in which revision"     \
	}
#define KV_ROW_KEYS_ONLY                                         \
	{                                                        \
		'k', "keys-only", OPTION_FLAG,                   \
			offsetof(struct kv, is_keys_only), NULL, \
			"without values"                         \
	}

/** A session for Buckets, for a call or for long. Returns an exit code. */
int kv_open(struct stores *stores, const struct kv *kv);

#endif
