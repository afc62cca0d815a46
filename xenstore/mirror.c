/* SPDX-License-Identifier: MIT */

#include "xenstore/mirror.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "xenstore/owner.h"
#include "xenstore/selection.h"

int mirror_init(struct mirror *mirror, const struct selection *selection)
{
	int r;

	*mirror = (struct mirror){ .selection = selection };
	list_init(&mirror->line);
	r = hash_key_draw(&mirror->key);
	if (r == 0)
		r = map_init(&mirror->nodes);
	return r < 0 ? r : map_init(&mirror->owners);
}

void mirror_clear(struct mirror *mirror)
{
	nodes_free(mirror);
	owners_free(&mirror->owners);
	list_init(&mirror->line);
	mirror->n_stale = 0;
	mirror->n_missed = 0;
	mirror->n_nodes_of_guests = 0;
}

void mirror_deinit(struct mirror *mirror)
{
	if (mirror->nodes.buckets && mirror->owners.buckets)
		mirror_clear(mirror);
	map_deinit(&mirror->nodes);
	map_deinit(&mirror->owners);
}

struct hash_tag mirror_tag(const struct mirror *mirror, const void *value,
			   size_t n_value)
{
	return hash_bytes_tag(&mirror->key, value, n_value);
}

void mirror_load(struct mirror *mirror, const char *key, const void *value,
		 size_t n_value)
{
	struct node *node = NULL;

	if (selection_place(mirror->selection, key) == SELECTION_IN)
		node = node_need(mirror, key);
	if (!node)
		return;
	node->is_there = true;
	node->tag = mirror_tag(mirror, value, n_value);
}

/* ---- what has to be looked at ---- */

static void make_stale(struct mirror *mirror, struct node *node)
{
	struct owner *owner = node->owner;

	list_push_back(&owner->stale, &node->stale);
	mirror->n_stale++;
	if (!list_is_linked(&owner->turn))
		list_push_back(&mirror->line, &owner->turn);
}

void mirror_mark(struct mirror *mirror, struct node *node, enum look look)
{
	if (!node->look)
		make_stale(mirror, node);
	if (node->look < look)
		node->look = look;
}

static void unmark(struct mirror *mirror, struct node *node)
{
	list_unlink(&node->stale);
	mirror->n_stale--;
	node->look = LOOK_NOT;
	if (node->is_new)
		node->owner->n_new--;
	node->is_new = false;
}

/*
 * All that is the owner's: of a guest its own folder, where a root is above
 * that, or the roots below it.
 */
static void mark_owner(struct mirror *mirror, const struct owner *owner)
{
	const struct selection *selection = mirror->selection;
	char home[40];

	snprintf(home, sizeof(home), "/local/domain/%u", owner->domid);
	for (size_t i = 0; i < selection->n_roots; i++) {
		const char *root = selection->roots[i];
		const char *top = root;
		struct node *node;

		if (owner->domid && selection_is_below(home, root))
			top = home;
		else if (owner->domid && !selection_is_below(root, home))
			continue;
		node = node_need(mirror, top);
		if (node)
			mirror_mark(mirror, node, LOOK_AT_ALL);
	}
}

/*
 * Of too many nodes none is remembered, but that all have to be looked at. What
 * has been taken stays, and so does a folder while something is in it.
 */
static void forget_new(struct mirror *mirror, struct owner *owner)
{
	struct list doomed = LIST_INIT(doomed);
	struct list *link;
	struct list *after;

	list_for_each_safe (link, after, &owner->stale) {
		struct node *node = container_of(link, struct node, stale);

		if (!node->is_new)
			continue;
		unmark(mirror, node);
		list_push_back(&doomed, &node->stale);
	}
	while ((link = list_pop_front(&doomed)))
		node_prune(mirror, container_of(link, struct node, stale));
	mark_owner(mirror, owner);
}

static void note_new(struct mirror *mirror, struct node *node)
{
	struct owner *owner = node->owner;

	if (node->is_new)
		return;
	node->is_new = true;
	if (++owner->n_new > OWNER_NEW_MAX)
		forget_new(mirror, owner);
}

static void miss_path(struct mirror *mirror, const char *path)
{
	struct owner *owner = owner_of(&mirror->owners, path);

	if (owner)
		node_miss(mirror, owner);
}

/* Without an event of its own, when a child was written. */
static bool may_be_made_with(const struct node *parent,
			     const struct node *child)
{
	return parent->is_key && (!child->is_there || !parent->is_there ||
				  parent->is_gone || parent->is_busy);
}

void mirror_touch(struct mirror *mirror, const char *path)
{
	enum selection_place place = selection_place(mirror->selection, path);
	struct node *node;

	if (place == SELECTION_OUT)
		return;
	if (strlen(path) > SELECTION_PATH_MAX_BYTES) {
		miss_path(mirror, path);
		return;
	}
	mirror->n_events++;
	node = place == SELECTION_IN ? node_need(mirror, path)
				     : node_lookup(mirror, path);
	if (!node)
		return;
	mirror_mark(mirror, node, LOOK_AT_CHILDREN);
	if (node->parent && may_be_made_with(node->parent, node))
		mirror_mark(mirror, node->parent, LOOK_AT_VALUE);
	if (!node->is_there && node->is_key && !node->is_busy)
		note_new(mirror, node);
}

