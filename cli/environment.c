/* SPDX-License-Identifier: MIT */

#include "cli/environment.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rpc/heliograph-store.h"

#define PREFIX "HELIO_"

/* Takes `variable` over, whatever it returns. */
static int add(struct environment *environment, char *variable)
{
	size_t n_max = environment->n_max ? 2 * environment->n_max : 64;
	char **at = environment->at;

	if (!variable)
		return -ENOMEM;
	if (environment->n + 1 >= environment->n_max) {
		at = reallocarray(at, n_max, sizeof(*at));
		if (!at) {
			free(variable);
			return -ENOMEM;
		}
		environment->at = at;
		environment->n_max = n_max;
	}
	at[environment->n++] = variable;
	at[environment->n] = NULL;
	return 0;
}

static int add_text(struct environment *environment, const char *name,
		    const char *value)
{
	char *variable = NULL;

	if (!value)
		return 0;
	if (asprintf(&variable, PREFIX "%s=%s", name, value) < 0)
		return -ENOMEM;
	return add(environment, variable);
}

static char variable_letter(char c)
{
	if (c >= 'a' && c <= 'z')
		return (char)(c - 'a' + 'A');
	if ((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
		return c;
	return '_';
}

/* A value with a NUL in it cannot be handed over, and a part would be a lie. */
static int add_header(struct environment *environment,
		      const struct helio_header *header)
{
	char *variable = NULL;
	char *c;

	if (header->n_value > 0 && memchr(header->value, 0, header->n_value))
		return 0;
	if (asprintf(&variable, PREFIX "HEADER_%s=%.*s", header->name,
		     (int)header->n_value, (const char *)header->value) < 0)
		return -ENOMEM;
	c = variable + strlen(PREFIX "HEADER_");
	for (size_t i = 0; i < strlen(header->name); i++)
		c[i] = variable_letter(c[i]);
	return add(environment, variable);
}

static int add_ours(struct environment *environment)
{
	int r = 0;

	for (char **at = environ; r == 0 && *at; at++)
		if (strncmp(*at, PREFIX, strlen(PREFIX)) != 0)
			r = add(environment, strdup(*at));
	return r;
}

static int add_message(struct environment *environment,
		       const struct helio_message *message)
{
	const struct {
		const char *name;
		const char *value;
	} texts[] = {
		{ "SUBJECT", message->subject },
		{ "SOURCE", message->source },
		{ "KEY", message->idempotency_key },
		{ "CONTENT_TYPE", message->content_type },
		{ "TRACEPARENT", message->traceparent },
	};
	char incarnation[17];
	int r;

	snprintf(incarnation, sizeof(incarnation), "%016" PRIx64,
		 message->incarnation);
	r = add_text(environment, "INCARNATION", incarnation);
	for (size_t i = 0; r == 0 && i < sizeof(texts) / sizeof(*texts); i++)
		r = add_text(environment, texts[i].name, texts[i].value);
	for (size_t i = 0; r == 0 && i < message->n_headers; i++)
		r = add_header(environment, &message->headers[i]);
	return r;
}

int environment_init(struct environment *environment,
		     const struct helio_message *message)
{
	int r;

	*environment = (struct environment){ 0 };
	r = add_ours(environment);
	if (r == 0)
		r = add_message(environment, message);
	if (r < 0)
		environment_deinit(environment);
	return r;
}

static int add_number(struct environment *environment, const char *name,
		      uint64_t number)
{
	char text[24];

	if (!number)
		return 0;
	snprintf(text, sizeof(text), "%" PRIu64, number);
	return add_text(environment, name, text);
}

static int add_job(struct environment *environment, const struct helio_job *job)
{
	const struct {
		const char *name;
		const char *value;
	} texts[] = {
		{ "JOB_QUEUE", job->queue },
		{ "JOB_KEY", job->key },
		{ "JOB_ORDER_KEY", job->order_key },
		{ "JOB_CONTENT_TYPE", job->content_type },
		{ "JOB_SUBMITTER", job->submitter },
		{ "JOB_SUBMITTER_DURABLE_ID", job->submitter_durable_id },
	};
	char priority[12];
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(texts) / sizeof(*texts); i++)
		if (*texts[i].value)
			r = add_text(environment, texts[i].name,
				     texts[i].value);
	snprintf(priority, sizeof(priority), "%" PRId32, job->priority);
	if (r == 0)
		r = add_text(environment, "JOB_PRIORITY", priority);
	if (r == 0)
		r = add_number(environment, "JOB_ID", job->id);
	if (r == 0)
		r = add_number(environment, "JOB_ATTEMPT", job->attempts);
	if (r == 0)
		r = add_number(environment, "JOB_ATTEMPTS_MAX",
			       job->attempts_max);
	if (r == 0)
		r = add_number(environment, "JOB_TOKEN", job->token);
	if (r == 0)
		r = add_number(environment, "JOB_DEADLINE_MS",
			       job->deadline_unix_ms);
	return r;
}

int environment_init_job(struct environment *environment,
			 const struct helio_job *job)
{
	int r;

	*environment = (struct environment){ 0 };
	r = add_ours(environment);
	if (r == 0)
		r = add_job(environment, job);
	if (r < 0)
		environment_deinit(environment);
	return r;
}

void environment_deinit(struct environment *environment)
{
	for (size_t i = 0; i < environment->n; i++)
		free(environment->at[i]);
	free(environment->at);
	*environment = (struct environment){ 0 };
}
