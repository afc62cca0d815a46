/* SPDX-License-Identifier: MIT */

/* What is asked about the permissions of nodes, and of special watches. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/xen/world/client.h"
#include "tests/xen/world/domain.h"

static int answer_perms(struct request *request, const struct perms *perms)
{
	char text[16];
	int r = 0;

	for (size_t i = 0; !r && i < perms->n; i++) {
		perm_format(&perms->list[i], text);
		r = request_answer(request, text, strlen(text) + 1);
	}
	return r;
}

static int get_special_perms(struct request *request)
{
	const struct store_client *client = request->client;
	const struct perms *perms;

	if (strcmp(request->data, "@introduceDomain") == 0)
		perms = &client->store->introduce_perms;
	else if (strcmp(request->data, "@releaseDomain") == 0)
		perms = &client->store->release_perms;
	else
		return -EINVAL;
	if (!client_is_privileged(client) &&
	    !(perms_of(perms, client->domain->domid) & PERM_READ))
		return -EACCES;
	return answer_perms(request, perms);
}

int request_get_perms(struct request *request)
{
	char path[XENSTORE_ABS_PATH_MAX + 1];
	struct node *node;
	int r;

	if (request->n && *request->data == '@')
		return get_special_perms(request);
	r = request_first_path(request, path);
	if (!r)
		r = request_node(request, path, PERM_READ, &node);
	return r ? r : answer_perms(request, &node->perms);
}

/* Only domain 0 decides who hears of domains. */
static int set_special_perms(struct request *request, const struct perms *perms)
{
	struct store *store = request->client->store;

	if (!client_is_privileged(request->client))
		return -EACCES;
	if (strcmp(request->data, "@introduceDomain") == 0)
		store->introduce_perms = *perms;
	else if (strcmp(request->data, "@releaseDomain") == 0)
		store->release_perms = *perms;
	else
		return -EINVAL;
	return 0;
}

int request_set_perms(struct request *request)
{
	char path[XENSTORE_ABS_PATH_MAX + 1];
	struct perms perms;
	struct perms before;
	struct node *node;
	size_t n_name;
	int r;

	if (!memchr(request->data, 0, request->n))
		return -EINVAL;
	n_name = strlen(request->data) + 1;
	r = perms_parse(&perms, request->data + n_name, request->n - n_name);
	if (!r && *request->data == '@')
		return set_special_perms(request, &perms);
	if (!r)
		r = request_first_path(request, path);
	if (!r)
		r = request_node(request, path, PERM_WRITE | PERM_OWNER, &node);
	if (r)
		return r;
	if (!client_is_privileged(request->client) &&
	    perms.list[0].domid != node->perms.list[0].domid)
		return -EPERM;
	before = node->perms;
	node->perms = perms;
	node_touch(node);
	if (request->transaction)
		return transaction_note_change(request, request->data,
					       request->n);
	watch_fire(request->client->store, path, node, false, &before);
	return 0;
}
