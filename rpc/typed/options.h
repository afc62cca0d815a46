/* SPDX-License-Identifier: MIT */
#ifndef RPC_TYPED_OPTIONS_H
#define RPC_TYPED_OPTIONS_H

/**
 * The options of a call, which outlive what the program pointed to.
 */

#include <stddef.h>
#include <stdint.h>

#include "rpc/heliograph-rpc.h"

/** How much options_keep() writes, at the most. */
size_t options_bytes(const struct helio_invoke_options *options);

/** Copy what they point to to `at`, and have them point there. */
void options_keep(struct helio_invoke_options *options, uint8_t *at);

#endif
