/* SPDX-License-Identifier: MIT */

/* helio log verify: of a log, or of an archive. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/archive.h"
#include "cli/exit.h"
#include "cli/json.h"
#include "cli/log_admin.h"
#include "cli/logs.h"
#include "cli/output.h"

static void json_verdict(bool is_good, uint64_t records, uint64_t bad,
			 const char *file, const char *fault)
{
	struct json json = { .out = stdout };

	json_open(&json, '{');
	json_key(&json, "good");
	json_bool(&json, is_good);
	json_key(&json, "records");
	json_number(&json, records);
	if (!is_good) {
		json_key(&json, "bad_sequence");
		json_number(&json, bad);
		json_key(&json, "file");
		json_string(&json, file);
		json_key(&json, "fault");
		json_string(&json, fault);
	}
	json_close(&json, '}');
	fputc('\n', stdout);
}

static int tell_verdict(const struct log_admin *admin, bool is_good,
			uint64_t records, uint64_t bad, const char *file,
			const char *fault)
{
	if (admin->common.format == FORMAT_JSON)
		json_verdict(is_good, records, bad, file, fault);
	else if (is_good)
		printf("good: %" PRIu64 " records\n", records);
	else
		talk("%s: the first bad record is %" PRIu64 ": %s", file, bad,
		     fault);
	return is_good ? EXIT_OK : EXIT_NEGATIVE;
}

static int verify_archive(const struct log_admin *admin)
{
	struct archive_totals totals = { 0 };
	char fault[ARCHIVE_ERROR_BYTES];
	uint64_t bad = 0;
	int r = archive_verify(admin->log, &totals, &bad, fault);

	if (r < 0 && r != -EBADMSG) {
		talk("%s: %s", admin->log, strerror(-r));
		return EXIT_USAGE;
	}
	return tell_verdict(admin, r == 0, totals.n_records, bad, admin->log,
			    fault);
}

static int run_verify(const void *settings)
{
	Helio__Log__V1__VerifyRequest request =
		HELIO__LOG__V1__VERIFY_REQUEST__INIT;
	_cleanup_(logs_close) struct logs logs = { 0 };
	const struct log_admin *admin = settings;
	const Helio__Log__V1__VerifyReply *found;
	ProtobufCMessage *reply;
	int r;

	/* No log's name has a slash or a dot, and most files have. */
	if (admin->log &&
	    (strpbrk(admin->log, "/.") || access(admin->log, F_OK) == 0))
		return verify_archive(admin);
	r = logs_open(&logs, &admin->common);
	if (r == EXIT_OK)
		r = logs_find(&logs, admin->log);
	if (r != EXIT_OK)
		return r;
	request.log = logs.name;
	r = logs_call(&logs, "Verify", &request.base,
		      &helio__log__v1__verify_reply__descriptor, &reply);
	if (r != EXIT_OK)
		return r;
	found = (const Helio__Log__V1__VerifyReply *)reply;
	return tell_verdict(admin, found->good, found->records,
			    found->bad_sequence,
			    found->file ? found->file : logs.name,
			    found->fault ? found->fault : "");
}

static const struct log_admin defaults = {
	.common.timeout_ms = 3600 * 1000,
};

static const struct option options[] = { OPTION_ROWS_LOGGER };

static const struct argument arguments[] = {
	{ "LOG|FILE", OPTION_TEXT, offsetof(struct log_admin, log), false, NULL,
	  "a log, or an archive; the only log if it is left out" },
	ARGUMENT_END,
};

const struct command command_log_verify = {
	.name = "log verify",
	.summary = "look at every byte of a log, or of an archive",
	.description =
		"An archive needs no bus to be verified. The exit status is 1 "
		"when something is bad, and the first bad record is told.",
	.options = options,
	.arguments = arguments,
	.defaults = &defaults,
	.n_settings = sizeof(struct log_admin),
	.run = run_verify,
};
