/* SPDX-License-Identifier: MIT */
#ifndef TRANSPORTS_TCP_ADDRESS_H
#define TRANSPORTS_TCP_ADDRESS_H

/**
 * //HOST:PORT, checked before ZeroMQ sees it.
 *
 * HOST is a name, an IPv4 address or an IPv6 address in brackets, and for a
 * listener also `*`. A name stands for its IPv4 addresses; `localhost` is
 * always 127.0.0.1. PORT is a number; 0 lets a listener have any.
 */

#include <stdbool.h>

struct address {
	char endpoint[280]; /* as ZeroMQ wants it, "tcp://127.0.0.1:7300" */
	bool is_loopback;   /* 127.0.0.0/8 or ::1, by the address alone */
	bool is_ipv6;
};

/** Returns 0 or -EINVAL. */
int address_parse(const char *text, bool is_listening,
		  struct address *ret_address);

#endif
