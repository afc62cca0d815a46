/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/xen/world/client.h"
#include "tests/xen/world/domain.h"

static const char name_characters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "abcdefghijklmnopqrstuvwxyz"
				      "0123456789-/_@";

static bool is_good_path(const char *path)
{
	size_t n = strlen(path);

	if (n > XENSTORE_ABS_PATH_MAX || *path != '/' || strstr(path, "//"))
		return false;
	if (n > 1 && path[n - 1] == '/')
		return false;
	return strspn(path, name_characters) == n;
}

int request_path(const struct store_client *client, const char *name,
		 char path[XENSTORE_ABS_PATH_MAX + 1])
{
	int n;

	if (*name == '/')
		n = snprintf(path, XENSTORE_ABS_PATH_MAX + 1, "%s", name);
	else
		n = snprintf(path, XENSTORE_ABS_PATH_MAX + 1,
			     "/local/domain/%u%s%s", client->domid,
			     *name ? "/" : "", name);
	if (n < 0 || n > XENSTORE_ABS_PATH_MAX || !is_good_path(path))
		return -EINVAL;
	return 0;
}

int request_answer(struct request *request, const void *data, size_t n)
{
	if (n > sizeof(request->reply) - request->n_reply)
		return -E2BIG;
	memcpy(request->reply + request->n_reply, data, n);
	request->n_reply += n;
	return 0;
}

struct tree *request_tree(struct request *request)
{
	return request->transaction ? &request->transaction->tree
				    : &request->client->store->tree;
}

int request_node(struct request *request, const char *path, unsigned bits,
		 struct node **ret_node)
{
	struct tree *tree = request_tree(request);
	uint32_t domid = request->client->domid;
	struct node *node = tree_lookup(tree, path);
	struct node *above;
	char parent[XENSTORE_ABS_PATH_MAX + 1];
	int r = node ? -EACCES : -ENOENT;

	if (request->transaction)
		transaction_note_access(request->transaction, path);
	if (node && (perms_of(&node->perms, domid) & bits) == bits) {
		*ret_node = node;
		return 0;
	}
	snprintf(parent, sizeof(parent), "%s", path);
	*strrchr(parent, '/') = 0;
	above = tree_nearest(tree, *parent ? parent : "/");
	return perms_of(&above->perms, domid) & bits ? r : -EACCES;
}

int request_first_path(struct request *request,
		       char path[XENSTORE_ABS_PATH_MAX + 1])
{
	if (!memchr(request->data, 0, request->n))
		return -EINVAL;
	return request_path(request->client, request->data, path);
}

static int do_read(struct request *request)
{
	char path[XENSTORE_ABS_PATH_MAX + 1];
	struct node *node;
	int r;

	r = request_first_path(request, path);
	if (!r)
		r = request_node(request, path, PERM_READ, &node);
	return r ? r : request_answer(request, node->value, node->n_value);
}

static int do_directory(struct request *request)
{
	char path[XENSTORE_ABS_PATH_MAX + 1];
	struct node *node;
	struct list *pos;
	int r;

	r = request_first_path(request, path);
	if (!r)
		r = request_node(request, path, PERM_READ, &node);
	if (r)
		return r;
	list_for_each (pos, &node->children) {
		const char *name = container_of(pos, struct node, link)->name;

		r = request_answer(request, name, strlen(name) + 1);
		if (r)
			return r;
	}
	return 0;
}

/* As much of the list from an offset as fits; an empty name is the end. */
static int do_directory_part(struct request *request)
{
	char path[XENSTORE_ABS_PATH_MAX + 1];
	char head[24];
	struct node *node;
	struct list *pos;
	size_t offset;
	size_t at = 0;
	int r;

	r = request_first_path(request, path);
	if (!r)
		r = request_node(request, path, PERM_READ, &node);
	if (r)
		return r;
	offset = strtoul(request->data + strlen(request->data) + 1, NULL, 10);
	snprintf(head, sizeof(head), "%llu",
		 (unsigned long long)node->generation);
	request_answer(request, head, strlen(head) + 1);
	list_for_each (pos, &node->children) {
		const char *name = container_of(pos, struct node, link)->name;
		size_t n = strlen(name) + 1;

		if (at >= offset) {
			if (n >= sizeof(request->reply) - request->n_reply)
				return 0;
			request_answer(request, name, n);
		}
		at += n;
	}
	return request_answer(request, "", 1);
}

/* Make the node and what is missing above it, owned by whom it is made for. */
static int make_node(struct request *request, const char *path,
		     struct node **ret_node)
{
	struct node *node = tree_nearest(request_tree(request), path);
	char made[XENSTORE_ABS_PATH_MAX + 1];
	const char *rest;

	node_path(node, made, sizeof(made));
	rest = path + (made[1] ? strlen(made) : 0) + 1;
	if (request->transaction)
		transaction_note_access(request->transaction, made);
	if (!client_is_privileged(request->client) &&
	    store_count_nodes(request->client->store, request->client->domid) >=
		    STORE_MAX_NODES)
		return -ENOSPC;
	while (*rest) {
		size_t n = strcspn(rest, "/");

		node = node_new(node, rest, n);
		if (!node)
			return -ENOMEM;
		if (!client_is_privileged(request->client))
			node->perms.list[0].domid = request->client->domid;
		rest += n;
		rest += *rest == '/';
	}
	*ret_node = node;
	return 0;
}

