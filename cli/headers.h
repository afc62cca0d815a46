/* SPDX-License-Identifier: MIT */
#ifndef CLI_HEADERS_H
#define CLI_HEADERS_H

/** `-H name:value` as the library takes it, and headers as JSON. */

#include "cli/option.h"
#include "rpc/heliograph.h"

struct headers {
	size_t n;
	struct helio_header at[OPTION_TEXTS_MAX];
	char *names[OPTION_TEXTS_MAX]; /* owned: the text up to the colon */
};

/**
 * Spaces after the colon are left out. Returns 0, -EINVAL when one of the
 * texts has no colon or nothing before it, or -ENOMEM; then there is nothing
 * to free.
 */
int headers_init(struct headers *headers, const struct texts *texts);
void headers_deinit(struct headers *headers);

struct json;

/** Those of a message as `headers`; nothing if it has none. */
void headers_write(struct json *json, const struct helio_message *message);

#endif
