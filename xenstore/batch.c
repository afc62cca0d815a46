/* SPDX-License-Identifier: MIT */

#include "xenstore/batch.h"

#include <errno.h>
#include <stdlib.h>

#include "xenstore/mirror.h"

bool sight_is_absent(int r)
{
	return r == -ENOENT || r == -EACCES || r == -EINVAL;
}

static void forget_seen(struct sight *sight)
{
	free(sight->value);
	free(sight->names);
	sight->value = NULL;
	sight->names = NULL;
	sight->n_value = 0;
	sight->n_names = 0;
	sight->has_too_many = false;
	sight->r = 0;
}

static void ask(struct sight *sight)
{
	forget_seen(sight);
	sight->wants_names = mirror_wants_names(sight->node);
	sight->is_due = true;
	sight->is_seen = false;
}

/* Those that wait, as far as there is room. */
static size_t fill(struct batch *batch, uint64_t now_ns, uint64_t *ret_due_ns)
{
	struct node *nodes[BATCH_NODES_MAX];
	size_t n = mirror_take(batch->mirror, now_ns, nodes,
			       BATCH_NODES_MAX - batch->n, ret_due_ns);

	for (size_t i = 0; i < n; i++) {
		struct sight *sight = &batch->sights[batch->n++];

		*sight = (struct sight){ .node = nodes[i] };
		ask(sight);
	}
	return n;
}

size_t batch_begin(struct batch *batch, uint64_t now_ns, uint64_t *ret_due_ns)
{
	size_t n = fill(batch, now_ns, ret_due_ns);

	batch->n_rounds = n ? 1 : 0;
	batch->until_ns = now_ns + BATCH_NS;
	return n;
}

static void judge(struct batch *batch, struct sight *sight)
{
	struct mirror *mirror = batch->mirror;

	sight->is_due = false;
	if (sight->r == 0)
		mirror_is_there(mirror, sight->node);
	else
		mirror_is_gone(mirror, sight->node);
	if (sight->has_too_many)
		mirror_miss(mirror, sight->node);
	else if (sight->r == 0 && sight->wants_names)
		mirror_has_children(mirror, sight->node, sight->names,
				    sight->n_names);
}

static void note_change(struct batch *batch, struct sight *sight)
{
	const struct node *node = sight->node;
	struct change *change = &batch->changes[batch->n_changes];

	*change = (struct change){ .sight = sight };
	change->is_delete = sight->r != 0;
	if (sight->r == 0)
		change->tag =
			mirror_tag(batch->mirror, sight->value, sight->n_value);
	if (!node->is_key || (change->is_delete && !node->is_there))
		return;
	if (!change->is_delete && node->is_there &&
	    hash_tag_equal(change->tag, node->tag))
		return;
	batch->n_changes++;
}

static void settle(struct batch *batch)
{
	batch->n_together = BATCH_NODES_MAX;
	for (size_t i = 0; i < batch->n; i++)
		note_change(batch, &batch->sights[i]);
}

static void judge_all(struct batch *batch)
{
	for (size_t i = 0; i < batch->n; i++)
		if (batch->sights[i].is_seen)
			batch->sights[i].node->is_gone =
				batch->sights[i].r != 0;
	for (size_t i = 0; i < batch->n; i++)
		if (batch->sights[i].is_due && batch->sights[i].is_seen)
			judge(batch, &batch->sights[i]);
}

/* Those that nobody came to look at, in their order: true if there are some. */
static bool drop_unseen(struct batch *batch)
{
	size_t n = 0;

	for (size_t i = batch->n; i > 0; i--) {
		struct sight *sight = &batch->sights[i - 1];

		if (!sight->is_due)
			continue;
		forget_seen(sight);
		mirror_put_back(batch->mirror, sight->node);
		sight->node = NULL;
	}
	for (size_t i = 0; i < batch->n; i++)
		if (batch->sights[i].node)
			batch->sights[n++] = batch->sights[i];
	if (n == batch->n)
		return false;
	batch->n = n;
	return true;
}

/* Returns how many sights there are in it. */
static size_t begin_round(struct batch *batch, uint64_t now_ns)
{
	uint64_t due_ns;
	size_t n = 0;

	for (size_t i = 0; i < batch->n; i++) {
		struct sight *sight = &batch->sights[i];

		if (!mirror_take_again(batch->mirror, sight->node, now_ns))
			continue;
		ask(sight);
		n++;
	}
	batch->n_rounds++;
	return n + fill(batch, now_ns, &due_ns);
}

size_t batch_next(struct batch *batch, uint64_t now_ns)
{
	size_t n = 0;

	judge_all(batch);
	if (!drop_unseen(batch) && now_ns < batch->until_ns &&
	    batch->n_rounds < BATCH_ROUNDS_MAX)
		n = begin_round(batch, now_ns);
	if (!n)
		settle(batch);
	return n;
}

size_t batch_pending(const struct batch *batch, const struct change **ret_first)
{
	size_t n = batch->n_changes - batch->n_done;

	*ret_first = &batch->changes[batch->n_done];
	return n < batch->n_together ? n : batch->n_together;
}

void batch_wrote(struct batch *batch)
{
	const struct change *change;
	size_t n = batch_pending(batch, &change);

	for (size_t i = 0; i < n; i++, change++) {
		struct node *node = change->sight->node;

		node->is_there = !change->is_delete;
		node->tag = change->tag;
	}
	batch->n_done += n;
	batch->n_together *= 2;
}

void batch_refused(struct batch *batch)
{
	const struct change *change;
	size_t n = batch_pending(batch, &change);

	if (n > 1) {
		batch->n_together = n / 2;
		return;
	}
	mirror_miss(batch->mirror, change->sight->node);
	batch->n_done++;
}

static void clear(struct batch *batch,
		  void (*give)(struct mirror *mirror, struct node *node))
{
	struct mirror *mirror = batch->mirror;

	for (size_t i = batch->n; i > 0; i--) {
		forget_seen(&batch->sights[i - 1]);
		give(mirror, batch->sights[i - 1].node);
	}
	batch->n = 0;
	batch->n_rounds = 0;
	batch->n_changes = 0;
	batch->n_done = 0;
}

void batch_end(struct batch *batch)
{
	clear(batch, mirror_give_back);
}

void batch_abort(struct batch *batch)
{
	clear(batch, mirror_put_back);
}
