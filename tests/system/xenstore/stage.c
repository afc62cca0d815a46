/* SPDX-License-Identifier: MIT */

#include "tests/system/xenstore/stage.h"

#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int remove_one(const char *path, const struct stat *status, int type,
		      struct FTW *where)
{
	(void)status;
	(void)type;
	(void)where;
	return remove(path);
}

static struct xs_handle *open_as(struct stage *stage, uint32_t domid)
{
	struct xs_handle *handle;

	xen_world_enter(&stage->world, domid);
	handle = xs_open(0);
	assert_non_null(handle);
	return handle;
}

/* The bridge always finds it at the same path. */
static void start_world(struct stage *stage)
{
	char socket[128];

	assert_int_equal(xen_world_start(&stage->world), 0);
	assert_int_equal(xen_world_add(&stage->world, 1, "one", "u-1"), 0);
	assert_int_equal(xen_world_add(&stage->world, 2, "two", "u-2"), 0);
	snprintf(socket, sizeof(socket), "%s/0/xenstored", stage->world.folder);
	stage->host = open_as(stage, 0);
	stage->guest = open_as(stage, 1);
	(void)unlink(stage->path);
	assert_int_equal(symlink(socket, stage->path), 0);
	setenv("XENSTORED_PATH", stage->path, 1);
}

static void stop_world(struct stage *stage)
{
	xs_close(stage->host);
	xs_close(stage->guest);
	xen_world_stop(&stage->world);
}

/* One that is stopped ends the processes of its domains. */
void stage_lose_xenstored(struct stage *stage)
{
	assert_int_equal(kill(stage->world.pid, SIGKILL), 0);
	assert_int_equal(waitpid(stage->world.pid, NULL, 0), stage->world.pid);
	stage->world.pid = 0;
	assert_int_equal(
		nftw(stage->world.folder, remove_one, 16, FTW_DEPTH | FTW_PHYS),
		0);
	stop_world(stage);
}

void stage_find_xenstored(struct stage *stage)
{
	start_world(stage);
}

void stage_open(struct stage *stage, const char *policy,
		const char *const *trees)
{
	size_t n = 0;

	scene_open(&stage->scene, policy);
	snprintf(stage->path, sizeof(stage->path), "%s/xenstored",
		 stage->scene.bus_process.folder);
	start_world(stage);
	daemon_process_init(&stage->bridge, BRIDGE_PATH, "",
			    stage->scene.bus_process.shm);
	for (; *trees; trees++) {
		stage->bridge.more[n++] = "--tree";
		stage->bridge.more[n++] = *trees;
	}
	daemon_process_start(&stage->bridge);
}

void stage_close(struct stage *stage)
{
	daemon_process_stop(&stage->bridge, SIGTERM);
	(void)unlink(stage->path);
	stop_world(stage);
	scene_close(&stage->scene);
}

void stage_write(struct stage *stage, const char *path, const char *text)
{
	assert_true(xs_write(stage->host, XBT_NULL, path, text,
			     (unsigned)strlen(text)));
}

void stage_remove(struct stage *stage, const char *path)
{
	assert_true(xs_rm(stage->host, XBT_NULL, path));
}

/* ---- both held against each other ---- */

struct list_reply {
	const Helio__Store__V1__ListReply *page;
	size_t n_found;
};

static const Helio__Store__V1__Entry *find(const struct list_reply *list,
					   const char *key)
{
	for (size_t i = 0; i < list->page->n_entries; i++)
		if (!strcmp(list->page->entries[i]->key, key))
			return list->page->entries[i];
	return NULL;
}

static bool has_node(struct stage *stage, struct list_reply *list,
		     const char *path)
{
	const Helio__Store__V1__Entry *entry = find(list, path);
	unsigned n;
	char *value = xs_read(stage->host, XBT_NULL, path, &n);
	bool is_same = value && entry && entry->value.len == n &&
		       (!n || !memcmp(entry->value.data, value, n));

	free(value);
	list->n_found += is_same;
	return is_same;
}

/* Paths of a few parts, so it goes no deeper. */
static bool has_tree(struct stage *stage, struct list_reply *list,
		     const char *top)
{
	char paths[512][128];
	size_t n = 1;

	snprintf(paths[0], sizeof(paths[0]), "%s", top);
	for (size_t i = 0; i < n; i++) {
		unsigned n_names = 0;
		char **names =
			xs_directory(stage->host, XBT_NULL, paths[i], &n_names);

		if (!names && i == 0)
			return true;
		assert_true(n + n_names <= 512);
		for (unsigned k = 0; k < n_names; k++)
			assert_true(snprintf(paths[n++], 128, "%s/%s", paths[i],
					     names[k]) < 128);
		free(names);
		if (!has_node(stage, list, paths[i]))
			return false;
	}
	return true;
}

static bool is_equal(struct stage *stage, const char *const *tops)
{
	Helio__Store__V1__ListRequest request =
		HELIO__STORE__V1__LIST_REQUEST__INIT;
	struct list_reply list = { .page = NULL };

	request.bucket = field("xenstore");
	if (helio__store__v1__buckets__list__wait(stage->scene.buckets,
						  &request, &list.page))
		return false;
	assert_null(list.page->next);
	for (; *tops; tops++)
		if (!has_tree(stage, &list, *tops))
			return false;
	return list.n_found == list.page->n_entries;
}

void stage_await_equal(struct stage *stage, const char *const *tops)
{
	wait_until(&stage->scene, is_equal(stage, tops));
}

static bool has_value(struct stage *stage, const char *key, const char *value)
{
	struct got got = get(&stage->scene, "xenstore", key, 0);

	if (got.status != HELIO_OK)
		return !value && got.status == HELIO_NOT_FOUND;
	return value && !strcmp(got.value, value);
}

void stage_await(struct stage *stage, const char *key, const char *value)
{
	wait_until(&stage->scene, has_value(stage, key, value));
}
