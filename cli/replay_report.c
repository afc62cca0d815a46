/* SPDX-License-Identifier: MIT */

/* What came of a replay. */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/exit.h"
#include "cli/json.h"
#include "cli/output.h"
#include "cli/replayer.h"
#include "cli/text.h"

/* ---- the report ---- */

static void report_methods_json(const struct replayer *replayer,
				struct json *json)
{
	const struct comparison *comparison = &replayer->comparison;

	json_key(json, "methods");
	json_open(json, '[');
	for (size_t i = 0; i < comparison->n_methods; i++) {
		const struct comparison_method *method =
			&comparison->methods[i];

		json_open(json, '{');
		json_key(json, "method");
		json_string(json, method->name);
		json_key(json, "statuses");
		json_open(json, '{');
		for (unsigned s = 0; s < COMPARISON_STATUSES; s++) {
			if (method->n_statuses[s] == 0)
				continue;
			json_key(json, helio_status_name(s));
			json_number(json, method->n_statuses[s]);
		}
		json_close(json, '}');
		json_key(json, "differing");
		json_number(json, method->n_differing);
		json_close(json, '}');
	}
	json_close(json, ']');
}

static void json_count(struct json *json, const char *key, uint64_t number)
{
	json_key(json, key);
	json_number(json, number);
}

static void report_json(const struct replayer *replayer)
{
	const struct comparison *comparison = &replayer->comparison;
	struct json json = { .out = stdout };

	json_open(&json, '{');
	json_count(&json, "records", replayer->n_records);
	json_count(&json, "published", replayer->n_published);
	json_count(&json, "taken", replayer->n_taken);
	json_count(&json, "refused", replayer->n_refused);
	json_count(&json, "called", replayer->n_called);
	json_count(&json, "passed_over", replayer->n_passed_over);
	report_methods_json(replayer, &json);
	json_count(&json, "equal", comparison->n_equal);
	json_count(&json, "differing", comparison->n_differing);
	json_count(&json, "not_compared",
		   comparison->n_unknown + comparison_open(comparison));
	if (comparison->first_differing > 0)
		json_count(&json, "first_differing",
			   comparison->first_differing);
	if (replayer->n_refused > 0) {
		json_key(&json, "first_refusal");
		json_string(&json, replayer->refusal);
	}
	json_close(&json, '}');
	fputc('\n', stdout);
}

static void report_method(const struct comparison_method *method)
{
	text_write_escaped(stdout, method->name, strlen(method->name));
	fputc(':', stdout);
	for (unsigned s = 0; s < COMPARISON_STATUSES; s++)
		if (method->n_statuses[s] > 0)
			printf(" %" PRIu64 " %s", method->n_statuses[s],
			       helio_status_name(s));
	if (method->n_differing > 0)
		printf(", %" PRIu64 " differ", method->n_differing);
	fputc('\n', stdout);
}

static void report_text(const struct replayer *replayer)
{
	const struct comparison *comparison = &replayer->comparison;
	size_t n_open = comparison_open(comparison);

	printf("%" PRIu64 " records: %" PRIu64 " messages published, %" PRIu64
	       " calls made, %" PRIu64 " passed over\n",
	       replayer->n_records, replayer->n_published, replayer->n_called,
	       replayer->n_passed_over);
	if (replayer->n_published > 0)
		printf("%" PRIu64 " messages were taken by somebody\n",
		       replayer->n_taken);
	for (size_t i = 0; i < comparison->n_methods; i++)
		report_method(&comparison->methods[i]);
	if (replayer->n_called > 0)
		printf("%" PRIu64 " replies as they were, %" PRIu64
		       " differ, %" PRIu64 " not compared\n",
		       comparison->n_equal, comparison->n_differing,
		       comparison->n_unknown + n_open);
	if (comparison->first_differing > 0)
		printf("the first that differs answers %s:%" PRIu64 "\n",
		       replayer->logs.name, comparison->first_differing);
	if (replayer->n_refused > 0)
		talk("%" PRIu64 " were refused, the first: %s",
		     replayer->n_refused, replayer->refusal);
}

int replayer_report(const struct replayer *replayer)
{
	if (replayer->settings->common.format == FORMAT_JSON)
		report_json(replayer);
	else
		report_text(replayer);
	return replayer->n_refused > 0 || replayer->comparison.n_differing > 0
		       ? EXIT_NEGATIVE
		       : EXIT_OK;
}
