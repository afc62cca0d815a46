/* SPDX-License-Identifier: MIT */

#include "rpc/typed/options.h"

#include <string.h>

static size_t text_bytes(const char *text)
{
	return text ? strlen(text) + 1 : 0;
}

size_t options_bytes(const struct helio_invoke_options *options)
{
	size_t n = text_bytes(options->instance) +
		   text_bytes(options->idempotency_key) +
		   text_bytes(options->traceparent);

	if (options->n_headers)
		n += _Alignof(struct helio_header);
	for (size_t i = 0; i < options->n_headers; i++)
		n += sizeof(struct helio_header) +
		     text_bytes(options->headers[i].name) +
		     options->headers[i].n_value;
	return n;
}

static const char *put_text(uint8_t **at, const char *text)
{
	char *copy = (char *)*at;

	if (!text)
		return NULL;
	memcpy(copy, text, strlen(text) + 1);
	*at += strlen(text) + 1;
	return copy;
}

static void put_headers(uint8_t **at, struct helio_invoke_options *options)
{
	const size_t n_align = _Alignof(struct helio_header);
	const struct helio_header *from = options->headers;
	struct helio_header *headers;

	if (!options->n_headers)
		return;
	*at += (n_align - (uintptr_t)*at % n_align) % n_align;
	headers = (void *)*at;
	*at += options->n_headers * sizeof(*headers);
	for (size_t i = 0; i < options->n_headers; i++) {
		headers[i].name = put_text(at, from[i].name);
		headers[i].n_value = from[i].n_value;
		headers[i].value = *at;
		if (from[i].n_value)
			memcpy(*at, from[i].value, from[i].n_value);
		*at += from[i].n_value;
	}
	options->headers = headers;
}

void options_keep(struct helio_invoke_options *options, uint8_t *at)
{
	put_headers(&at, options);
	options->instance = put_text(&at, options->instance);
	options->idempotency_key = put_text(&at, options->idempotency_key);
	options->traceparent = put_text(&at, options->traceparent);
}
