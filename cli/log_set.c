/* SPDX-License-Identifier: MIT */

/* helio log create, change and delete. */

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/exit.h"
#include "cli/log_admin.h"
#include "cli/logs.h"
#include "cli/moment.h"
#include "cli/output.h"

static int set_bytes(const char *option, const char *text,
		     protobuf_c_boolean *has, uint64_t *ret_bytes)
{
	if (!text)
		return EXIT_OK;
	*has = true;
	if (option_parse_bytes(text, ret_bytes) == 0)
		return EXIT_OK;
	talk("log: --%s is a number of bytes like 512K, 5M or 1G, not '%s'",
	     option, text);
	return EXIT_USAGE;
}

static int set_age(const char *text, Helio__Log__V1__Config *config)
{
	uint64_t ns;

	if (!text)
		return EXIT_OK;
	if (moment_parse_span(text, &ns) < 0) {
		talk("log: --age is a time like 12h, 7d or '2 weeks', not '%s'",
		     text);
		return EXIT_USAGE;
	}
	config->has_age_max_ms = true;
	config->age_max_ms = ns / 1000000;
	return EXIT_OK;
}

/* protobuf-c's repeated strings are not const, and are not written to. */
static char **words_of(const struct texts *texts)
{
	char **words;

	memcpy(&words, &(const void *){ texts->at }, sizeof(words));
	return words;
}

static int fill_config(const struct log_admin *admin,
		       Helio__Log__V1__Config *config)
{
	int r;

	config->n_patterns = admin->patterns.n;
	config->patterns = words_of(&admin->patterns);
	config->n_services = admin->services.n;
	config->services = words_of(&admin->services);
	config->has_records_max = admin->records != LOG_ADMIN_UNSET;
	config->records_max = admin->records;
	config->has_subject_records_max =
		admin->subject_records != LOG_ADMIN_UNSET;
	config->subject_records_max = admin->subject_records;
	r = set_age(admin->age, config);
	if (r == EXIT_OK)
		r = set_bytes("bytes", admin->bytes, &config->has_bytes_max,
			      &config->bytes_max);
	if (r == EXIT_OK)
		r = set_bytes("principal-bytes", admin->principal_bytes,
			      &config->has_principal_bytes_max,
			      &config->principal_bytes_max);
	if (r == EXIT_OK)
		r = set_bytes("body", admin->body, &config->has_body_max,
			      &config->body_max);
	return r;
}

static void tell_log(const struct log_admin *admin,
		     const Helio__Log__V1__Log *log)
{
	if (admin->common.format == FORMAT_JSON && log)
		log_admin_show(log, FORMAT_JSON);
}

static int run_create(const void *settings)
{
	Helio__Log__V1__CreateRequest request =
		HELIO__LOG__V1__CREATE_REQUEST__INIT;
	Helio__Log__V1__Config config = HELIO__LOG__V1__CONFIG__INIT;
	_cleanup_(logs_close) struct logs logs = { 0 };
	const struct log_admin *admin = settings;
	const Helio__Log__V1__CreateReply *created;
	ProtobufCMessage *reply;
	int r = fill_config(admin, &config);

	if (r == EXIT_OK)
		r = logs_open(&logs, &admin->common);
	if (r == EXIT_OK)
		r = logs_find(&logs, admin->log);
	if (r != EXIT_OK)
		return r;
	request.name = logs.name;
	request.config = &config;
	r = logs_call(&logs, "Create", &request.base,
		      &helio__log__v1__create_reply__descriptor, &reply);
	if (r != EXIT_OK)
		return r;
	created = (const Helio__Log__V1__CreateReply *)reply;
	if (created->was_there)
		talk("%s: it was there already", logs.name);
	tell_log(admin, created->log);
	return EXIT_OK;
}

static int run_change(const void *settings)
{
	Helio__Log__V1__ChangeRequest request =
		HELIO__LOG__V1__CHANGE_REQUEST__INIT;
	Helio__Log__V1__Config config = HELIO__LOG__V1__CONFIG__INIT;
	_cleanup_(logs_close) struct logs logs = { 0 };
	const struct log_admin *admin = settings;
	ProtobufCMessage *reply;
	int r = fill_config(admin, &config);

	if (r == EXIT_OK)
		r = logs_open(&logs, &admin->common);
	if (r == EXIT_OK)
		r = logs_find(&logs, admin->log);
	if (r != EXIT_OK)
		return r;
	request.name = logs.name;
	request.config = &config;
	request.has_set_patterns = true;
	request.set_patterns = admin->patterns.n > 0 || admin->has_no_patterns;
	request.has_set_services = true;
	request.set_services = admin->services.n > 0 || admin->has_no_services;
	r = logs_call(&logs, "Change", &request.base,
		      &helio__log__v1__change_reply__descriptor, &reply);
	if (r == EXIT_OK)
		tell_log(admin, ((Helio__Log__V1__ChangeReply *)reply)->log);
	return r;
}