static int write_node(struct request *request, const char *path,
		      const char *value, size_t n_value)
{
	struct node *node = NULL;
	int r;

	if (!client_is_privileged(request->client) &&
	    n_value > STORE_MAX_VALUE_BYTES)
		return -ENOSPC;
	r = request_node(request, path, PERM_WRITE, &node);
	if (r == -ENOENT)
		r = make_node(request, path, &node);
	if (!r)
		r = node_set_value(node, value, n_value);
	if (r)
		return r;
	if (request->transaction)
		return transaction_note_change(request, request->data,
					       request->n);
	watch_fire(request->client->store, path, node, false, NULL);
	return 0;
}

static int do_write(struct request *request)
{
	char path[XENSTORE_ABS_PATH_MAX + 1];
	size_t n_name;
	int r;

	r = request_first_path(request, path);
	if (r)
		return r;
	n_name = strlen(request->data) + 1;
	return write_node(request, path, request->data + n_name,
			  request->n - n_name);
}

static int do_mkdir(struct request *request)
{
	char path[XENSTORE_ABS_PATH_MAX + 1];
	struct node *node;
	int r;

	r = request_first_path(request, path);
	if (!r)
		r = request_node(request, path, PERM_WRITE, &node);
	return r == -ENOENT ? write_node(request, path, "", 0) : r;
}

/* Whoever watches something below the node hears that it is gone as well. */
static void fire_removed(struct store *store, struct node *top)
{
	char path[XENSTORE_ABS_PATH_MAX + 1];

	for (struct node *node = top; node; node = node_next(top, node)) {
		node_path(node, path, sizeof(path));
		watch_fire(store, path, node, node != top, NULL);
	}
}

static int do_rm(struct request *request)
{
	char path[XENSTORE_ABS_PATH_MAX + 1];
	char parent[XENSTORE_ABS_PATH_MAX + 1];
	struct node *node;
	int r;

	r = request_first_path(request, path);
	if (r)
		return r;
	if (!path[1])
		return -EINVAL;
	r = request_node(request, path, PERM_WRITE, &node);
	if (r == -ENOENT) {
		snprintf(parent, sizeof(parent), "%s", path);
		*strrchr(parent, '/') = 0;
		return tree_lookup(request_tree(request),
				   *parent ? parent : "/")
			       ? 0
			       : r;
	}
	if (r)
		return r;
	node_path(node->parent, parent, sizeof(parent));
	if (request->transaction)
		transaction_note_access(request->transaction, parent);
	else
		fire_removed(request->client->store, node);
	node_free(node);
	return request->transaction
		       ? transaction_note_change(request, request->data,
						 request->n)
		       : 0;
}

static int domain_of(struct request *request, uint32_t *ret_domid)
{
	char *end;
	unsigned long domid = strtoul(request->data, &end, 10);

	if (end == request->data || *end || domid > 0x7ff0)
		return -EINVAL;
	*ret_domid = (uint32_t)domid;
	return 0;
}

static int do_get_domain_path(struct request *request)
{
	char path[40];
	uint32_t domid;
	int r;

	r = domain_of(request, &domid);
	if (r)
		return r;
	snprintf(path, sizeof(path), "/local/domain/%u", domid);
	return request_answer(request, path, strlen(path) + 1);
}

/* As the real one, which answers dom0 only. */
static int do_is_introduced(struct request *request)
{
	struct world *world =
		container_of(request->client->store, struct world, store);
	struct domain *domain;
	uint32_t domid;
	int r;

	r = domain_of(request, &domid);
	if (r)
		return r;
	if (request->client->domid)
		return -EACCES;
	domain = domain_lookup(world, domid);
	return request_answer(request, domain && !domain->is_zombie ? "T" : "F",
			      2);
}

static int do_reset_watches(struct request *request)
{
	watch_remove_all(request->client);
	return 0;
}

static const struct {
	int (*run)(struct request *request);
	bool is_acknowledged; /* the reply is "OK" */
} verbs[XS_TYPE_COUNT] = {
	[XS_DIRECTORY] = { do_directory, false },
	[XS_READ] = { do_read, false },
	[XS_GET_PERMS] = { request_get_perms, false },
	[XS_WATCH] = { watch_add, true },
	[XS_UNWATCH] = { watch_remove, true },
	[XS_TRANSACTION_START] = { transaction_start, false },
	[XS_TRANSACTION_END] = { transaction_end, true },
	[XS_GET_DOMAIN_PATH] = { do_get_domain_path, false },
	[XS_WRITE] = { do_write, true },
	[XS_MKDIR] = { do_mkdir, true },
	[XS_RM] = { do_rm, true },
	[XS_SET_PERMS] = { request_set_perms, true },
	[XS_IS_DOMAIN_INTRODUCED] = { do_is_introduced, false },
	[XS_RESET_WATCHES] = { do_reset_watches, true },
	[XS_DIRECTORY_PART] = { do_directory_part, false },
};

/* As one that is old, or written in OCaml. */
#define WITHOUT_PARTS "XEN_WORLD_WITHOUT_PARTS"

int request_run(struct request *request)
{
	int r;

	request->n_reply = 0;
	if (request->type >= XS_TYPE_COUNT || !verbs[request->type].run ||
	    (request->type == XS_DIRECTORY_PART && getenv(WITHOUT_PARTS)))
		return -ENOSYS;
	r = verbs[request->type].run(request);
	if (!r && verbs[request->type].is_acknowledged)
		r = request_answer(request, "OK", 3);
	return r;
}
