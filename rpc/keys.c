/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "rpc/heliograph.h"
#include "transports/keyfile.h"
#include "transports/transport.h"

/* A file that was there already is found by the pair that is saved first. */
static int save(const char *path, const struct key_pair *pair)
{
	char pair_path[PATH_MAX], public_path[PATH_MAX];
	int r;

	if (snprintf(pair_path, PATH_MAX, "%s.key", path) >= PATH_MAX ||
	    snprintf(public_path, PATH_MAX, "%s.pub", path) >= PATH_MAX)
		return -ENAMETOOLONG;
	r = keyfile_save_pair(pair_path, pair);
	if (r < 0)
		return r;
	r = keyfile_save_public(public_path, pair->public_key);
	if (r < 0)
		unlink(pair_path);
	return r;
}

int helio_make_keys(const char *path, char ret_public_key[41])
{
	const struct transport *transport;
	struct key_pair pair;
	const char *rest;
	int r = transport_lookup("tcp://", &transport, &rest);

	if (r < 0)
		return r;
	if (!transport->make_keys)
		return -EPROTONOSUPPORT;
	r = transport->make_keys(pair.public_key, pair.secret_key);
	if (r < 0)
		return r;
	r = save(path, &pair);
	if (r == 0)
		keyfile_encode(pair.public_key, ret_public_key);
	explicit_bzero(&pair, sizeof(pair));
	return r;
}
