/* SPDX-License-Identifier: MIT */

#include "tests/xen/world/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "tests/xen/world/client.h"
#include "tests/xen/world/domain.h"

enum {
	/* Who lets so much wait is not read any more and ends. */
	MAX_WAITING_BYTES = 8 << 20,
	/*
	 * Guests are not heard while so much waits for the host, as xenstored
	 * has it with what they have made to happen.
	 */
	MAX_HOST_BYTES = 256 << 10,
};

static struct store_client *client_new(struct store *store,
				       struct domain *domain)
{
	struct store_client *client = calloc(1, sizeof(*client));

	if (!client)
		return NULL;
	client->source.fd = -1;
	client->store = store;
	client->domain = domain;
	client->domid = domain ? domain->domid : 0;
	list_init(&client->link);
	list_init(&client->watches);
	list_init(&client->transactions);
	return client;
}

bool client_is_privileged(const struct store_client *client)
{
	return client->domid == 0;
}

static void follow(struct store_client *client)
{
	uint32_t events = 0;

	if (!client->is_held)
		events |= EPOLLIN;
	if (client->is_full)
		events |= EPOLLOUT;
	loop_change(client->store->loop, &client->source, events);
}

static void hear_all(struct store *store)
{
	struct list *pos;

	list_for_each (pos, &store->connections) {
		struct store_client *client =
			container_of(pos, struct store_client, link);

		if (!client->is_held)
			continue;
		client->is_held = false;
		follow(client);
	}
	store->has_held = false;
}

static void count(struct store_client *client, ssize_t n)
{
	struct store *store = client->store;

	client->n_out += (size_t)n;
	if (!client_is_privileged(client))
		return;
	store->n_host_bytes += (size_t)n;
	if (store->has_held && store->n_host_bytes <= MAX_HOST_BYTES / 2)
		hear_all(store);
}

static void client_free(struct store_client *client)
{
	watch_remove_all(client);
	transaction_free_all(client);
	list_unlink(&client->link);
	count(client, -(ssize_t)client->n_out);
	if (client->domain)
		client->domain->quota.n_connections--;
	loop_remove(client->store->loop, &client->source);
	free(client->out);
	free(client);
}

/* One that is gone is heard, or its end would be told again and again. */
static bool hold(struct store_client *client, uint32_t events)
{
	struct store *store = client->store;

	if (client_is_privileged(client) || events & EPOLLHUP ||
	    store->n_host_bytes <= MAX_HOST_BYTES)
		return false;
	client->is_held = store->has_held = true;
	follow(client);
	return true;
}

static void push(struct store_client *client)
{
	ssize_t n;

	if (!client->n_out)
		return;
	n = send(client->source.fd, client->out + client->out_from,
		 client->n_out, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n > 0) {
		count(client, -n);
		client->out_from = client->n_out ? client->out_from + n : 0;
	}
	if (client->is_full == (client->n_out > 0))
		return;
	client->is_full = client->n_out > 0;
	follow(client);
}

/* What is there moves only when it is less than half, or memory grows. */
static void make_room(struct store_client *client, size_t n)
{
	size_t size = 2 * (client->n_out + n);

	if (client->out_from + client->n_out + n <= client->out_size)
		return;
	if (client->out_from)
		memmove(client->out, client->out + client->out_from,
			client->n_out);
	client->out_from = 0;
	if (size <= client->out_size)
		return;
	client->out = realloc(client->out, size);
	if (!client->out)
		abort();
	client->out_size = size;
}

static void append(struct store_client *client, const void *data, size_t n)
{
	make_room(client, n);
	if (n)
		memcpy(client->out + client->out_from + client->n_out, data, n);
	count(client, (ssize_t)n);
}

void client_send(struct store_client *client, const struct xsd_sockmsg *header,
		 const void *data)
{
	if (client->source.fd < 0 || client->n_out > MAX_WAITING_BYTES)
		return;
	append(client, header, sizeof(*header));
	append(client, data, header->len);
	if (!client->is_full)
		push(client);
}

static const char *error_name(int error)
{
	for (size_t i = 0; i < sizeof(xsd_errors) / sizeof(xsd_errors[0]); i++)
		if (xsd_errors[i].errnum == error)
			return xsd_errors[i].errstring;
	return "EINVAL";
}

static void serve(struct store_client *client, struct xsd_sockmsg *header,
		  char *data)
{
	struct request request = {
		.client = client,
		.type = header->type,
		.data = data,
		.n = header->len,
		.transaction = transaction_lookup(client, header->tx_id),
	};
	char saved = data[header->len];
	int r;

	data[header->len] = 0;
	r = header->tx_id && !request.transaction ? -ENOENT
						  : request_run(&request);
	data[header->len] = saved;
	if (r) {
		const char *name = error_name(-r);

		header->type = XS_ERROR;
		header->len = (uint32_t)strlen(name) + 1;
		client_send(client, header, name);
		return;
	}
	header->len = (uint32_t)request.n_reply;
	client_send(client, header, request.reply);
}

