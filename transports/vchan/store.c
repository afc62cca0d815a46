/* SPDX-License-Identifier: MIT */

#include "transports/vchan/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "transports/vchan/address.h"
#include "transports/vchan/explain.h"

int store_errno(void)
{
	return errno > 0 ? -errno : -EIO;
}

int store_open(struct store *store, const struct transport_options *options)
{
	struct store opened = { 0 };
	int r;

	opened.handle = xs_open(0);
	if (!opened.handle) {
		r = store_errno();
		vchan_explain(options, "no xenstore: %s", strerror(-r));
		return r;
	}
	r = store_read_number(&opened, "domid", ADDRESS_DOMID_MAX,
			      &opened.domid);
	if (r < 0) {
		vchan_explain(options, "xenstore: domid: %s", strerror(-r));
		store_close(&opened);
		return r;
	}
	*store = opened;
	return 0;
}

void store_close(struct store *store)
{
	if (store->handle)
		xs_close(store->handle);
	store->handle = NULL;
}

int store_read(const struct store *store, const char *path, char *ret_text,
	       size_t n_room)
{
	_cleanup_(freep) char *text = NULL;
	unsigned n;

	text = xs_read(store->handle, XBT_NULL, path, &n);
	if (!text)
		return store_errno();
	if (n >= n_room || memchr(text, '\0', n))
		return -EPROTO;
	memcpy(ret_text, text, n);
	ret_text[n] = '\0';
	return 0;
}

int store_read_number(const struct store *store, const char *path, uint32_t max,
		      uint32_t *ret_number)
{
	char text[16];
	int r;

	r = store_read(store, path, text, sizeof(text));
	if (r < 0)
		return r;
	return vchan_number_parse(text, max, ret_number) < 0 ? -EPROTO : 0;
}

int store_read_owner(const struct store *store, const char *path,
		     uint32_t *ret_domid)
{
	_cleanup_(freep) struct xs_permissions *permissions = NULL;
	unsigned n;

	permissions = xs_get_permissions(store->handle, XBT_NULL, path, &n);
	if (!permissions)
		return store_errno();
	if (!n)
		return -EPROTO;
	*ret_domid = permissions[0].id;
	return 0;
}

/* The library answers false also when it could not ask. */
int store_is_introduced(const struct store *store, uint32_t domid)
{
	errno = 0;
	if (xs_is_domain_introduced(store->handle, domid))
		return 1;
	return errno ? -errno : 0;
}
