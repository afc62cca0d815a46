/* SPDX-License-Identifier: MIT */

#include "tests/torture/store/linear.h"

#include <stdio.h>

#include "base/list.h"
#include "tests/torture/complaint.h"

__attribute__((noreturn)) static void refute(const struct op *op,
					     const char *why)
{
	fprintf(stderr, "not linearizable: %s:\n", why);
	history_print(op);
	complain("op %llu: %s", (unsigned long long)op->id, why);
}

/* The other one is shown as well. */
__attribute__((noreturn)) static void refute_version(
	const struct history *history, const struct op *op,
	const struct version *version, const char *why)
{
	const struct op *other = history_lookup(history, version->value);

	fprintf(stderr, "revision %llu: value %llu, by voice%u\n",
		(unsigned long long)version->revision,
		(unsigned long long)version->value, version->client);
	if (other && other != op)
		history_print(other);
	refute(op, why);
}

/* ---- conditions ---- */

static bool holds(const struct witness *witness,
		  const struct op_condition *condition, uint64_t revision)
{
	struct version version = witness_at(witness, condition->key, revision);

	switch (condition->kind) {
	case CONDITION_REVISION:
		return condition->number ==
		       (version.value ? version.revision : 0);
	case CONDITION_IS_THERE:
		return (version.value != 0) == (condition->number != 0);
	default:
		return version.value && version.value == condition->number;
	}
}

static bool all_hold(const struct witness *witness, const struct op *op,
		     uint64_t revision)
{
	for (unsigned i = 0; i < op->n_conditions; i++)
		if (!holds(witness, &op->conditions[i], revision))
			return false;
	return true;
}

/* Whether what it was told is right at a revision that it was not told. */
static bool is_explained_at(const struct witness *witness, const struct op *op,
			    uint64_t revision)
{
	if (op->kind == OP_GET)
		return !witness_at(witness, op->key, revision).value;
	if (op->fate == OP_REFUSED)
		return !all_hold(witness, op, revision);
	/* A delete that had nothing to do. */
	return all_hold(witness, op, revision) &&
	       !witness_at(witness, op->writes[0].key, revision).value;
}

/* ---- places ---- */

static const struct op_write *write_of(const struct op *op, unsigned key)
{
	for (unsigned i = 0; i < op->n_writes; i++)
		if (op->writes[i].key == key)
			return &op->writes[i];
	return NULL;
}

/* What has the key at its revision is what it wrote, and nothing else. */
static void explain_key(const struct history *history, struct witness *witness,
			const struct op *op, unsigned key)
{
	struct version *version = witness_written(witness, key, op->revision);
	const struct op_write *write = write_of(op, key);
	bool is_gone = !witness_at(witness, key, op->revision - 1).value;

	if (!version) {
		if (write && !(write->is_delete && is_gone))
			refute(op, "what it wrote is not there");
		return;
	}
	if (!write || version->client != op->client ||
	    version->value != (write->is_delete ? 0 : op->id))
		refute_version(history, op, version,
			       "its revision is another's");
	if (version->is_explained)
		refute(op, "it happened twice, or two have one revision");
	version->is_explained = true;
}

static void explain(const struct history *history, struct witness *witness,
		    struct op *op)
{
	for (unsigned i = 0; i < HISTORY_KEYS; i++)
		explain_key(history, witness, op, i);
	if (!all_hold(witness, op, op->revision - 1))
		refute(op, "its conditions did not hold");
	op->is_found = true;
}

static void check_seen_key(const struct history *history,
			   const struct witness *witness, const struct op *op,
			   unsigned key)
{
	struct version version = witness_at(witness, key, op->revision);
	const struct op_seen *seen = &op->seen[key];

	if (seen->value != version.value ||
	    (seen->value && seen->revision != version.revision))
		refute_version(history, op, &version,
			       "it read what was not there");
}

