/* SPDX-License-Identifier: MIT */

#include "logger/answer_seen.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/list.h"
#include "logger/answer.h"

enum { SUBJECTS_MAX = 65536 };

/* What the logger said of a subject. */
struct seen_subject {
	struct map_node node;
	char verb;
	bool is_seen;
	size_t n;
	char bytes[];
};

static int read_byte(char *ret_byte)
{
	ssize_t n;

	do
		n = read(STDIN_FILENO, ret_byte, 1);
	while (n < 0 && errno == EINTR);
	return n == 1 ? 0 : -EPIPE;
}

static struct seen_subject *lookup(struct answer_seen *seen, char verb,
				   const char *subject, size_t n,
				   uint64_t *ret_hash)
{
	struct map_node *node;

	*ret_hash = hash_bytes(&seen->key, subject, n) + (uint8_t)verb;
	node = map_lookup(&seen->subjects, *ret_hash);
	for (; node; node = map_next(node)) {
		struct seen_subject *one =
			container_of(node, struct seen_subject, node);

		if (one->verb == verb && one->n == n &&
		    !memcmp(one->bytes, subject, n))
			return one;
	}
	return NULL;
}

/* 1, 0 or a negative errno. */
static int ask(struct answer_seen *seen, char verb, const char *subject,
	       size_t n)
{
	struct seen_subject *one;
	uint64_t hash;
	char word;

	one = lookup(seen, verb, subject, n, &hash);
	if (one)
		return one->is_seen;
	if (answer_say(verb, subject, n, NULL, 0) < 0 || read_byte(&word) < 0)
		return -EPIPE;
	if (seen->subjects.n_nodes >= SUBJECTS_MAX)
		return word == 'Y';
	one = malloc(sizeof(*one) + n);
	if (!one)
		return -ENOMEM;
	one->verb = verb;
	one->is_seen = word == 'Y';
	one->n = n;
	memcpy(one->bytes, subject, n);
	map_add(&seen->subjects, &one->node, hash);
	return one->is_seen;
}

int answer_seen_record(struct answer_seen *seen,
		       const struct run_record *record)
{
	bool is_call = record->kind == RUN_CALL || record->kind == RUN_REPLY;

	if (!record->n_subject)
		return 0;
	return ask(seen, is_call ? 'O' : 'S', record->subject,
		   record->n_subject);
}

int answer_seen_init(struct answer_seen *seen)
{
	int r = hash_key_draw(&seen->key);

	return r < 0 ? r : map_init(&seen->subjects);
}

void answer_seen_deinit(struct answer_seen *seen)
{
	struct map_node *node;

	while (seen->subjects.buckets && (node = map_pop(&seen->subjects)))
		free(container_of(node, struct seen_subject, node));
	map_deinit(&seen->subjects);
}
