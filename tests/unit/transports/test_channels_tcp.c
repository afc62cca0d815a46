/* SPDX-License-Identifier: MIT */

/* The conformance suite over the tcp module, loaded as a program loads it. */

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/conformance/conformance.h"

static const struct transport *tcp;
static uint8_t client_key[TRANSPORT_KEY_BYTES];
static int port;

static int lookup_key(void *userdata, const uint8_t key[TRANSPORT_KEY_BYTES],
		      char ret_name[256])
{
	if (memcmp(key, client_key, TRANSPORT_KEY_BYTES) != 0)
		return -ENOENT;
	snprintf(ret_name, 256, "conformance");
	return 0;
}

static void set_up_plain(const struct conformance *kind, const char *folder,
			 char ret_address[CONFORMANCE_ADDRESS_BYTES],
			 struct transport_options *listening,
			 struct transport_options *connecting)
{
	snprintf(ret_address, CONFORMANCE_ADDRESS_BYTES, "tcp://127.0.0.1:%d",
		 port);
	listening->is_plain = true;
	connecting->is_plain = true;
}

static void set_up_curve(const struct conformance *kind, const char *folder,
			 char ret_address[CONFORMANCE_ADDRESS_BYTES],
			 struct transport_options *listening,
			 struct transport_options *connecting)
{
	set_up_plain(kind, folder, ret_address, listening, connecting);
	listening->is_plain = false;
	listening->lookup_key = lookup_key;
	connecting->is_plain = false;
	tcp->make_keys(connecting->server_key, listening->secret_key);
	tcp->make_keys(connecting->public_key, connecting->secret_key);
	memcpy(client_key, connecting->public_key, TRANSPORT_KEY_BYTES);
}

/*
 * A port that is ours while the returned socket is bound to it, though it does
 * not listen: who connects is refused, and only who listens on purpose, by
 * this number, may.
 */
static int reserve_port(void)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t n = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int one = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    bind(fd, (struct sockaddr *)(void *)&address, n) < 0 ||
	    getsockname(fd, (struct sockaddr *)(void *)&address, &n) < 0)
		return -1;
	port = ntohs(address.sin_port);
	return fd;
}

static const struct conformance kinds[] = {
	{ .name = "tcp, plain",
	  .scheme = "tcp",
	  .set_up = set_up_plain,
	  .evidence = EVIDENCE_KEY,
	  .death_ms = 300 },
	{ .name = "tcp, CURVE",
	  .scheme = "tcp",
	  .set_up = set_up_curve,
	  .evidence = EVIDENCE_KEY,
	  .death_ms = 300 },
};

int main(void)
{
	int fd = reserve_port();
	const char *rest;
	int n_failed = 0;

	if (fd < 0 || transport_lookup("tcp://", &tcp, &rest) < 0)
		return 1;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		n_failed += conformance_run(&kinds[i]);
	close(fd);
	return n_failed;
}
