/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/xen/world/client.h"
#include "tests/xen/world/domain.h"

static void watch_free(struct store_client *client, struct watch *watch)
{
	client->domain->quota.n_watches--;
	list_unlink(&watch->link);
	free(watch->path);
	free(watch->token);
	free(watch);
}

void watch_remove_all(struct store_client *client)
{
	struct list *pos;
	struct list *after;

	list_for_each_safe (pos, after, &client->watches)
		watch_free(client, container_of(pos, struct watch, link));
}

/* A relative watch speaks of paths as its client named them. */
static const char *as_watched(const struct store_client *client,
			      const struct watch *watch, const char *path)
{
	char home[40];

	if (!watch->is_relative)
		return path;
	snprintf(home, sizeof(home), "/local/domain/%u", client->domid);
	path += strlen(home);
	return *path == '/' ? path + 1 : path;
}

static void send_event(struct store_client *client, const struct watch *watch,
		       const char *path)
{
	char data[XENSTORE_PAYLOAD_MAX];
	const char *shown = as_watched(client, watch, path);
	struct xsd_sockmsg header = { .type = XS_WATCH_EVENT };
	int n;

	n = snprintf(data, sizeof(data), "%s%c%s", shown, 0, watch->token);
	header.len = (uint32_t)n + 1;
	if (n > 0 && header.len <= sizeof(data))
		client_send(client, &header, data);
}

static bool is_below(const char *path, const char *top)
{
	size_t n = strlen(top);

	if (!top[1])
		return *path == '/';
	return strncmp(path, top, n) == 0 && (!path[n] || path[n] == '/');
}

/* Both strings of a (UN)WATCH request, the first as a path. */
static int parse(struct request *request, char *path, bool *ret_is_relative,
		 char **ret_token)
{
	size_t n_name = strlen(request->data) + 1;

	if (n_name >= request->n ||
	    !memchr(request->data + n_name, 0, request->n - n_name))
		return -EINVAL;
	*ret_token = request->data + n_name;
	*ret_is_relative = *request->data != '/' && *request->data != '@';
	if (*request->data != '@')
		return request_path(request->client, request->data, path);
	if (n_name > XENSTORE_REL_PATH_MAX)
		return -EINVAL;
	memcpy(path, request->data, n_name);
	return 0;
}

static struct watch *lookup(struct store_client *client, const char *path,
			    const char *token)
{
	struct list *pos;

	list_for_each (pos, &client->watches) {
		struct watch *watch = container_of(pos, struct watch, link);

		if (strcmp(watch->path, path) == 0 &&
		    strcmp(watch->token, token) == 0)
			return watch;
	}
	return NULL;
}

int watch_add(struct request *request)
{
	struct store_client *client = request->client;
	char path[XENSTORE_ABS_PATH_MAX + 1];
	struct watch *watch;
	bool is_relative;
	char *token;
	int r;

	r = parse(request, path, &is_relative, &token);
	if (r)
		return r;
	if (lookup(client, path, token))
		return -EEXIST;
	if (!client_is_privileged(client) &&
	    client->domain->quota.n_watches >= STORE_MAX_WATCHES)
		return -E2BIG;
	watch = calloc(1, sizeof(*watch));
	if (!watch)
		return -ENOMEM;
	watch->path = strdup(path);
	watch->token = strdup(token);
	watch->is_relative = is_relative;
	client->domain->quota.n_watches++;
	list_push_back(&client->watches, &watch->link);
	/* It fires once up front, whatever the rights. */
	send_event(client, watch, watch->path);
	return 0;
}

int watch_remove(struct request *request)
{
	char path[XENSTORE_ABS_PATH_MAX + 1];
	struct watch *watch;
	bool is_relative;
	char *token;
	int r;

	r = parse(request, path, &is_relative, &token);
	if (r)
		return r;
	watch = lookup(request->client, path, token);
	if (!watch)
		return -ENOENT;
	watch_free(request->client, watch);
	return 0;
}

/* Who may read the node, or its parent, or could before. */
static bool may_know(const struct store_client *client, const char *path,
		     const struct node *node, const struct perms *before)
{
	const struct store *store = client->store;

	if (strcmp(path, "@introduceDomain") == 0)
		return perms_of(&store->introduce_perms, client->domid) &
		       PERM_READ;
	if (strcmp(path, "@releaseDomain") == 0)
		return perms_of(&store->release_perms, client->domid) &
		       PERM_READ;
	if (before && perms_of(before, client->domid) & PERM_READ)
		return true;
	if (perms_of(&node->perms, client->domid) & PERM_READ)
		return true;
	return node->parent &&
	       perms_of(&node->parent->perms, client->domid) & PERM_READ;
}

void watch_fire(struct store *store, const char *path, const struct node *node,
		bool is_exact, const struct perms *before)
{
	struct list *i;
	struct list *j;

	list_for_each (i, &store->connections) {
		struct store_client *client =
			container_of(i, struct store_client, link);

		if (!may_know(client, path, node, before))
			continue;
		list_for_each (j, &client->watches) {
			struct watch *watch =
				container_of(j, struct watch, link);

			if (is_exact ? strcmp(path, watch->path) == 0
				     : is_below(path, watch->path))
				send_event(client, watch, path);
		}
	}
}
