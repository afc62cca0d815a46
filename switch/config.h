/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_CONFIG_H
#define SWITCH_CONFIG_H

/**
 * The configuration of heliod: a folder, read all or nothing.
 *
 *     heliod.conf           switch/settings.h; missing: the defaults
 *     heliod.key            the switch's own pair of CURVE keys; needed only
 *                           on tcp without `plain`
 *     uplink.pub            the host's public key, of a leaf; likewise
 *     policy/NAME.policy    switch/policy.h
 *     quotas                switch/quota_rules.h; missing: the defaults
 *     domains/NAME.domain   switch/enrolment.h
 *     keys/NAME.pub         likewise
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "switch/enrolment.h"
#include "switch/policy.h"
#include "switch/quota_rules.h"
#include "switch/settings.h"
#include "transports/keyfile.h"

enum {
	/* A socket's path with its terminator, as the kernel has it. */
	CONFIG_SOCKET_BYTES = 108,
};

struct config {
	struct settings settings;
	struct policy *policy;
	struct quota_rules *quota_rules; /* NULL: the defaults */
	struct enrolment enrolment;
	bool has_key_pair;
	struct key_pair key_pair;
	bool has_host_key;
	uint8_t host_key[TRANSPORT_KEY_BYTES]; /* public */
};

/**
 * Read the folder. Returns 0 or a negative errno; -EINVAL: something in it is
 * wrong. On any error `error` names file, line and fault, and *ret_config is
 * untouched.
 */
int config_load(const char *folder, char *error, size_t n_error,
		struct config **ret_config);

/**
 * Whether its parts go together; config_load() has asked this. For a program
 * that changes the settings afterwards. Returns 0, or -EINVAL and `error` says
 * what is wrong.
 */
int config_check(const struct config *config, char *error, size_t n_error);

/** NULL is fine. Always NULL. Wipes the secret key. */
struct config *config_free(struct config *config);
DEFINE_CLEANUP(struct config *, config_free);

/**
 * Where the domain's socket belongs: RUN-FOLDER/domains/NAME.sock. Returns 0,
 * always so for the domains of a configuration that was loaded, or
 * -ENAMETOOLONG.
 */
int config_domain_socket(const struct config *config,
			 const struct enrolled_domain *domain,
			 char ret_path[CONFIG_SOCKET_BYTES]);

#endif
