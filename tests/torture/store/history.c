/* SPDX-License-Identifier: MIT */

#include "tests/torture/store/history.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/list.h"
#include "tests/torture/complaint.h"

void history_init(struct history *history)
{
	*history = (struct history){ .last_id = 0 };
	if (map_init(&history->ops) < 0)
		complain("no memory");
}

void history_deinit(struct history *history)
{
	struct map_node *node;

	while ((node = map_pop(&history->ops)))
		free(container_of(node, struct op, node));
	map_deinit(&history->ops);
	free(history->events);
}

static void add_event(struct history *history, struct op *op, bool is_end)
{
	if (history->n_events == history->n_events_max) {
		history->n_events_max = 2 * history->n_events_max + 1024;
		history->events =
			realloc(history->events,
				history->n_events_max * sizeof(struct event));
		if (!history->events)
			complain("no memory");
	}
	history->events[history->n_events++] = (struct event){ op, is_end };
}

struct op *history_begin(struct history *history, unsigned client,
			 enum op_kind kind)
{
	struct op *op = calloc(1, sizeof(*op));

	if (!op)
		complain("no memory");
	op->history = history;
	op->id = ++history->last_id;
	op->client = client;
	op->kind = kind;
	map_add(&history->ops, &op->node, map_hash_u64(op->id));
	add_event(history, op, false);
	return op;
}

void history_end(struct op *op, enum op_fate fate)
{
	struct history *history = op->history;

	op->fate = fate;
	history->n_of_fate[fate]++;
	if (op->revision > history->revision)
		history->revision = op->revision;
	add_event(history, op, true);
}

struct op *history_lookup(const struct history *history, uint64_t id)
{
	struct map_node *node = map_lookup(&history->ops, map_hash_u64(id));

	for (; node; node = map_next(node)) {
		struct op *op = container_of(node, struct op, node);

		if (op->id == id)
			return op;
	}
	return NULL;
}

static bool may_happen(const struct op *op)
{
	return op->fate == OP_UNKNOWN && op->n_writes && !op->is_found;
}

void history_cut(struct history *history)
{
	for (size_t i = 0; i < history->n_events; i++) {
		struct op *op = history->events[i].op;

		if (!history->events[i].is_end || may_happen(op))
			continue;
		map_remove(&history->ops, &op->node);
		free(op);
	}
	history->n_events = 0;
}

/* ---- shown ---- */

static void print_condition(const struct op_condition *condition)
{
	static const char *const NAMES[] = { "revision", "is there", "value" };

	fprintf(stderr, " if %c has %s %llu", (int)('a' + condition->key),
		NAMES[condition->kind], (unsigned long long)condition->number);
}

static void print_seen(const struct op *op)
{
	for (unsigned i = 0; i < HISTORY_KEYS; i++)
		if (op->seen[i].value)
			fprintf(stderr, ", saw %c = %llu of revision %llu",
				(int)('a' + i),
				(unsigned long long)op->seen[i].value,
				(unsigned long long)op->seen[i].revision);
}

void history_print(const struct op *op)
{
	static const char *const KINDS[] = { "get", "list", "put", "delete",
					     "commit" };
	static const char *const FATES[] = { "under way", "done", "refused",
					     "lost", "unknown" };

	fprintf(stderr, "  op %llu of voice%u: %s", (unsigned long long)op->id,
		op->client, KINDS[op->kind]);
	if (op->kind == OP_GET)
		fprintf(stderr, " %c", (int)('a' + op->key));
	for (unsigned i = 0; i < op->n_writes; i++)
		fprintf(stderr, " %s %c",
			op->writes[i].is_delete ? "remove" : "write",
			(int)('a' + op->writes[i].key));
	for (unsigned i = 0; i < op->n_conditions; i++)
		print_condition(&op->conditions[i]);
	fprintf(stderr, ": %s, revision %llu, began after %llu",
		FATES[op->fate], (unsigned long long)op->revision,
		(unsigned long long)op->floor);
	print_seen(op);
	fputc('\n', stderr);
}