static void check_seen(const struct history *history,
		       const struct witness *witness, const struct op *op)
{
	if (op->kind == OP_GET)
		check_seen_key(history, witness, op, op->key);
	for (unsigned i = 0; op->kind == OP_LIST && i < HISTORY_KEYS; i++)
		check_seen_key(history, witness, op, i);
}

static uint64_t place(const struct history *history,
		      const struct witness *witness, const struct op *op)
{
	uint64_t revision = op->floor;

	if (op->revision) {
		if (op->revision < op->floor + (op->n_writes != 0))
			refute(op, "it comes before what had ended earlier");
		check_seen(history, witness, op);
		return op->revision;
	}
	while (!is_explained_at(witness, op, revision))
		if (++revision > witness->told)
			refute(op, "nothing explains that it was refused");
	return revision;
}

/* ---- all of it ---- */

static void explain_what_was_told(const struct history *history,
				  struct witness *witness)
{
	for (size_t i = 0; i < history->n_events; i++) {
		struct op *op = history->events[i].op;

		if (history->events[i].is_end && op->fate == OP_DONE &&
		    op->n_writes && op->revision)
			explain(history, witness, op);
	}
}

static void sweep(struct linear *linear, const struct history *history,
		  const struct witness *witness)
{
	for (size_t i = 0; i < history->n_events; i++) {
		struct op *op = history->events[i].op;
		uint64_t at;

		if (!history->events[i].is_end) {
			op->floor = linear->floor;
			continue;
		}
		linear->n_ops++;
		if (op->fate != OP_DONE && op->fate != OP_REFUSED)
			continue;
		at = place(history, witness, op);
		if (at > linear->floor)
			linear->floor = at;
	}
}

/*
 * Which of the deletes of which nothing is known removed a key: the eldest. If
 * any other could have, it could.
 */
static struct op *eldest_delete(const struct history *history, unsigned key,
				unsigned client)
{
	struct map_node *node = NULL;
	struct op *eldest = NULL;

	while ((node = map_walk(&history->ops, node))) {
		struct op *op = container_of(node, struct op, node);

		if (op->fate == OP_UNKNOWN && op->kind == OP_DELETE &&
		    !op->is_found && op->client == client &&
		    op->writes[0].key == key &&
		    (!eldest || op->id < eldest->id))
			eldest = op;
	}
	return eldest;
}

static void explain_version(const struct history *history,
			    struct witness *witness, unsigned key,
			    const struct version *version)
{
	struct op *op = version->value
				? history_lookup(history, version->value)
				: eldest_delete(history, key, version->client);

	if (!op)
		complain("%c of revision %llu, value %llu, by voice%u: nobody "
			 "who may have written it is left",
			 (int)('a' + key),
			 (unsigned long long)version->revision,
			 (unsigned long long)version->value, version->client);
	if (op->fate != OP_UNKNOWN)
		refute_version(history, op, version,
			       "it did what it was told that it did not");
	op->revision = version->revision;
	if (op->revision <= op->floor)
		refute(op, "it comes before what had ended earlier");
	explain(history, witness, op);
}

static void explain_rest(struct linear *linear, const struct history *history,
			 struct witness *witness, bool is_put)
{
	for (unsigned key = 0; key < HISTORY_KEYS; key++) {
		struct versions *versions = &witness->keys[key];

		for (size_t i = 0; i < versions->n; i++) {
			struct version *version = &versions->all[i];

			if (version->is_explained ||
			    (version->value != 0) != is_put)
				continue;
			explain_version(history, witness, key, version);
			linear->n_found++;
		}
	}
}

void linear_check(struct linear *linear, struct history *history,
		  struct witness *witness)
{
	explain_what_was_told(history, witness);
	sweep(linear, history, witness);
	/* Puts first: a transaction has one, and its deletes with it. */
	explain_rest(linear, history, witness, true);
	explain_rest(linear, history, witness, false);
	history_cut(history);
	witness_cut(witness, linear->floor);
}
