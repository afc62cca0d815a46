/* SPDX-License-Identifier: MIT */

#include <stdlib.h>
#include <string.h>

#include "storage/state/queue_inside.h"

static int compare_ids(const struct order_node *a, const struct order_node *b)
{
	uint64_t id_a = const_job_at_place(a)->id;
	uint64_t id_b = const_job_at_place(b)->id;

	return (id_a > id_b) - (id_a < id_b);
}

static struct job_line *lookup(struct queue *queue, const char *key,
			       uint64_t hash)
{
	struct map_node *node = map_lookup(&queue->lines, hash);

	for (; node; node = map_next(node)) {
		struct job_line *line =
			container_of(node, struct job_line, node);

		if (!strcmp(line->key, key))
			return line;
	}
	return NULL;
}

struct job_line *job_line_get(struct queue *queue, const char *key)
{
	size_t n = strlen(key) + 1;
	uint64_t hash = hash_bytes(&queue->state->key, key, n);
	struct job_line *line = lookup(queue, key, hash);

	if (!line) {
		line = calloc(1, sizeof(*line) + n);
		if (!line)
			return NULL;
		order_init(&line->behind, compare_ids);
		memcpy(line->key, key, n);
		map_add(&queue->lines, &line->node, hash);
	}
	line->n_refs++;
	return line;
}

void job_line_unref(struct queue *queue, struct job_line *line)
{
	if (--line->n_refs)
		return;
	map_remove(&queue->lines, &line->node);
	free(line);
}

static void let_out(struct job_line *line)
{
	struct job *job = line->front;

	job_let_out(job);
	job->where = JOB_BEHIND;
	order_add(&line->behind, &job->place);
	line->front = NULL;
}

static void let_in(struct job_line *line, struct job *job)
{
	order_remove(&line->behind, &job->place);
	line->front = job;
	job_let_in(job);
}

void job_line_settle(struct job_line *line)
{
	struct job *first;

	if (!line)
		return;
	first = job_at_place(order_first(&line->behind));
	if (line->front &&
	    (line->n_leased || (first && first->id < line->front->id)))
		let_out(line);
	first = job_at_place(order_first(&line->behind));
	if (!line->front && !line->n_leased && first)
		let_in(line, first);
}
