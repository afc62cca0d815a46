/* SPDX-License-Identifier: MIT */
#ifndef CLI_JOB_H
#define CLI_JOB_H

/** What the commands about jobs of queues have in common. */

#include "cli/command.h"
#include "cli/stores.h"

/** The settings of most of them; of numbers STORES_UNSET is not given. */
struct job_settings {
	struct common common;
	const char *queue;
	const char *id_text;
	const char *body;
	const char *key;
	const char *order_key;
	const char *content_type;
	const char *priority;
	uint64_t delay_ms;
	uint64_t timeout_ms;
	const char *not_before;
	const char *deadline;
	uint64_t attempts;
	int state; /* 0: any; as enum JobState */
	uint64_t limit;
	bool is_raw;
	bool is_waiting;
};

extern const struct job_settings job_defaults;
extern const struct argument job_id_arguments[];        /* QUEUE ID */
extern const struct argument job_id_or_key_arguments[]; /* QUEUE [ID] */

#define JOB_ROW_KEY                                                           \
	{                                                                     \
		'k', "key", OPTION_TEXT, offsetof(struct job_settings, key),  \
			"KEY", "instead of ID: the key it was submitted with" \
	}

/** A session for Queues. Returns an exit code. */
int job_open(struct stores *stores, const struct job_settings *settings);

/**
 * The job that is meant, by id or by key; 0 is a key. Returns an exit code;
 * unless it is EXIT_OK, why was told.
 */
int job_which(const struct job_settings *settings, uint64_t *ret_id);

/** What messages call it: its id, or its key. */
const char *job_name(const struct job_settings *settings);

#endif
