/* SPDX-License-Identifier: MIT */

#include "transports/vchan/dom0/live.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define UUID_OF_DOMID_0 "00000000-0000-0000-0000-000000000000"

int live_parse_domid(const char *text, uint32_t *ret_domid)
{
	uint32_t domid = 0;
	size_t n = strlen(text);

	if (!n || n > 5 || (n > 1 && text[0] == '0'))
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -EINVAL;
		domid = domid * 10 + (uint32_t)(text[i] - '0');
	}
	if (domid > LIVE_DOMID_MAX)
		return -EINVAL;
	*ret_domid = domid;
	return 0;
}

/* A text without a NUL; too long, or none: "". */
static void read_text(struct xs_handle *store, uint32_t domid, const char *key,
		      char *ret_text, size_t n_room)
{
	_cleanup_(freep) char *text = NULL;
	char path[64];
	unsigned n;

	ret_text[0] = '\0';
	snprintf(path, sizeof(path), NODE_DOMAINS "/%u/%s", domid, key);
	text = xs_read(store, XBT_NULL, path, &n);
	if (!text || n >= n_room || memchr(text, '\0', n))
		return;
	memcpy(ret_text, text, n);
	ret_text[n] = '\0';
}

static bool read_domain(struct xs_handle *store, uint32_t domid,
			struct live_domain *ret_domain)
{
	struct live_domain domain = { .domid = domid };
	char vm[sizeof("/vm/") + NODE_UUID_CHARS];

	if (domid && !xs_is_domain_introduced(store, domid))
		return false;
	read_text(store, domid, "name", domain.name, sizeof(domain.name));
	read_text(store, domid, "vm", vm, sizeof(vm));
	if (!domid && !vm[0])
		snprintf(vm, sizeof(vm), "/vm/" UUID_OF_DOMID_0);
	if (strncmp(vm, "/vm/", 4) != 0 || strlen(vm + 4) != NODE_UUID_CHARS)
		return false;
	memcpy(domain.uuid, vm + 4, sizeof(domain.uuid));
	*ret_domain = domain;
	return true;
}

static int compare(const void *a, const void *b)
{
	const struct live_domain *first = a;
	const struct live_domain *second = b;

	return (first->domid > second->domid) - (first->domid < second->domid);
}

int live_read(struct xs_handle *store, struct live *ret_live)
{
	_cleanup_(freep) char **names = NULL;
	struct live live = { .n = 0 };
	uint32_t domid;
	unsigned n;

	names = xs_directory(store, XBT_NULL, NODE_DOMAINS, &n);
	if (!names)
		return -errno;
	if (n > LIVE_DOMAINS_MAX)
		n = LIVE_DOMAINS_MAX;
	live.domains = calloc(n ? n : 1, sizeof(*live.domains));
	if (!live.domains)
		return -ENOMEM;
	for (unsigned i = 0; i < n; i++)
		if (live_parse_domid(names[i], &domid) == 0 &&
		    read_domain(store, domid, &live.domains[live.n]))
			live.n++;
	qsort(live.domains, live.n, sizeof(*live.domains), compare);
	*ret_live = live;
	return 0;
}

void live_deinit(struct live *live)
{
	free(live->domains);
	*live = (struct live){ .n = 0 };
}

const struct live_domain *live_lookup(const struct live *live, uint32_t domid)
{
	struct live_domain key = { .domid = domid };

	if (!live->n)
		return NULL;
	return bsearch(&key, live->domains, live->n, sizeof(key), compare);
}

bool live_is_equal(const struct live_domain *a, const struct live_domain *b)
{
	return a->domid == b->domid && strcmp(a->name, b->name) == 0 &&
	       strcmp(a->uuid, b->uuid) == 0;
}
