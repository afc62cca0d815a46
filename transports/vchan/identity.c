/* SPDX-License-Identifier: MIT */

#include "transports/vchan/identity.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "transports/transport.h"
#include "transports/vchan/nodes.h"
#include "transports/vchan/store.h"

#define VM_PREFIX "/vm/"

/* How often a domain may change while it is read. */
enum { READS_MAX = 8 };

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -EINVAL;
}

int identity_parse_uuid(const char *text, uint8_t ret_uuid[16])
{
	uint8_t uuid[16];

	if (strlen(text) != NODE_UUID_CHARS)
		return -EINVAL;
	for (size_t i = 0, at = 0; i < sizeof(uuid); i++, at += 2) {
		int high;
		int low;

		if ((i == 4 || i == 6 || i == 8 || i == 10) &&
		    text[at++] != '-')
			return -EINVAL;
		high = hex_digit(text[at]);
		low = hex_digit(text[at + 1]);
		if (high < 0 || low < 0)
			return -EINVAL;
		uuid[i] = (uint8_t)(high << 4 | low);
	}
	memcpy(ret_uuid, uuid, sizeof(uuid));
	return 0;
}

/*
 * Domain 0 is there before any toolstack could have given it one; and what is
 * not there may not be read, either.
 */
static int read_uuid(const struct store *store, const char *path,
		     const char *prefix, struct transport_domain *domain)
{
	char text[sizeof(VM_PREFIX) + NODE_UUID_CHARS];
	size_t n_prefix = strlen(prefix);
	int r;

	r = store_read(store, path, text, sizeof(text));
	if ((r == -ENOENT || r == -EACCES) && domain->domid == 0) {
		memset(domain->uuid, 0, sizeof(domain->uuid));
		return 0;
	}
	if (r < 0)
		return r == -EPROTO ? -ENOENT : r;
	if (strncmp(text, prefix, n_prefix) != 0)
		return -ENOENT;
	return identity_parse_uuid(text + n_prefix, domain->uuid) < 0 ? -ENOENT
								      : 0;
}

/* It may have none, or one that is too long to be told. */
static int read_name(const struct store *store, const char *path,
		     struct transport_domain *domain)
{
	int r;

	r = store_read(store, path, domain->name, sizeof(domain->name));
	if (r != -ENOENT && r != -EPROTO)
		return r;
	domain->name[0] = '\0';
	return 0;
}

/* The nodes that say it; one that is cleared away has no uuid by then. */
static int read_nodes(const struct store *store, bool is_by_agent,
		      struct transport_domain *domain)
{
	const char *folder = is_by_agent ? NODE_AGENT_DOMAINS : NODE_DOMAINS;
	char path[STORE_PATH_BYTES];
	int r;

	(void)snprintf(path, sizeof(path), "%s/%u/name", folder, domain->domid);
	r = read_name(store, path, domain);
	if (r < 0)
		return r;
	(void)snprintf(path, sizeof(path), "%s/%u/%s", folder, domain->domid,
		       is_by_agent ? "uuid" : "vm");
	return read_uuid(store, path, is_by_agent ? "" : VM_PREFIX, domain);
}

/*
 * The agent has a number that tells of changes. In the hypervisor's tree
 * another domain may take the domid between the name and the uuid, and would
 * be taken for its forerunner: both are read until they are the same twice.
 */
static int read_twice(const struct store *store,
		      struct transport_domain *domain)
{
	struct transport_domain before;
	int r;

	r = read_nodes(store, false, domain);
	for (int i = 0; i < READS_MAX && !r; i++) {
		before = *domain;
		r = read_nodes(store, false, domain);
		if (!r && !strcmp(before.name, domain->name) &&
		    !memcmp(before.uuid, domain->uuid, sizeof(before.uuid)))
			return 0;
	}
	return r ? r : -ENOENT;
}

int identity_read(const struct store *store, bool is_by_agent, uint32_t domid,
		  struct transport_domain *ret_domain)
{
	struct transport_domain domain = { .domid = domid };
	int r;

	if (is_by_agent) {
		r = read_nodes(store, true, &domain);
	} else {
		/* Only dom0 is told this. Others see it by the nodes. */
		r = store_is_introduced(store, domid);
		if (r <= 0 && r != -EACCES)
			return r < 0 ? r : -ENOENT;
		r = read_twice(store, &domain);
	}
	if (!r)
		*ret_domain = domain;
	return r;
}
