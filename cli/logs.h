/* SPDX-License-Identifier: MIT */
#ifndef CLI_LOGS_H
#define CLI_LOGS_H

/** Calls to the logger, helio.log.v1.Logs, and which log is meant. */

#include <helio/log/v1/log.pb-c.h>
#include <stdbool.h>

#include "cli/control.h"
#include "cli/session.h"

struct common;

enum { LOGS_NAME_BYTES = 65, LOGS_HASH_BYTES = 32 };

/** A connection on which the logger can be asked. */
struct logs {
	struct session session;
	struct control control;
	char name[LOGS_NAME_BYTES]; /* of logs_find() */
};

/*
 * Each returns an exit code; unless it is EXIT_OK, why was told. The session
 * lasts: the library connects again.
 */

int logs_open(struct logs *logs, const struct common *common);
/** Fine in any case. */
void logs_close(struct logs *logs);

/** `method` of the logger; as control_call(). */
int logs_call(struct logs *logs, const char *method,
	      const ProtobufCMessage *request,
	      const ProtobufCMessageDescriptor *descriptor,
	      ProtobufCMessage **ret_reply);

/**
 * Find the log that is meant by `name`, or the only one there is if it is NULL:
 * logs->name.
 */
int logs_find(struct logs *logs, const char *name);

/**
 * A schema by its hash, which the log has kept or else the registry has: a
 * FileDescriptorSet that lives until the next call. False, without a word, when
 * neither has.
 */
bool logs_schema(struct logs *logs, const uint8_t hash[LOGS_HASH_BYTES],
		 ProtobufCBinaryData *ret_set);

/** That log as it stands. It lives until the next call. */
int logs_get(struct logs *logs, const Helio__Log__V1__Log **ret_log);

#endif
