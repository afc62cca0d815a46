/* SPDX-License-Identifier: MIT */

#include "transports/vchan/keys.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "transports/vchan/nodes.h"

#define RING_REF      "ring-ref"
#define EVENT_CHANNEL "event-channel"

/* How often others may be faster before we give up a transaction. */
enum { TRANSACTIONS_MAX = 8 };

void vchan_keys_path(const struct vchan_meeting *meeting, const char *key,
		     char ret_path[STORE_PATH_BYTES])
{
	(void)snprintf(ret_path, STORE_PATH_BYTES,
		       "/local/domain/%u/data/vchan/%u/%s%s%s", meeting->server,
		       meeting->client, meeting->port, key ? "/" : "",
		       key ? key : "");
}

void vchan_keys_root(uint32_t server, char ret_path[STORE_PATH_BYTES])
{
	(void)snprintf(ret_path, STORE_PATH_BYTES,
		       NODE_DOMAINS "/%u/data/vchan", server);
}

void vchan_keys_folder(const struct vchan_meeting *meeting,
		       char ret_path[STORE_PATH_BYTES])
{
	(void)snprintf(ret_path, STORE_PATH_BYTES,
		       "/local/domain/%u/data/vchan/%u", meeting->server,
		       meeting->client);
}

static bool let_read(const struct store *store, xs_transaction_t transaction,
		     const struct vchan_meeting *meeting, const char *path)
{
	struct xs_permissions permissions[] = {
		{ .id = meeting->server, .perms = XS_PERM_NONE },
		{ .id = meeting->client, .perms = XS_PERM_READ },
	};

	return xs_set_permissions(store->handle, transaction, path, permissions,
				  2);
}

static bool make_folder(const struct store *store, xs_transaction_t transaction,
			const struct vchan_meeting *meeting)
{
	char path[STORE_PATH_BYTES];

	vchan_keys_folder(meeting, path);
	return xs_mkdir(store->handle, transaction, path) &&
	       let_read(store, transaction, meeting, path);
}

static bool write_key(const struct store *store, xs_transaction_t transaction,
		      const struct vchan_meeting *meeting, const char *key,
		      uint32_t number)
{
	char path[STORE_PATH_BYTES];
	char text[16];
	int n = snprintf(text, sizeof(text), "%u", number);

	vchan_keys_path(meeting, key, path);
	return xs_write(store->handle, transaction, path, text, (unsigned)n) &&
	       let_read(store, transaction, meeting, path);
}

static int write_once(const struct store *store,
		      const struct vchan_meeting *meeting,
		      const struct vchan_keys *keys)
{
	xs_transaction_t transaction = xs_transaction_start(store->handle);

	if (transaction == XBT_NULL)
		return store_errno();
	if (!make_folder(store, transaction, meeting) ||
	    !write_key(store, transaction, meeting, RING_REF, keys->ring_ref) ||
	    !write_key(store, transaction, meeting, EVENT_CHANNEL,
		       keys->event_channel)) {
		int r = store_errno();

		(void)xs_transaction_end(store->handle, transaction, true);
		return r;
	}
	return xs_transaction_end(store->handle, transaction, false)
		       ? 0
		       : store_errno();
}

int vchan_keys_write(const struct store *store,
		     const struct vchan_meeting *meeting,
		     const struct vchan_keys *keys)
{
	int r = -EAGAIN;

	for (int i = 0; i < TRANSACTIONS_MAX && r == -EAGAIN; i++)
		r = write_once(store, meeting, keys);
	return r;
}

void vchan_keys_remove(const struct store *store,
		       const struct vchan_meeting *meeting)
{
	char path[STORE_PATH_BYTES];

	vchan_keys_path(meeting, NULL, path);
	(void)xs_rm(store->handle, XBT_NULL, path);
}

void vchan_keys_forget(const struct store *store,
		       const struct vchan_meeting *meeting)
{
	char path[STORE_PATH_BYTES];
	char **ports;
	unsigned n;

	vchan_keys_folder(meeting, path);
	ports = xs_directory(store->handle, XBT_NULL, path, &n);
	if (ports && n == 0)
		(void)xs_rm(store->handle, XBT_NULL, path);
	free(ports);
}

/* When the store cannot be asked nothing is concluded from that. */
static bool is_left(const struct store *store, const char *path)
{
	char text[16];
	int r = store_read(store, path, text, sizeof(text));

	return r != -ENOENT && r != -EACCES;
}

/* Others' servers keep their keys, and make no folder that we may read. */
bool vchan_keys_are_left(const struct store *store,
			 const struct vchan_meeting *meeting)
{
	char folder[STORE_PATH_BYTES];
	char key[STORE_PATH_BYTES];

	vchan_keys_folder(meeting, folder);
	vchan_keys_path(meeting, RING_REF, key);
	return is_left(store, folder) || is_left(store, key);
}

/* Only the server's domain and dom0 can write where the keys belong. */
static int check_owner(const struct store *store,
		       const struct vchan_meeting *meeting, const char *path)
{
	uint32_t owner;
	int r;

	r = store_read_owner(store, path, &owner);
	if (r < 0)
		return r;
	return owner == meeting->server || owner == 0 ? 0 : -EPERM;
}

static int read_key(const struct store *store,
		    const struct vchan_meeting *meeting, const char *key,
		    uint32_t *ret_number, const char **ret_reason)
{
	char path[STORE_PATH_BYTES];
	int r;

	vchan_keys_path(meeting, key, path);
	r = store_read_number(store, path, UINT32_MAX, ret_number);
	if (r == -EPROTO)
		*ret_reason = "a key of vchan is no number";
	if (!r)
		r = check_owner(store, meeting, path);
	if (r == -EPERM) {
		*ret_reason = "a key of vchan belongs to another domain";
		r = -EPROTO;
	}
	return r == -EACCES ? -ENOENT : r;
}

int vchan_keys_read(const struct store *store,
		    const struct vchan_meeting *meeting,
		    struct vchan_keys *ret_keys, const char **ret_reason)
{
	struct vchan_keys keys;
	int r;

	r = read_key(store, meeting, RING_REF, &keys.ring_ref, ret_reason);
	if (!r)
		r = read_key(store, meeting, EVENT_CHANNEL, &keys.event_channel,
			     ret_reason);
	if (r < 0)
		return r;
	*ret_keys = keys;
	return 0;
}
