/* SPDX-License-Identifier: MIT */

#include "transports/vchan/address.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

static const char port_chars[] = "abcdefghijklmnopqrstuvwxyz"
				 "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "0123456789-_";

int vchan_number_parse(const char *text, uint32_t max, uint32_t *ret_number)
{
	size_t n = strspn(text, "0123456789");
	uint64_t number = 0;

	if (n == 0 || n > 10 || text[n] != '\0' || (text[0] == '0' && n > 1))
		return -EINVAL;
	for (size_t i = 0; i < n; i++)
		number = number * 10 + (uint64_t)(text[i] - '0');
	if (number > max)
		return -EINVAL;
	*ret_number = (uint32_t)number;
	return 0;
}

static int parse_domain(const char *text, size_t n, bool may_be_any,
			struct vchan_address *address)
{
	char number[8];

	if (may_be_any && n == 1 && *text == '*') {
		address->is_any = true;
		return 0;
	}
	if (n >= sizeof(number))
		return -EINVAL;
	memcpy(number, text, n);
	number[n] = '\0';
	return vchan_number_parse(number, ADDRESS_DOMID_MAX, &address->domid);
}

int vchan_address_parse(const char *text, bool may_be_any,
			struct vchan_address *ret_address)
{
	struct vchan_address address = { 0 };
	const char *port = strchr(text, '/');
	size_t n;

	if (!port ||
	    parse_domain(text, (size_t)(port - text), may_be_any, &address) < 0)
		return -EINVAL;
	port++;
	n = strspn(port, port_chars);
	if (n == 0 || n > ADDRESS_PORT_MAX_CHARS || port[n] != '\0')
		return -EINVAL;
	memcpy(address.port, port, n);
	*ret_address = address;
	return 0;
}
