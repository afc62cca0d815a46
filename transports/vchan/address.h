/* SPDX-License-Identifier: MIT */
#ifndef TRANSPORTS_VCHAN_ADDRESS_H
#define TRANSPORTS_VCHAN_ADDRESS_H

/** What stands behind `vchan:`, that is DOMID/PORT. */

#include <stdbool.h>
#include <stdint.h>

enum {
	ADDRESS_DOMID_MAX = 0x7fef, /* what is above names no domain */
	ADDRESS_PORT_MAX_CHARS = 63,
};

struct vchan_address {
	bool is_any; /* `*` instead of a DOMID: any other domain */
	uint32_t domid;
	char port[ADDRESS_PORT_MAX_CHARS + 1];
};

/**
 * A PORT is of letters, digits, `-` and `_`. `*` only if `may_be_any`. Returns
 * 0 or -EINVAL.
 */
int vchan_address_parse(const char *text, bool may_be_any,
			struct vchan_address *ret_address);

/** A decimal number without sign, space or leading zero; 0 or -EINVAL. */
int vchan_number_parse(const char *text, uint32_t max, uint32_t *ret_number);

#endif
