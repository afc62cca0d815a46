/* SPDX-License-Identifier: MIT */

#include "logger/answer.h"

#include <errno.h>
#include <helio/log/v1/log.pb-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/le.h"
#include "logger/answer_cage.h"
#include "logger/answer_rows.h"
#include "logger/log.h"
#include "rpc/heliograph.h"
#include "storage/backend/backend.h"

enum {
	REPLY_BYTES = 32 * 1024, /* of rows, and one more */
	ROWS_MAX = 1024,
};

#define MEMORY_BYTES ((size_t)64 << 20)

/* Rows on their way, each with its end. */
struct rows {
	struct buffer text;
	size_t ends[ROWS_MAX];
	size_t n;
};

/* ---- saying ---- */

static int write_all(const void *bytes, size_t n)
{
	const uint8_t *at = bytes;

	while (n) {
		ssize_t done = write(STDOUT_FILENO, at, n);

		if (done < 0 && errno != EINTR)
			return -EPIPE;
		if (done > 0) {
			at += done;
			n -= (size_t)done;
		}
	}
	return 0;
}

int answer_say(char kind, const void *a, size_t n_a, const void *b, size_t n_b)
{
	uint8_t head[ANSWER_HEAD_BYTES];
	int r;

	le32_store(head, (uint32_t)(ANSWER_HEAD_BYTES + n_a + n_b));
	head[4] = (uint8_t)kind;
	r = write_all(head, sizeof(head));
	if (r == 0 && n_a)
		r = write_all(a, n_a);
	if (r == 0 && n_b)
		r = write_all(b, n_b);
	return r;
}

static int say_error(unsigned status, const char *text)
{
	uint8_t byte = (uint8_t)status;

	(void)answer_say('E', &byte, 1, text, strlen(text));
	return EXIT_FAILURE;
}

static int say_reply(const Helio__Log__V1__QueryReply *reply)
{
	size_t n = protobuf_c_message_get_packed_size(&reply->base);
	_cleanup_(freep) uint8_t *packed = malloc(n + 1);

	if (!packed)
		return -ENOMEM;
	if (n > ANSWER_BYTES_MAX - ANSWER_HEAD_BYTES)
		return -EMSGSIZE;
	protobuf_c_message_pack(&reply->base, packed);
	return answer_say('P', packed, n, NULL, 0);
}

static int say_columns(const struct question *question)
{
	Helio__Log__V1__QueryReply reply = HELIO__LOG__V1__QUERY_REPLY__INIT;
	char *names[QUESTION_COLUMNS_MAX];

	reply.columns = names;
	reply.n_columns = question_n_columns(question);
	for (unsigned i = 0; i < reply.n_columns; i++)
		/* What is packed is not written to. */
		names[i] = (char *)(uintptr_t)question_column(question, i);
	return say_reply(&reply);
}

static int say_rows(struct rows *rows)
{
	Helio__Log__V1__QueryReply reply = HELIO__LOG__V1__QUERY_REPLY__INIT;
	char *at[ROWS_MAX];
	size_t start = 0;
	int r;

	if (!rows->n)
		return 0;
	r = buffer_error(&rows->text);
	if (r < 0)
		return r;
	for (size_t i = 0; i < rows->n; i++) {
		at[i] = rows->text.bytes + start;
		start = rows->ends[i];
	}
	reply.rows = at;
	reply.n_rows = rows->n;
	r = say_reply(&reply);
	buffer_clear(&rows->text);
	rows->n = 0;
	return r;
}

/* ---- rows as JSON ---- */

static void add_escaped(struct buffer *out, unsigned char c)
{
	switch (c) {
	case '"':
		buffer_text(out, "\\\"");
		break;
	case '\\':
		buffer_text(out, "\\\\");
		break;
	case '\n':
		buffer_text(out, "\\n");
		break;
	default:
		buffer_format(out, "\\u%04x", c);
	}
}

static void add_text(struct buffer *out, const char *bytes, size_t n)
{
	size_t start = 0;

	buffer_add(out, "\"", 1);
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)bytes[i];

		if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f)
			continue;
		buffer_add(out, bytes + start, i - start);
		add_escaped(out, c);
		start = i + 1;
	}
	buffer_add(out, bytes + start, n - start);
	buffer_add(out, "\"", 1);
}

static void add_bytes(struct buffer *out, const uint8_t *bytes, size_t n)
{
	char group[4];

	buffer_add(out, "\"", 1);
	for (size_t i = 0; i < n; i += 3) {
		base64_encode_group(bytes + i, n - i < 3 ? n - i : 3, group);
		buffer_add(out, group, sizeof(group));
	}
	buffer_add(out, "\"", 1);
}

