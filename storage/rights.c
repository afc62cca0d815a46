/* SPDX-License-Identifier: MIT */

#include "storage/rights.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "proto/subject.h"
#include "storage/guest.h"
#include "storage/service.h"
#include "storage/state/bucket.h"
#include "storage/wish.h"

/* Of each kind of part; more is not even asked about. */
enum { PARTS_MAX = 128 };

static int ask(struct wish *wish, const char *verb, const char *resource)
{
	const struct access_question question = {
		.principal = wish->guest->principal,
		.verb = verb,
		.resource = resource,
		.n_resource = strlen(resource),
	};

	return access_ask(&wish->service->access, &question, &wish->wait);
}

int rights_ask(struct wish *wish, const char *verb, const char *name)
{
	if (name && state_is_name(name))
		return ask(wish, verb, name);
	wish->fault = "the name of a bucket or a queue is letters, digits, - "
		      "and _, with dots between, at most 64 bytes";
	return -EDOM;
}

/* Of a prefix what is behind its last `/` may be the middle of a name. */
static size_t part_bytes(const struct key_range *range)
{
	const char *slash = NULL;

	if (range->key)
		return bucket_is_key(range->key) ? strlen(range->key) : 0;
	if (range->prefix && bucket_is_key(range->prefix))
		slash = strrchr(range->prefix, '/');
	return slash ? (size_t)(slash + 1 - range->prefix) : 0;
}

bool rights_part(const char *bucket, const struct key_range *range,
		 char ret_part[RIGHTS_PART_BYTES])
{
	size_t n = part_bytes(range);
	const char *text = range->key ? range->key : range->prefix;

	return n && snprintf(ret_part, RIGHTS_PART_BYTES, "%s/%.*s", bucket,
			     (int)n, text) < RIGHTS_PART_BYTES;
}

/* All that is beside a key first: that is known for many keys. */
int rights_ask_range(struct wish *wish, const char *verb, const char *bucket,
		     const struct key_range *range)
{
	const struct key_range beside = {
		.prefix = range->key ? range->key : range->prefix,
	};
	char part[RIGHTS_PART_BYTES];
	int r = rights_ask(wish, verb, bucket);

	if (r == 0 && rights_part(bucket, &beside, part))
		r = ask(wish, verb, part);
	if (r == 0 && range->key && rights_part(bucket, range, part))
		r = ask(wish, verb, part);
	return r;
}

int rights_ask_key(struct wish *wish, const char *verb, const char *bucket,
		   const char *key)
{
	const struct key_range range = { .key = key };

	/* Who may will look for it. */
	bucket_fetch_key(&wish->service->state, bucket, key);
	return rights_ask_range(wish, verb, bucket, &range);
}

int rights_ask_either(struct wish *wish, const char *verb, const char *second,
		      const char *name, bool *ret_second)
{
	int r = rights_ask(wish, verb, name);

	*ret_second = r == 0;
	return r == 0 ? rights_ask(wish, second, name) : r;
}

static int ask_publish(struct wish *wish, const char *subject)
{
	if (subject && subject_is_valid(subject, strlen(subject)))
		return ask(wish, "publish", subject);
	wish->fault = "a message has no subject";
	return -EDOM;
}

/* A transaction mostly names one bucket again and again. */
static bool is_asked(const char *name, const char **last)
{
	bool is_same = name && *last && !strcmp(name, *last);

	*last = name;
	return is_same;
}

/* `*whole` is the last bucket to all of which there is the right, or NULL. */
static int ask_key(struct wish *wish, const char *verb, const char *bucket,
		   const char *key, const char **whole)
{
	int r;

	if (bucket && *whole && !strcmp(bucket, *whole))
		return 1;
	r = rights_ask(wish, verb, bucket);
	if (r == 1)
		*whole = bucket;
	return r == 0 ? rights_ask_key(wish, verb, bucket, key) : r;
}

static int ask_buckets(struct wish *wish,
		       const Helio__Store__V1__Transaction *in)
{
	const char *whole = NULL;
	int r = 1;

	for (size_t i = 0; r == 1 && i < in->n_conditions; i++)
		r = ask_key(wish, "kv-read", in->conditions[i]->bucket,
			    in->conditions[i]->key, &whole);
	whole = NULL;
	for (size_t i = 0; r == 1 && i < in->n_writes; i++)
		r = ask_key(wish, "kv-write", in->writes[i]->bucket,
			    in->writes[i]->key, &whole);
	return r;
}

static int ask_others(struct wish *wish,
		      const Helio__Store__V1__Transaction *in)
{
	const char *last = NULL;
	int r = 1;

	for (size_t i = 0; r == 1 && i < in->n_submits; i++)
		if (!is_asked(in->submits[i]->queue, &last))
			r = rights_ask(wish, "job-submit", last);
	last = NULL;
	for (size_t i = 0; r == 1 && i < in->n_messages; i++)
		if (!is_asked(in->messages[i]->subject, &last))
			r = ask_publish(wish, last);
	return r;
}

int rights_transaction(struct wish *wish,
		       const Helio__Store__V1__Transaction *in)
{
	int r;

	if (!in)
		return 1;
	if (in->n_conditions > PARTS_MAX || in->n_writes > PARTS_MAX ||
	    in->n_messages > PARTS_MAX || in->n_submits > PARTS_MAX) {
		wish->fault = "a transaction has at most 128 of each";
		return -EDOM;
	}
	r = ask_buckets(wish, in);
	return r == 1 ? ask_others(wish, in) : r;
}
