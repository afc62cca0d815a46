/* SPDX-License-Identifier: MIT */

#include "transports/vchan/names.h"

#include <stdio.h>
#include <stdlib.h>

#include "transports/vchan/nodes.h"
#include "transports/vchan/store.h"

struct name {
	struct list link;
	uint32_t domid;
	bool is_seen;
	bool is_watched;
	bool is_secret; /* it could not be read when it was last tried */
};

void names_init(struct names *names)
{
	list_init(&names->watched);
}

void names_forget(struct names *names)
{
	struct list *link;

	while ((link = list_pop_front(&names->watched)))
		free(container_of(link, struct name, link));
}

void names_begin(struct names *names)
{
	struct list *link;

	list_for_each (link, &names->watched)
		container_of(link, struct name, link)->is_seen = false;
}

static void path_of(uint32_t domid, char path[STORE_PATH_BYTES])
{
	(void)snprintf(path, STORE_PATH_BYTES, NODE_DOMAINS "/%u/name", domid);
}

static struct name *lookup(struct names *names, uint32_t domid)
{
	struct list *link;

	list_for_each (link, &names->watched) {
		struct name *name = container_of(link, struct name, link);

		if (name->domid == domid)
			return name;
	}
	return NULL;
}

/* A name that cannot be watched, or for which there is no memory, is not. */
void names_see(struct names *names, const struct store *store, uint32_t domid)
{
	struct name *name = lookup(names, domid);
	char path[STORE_PATH_BYTES];

	if (!name) {
		name = calloc(1, sizeof(*name));
		if (!name)
			return;
		name->domid = domid;
		list_init(&name->link);
		list_push_back(&names->watched, &name->link);
	}
	name->is_seen = true;
	if (name->is_watched)
		return;
	path_of(domid, path);
	name->is_watched = xs_watch(store->handle, path, path);
}

bool names_note_secret(struct names *names, uint32_t domid, bool is_secret)
{
	struct name *name = lookup(names, domid);
	bool is_news;

	if (!name)
		return false;
	is_news = is_secret && !name->is_secret;
	name->is_secret = is_secret;
	return is_news;
}

void names_end(struct names *names, const struct store *store)
{
	struct list *link;
	struct list *after;

	list_for_each_safe (link, after, &names->watched) {
		struct name *name = container_of(link, struct name, link);
		char path[STORE_PATH_BYTES];

		if (name->is_seen)
			continue;
		path_of(name->domid, path);
		if (name->is_watched)
			(void)xs_unwatch(store->handle, path, path);
		list_unlink(&name->link);
		free(name);
	}
}
