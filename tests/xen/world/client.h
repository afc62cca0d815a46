/* SPDX-License-Identifier: MIT */
#ifndef TESTS_XEN_WORLD_CLIENT_H
#define TESTS_XEN_WORLD_CLIENT_H

/** The store's own view of a client: requests, watches, transactions. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xen/io/xs_wire.h>

#include "base/list.h"
#include "tests/xen/world/loop.h"
#include "tests/xen/world/store.h"

struct store_client {
	struct source source; /* first; its fd is -1 for the store itself */
	struct list link;     /* in store.connections */
	struct store *store;
	struct domain *domain; /* NULL: the store itself */
	uint32_t domid;
	struct list watches;
	struct list transactions;
	uint32_t last_transaction;
	size_t n_in;
	uint8_t in[sizeof(struct xsd_sockmsg) + XENSTORE_PAYLOAD_MAX + 1];
	uint8_t *out;
	size_t out_from; /* what is before it is sent */
	size_t n_out;
	size_t out_size;
	bool is_full; /* what is left waits for room */
	bool is_held; /* is not heard until the host has read more */
};

struct watch {
	struct list link; /* in store_client.watches */
	char *path;
	char *token;
	bool is_relative;
};

struct transaction {
	struct list link; /* in store_client.transactions */
	uint32_t id;
	uint64_t generation; /* of its beginning: later ones are its own */
	struct tree tree;
	struct list accesses;
	struct list changes; /* requests that are done again at the end */
};

/** A request in hand; `data` ends with a NUL beyond `n`. */
struct request {
	struct store_client *client;
	struct transaction *transaction; /* NULL: at once and for all */
	uint32_t type;
	char *data;
	size_t n;
	size_t n_reply;
	char reply[XENSTORE_PAYLOAD_MAX];
};

/* ---- requests.c ---- */

/** Do it and fill the reply. Returns 0 or a negative errno. */
int request_run(struct request *request);

/** Absolute, as xenstored understands it, or -EINVAL. */
int request_path(const struct store_client *client, const char *name,
		 char path[XENSTORE_ABS_PATH_MAX + 1]);

/** Append to the reply; -E2BIG. */
int request_answer(struct request *request, const void *data, size_t n);

/** The tree that a request sees. */
struct tree *request_tree(struct request *request);

/** The request's first string, as a path. */
int request_first_path(struct request *request,
		       char path[XENSTORE_ABS_PATH_MAX + 1]);

/**
 * The node with these rights. Who may not even know what is above it is told
 * EACCES, whether it exists or not.
 */
int request_node(struct request *request, const char *path, unsigned bits,
		 struct node **ret_node);

int request_get_perms(struct request *request);
int request_set_perms(struct request *request);

/* ---- watches.c ---- */

int watch_add(struct request *request);
int watch_remove(struct request *request);
void watch_remove_all(struct store_client *client);

/** Tell whom it concerns; `before` are permissions that were, or NULL. */
void watch_fire(struct store *store, const char *path, const struct node *node,
		bool is_exact, const struct perms *before);

/* ---- transactions.c ---- */

int transaction_start(struct request *request);
int transaction_end(struct request *request);
struct transaction *transaction_lookup(struct store_client *client,
				       uint32_t id);
void transaction_free_all(struct store_client *client);

/** What the transaction does depends on this node, or its absence. */
void transaction_note_access(struct transaction *transaction, const char *path);

/** What the request does is to be done when the transaction ends. */
int transaction_note_change(struct request *request, const char *data,
			    size_t n);

/* ---- store.c ---- */

/** Queue a message to the client. */
void client_send(struct store_client *client, const struct xsd_sockmsg *header,
		 const void *data);

bool client_is_privileged(const struct store_client *client);

#endif
