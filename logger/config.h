/* SPDX-License-Identifier: MIT */
#ifndef LOGGER_CONFIG_H
#define LOGGER_CONFIG_H

/** What a log takes, and for how long: helio.log.v1.Config, checked. */

#include <helio/log/v1/log.pb-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "logger/log.h"

enum {
	CONFIG_PATTERNS_MAX = 32,
	CONFIG_SERVICES_MAX = 32,
	CONFIG_BYTES_MAX = 24 * 1024, /* packed */
	LOG_NAME_MAX_BYTES = 64,
};

#define CONFIG_BODY_MAX ((uint64_t)1 << 20)

/** It and all that it points to is one piece of memory. */
struct config {
	const Helio__Log__V1__Config *proto; /* NULL: nothing yet */
	void *memory;
};

/** Letters, digits, `-` and `_`, 1 to 64 of them: of logs and cursors. */
bool config_is_name(const char *name);

/** NULL if all of it is well, else what is not, for people. */
const char *config_fault(const Helio__Log__V1__Config *proto);

/** A copy of one that is well. Returns 0 or a negative errno. */
int config_copy(const Helio__Log__V1__Config *proto, struct config *ret_config);

/** Of bytes that were packed once. -EBADMSG: they are none. */
int config_unpack(const void *bytes, size_t n, struct config *ret_config);

/** Safe on a zeroed one. */
void config_deinit(struct config *config);

/**
 * `before` with what is set in `change`; lists are taken from `change` where
 * the flags say so. It points into both. `change` may be NULL.
 */
void config_merge(const Helio__Log__V1__Config *before,
		  const Helio__Log__V1__Config *change, bool set_patterns,
		  bool set_services, Helio__Log__V1__Config *ret_config);

bool config_is_equal(const Helio__Log__V1__Config *a,
		     const Helio__Log__V1__Config *b);

/** Of what the disk has to know. */
void config_limits(const struct config *config, struct log_limits *ret_limits);

uint64_t config_body_max(const struct config *config);
/** 0: no limit. */
uint64_t config_subject_records_max(const struct config *config);

#endif
