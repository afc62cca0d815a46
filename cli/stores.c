/* SPDX-License-Identifier: MIT */

#include "cli/stores.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "cli/command.h"
#include "cli/exit.h"
#include "cli/input.h"
#include "cli/json.h"
#include "cli/moment.h"
#include "cli/output.h"
#include "cli/table.h"
#include "cli/text.h"

int stores_open(struct stores *stores, const struct common *common,
		const struct helio_service_type *type, const char *thing,
		const char *of)
{
	struct helio_client_options options = {
		.invoke = { .timeout_ms = common->timeout_ms
						  ? common->timeout_ms
						  : TIMEOUT_DEFAULT_MS },
	};
	int r = session_open(&stores->session, common, false);

	stores->thing = thing;
	stores->of = of;
	if (r != EXIT_OK)
		return r;
	r = helio_client_new(stores->session.bus, type, &options,
			     &stores->client);
	return r < 0 ? session_complain("store", r, NULL) : EXIT_OK;
}

void stores_close(struct stores *stores)
{
	helio_client_free(stores->client);
	stores->client = NULL;
	session_close(&stores->session);
}

int stores_complain(const char *thing, const char *of, int status,
		    const char *reason)
{
	char what[STORES_NAME_BYTES];

	snprintf(what, sizeof(what), "%s%s%s", thing, of ? "/" : "",
		 of ? of : "");
	return session_complain(what, status, reason);
}

int stores_end(struct stores *stores, int r)
{
	const char *thing = stores->thing, *of = stores->of;
	const struct helio_reply *reply;

	if (r == 0)
		return EXIT_OK;
	if (r < 0)
		return stores_complain(thing, of, r,
				       helio_error(stores->session.bus));
	reply = helio_client_reply(stores->client);
	if (r != HELIO_UNAVAILABLE || reply->is_handed_over)
		return stores_complain(thing, of, r, reply->reason);
	talk("%s%s%s: nothing without the store: %s", thing, of ? "/" : "",
	     of ? of : "", reply->reason);
	return exit_code(r);
}

int stores_bytes(const char *thing, const char *of, const char *text,
		 struct input *input, ProtobufCBinaryData *ret_bytes)
{
	int r;

	if (text && strcmp(text, "-") != 0) {
		*ret_bytes =
			(ProtobufCBinaryData){ strlen(text),
					       (uint8_t *)stores_text(text) };
		return EXIT_OK;
	}
	r = input_all(input);
	if (r < 0)
		return stores_complain(thing, of, r, "standard input");
	*ret_bytes = (ProtobufCBinaryData){ input->n, (uint8_t *)input->bytes };
	return EXIT_OK;
}

int stores_number(const char *what, const char *text, uint64_t *ret_number)
{
	if (option_parse_number(text, ret_number) == 0)
		return EXIT_OK;
	talk("%s is a number, not '%s'", what, text);
	return EXIT_USAGE;
}

char *stores_text(const char *text)
{
	char *copy;

	memcpy(&copy, &text, sizeof(copy));
	return copy;
}

static size_t plain_length(const char *at, size_t n)
{
	size_t i = 0;

	while (i < n && at[i] != '"' && at[i] != '\\')
		i++;
	return i;
}

void stores_quote(FILE *out, const void *bytes, size_t n)
{
	const char *at = bytes;

	fputc('"', out);
	while (n > 0) {
		size_t length = plain_length(at, n);

		text_write_escaped(out, at, length);
		if (length < n) {
			fputc('\\', out);
			fputc(at[length++], out);
		}
		at += length;
		n -= length;
	}
	fputc('"', out);
}

void stores_json_text(struct json *json, const char *key, const char *text)
{
	if (!text || !*text)
		return;
	json_key(json, key);
	json_string(json, text);
}

void stores_json_number(struct json *json, const char *key, uint64_t number)
{
	json_key(json, key);
	json_number(json, number);
}

void stores_json_limit(struct json *json, const char *key, uint64_t number)
{
	if (number)
		stores_json_number(json, key, number);
}

static void show_name(const char *name)
{
	printf("  %-18s ", name);
}

void stores_show_text(const char *name, const char *text)
{
	if (!text || !*text)
		return;
	show_name(name);
	text_write_escaped(stdout, text, strlen(text));
	fputc('\n', stdout);
}

void stores_show_number(const char *name, uint64_t number)
{
	show_name(name);
	printf("%" PRIu64 "\n", number);
}

void stores_show_limit(const char *name, uint64_t number)
{
	if (number)
		stores_show_number(name, number);
}

void stores_show_ms(const char *name, uint64_t ms)
{
	char text[32];

	if (!ms)
		return;
	table_format_ms(ms, text, sizeof(text));
	show_name(name);
	printf("%s\n", text);
}

void stores_show_time(const char *name, uint64_t unix_ms)
{
	char text[MOMENT_TEXT_BYTES];

	if (!unix_ms || unix_ms > UINT64_MAX / NS_PER_MS)
		return;
	moment_format_long(unix_ms * NS_PER_MS, text);
	show_name(name);
	printf("%s\n", text);
}