static int run_delete(const void *settings)
{
	Helio__Log__V1__DeleteRequest request =
		HELIO__LOG__V1__DELETE_REQUEST__INIT;
	_cleanup_(logs_close) struct logs logs = { 0 };
	const struct log_admin *admin = settings;
	ProtobufCMessage *reply;
	int r = logs_open(&logs, &admin->common);

	if (r == EXIT_OK)
		r = logs_find(&logs, admin->log);
	if (r != EXIT_OK)
		return r;
	request.name = logs.name;
	return logs_call(&logs, "Delete", &request.base,
			 &helio__log__v1__delete_reply__descriptor, &reply);
}

static const struct log_admin defaults = {
	.common.timeout_ms = TIMEOUT_DEFAULT_MS,
	.records = LOG_ADMIN_UNSET,
	.subject_records = LOG_ADMIN_UNSET,
};

#define OPTION_ROWS_LIMITS                                                        \
	{ 'p',          "pattern",                                                \
	  OPTION_TEXTS, offsetof(struct log_admin, patterns),                     \
	  "PATTERN",    "subjects that it captures; may be given again" },        \
		{ 's',                                                            \
		  "service",                                                      \
		  OPTION_TEXTS,                                                   \
		  offsetof(struct log_admin, services),                           \
		  "SERVICE",                                                      \
		  "whose calls it records: a service, or a method; may be given " \
		  "again" },                                                      \
		{ 0,           "age",                                             \
		  OPTION_TEXT, offsetof(struct log_admin, age),                   \
		  "TIME",      "what is older is removed: 12h, 7d, '2 weeks'" },  \
		{ 0,                                                              \
		  "records",                                                      \
		  OPTION_NUMBER,                                                  \
		  offsetof(struct log_admin, records),                            \
		  "N",                                                            \
		  "so many are kept" },                                           \
		{ 0,           "bytes",                                           \
		  OPTION_TEXT, offsetof(struct log_admin, bytes),                 \
		  "BYTES",     "so much is kept: 512M, 5G" },                     \
		{ 0,                                                              \
		  "subject-records",                                              \
		  OPTION_NUMBER,                                                  \
		  offsetof(struct log_admin, subject_records),                    \
		  "N",                                                            \
		  "so many of each subject are served" },                         \
		{ 0,           "principal-bytes",                                 \
		  OPTION_TEXT, offsetof(struct log_admin, principal_bytes),       \
		  "BYTES",     "so much may be of one principal" },               \
	{                                                                         \
		0, "body", OPTION_TEXT, offsetof(struct log_admin, body),         \
			"BYTES", "longest body (1M)"                              \
	}

static const struct option options[] = { OPTION_ROWS_LOGGER };

static const struct option create_options[] = { OPTION_ROWS_LIMITS,
						OPTION_ROWS_LOGGER };

static const struct option change_options[] = {
	OPTION_ROWS_LIMITS,
	{ 0, "no-patterns", OPTION_FLAG,
	  offsetof(struct log_admin, has_no_patterns), NULL,
	  "let it capture nothing any more" },
	{ 0, "no-services", OPTION_FLAG,
	  offsetof(struct log_admin, has_no_services), NULL,
	  "let it record no calls any more" },
	OPTION_ROWS_LOGGER,
};

static const struct argument name_arguments[] = {
	{ "LOG", OPTION_TEXT, offsetof(struct log_admin, log), true, NULL,
	  "its name: letters, digits, `-` and `_`" },
	ARGUMENT_END,
};

const struct command command_log_create = {
	.name = "log create",
	.summary = "make a log",
	.description = "No two logs capture the same subject. That it is there "
		       "already, set up in the same way, is fine.",
	.options = create_options,
	.arguments = name_arguments,
	.defaults = &defaults,
	.n_settings = sizeof(struct log_admin),
	.run = run_create,
};

const struct command command_log_change = {
	.name = "log change",
	.summary = "set up a log anew",
	.description = "What is not given stays as it is.",
	.options = change_options,
	.arguments = name_arguments,
	.defaults = &defaults,
	.n_settings = sizeof(struct log_admin),
	.run = run_change,
};

const struct command command_log_delete = {
	.name = "log delete",
	.summary = "delete a log and all its records",
	.options = options,
	.arguments = name_arguments,
	.defaults = &defaults,
	.n_settings = sizeof(struct log_admin),
	.run = run_delete,
};
