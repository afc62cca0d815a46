/* SPDX-License-Identifier: MIT */

#include "transports/tcp/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { HOST_MAX_CHARS = 253, PORT_MAX = 65535 };

static int parse_port(const char *text, bool is_listening)
{
	int port = 0;

	if (!*text)
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		port = port * 10 + (*text - '0');
		if (port > PORT_MAX)
			return -EINVAL;
	}
	return port || is_listening ? port : -EINVAL;
}

static bool is_name(const char *host)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-.";

	return *host && *host != '-' && *host != '.' &&
	       !host[strspn(host, letters)];
}

/* `host` stands in brackets, which are cut off on the way. */
static int check_ipv6(char *host, size_t n, struct address *address)
{
	struct in6_addr bytes;

	if (n < 2 || host[n - 1] != ']')
		return -EINVAL;
	host[n - 1] = '\0';
	if (inet_pton(AF_INET6, host + 1, &bytes) != 1)
		return -EINVAL;
	host[n - 1] = ']';
	address->is_ipv6 = true;
	address->is_loopback = IN6_IS_ADDR_LOOPBACK(&bytes);
	return 0;
}

static int check_host(char *host, size_t n, bool is_listening,
		      struct address *address)
{
	struct in_addr bytes;

	if (host[0] == '[')
		return check_ipv6(host, n, address);
	if (!strcmp(host, "*"))
		return is_listening ? 0 : -EINVAL;
	if (inet_pton(AF_INET, host, &bytes) == 1) {
		address->is_loopback = ntohl(bytes.s_addr) >> 24 == 127;
		return 0;
	}
	return is_name(host) ? 0 : -EINVAL;
}

int address_parse(const char *text, bool is_listening,
		  struct address *ret_address)
{
	const char *colon = strrchr(text, ':');
	struct address address = { .is_ipv6 = false };
	char host[HOST_MAX_CHARS + 1];
	size_t n;
	int port, r;

	if (!colon || strncmp(text, "//", 2) != 0)
		return -EINVAL;
	text += 2;
	n = (size_t)(colon - text);
	if (colon <= text || n > HOST_MAX_CHARS)
		return -EINVAL;
	memcpy(host, text, n);
	host[n] = '\0';
	if (!strcmp(host, "localhost"))
		n = (size_t)snprintf(host, sizeof(host), "127.0.0.1");
	port = parse_port(colon + 1, is_listening);
	if (port < 0)
		return port;
	r = check_host(host, n, is_listening, &address);
	if (r < 0)
		return r;
	snprintf(address.endpoint, sizeof(address.endpoint), "tcp://%s:%d",
		 host, port);
	*ret_address = address;
	return 0;
}