void mirror_rescan(struct mirror *mirror)
{
	const struct selection *selection = mirror->selection;

	for (size_t i = 0; i < selection->n_roots; i++) {
		struct node *node = node_need(mirror, selection->roots[i]);

		if (node)
			mirror_mark(mirror, node, LOOK_AT_ALL);
	}
}

static struct owner *owner_at(struct map_node *found)
{
	return container_of(found, struct owner, by_domid);
}

static void begin_retry(struct mirror *mirror)
{
	struct map_node *found = NULL;

	while ((found = map_walk(&mirror->owners, found))) {
		struct owner *owner = owner_at(found);

		owner->is_to_retry = owner->n_missed > 0;
		owner->n_missed_before = owner->n_missed;
		mirror->n_missed -= owner->n_missed;
		owner->n_missed = 0;
	}
}

static struct owner *next_to_retry(const struct mirror *mirror)
{
	struct owner *next = NULL;
	struct map_node *found = NULL;

	while ((found = map_walk(&mirror->owners, found))) {
		struct owner *owner = owner_at(found);

		if (owner->is_to_retry && (!next || !owner->domid))
			next = owner;
	}
	return next;
}

/*
 * Others may become known by it, so a walk does not go on. Who looks at all of
 * the host's looks at all.
 */
void mirror_retry(struct mirror *mirror)
{
	struct owner *owner;

	begin_retry(mirror);
	while ((owner = next_to_retry(mirror))) {
		owner->is_to_retry = false;
		mark_owner(mirror, owner);
		if (!owner->domid)
			return;
	}
}

void mirror_missed(const struct mirror *mirror, struct missed *ret_missed)
{
	struct map_node *found = NULL;

	*ret_missed = (struct missed){ .n_of_host = 0 };
	while ((found = map_walk(&mirror->owners, found))) {
		const struct owner *owner = owner_at(found);
		size_t n = owner->n_missed > owner->n_missed_before
				   ? owner->n_missed
				   : owner->n_missed_before;

		*(owner->domid ? &ret_missed->n_of_guests
			       : &ret_missed->n_of_host) += n;
		if (!owner->domid || n <= ret_missed->n_of_worst)
			continue;
		ret_missed->n_of_worst = n;
		ret_missed->worst = owner->domid;
	}
}

/* ---- whose turn it is ---- */

static void take(struct mirror *mirror, struct node *node)
{
	enum look look = node->look;

	unmark(mirror, node);
	node->taken = look;
	node->is_busy = true;
}

static size_t take_turn(struct mirror *mirror, const struct owner *owner,
			uint64_t now_ns, struct node **nodes, size_t n_max)
{
	struct list *link;
	struct list *after;
	size_t n = 0;

	list_for_each_safe (link, after, &owner->stale) {
		struct node *node = container_of(link, struct node, stale);

		if (n == n_max || owner_due_ns(owner, now_ns))
			break;
		if (node->is_busy)
			continue;
		take(mirror, node);
		owner_pay(node->owner, now_ns);
		nodes[n++] = node;
	}
	return n;
}

size_t mirror_take(struct mirror *mirror, uint64_t now_ns, struct node **nodes,
		   size_t n_max, uint64_t *ret_due_ns)
{
	struct list waiting = LIST_INIT(waiting);
	struct list *link;
	size_t n = 0;

	*ret_due_ns = UINT64_MAX;
	while (n < n_max && (link = list_pop_front(&mirror->line))) {
		struct owner *owner = container_of(link, struct owner, turn);
		size_t n_turn = n_max - n;
		uint64_t due_ns;
		size_t n_taken;

		if (n_turn > MIRROR_TURN_NODES)
			n_turn = MIRROR_TURN_NODES;
		n_taken = take_turn(mirror, owner, now_ns, nodes + n, n_turn);
		n += n_taken;
		if (list_is_empty(&owner->stale))
			continue;
		list_push_back(n_taken ? &mirror->line : &waiting, link);
		due_ns = owner_due_ns(owner, now_ns);
		if (due_ns && due_ns < *ret_due_ns)
			*ret_due_ns = due_ns;
	}
	list_splice_back(&mirror->line, &waiting);
	return n;
}

bool mirror_take_again(struct mirror *mirror, struct node *node,
		       uint64_t now_ns)
{
	enum look taken = node->taken;

	if (!node->look)
		return false;
	take(mirror, node);
	owner_pay(node->owner, now_ns);
	if (node->taken < taken)
		node->taken = taken;
	return true;
}

void mirror_give_back(struct mirror *mirror, struct node *node)
{
	node->is_busy = false;
	node_prune(mirror, node);
}

void mirror_put_back(struct mirror *mirror, struct node *node)
{
	struct owner *owner = node->owner;

	node->is_busy = false;
	mirror_mark(mirror, node, node->taken);
	list_unlink(&node->stale);
	list_push_front(&owner->stale, &node->stale);
}

void mirror_miss(struct mirror *mirror, struct node *node)
{
	node_miss(mirror, node->owner);
}