/* Returns -EPROTO for what no client says. */
static int take_requests(struct store_client *client)
{
	for (;;) {
		struct xsd_sockmsg header;
		size_t n;

		if (client->n_in < sizeof(header))
			return 0;
		memcpy(&header, client->in, sizeof(header));
		if (header.len > XENSTORE_PAYLOAD_MAX)
			return -EPROTO;
		n = sizeof(header) + header.len;
		if (client->n_in < n)
			return 0;
		serve(client, &header, (char *)client->in + sizeof(header));
		client->n_in -= n;
		memmove(client->in, client->in + n, client->n_in);
	}
}

static void on_ready(struct source *source, uint32_t events)
{
	struct store_client *client =
		container_of(source, struct store_client, source);
	ssize_t n;

	if (events & EPOLLOUT)
		push(client);
	if (hold(client, events))
		return;
	/* The last byte of `in` is for the NUL behind a request's data. */
	n = recv(source->fd, client->in + client->n_in,
		 sizeof(client->in) - 1 - client->n_in, MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n > 0) {
		client->n_in += (size_t)n;
		if (take_requests(client) == 0)
			return;
	}
	client_free(client);
}

void store_accept(struct store *store, struct domain *domain, int fd)
{
	struct store_client *client = client_new(store, domain);

	if (!client)
		abort();
	client->source.fd = fd;
	client->source.on_ready = on_ready;
	domain->quota.n_connections++;
	list_push_back(&store->connections, &client->link);
	domain_join(domain, domain_peer_pid(fd));
	loop_add(store->loop, &client->source, EPOLLIN);
}

void store_drop_domain(struct store *store, struct domain *domain)
{
	struct list *pos;
	struct list *after;

	list_for_each_safe (pos, after, &store->connections) {
		struct store_client *client =
			container_of(pos, struct store_client, link);

		if (client->domain == domain)
			client_free(client);
	}
}

/* A request of the store's own, its strings already with their NULs. */
static int do_as_self(struct store *store, uint32_t type, const char *data,
		      size_t n)
{
	char copy[XENSTORE_PAYLOAD_MAX + 1];
	struct request request = {
		.client = store->self,
		.type = type,
		.data = copy,
		.n = n,
	};

	if (n >= sizeof(copy))
		return -E2BIG;
	memcpy(copy, data, n);
	copy[n] = 0;
	return request_run(&request);
}

static int do_with_text(struct store *store, uint32_t type, const char *path,
			const char *text, bool is_perms)
{
	char data[XENSTORE_PAYLOAD_MAX];
	size_t n_path = strlen(path) + 1;
	size_t n_text = strlen(text);

	if (n_path + n_text + 1 > sizeof(data))
		return -E2BIG;
	memcpy(data, path, n_path);
	memcpy(data + n_path, text, n_text + 1);
	for (size_t i = n_path; is_perms && i < n_path + n_text; i++)
		if (data[i] == ' ')
			data[i] = 0;
	return do_as_self(store, type, data, n_path + n_text + is_perms);
}

int store_write(struct store *store, const char *path, const char *value,
		const char *perms)
{
	int r = do_with_text(store, XS_WRITE, path, value, false);

	if (!r && perms)
		r = do_with_text(store, XS_SET_PERMS, path, perms, true);
	return r;
}

int store_remove(struct store *store, const char *path)
{
	return do_as_self(store, XS_RM, path, strlen(path) + 1);
}

void store_announce(struct store *store, const char *special)
{
	watch_fire(store, special, NULL, true, NULL);
}

unsigned store_count_nodes(struct store *store, uint32_t domid)
{
	struct node *root = store->tree.root;
	unsigned n = 0;

	for (struct node *node = root; node; node = node_next(root, node))
		n += node->perms.list[0].domid == domid;
	return n;
}

int store_init(struct store *store, struct loop *loop)
{
	struct perms nobody = { .n = 1 };

	store->loop = loop;
	list_init(&store->connections);
	store->introduce_perms = nobody;
	store->release_perms = nobody;
	store->self = client_new(store, NULL);
	store->tree.root = node_new(NULL, "", 0);
	if (!store->self || !store->tree.root)
		return -ENOMEM;
	store->tree.root->perms = nobody;
	return store_write(store, "/tool/xenstored", "", NULL);
}
