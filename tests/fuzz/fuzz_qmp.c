/* SPDX-License-Identifier: MIT */

/*
 * Lines of a monitor: whatever QEMU says, and in whatever pieces it comes, what
 * is taken for a message is one, and a line ends or is refused. The first byte
 * is the length of the pieces.
 */

#include <errno.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "vm/qmp_reader.h"

static void check_message(const struct qmp_message *message)
{
	FUZZ_CHECK(json_is_object(message->json));
	switch (message->kind) {
	case QMP_RETURN:
		FUZZ_CHECK(message->has_id && message->value);
		break;
	case QMP_ERROR:
		FUZZ_CHECK(message->text);
		break;
	case QMP_EVENT:
		FUZZ_CHECK(message->text);
		FUZZ_CHECK(!message->value || json_is_object(message->value));
		break;
	case QMP_GREETING:
		FUZZ_CHECK(json_object_get(message->json, "QMP"));
		break;
	}
}

/* Returns what qmp_reader_next() did last. */
static int read_all(struct qmp_reader *reader)
{
	struct qmp_message message;
	int r;

	while ((r = qmp_reader_next(reader, &message)) > 0) {
		check_message(&message);
		qmp_message_deinit(&message);
	}
	FUZZ_CHECK(r == 0 || r == -EPROTO || r == -EMSGSIZE);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	static struct qmp_reader reader;
	size_t n_piece;

	if (!n)
		return 0;
	n_piece = bytes[0] ? bytes[0] : QMP_LINE_MAX_BYTES;
	reader = (struct qmp_reader){ .n = 0 };
	for (size_t i = 1; i < n;) {
		size_t n_room;
		char *room = qmp_reader_room(&reader, &n_room);
		size_t n_now = n - i < n_piece ? n - i : n_piece;

		FUZZ_CHECK(n_room > 0);
		if (n_now > n_room)
			n_now = n_room;
		memcpy(room, bytes + i, n_now);
		qmp_reader_add(&reader, n_now);
		if (read_all(&reader) < 0)
			return 0;
		i += n_now;
	}
	return 0;
}
