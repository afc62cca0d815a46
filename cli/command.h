/* SPDX-License-Identifier: MIT */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

/**
 * The commands, and what most of them take.
 */

#include "cli/option.h"

/** Every command's settings begin with this. */
struct common {
	int format;             /* enum format */
	const char *connect;    /* an address; NULL: see folder.h */
	const char *key_file;   /* tcp: our key pair */
	const char *server_key; /* tcp: the switch's public key */
	bool is_plain;          /* tcp: no CURVE */
	uint32_t timeout_ms;
};

enum format { FORMAT_TEXT, FORMAT_JSON };
enum { TIMEOUT_DEFAULT_MS = 5000 };

/* Rows that tables share. */
#define OPTION_ROW_OUTPUT                                                      \
	{                                                                      \
		'o', "output", OPTION_CHOICE, offsetof(struct common, format), \
			"text|json", "how results are written"                 \
	}
#define OPTION_ROW_CONNECT                                                     \
	{                                                                      \
		'c', "connect", OPTION_TEXT, offsetof(struct common, connect), \
			"ADDRESS",                                             \
			"where the bus is: shm:PATH, unix:PATH, "              \
			"tcp://HOST:PORT or, in a guest of Xen, "              \
			"vchan:DOMID/PORT (or HELIOGRAPH_ADDRESS)"             \
	}
#define OPTION_ROW_KEY_FILE                                                    \
	{                                                                      \
		0, "key-file", OPTION_TEXT, offsetof(struct common, key_file), \
			"FILE", "tcp: our key pair (or HELIOGRAPH_KEY_FILE)"   \
	}
#define OPTION_ROW_SERVER_KEY                                       \
	{                                                           \
		0, "server-key", OPTION_TEXT,                       \
			offsetof(struct common, server_key), "KEY", \
			"tcp: the switch's public key "             \
			"(or HELIOGRAPH_SERVER_KEY)"                \
	}
#define OPTION_ROW_PLAIN                                                    \
	{                                                                   \
		0, "plain", OPTION_FLAG, offsetof(struct common, is_plain), \
			NULL, "tcp: without encryption, on loopback only"   \
	}
#define OPTION_ROW_TIMEOUT(help_)                                            \
	{                                                                    \
		0, "timeout", OPTION_TIME,                                   \
			offsetof(struct common, timeout_ms), "TIME", (help_) \
	}
#define OPTION_ROW_END                              \
	{                                           \
		0, NULL, OPTION_FLAG, 0, NULL, NULL \
	}
#define OPTION_ROWS_BUS                                                 \
	OPTION_ROW_CONNECT, OPTION_ROW_KEY_FILE, OPTION_ROW_SERVER_KEY, \
		OPTION_ROW_PLAIN, OPTION_ROW_OUTPUT
#define ARGUMENT_END                                    \
	{                                               \
		NULL, OPTION_FLAG, 0, false, NULL, NULL \
	}

extern const struct command command_bench;
extern const struct command command_bucket_change;
extern const struct command command_bucket_create;
extern const struct command command_bucket_drop;
extern const struct command command_bucket_ls;
extern const struct command command_bucket_show;
extern const struct command command_call;
extern const struct command command_describe;
extern const struct command command_domains_enrol;
extern const struct command command_domains_list;
extern const struct command command_domains_remove;
extern const struct command command_drain;
extern const struct command command_job_cancel;
extern const struct command command_job_ls;
extern const struct command command_job_retry;
extern const struct command command_job_show;
extern const struct command command_job_submit;
extern const struct command command_job_wait;
extern const struct command command_job_work;
extern const struct command command_keys_enrol;
extern const struct command command_keys_list;
extern const struct command command_keys_new;
extern const struct command command_kv_create;
extern const struct command command_kv_del;
extern const struct command command_kv_get;
extern const struct command command_kv_history;
extern const struct command command_kv_ls;
extern const struct command command_kv_put;
extern const struct command command_kv_txn;
extern const struct command command_kv_update;
extern const struct command command_kv_watch;
extern const struct command command_log;
extern const struct command command_log_change;
extern const struct command command_log_create;
extern const struct command command_log_cursors;
extern const struct command command_log_delete;
extern const struct command command_log_export;
extern const struct command command_log_import;
extern const struct command command_log_ls;
extern const struct command command_log_show;
extern const struct command command_log_sql;
extern const struct command command_log_verify;
extern const struct command command_logger_pipe;
extern const struct command command_ls;
extern const struct command command_ping;
extern const struct command command_policy_check;
extern const struct command command_policy_test;
extern const struct command command_pub;
extern const struct command command_queue_change;
extern const struct command command_queue_create;
extern const struct command command_queue_drop;
extern const struct command command_queue_ls;
extern const struct command command_queue_show;
extern const struct command command_reload;
extern const struct command command_replay;
extern const struct command command_reply;
extern const struct command command_request;
extern const struct command command_schema_diff;
extern const struct command command_schema_forget;
extern const struct command command_schema_ls;
extern const struct command command_schema_pin;
extern const struct command command_schema_show;
extern const struct command command_sub;
extern const struct command command_top;
extern const struct command command_up;
extern const struct command command_xen_agent;
extern const struct command command_xen_grant;

/** All of them, up to NULL, in the order in which they are shown. */
extern const struct command *const commands[];

/**
 * The command that the first one or two words name, and how many they are.
 * NULL when there is none.
 */
const struct command *command_lookup(int n_words, char **words,
				     int *ret_n_used);

/** Whether some command's first of two words is `word`. */
bool command_is_group(const char *word);

#endif
