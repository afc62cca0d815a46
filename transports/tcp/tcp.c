/* SPDX-License-Identifier: MIT */

/*
 * The module libheliograph-tcp.so: `tcp://HOST:PORT` over ZeroMQ, with CURVE
 * unless both sides were told to be plain and stay on this machine.
 */

#include <errno.h>
#include <string.h>
#include <zmq.h>

#include "transports/keyfile.h"
#include "transports/tcp/address.h"
#include "transports/tcp/dealer.h"
#include "transports/tcp/router.h"
#include "transports/transport.h"

static bool is_key(const uint8_t key[TRANSPORT_KEY_BYTES])
{
	static const uint8_t none[TRANSPORT_KEY_BYTES];

	return memcmp(key, none, sizeof(none)) != 0;
}

/* Nobody on the way may read or write a plain connection. */
static int check_plain(const struct address *address)
{
	return address->is_loopback ? 0 : -EACCES;
}

static int tcp_connect(struct poller *poller, const char *rest,
		       const struct transport_options *options,
		       struct channel **ret_channel)
{
	struct address address;
	int r = address_parse(rest, false, &address);

	if (!r && options->is_plain)
		r = check_plain(&address);
	else if (!r &&
		 !(is_key(options->public_key) && is_key(options->secret_key) &&
		   is_key(options->server_key)))
		r = -ENOKEY;
	if (r < 0)
		return r;
	return dealer_new(poller, &address, options, ret_channel);
}

static int tcp_listen(struct poller *poller, const char *rest,
		      const struct transport_options *options,
		      struct listener **ret_listener)
{
	struct address address;
	int r = address_parse(rest, true, &address);

	if (!r && options->is_plain)
		r = check_plain(&address);
	else if (!r && !(is_key(options->secret_key) && options->lookup_key))
		r = -ENOKEY;
	if (r < 0)
		return r;
	return router_new(poller, &address, options, ret_listener);
}

static int tcp_make_keys(uint8_t ret_public_key[TRANSPORT_KEY_BYTES],
			 uint8_t ret_secret_key[TRANSPORT_KEY_BYTES])
{
	char public[KEYFILE_TEXT_CHARS + 1];
	char secret[KEYFILE_TEXT_CHARS + 1];
	int r;

	if (zmq_curve_keypair(public, secret) < 0)
		return -ENOTSUP;
	r = keyfile_decode(public, KEYFILE_TEXT_CHARS, ret_public_key);
	if (!r)
		r = keyfile_decode(secret, KEYFILE_TEXT_CHARS, ret_secret_key);
	explicit_bzero(secret, sizeof(secret));
	return r;
}

extern const struct transport helio_transport;

__attribute__((visibility("default")))
const struct transport helio_transport = {
	.scheme = "tcp",
	.connect = tcp_connect,
	.listen = tcp_listen,
	.make_keys = tcp_make_keys,
};