static void add_value(struct buffer *out, const struct question_value *value)
{
	switch (value->type) {
	case QUESTION_NULL:
		buffer_text(out, "null");
		break;
	case QUESTION_NUMBER:
		buffer_format(out, "%lld", (long long)value->number);
		break;
	case QUESTION_REAL:
		if (value->real - value->real == 0)
			buffer_format(out, "%.17g", value->real);
		else
			buffer_text(out, "null");
		break;
	case QUESTION_TEXT:
		add_text(out, value->bytes, value->n_bytes);
		break;
	case QUESTION_BYTES:
		add_bytes(out, value->bytes, value->n_bytes);
		break;
	}
}

static void add_row(struct rows *rows, struct question *question)
{
	struct buffer *out = &rows->text;
	unsigned n = question_n_columns(question);

	buffer_add(out, "[", 1);
	for (unsigned i = 0; i < n; i++) {
		struct question_value value;

		question_value(question, i, &value);
		if (i)
			buffer_add(out, ",", 1);
		add_value(out, &value);
	}
	buffer_add(out, "]\0", 2);
	rows->ends[rows->n++] = out->n;
}

static int say_all(struct question *question)
{
	static struct rows rows;
	int r = say_columns(question);

	buffer_init(&rows.text, ANSWER_BYTES_MAX);
	while (r == 0 && (r = question_next(question)) == 1) {
		add_row(&rows, question);
		r = 0;
		if (rows.n == ROWS_MAX || rows.text.n >= REPLY_BYTES)
			r = say_rows(&rows);
	}
	if (r == 0)
		r = say_rows(&rows);
	buffer_deinit(&rows.text);
	return r;
}

/* ---- the question ---- */

static int read_all(void *bytes, size_t n)
{
	uint8_t *at = bytes;

	while (n) {
		ssize_t done = read(STDIN_FILENO, at, n);

		if (done == 0 || (done < 0 && errno != EINTR))
			return -EPIPE;
		if (done > 0) {
			at += done;
			n -= (size_t)done;
		}
	}
	return 0;
}

static int read_sql(char **ret_sql, size_t *ret_n)
{
	uint8_t head[4];
	char *sql;
	size_t n;

	if (read_all(head, sizeof(head)) < 0)
		return -EPIPE;
	n = le32_load(head);
	if (n > ANSWER_SQL_MAX)
		return -EMSGSIZE;
	sql = malloc(n + 1);
	if (!sql)
		return -ENOMEM;
	if (read_all(sql, n) < 0) {
		free(sql);
		return -EPIPE;
	}
	sql[n] = '\0';
	*ret_sql = sql;
	*ret_n = n;
	return 0;
}

static int end(const struct question *question, int r)
{
	switch (r) {
	case 0:
		return answer_say('D', NULL, 0, NULL, 0) < 0 ? EXIT_FAILURE
							     : EXIT_SUCCESS;
	case -ETIMEDOUT:
		return say_error(HELIO_DEADLINE_EXCEEDED,
				 "the question takes too long");
	case -ENOMEM:
	case -EMSGSIZE:
		return say_error(HELIO_RESOURCE_EXHAUSTED,
				 "the answer takes too much memory");
	case -EBADMSG:
		return say_error(HELIO_DATA_LOSS, "the log is damaged");
	case -EINVAL:
		return say_error(HELIO_INVALID_ARGUMENT,
				 question ? question_error(question) : "");
	default:
		return say_error(HELIO_UNAVAILABLE, strerror(-r));
	}
}

static int answer(struct answer_rows *rows, uint64_t timeout_ms,
		  const char *sql, size_t n_sql)
{
	const struct question_limits limits = {
		.duration_ns = timeout_ms * NS_PER_MS,
		.memory_bytes = MEMORY_BYTES,
		.value_bytes = ANSWER_VALUE_MAX,
	};
	struct question_source source;
	struct question *question = NULL;
	_cleanup_(freep) char *why = NULL;
	int r;

	answer_rows_source(rows, &source);
	r = question_new(&source, &limits, sql, n_sql, &question, &why);
	if (r == -EINVAL)
		return say_error(HELIO_INVALID_ARGUMENT,
				 why ? why : "it cannot be asked so");
	if (r == 0)
		r = say_all(question);
	r = end(question, r);
	question_free(question);
	return r;
}

int answer_main(const char *folder, const char *timeout_ms,
		const char *subject_records_max)
{
	uint64_t ms = strtoull(timeout_ms, NULL, 10);
	_cleanup_(freep) char *sql = NULL;
	struct view *view = NULL;
	struct answer_rows rows;
	size_t n_sql = 0;
	int r = answer_cage_enter(folder, ms);

	if (r == 0)
		r = read_sql(&sql, &n_sql);
	if (r == 0)
		r = view_open(backend_sqlite(), folder, &view, NULL);
	if (r == 0)
		r = view_refresh(view);
	if (r < 0)
		return end(NULL, r);
	r = answer_rows_init(&rows, view,
			     strtoull(subject_records_max, NULL, 10));
	r = r < 0 ? end(NULL, r) : answer(&rows, ms, sql, n_sql);
	answer_rows_deinit(&rows);
	view_close(view);
	return r;
}
