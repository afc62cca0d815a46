/* SPDX-License-Identifier: MIT */

#include "tests/unit/xenstore/toy.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "xenstore/node.h"

void toy_open(struct toy *toy, const char *const *trees)
{
	*toy = (struct toy){ .n_keys_max = TOY_NODES_MAX, .now_ns = 1 };
	for (; *trees; trees++)
		assert_int_equal(selection_add(&toy->selection, *trees), 0);
	assert_int_equal(mirror_init(&toy->mirror, &toy->selection), 0);
	toy->batch.mirror = &toy->mirror;
	toy->nodes = calloc(TOY_NODES_MAX, sizeof(*toy->nodes));
	toy->keys = calloc(TOY_NODES_MAX, sizeof(*toy->keys));
	toy->events = calloc(TOY_EVENTS_MAX, sizeof(*toy->events));
	assert_true(toy->nodes && toy->keys && toy->events);
	mirror_rescan(&toy->mirror);
}

void toy_close(struct toy *toy)
{
	batch_abort(&toy->batch);
	mirror_deinit(&toy->mirror);
	free(toy->nodes);
	free(toy->keys);
	free(toy->events);
}

/* ---- xenstore ---- */

static struct toy_node *find(struct toy_node *nodes, size_t n, const char *path)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(nodes[i].path, path))
			return &nodes[i];
	return NULL;
}

static struct toy_node *need(struct toy_node *nodes, size_t *n,
			     const char *path)
{
	struct toy_node *node = find(nodes, *n, path);

	if (node)
		return node;
	assert_true(*n < TOY_NODES_MAX);
	node = &nodes[(*n)++];
	snprintf(node->path, sizeof(node->path), "%s", path);
	node->value[0] = '\0';
	return node;
}

static void note_event(struct toy *toy, const char *path)
{
	assert_true(toy->n_events < TOY_EVENTS_MAX);
	snprintf(toy->events[toy->n_events++], TOY_PATH_BYTES, "%s", path);
}

void toy_write(struct toy *toy, const char *path, const char *value)
{
	char above[TOY_PATH_BYTES];

	for (size_t n = 1; path[n]; n++) {
		if (path[n] != '/')
			continue;
		snprintf(above, sizeof(above), "%.*s", (int)n, path);
		need(toy->nodes, &toy->n, above);
	}
	snprintf(need(toy->nodes, &toy->n, path)->value, 16, "%s", value);
	note_event(toy, path);
}

/* Who watches a node below hears of that one. */
static void note_roots(struct toy *toy, const char *path)
{
	for (size_t i = 0; i < toy->selection.n_roots; i++) {
		const char *root = toy->selection.roots[i];

		if (strcmp(root, path) != 0 && selection_is_below(root, path) &&
		    find(toy->nodes, toy->n, root))
			note_event(toy, root);
	}
}

void toy_remove(struct toy *toy, const char *path)
{
	size_t n = 0;

	if (!find(toy->nodes, toy->n, path))
		return;
	note_roots(toy, path);
	for (size_t i = 0; i < toy->n; i++)
		if (!selection_is_below(toy->nodes[i].path, path))
			toy->nodes[n++] = toy->nodes[i];
	toy->n = n;
	note_event(toy, path);
}

void toy_tell(struct toy *toy)
{
	for (size_t i = 0; i < toy->n_events; i++)
		mirror_touch(&toy->mirror, toy->events[i]);
	toy->n_events = 0;
}

/* ---- looks ---- */

static bool is_child(const char *path, const char *parent)
{
	size_t n = strlen(parent);

	return !strncmp(path, parent, n) && path[n] == '/' &&
	       !strchr(path + n + 1, '/');
}

/* In one block, as xs_directory() has it. */
static void see_names(const struct toy *toy, struct sight *sight)
{
	const char *path = sight->node->path;

	sight->names = calloc(toy->n + 1, sizeof(char *));
	assert_non_null(sight->names);
	for (size_t i = 0; i < toy->n; i++)
		if (is_child(toy->nodes[i].path, path))
			sight->names[sight->n_names++] =
				toy->nodes[i].path + strlen(path) + 1;
}

static void see(struct toy *toy, struct sight *sight)
{
	const struct toy_node *node;

	toy->n_seen++;
	if (toy->between)
		toy->between(toy);
	node = find(toy->nodes, toy->n, sight->node->path);
	sight->r = node ? 0 : -ENOENT;
	if (!node)
		return;
	sight->value = strdup(node->value);
	sight->n_value = (unsigned)strlen(node->value);
	if (sight->wants_names)
		see_names(toy, sight);
}

