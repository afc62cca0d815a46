/* SPDX-License-Identifier: MIT */
#ifndef VM_QMP_READER_H
#define VM_QMP_READER_H

/**
 * What QEMU says on its monitor: lines of JSON.
 * https://www.qemu.org/docs/master/interop/qmp-spec.html
 *
 * QEMU runs a stranger's code and may be broken or taken over, so its bytes
 * are a stranger's: a line has a bound, and what is no message of the protocol
 * is a violation. JSON of bounded length is of bounded depth and size.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { QMP_LINE_MAX_BYTES = 64 << 10 };

enum qmp_kind {
	QMP_GREETING, /* the first, once */
	QMP_RETURN,   /* a command is done: `value` */
	QMP_ERROR,    /* a command failed: `text` */
	QMP_EVENT,    /* `text` is its name, `value` its data or NULL */
};

/** What is borrowed lives as long as `json`. */
struct qmp_message {
	enum qmp_kind kind;
	bool has_id; /* an error may have none: what it is about was no JSON */
	uint64_t id;
	const char *text;
	json_t *value;
	json_t *json; /* the whole */
};

/** All zero is an empty one. It holds no memory of its own. */
struct qmp_reader {
	char bytes[QMP_LINE_MAX_BYTES];
	size_t n_taken;  /* of the front: read already */
	size_t n_looked; /* of the front: no newline behind n_taken in them */
	size_t n;
};

/**
 * Where the next bytes go; *ret_n is how many fit, never 0 after
 * qmp_reader_next() has returned 0. Then tell how many came.
 */
char *qmp_reader_room(struct qmp_reader *reader, size_t *ret_n);
void qmp_reader_add(struct qmp_reader *reader, size_t n);

/**
 * Returns 1 with a message, to be given to qmp_message_deinit(); 0 when there
 * is no whole line; -EMSGSIZE when it can never be one; -EPROTO: no message of
 * QMP, or no memory for it, which jansson does not tell apart. After an error
 * the reader is not to be used again.
 */
int qmp_reader_next(struct qmp_reader *reader, struct qmp_message *ret_message);

void qmp_message_deinit(struct qmp_message *message);

#endif
