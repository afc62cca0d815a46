/* SPDX-License-Identifier: MIT */

#include "cli/headers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/json.h"

static int add(struct headers *headers, const char *text)
{
	const char *colon = strchr(text, ':');
	const char *value;
	char *name;

	if (!colon || colon == text)
		return -EINVAL;
	value = colon + 1 + strspn(colon + 1, " ");
	name = strndup(text, (size_t)(colon - text));
	if (!name)
		return -ENOMEM;
	headers->names[headers->n] = name;
	headers->at[headers->n++] = (struct helio_header){
		.name = name,
		.value = value,
		.n_value = strlen(value),
	};
	return 0;
}

int headers_init(struct headers *headers, const struct texts *texts)
{
	int r = 0;

	headers->n = 0;
	for (size_t i = 0; r == 0 && i < texts->n; i++)
		r = add(headers, texts->at[i]);
	if (r < 0)
		headers_deinit(headers);
	return r;
}

void headers_deinit(struct headers *headers)
{
	while (headers->n > 0)
		free(headers->names[--headers->n]);
}

void headers_write(struct json *json, const struct helio_message *message)
{
	if (message->n_headers == 0)
		return;
	json_key(json, "headers");
	json_open(json, '[');
	for (size_t i = 0; i < message->n_headers; i++) {
		const struct helio_header *header = &message->headers[i];

		json_open(json, '{');
		json_key(json, "name");
		json_string(json, header->name);
		json_bytes(json, "value", header->value, header->n_value);
		json_close(json, '}');
	}
	json_close(json, ']');
}