/* Names point into the nodes, which `between` may move: so copy them. */
static void keep_names(struct sight *sight)
{
	char **copy = malloc((sight->n_names + 1) *
			     (sizeof(char *) + TOY_PATH_BYTES));
	char *text;

	assert_non_null(copy);
	text = (char *)(copy + sight->n_names + 1);
	for (unsigned i = 0; i < sight->n_names; i++) {
		copy[i] = text;
		snprintf(text, TOY_PATH_BYTES, "%s", sight->names[i]);
		text += TOY_PATH_BYTES;
	}
	free(sight->names);
	sight->names = copy;
}

static void see_all(struct toy *toy)
{
	for (size_t i = 0; i < toy->batch.n; i++) {
		struct sight *sight = &toy->batch.sights[i];

		if (!sight->is_due)
			continue;
		if (toy->is_slow && ++toy->n_slow % 16 == 0)
			break;
		see(toy, sight);
		sight->is_seen = true;
		if (sight->names)
			keep_names(sight);
	}
	toy_tell(toy);
}

/* ---- the bucket ---- */

static void apply(struct toy *toy, const struct change *change)
{
	const struct sight *sight = change->sight;
	struct toy_node *key;

	toy->n_written++;
	if (!change->is_delete) {
		key = need(toy->keys, &toy->n_keys, sight->node->path);
		snprintf(key->value, sizeof(key->value), "%.*s",
			 (int)sight->n_value, (const char *)sight->value);
		return;
	}
	key = find(toy->keys, toy->n_keys, sight->node->path);
	assert_non_null(key);
	*key = toy->keys[--toy->n_keys];
}

static bool is_refused(const struct toy *toy, const struct change *changes,
		       size_t n)
{
	size_t n_keys = toy->n_keys;

	for (size_t i = 0; i < n; i++) {
		const struct node *node = changes[i].sight->node;

		if (toy->refused && !strcmp(node->path, toy->refused))
			return true;
		n_keys += !changes[i].is_delete && !node->is_there;
	}
	return n_keys > toy->n_keys_max;
}

static void write_all(struct toy *toy)
{
	const struct change *changes;
	size_t n;

	while ((n = batch_pending(&toy->batch, &changes))) {
		toy->n_tries++;
		if (is_refused(toy, changes, n)) {
			batch_refused(&toy->batch);
			continue;
		}
		for (size_t i = 0; i < n; i++)
			apply(toy, &changes[i]);
		batch_wrote(&toy->batch);
		if (toy->written)
			toy->written(toy);
	}
}

bool toy_batch(struct toy *toy)
{
	uint64_t due_ns;

	if (!batch_begin(&toy->batch, toy->now_ns, &due_ns)) {
		if (due_ns != UINT64_MAX)
			toy->now_ns = due_ns;
		return false;
	}
	do
		see_all(toy);
	while (batch_next(&toy->batch, toy->now_ns));
	write_all(toy);
	batch_end(&toy->batch);
	return true;
}

void toy_settle(struct toy *toy)
{
	toy_tell(toy);
	for (unsigned i = 0; toy->mirror.n_stale; i++) {
		assert_true(i < 100000);
		(void)toy_batch(toy);
	}
}

void toy_restart(struct toy *toy)
{
	mirror_clear(&toy->mirror);
	toy->n_events = 0;
	for (size_t i = 0; i < toy->n_keys; i++)
		mirror_load(&toy->mirror, toy->keys[i].path, toy->keys[i].value,
			    strlen(toy->keys[i].value));
	mirror_rescan(&toy->mirror);
}

const char *toy_key(const struct toy *toy, const char *path)
{
	const struct toy_node *key = find(toy->keys, toy->n_keys, path);

	return key ? key->value : NULL;
}

void toy_check(const struct toy *toy)
{
	size_t n = 0;

	for (size_t i = 0; i < toy->n; i++) {
		const char *path = toy->nodes[i].path;
		const char *value = toy_key(toy, path);

		if (selection_place(&toy->selection, path) != SELECTION_IN)
			continue;
		n++;
		if (!value)
			fail_msg("%s is missing", path);
		else
			assert_string_equal(value, toy->nodes[i].value);
	}
	assert_int_equal(toy->n_keys, n);
}
