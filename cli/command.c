/* SPDX-License-Identifier: MIT */

#include "cli/command.h"

#include <string.h>

const struct command *const commands[] = {
	&command_up,
	&command_pub,
	&command_sub,
	&command_request,
	&command_reply,
	&command_call,
	&command_describe,
	&command_schema_ls,
	&command_schema_show,
	&command_schema_diff,
	&command_schema_pin,
	&command_schema_forget,
	/* Of two words first: `log ls` is not the log called ls. */
	&command_log_ls,
	&command_log_show,
	&command_log_create,
	&command_log_change,
	&command_log_delete,
	&command_log_verify,
	&command_log_cursors,
	&command_log_sql,
	&command_log_export,
	&command_log_import,
	&command_log,
	&command_logger_pipe,
	&command_replay,
	&command_kv_ls,
	&command_kv_get,
	&command_kv_put,
	&command_kv_create,
	&command_kv_update,
	&command_kv_del,
	&command_kv_watch,
	&command_kv_history,
	&command_kv_txn,
	&command_bucket_ls,
	&command_bucket_show,
	&command_bucket_create,
	&command_bucket_change,
	&command_bucket_drop,
	&command_job_submit,
	&command_job_wait,
	&command_job_work,
	&command_job_ls,
	&command_job_show,
	&command_job_cancel,
	&command_job_retry,
	&command_queue_ls,
	&command_queue_show,
	&command_queue_create,
	&command_queue_change,
	&command_queue_drop,
	&command_ls,
	&command_top,
	&command_ping,
	&command_domains_enrol,
	&command_domains_list,
	&command_domains_remove,
	&command_keys_new,
	&command_keys_list,
	&command_keys_enrol,
	&command_policy_check,
	&command_policy_test,
	&command_reload,
	&command_drain,
	&command_bench,
	&command_xen_agent,
	&command_xen_grant,
	NULL,
};

/* How many of the words spell the command's name: 0, 1 or 2. */
static int n_words_of_name(const struct command *command, int n_words,
			   char **words)
{
	const char *space = strchr(command->name, ' ');
	size_t n_first =
		space ? (size_t)(space - command->name) : strlen(command->name);

	if (n_words < 1 || strlen(words[0]) != n_first ||
	    memcmp(words[0], command->name, n_first) != 0)
		return 0;
	if (!space)
		return 1;
	return n_words > 1 && strcmp(words[1], space + 1) == 0 ? 2 : 0;
}

const struct command *command_lookup(int n_words, char **words, int *ret_n_used)
{
	for (size_t i = 0; commands[i]; i++) {
		int n = n_words_of_name(commands[i], n_words, words);

		if (n > 0) {
			*ret_n_used = n;
			return commands[i];
		}
	}
	return NULL;
}

bool command_is_group(const char *word)
{
	size_t n = strlen(word);

	for (size_t i = 0; commands[i]; i++)
		if (strncmp(commands[i]->name, word, n) == 0 &&
		    commands[i]->name[n] == ' ')
			return true;
	return false;
}
