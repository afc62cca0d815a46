/* SPDX-License-Identifier: MIT */

#include "schema/body.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static bool has_prefix(const char *text, size_t n, const char *prefix)
{
	size_t n_prefix = strlen(prefix);

	return n >= n_prefix && strncasecmp(text, prefix, n_prefix) == 0;
}

/* The value of a parameter, which may be quoted. */
static const char *value_of(const char *at, const char *end, size_t *ret_n)
{
	size_t n = 0;

	at += at < end && *at == '"';
	while (at + n < end && !strchr("\"; ", at[n]))
		n++;
	*ret_n = n;
	return n ? at : NULL;
}

const char *body_message_name(const char *content_type, size_t n, size_t *ret_n)
{
	static const char *const keys[] = { "message=", "messageType=",
					    "proto=" };
	const char *end = content_type + n;
	const char *at = content_type;

	if (!has_prefix(at, n, "application/"))
		return NULL;
	while ((at = memchr(at, ';', (size_t)(end - at)))) {
		do
			at++;
		while (at < end && *at == ' ');
		for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
			if (has_prefix(at, (size_t)(end - at), keys[i]))
				return value_of(at + strlen(keys[i]), end,
						ret_n);
	}
	return NULL;
}

const struct pool_message *body_type(const struct pool *pool,
				     const char *content_type, size_t n)
{
	const char *name = body_message_name(content_type, n, &n);

	return name ? pool_message_lookup(pool, name, n) : NULL;
}

const char *body_service_of(const char *subject, size_t n, size_t *ret_n)
{
	static const char prefix[] = "$inst.";
	size_t n_prefix = sizeof(prefix) - 1;
	const char *dot;

	*ret_n = n;
	if (n < n_prefix || memcmp(subject, prefix, n_prefix) != 0)
		return subject;
	dot = memchr(subject + n_prefix, '.', n - n_prefix);
	if (!dot)
		return subject;
	*ret_n = n - (size_t)(dot + 1 - subject);
	return dot + 1;
}

const struct pool_message *body_type_of_call(const struct pool *pool,
					     const char *subject, size_t n,
					     bool is_reply)
{
	const char *name = body_service_of(subject, n, &n);
	const char *dot = n ? memrchr(name, '.', n) : NULL;
	const struct pool_service *service;
	const struct pool_method *method;
	char text[DESCRIPTOR_NAME_MAX + 1];

	if (!dot || n - (size_t)(dot - name) > sizeof(text))
		return NULL;
	service = pool_service_lookup(pool, name, (size_t)(dot - name));
	snprintf(text, sizeof(text), "%.*s",
		 (int)(n - (size_t)(dot - name)) - 1, dot + 1);
	method = service ? pool_method_lookup(service, text) : NULL;
	if (!method)
		return NULL;
	return is_reply ? method->output : method->input;
}
