/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_ENROLMENT_H
#define SWITCH_ENROLMENT_H

/**
 * The domains and keys that were made known to the switch.
 *
 *     domains/NAME.domain   the domain `vm:NAME`, which has a socket of its
 *                           own; lines `owner UID`, `group GID`, `mode OCTAL`
 *                           say who may open it, an empty file: we alone
 *     keys/NAME.pub         the CURVE key of `key:NAME` (transports/keyfile.h)
 *
 * NAME as principal_name_is_valid() has it. A folder that is missing is empty.
 */

#include <stddef.h>
#include <stdint.h>

#include "switch/principal.h"
#include "switch/settings.h"
#include "transports/transport.h"

struct enrolled_domain {
	char name[PRINCIPAL_NAME_MAX_BYTES + 1];
	struct socket_access access;
};

struct enrolled_key {
	char name[PRINCIPAL_NAME_MAX_BYTES + 1];
	uint8_t key[TRANSPORT_KEY_BYTES];
};

/** Both in the order of their files' names; zeroed: nobody. */
struct enrolment {
	struct enrolled_domain *domains;
	size_t n_domains;
	struct enrolled_key *keys;
	size_t n_keys;
};

/**
 * Read `folder`/domains and `folder`/keys. Returns 0 or a negative errno;
 * -EINVAL: a file or its name is wrong, or two names have one key. On any
 * error `error` names file, line and fault, and *ret_enrolment is untouched.
 */
int enrolment_load(const char *folder, char *error, size_t n_error,
		   struct enrolment *ret_enrolment);

/** Safe on a zeroed enrolment. */
void enrolment_deinit(struct enrolment *enrolment);

/** NULL when the key was not enrolled. */
const struct enrolled_key *enrolment_lookup_key(
	const struct enrolment *enrolment,
	const uint8_t key[TRANSPORT_KEY_BYTES]);

/** The same of one text of a domain's file. For tests and fuzzing. */
int enrolment_parse_domain(const char *name, const char *text, size_t n_text,
			   char *error, size_t n_error,
			   struct socket_access *ret_access);

#endif
