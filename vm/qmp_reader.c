/* SPDX-License-Identifier: MIT */

#include "vm/qmp_reader.h"

#include <errno.h>
#include <string.h>

char *qmp_reader_room(struct qmp_reader *reader, size_t *ret_n)
{
	if (reader->n_taken) {
		reader->n -= reader->n_taken;
		reader->n_looked -= reader->n_taken;
		memmove(reader->bytes, reader->bytes + reader->n_taken,
			reader->n);
		reader->n_taken = 0;
	}
	*ret_n = sizeof(reader->bytes) - reader->n;
	return reader->bytes + reader->n;
}

void qmp_reader_add(struct qmp_reader *reader, size_t n)
{
	reader->n += n;
}

static int read_id(const json_t *json, struct qmp_message *message)
{
	const json_t *id = json_object_get(json, "id");

	if (!id)
		return 0;
	if (!json_is_integer(id) || json_integer_value(id) < 0)
		return -EPROTO;
	message->has_id = true;
	message->id = (uint64_t)json_integer_value(id);
	return 0;
}

static int read_event(const json_t *json, struct qmp_message *message)
{
	message->kind = QMP_EVENT;
	message->text = json_string_value(json_object_get(json, "event"));
	message->value = json_object_get(json, "data");
	if (!message->text)
		return -EPROTO;
	return !message->value || json_is_object(message->value) ? 0 : -EPROTO;
}

static int read_error(const json_t *json, struct qmp_message *message)
{
	const json_t *error = json_object_get(json, "error");

	message->kind = QMP_ERROR;
	message->text = json_string_value(json_object_get(error, "desc"));
	return message->text ? 0 : -EPROTO;
}

static int read_return(const json_t *json, struct qmp_message *message)
{
	message->kind = QMP_RETURN;
	message->value = json_object_get(json, "return");
	return message->has_id ? 0 : -EPROTO;
}

/* The key that tells what it is; a message has one of them. */
static const struct kind {
	const char *key;
	int (*read)(const json_t *json, struct qmp_message *message);
} kinds[] = {
	{ "event", read_event },
	{ "return", read_return },
	{ "error", read_error },
};

static int read_message(const json_t *json, struct qmp_message *message)
{
	int r = read_id(json, message);

	if (r < 0)
		return r;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (json_object_get(json, kinds[i].key))
			return kinds[i].read(json, message);
	message->kind = QMP_GREETING;
	return json_is_object(json_object_get(json, "QMP")) ? 0 : -EPROTO;
}

static int parse(const char *line, size_t n, struct qmp_message *ret_message)
{
	struct qmp_message message = { .kind = QMP_GREETING };
	json_error_t error;
	int r;

	message.json = json_loadb(line, n, JSON_REJECT_DUPLICATES, &error);
	if (!message.json)
		return -EPROTO;
	r = read_message(message.json, &message);
	if (r < 0) {
		json_decref(message.json);
		return r;
	}
	*ret_message = message;
	return 1;
}

int qmp_reader_next(struct qmp_reader *reader, struct qmp_message *ret_message)
{
	const char *line = reader->bytes + reader->n_taken;
	const char *newline = memchr(reader->bytes + reader->n_looked, '\n',
				     reader->n - reader->n_looked);

	if (!newline) {
		reader->n_looked = reader->n;
		return reader->n - reader->n_taken == sizeof(reader->bytes)
			       ? -EMSGSIZE
			       : 0;
	}
	reader->n_taken = (size_t)(newline - reader->bytes) + 1;
	reader->n_looked = reader->n_taken;
	return parse(line, (size_t)(newline - line), ret_message);
}

void qmp_message_deinit(struct qmp_message *message)
{
	json_decref(message->json);
	message->json = NULL;
}
