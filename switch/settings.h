/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_SETTINGS_H
#define SWITCH_SETTINGS_H

/**
 * The file heliod.conf: lines of `KEY VALUE`, each key once but `listen`.
 *
 *     listen shm:PATH [mode OCTAL] [owner UID] [group GID]
 *     listen tcp://HOST:PORT [plain]
 *     listen vchan:ANY/PORT         ANY is `*`: every other domain
 *     listen vchan:DOMID/PORT       one of them
 *     uplink ADDRESS              of the host, of which this is a leaf;
 *                                 tcp://HOST:PORT may have `plain` behind it
 *     run-folder PATH             where the sockets of domains are made
 *     log error|warning|info|debug
 *     schemas registry|equal      who says whether two differing schemas fit:
 *                                 helio-registry, or nobody
 *     ring-bytes N                a power of two from 1K to 1M; what is not
 *                                 told is 1M on shm:, and 64K on vchan:
 *     message-max N               the limits that WELCOME tells, per channel
 *     subscriptions-max N
 *     calls-max N
 *     open-messages-max N
 *     deadline-max-ms N
 *     stream-idle-ms N
 *
 * N may end in K, M or G, powers of 1,024. What is not set has the value of
 * settings_defaults.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/lines.h"

enum { SETTINGS_LISTENS_MAX = 16, SETTINGS_PATH_MAX_BYTES = 255 };

/** Who may open a Unix socket. */
struct socket_access {
	uint32_t mode;
	uint32_t uid;
	uint32_t gid;
};

struct settings_listen {
	char address[SETTINGS_PATH_MAX_BYTES + 1];
	bool is_plain;               /* tcp: without CURVE */
	struct socket_access access; /* shm, unix */
};

struct settings {
	struct settings_listen listens[SETTINGS_LISTENS_MAX];
	size_t n_listens;
	char uplink[SETTINGS_PATH_MAX_BYTES + 1]; /* "": it is no leaf */
	bool uplink_is_plain;                     /* tcp: without CURVE */
	char run_folder[SETTINGS_PATH_MAX_BYTES + 1];
	enum diag_level log_level;
	bool schemas_are_equal; /* or nobody may call */
	uint64_t ring_bytes;    /* 0: as much as is right for the channel */
	uint64_t message_max;
	uint64_t subscriptions_max;
	uint64_t calls_max;
	uint64_t open_messages_max;
	uint64_t deadline_max_ms;
	uint64_t stream_idle_ms;
};

extern const struct settings settings_defaults;

/**
 * Read a text that is called `name` in errors. Returns 0, or -EINVAL and
 * `error` names file, line and fault, and *ret_settings is untouched.
 */
int settings_parse(const char *name, const char *text, size_t n_text,
		   char *error, size_t n_error, struct settings *ret_settings);

/**
 * Add what stands behind `listen` in a line, as in "tcp://127.0.0.1:0 plain".
 * For the command line; `name` as above. Returns 0, or -EINVAL and `error`
 * says what is wrong.
 */
int settings_add_listen(const char *name, const char *text, char *error,
			size_t n_error, struct settings *settings);

/** What stands behind `uplink` in a line; as above. */
int settings_set_uplink(const char *name, const char *text, char *error,
			size_t n_error, struct settings *settings);

/** Mode 0600, and the user and group that this process runs as. */
struct socket_access socket_access_default(void);

/**
 * Take `mode OCTAL`, `owner UID` or `group GID` from two words of a line.
 * Returns 0, 1 when the first word is none of these, or -EINVAL with the
 * error of `lines` set.
 */
int socket_access_set(struct socket_access *access, struct lines *lines,
		      const struct word words[2]);

#endif
