/* SPDX-License-Identifier: MIT */

/*
 * schema_probe SET: what the library makes of messages, asked line by line, so
 * that another implementation can be held against it.
 *
 *     out TYPE HEX    the message as JSON
 *     in TYPE JSON    the JSON as a message, in hex
 *     both TYPE HEX   the message from its own JSON, in hex
 *     source FILE     the file as source, in hex
 *
 * Each line is answered by one: `ok RESULT`, or `no REASON`.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "schema/json_in.h"
#include "schema/json_out.h"
#include "schema/pool.h"
#include "schema/source.h"

enum { FILE_BYTES_MAX = 1 << 20, JSON_BYTES_MAX = 64 << 20 };

static uint8_t *read_file(const char *path, size_t *ret_n)
{
	uint8_t *bytes = malloc(FILE_BYTES_MAX);
	FILE *file = fopen(path, "rb");

	*ret_n = bytes && file ? fread(bytes, 1, FILE_BYTES_MAX, file) : 0;
	if (file)
		fclose(file);
	return bytes;
}

static unsigned nibble(char c)
{
	return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'a' + 10);
}

static uint8_t *from_hex(const char *hex, size_t *ret_n)
{
	size_t n = strlen(hex) / 2;
	uint8_t *bytes = malloc(n + 1);

	for (size_t i = 0; bytes && i < n; i++)
		bytes[i] = (uint8_t)(nibble(hex[2 * i]) << 4 |
				     nibble(hex[2 * i + 1]));
	*ret_n = bytes ? n : 0;
	return bytes;
}

static int to_json(const struct pool *pool, const struct pool_message *type,
		   const char *hex, struct buffer *buffer, char *error)
{
	_cleanup_(freep) uint8_t *bytes = NULL;
	size_t n;

	bytes = from_hex(hex, &n);
	return json_out(pool, type, bytes, n, buffer, error);
}

static int to_hex(const struct pool *pool, const struct pool_message *type,
		  const char *json, struct buffer *buffer, char *error)
{
	_cleanup_(freep) uint8_t *bytes = NULL;
	size_t n;
	int r = json_in(pool, type, json, strlen(json), &bytes, &n, error);

	buffer_clear(buffer);
	for (size_t i = 0; r == 0 && i < n; i++)
		buffer_format(buffer, "%02x", bytes[i]);
	return r;
}

static int to_source(const struct pool *pool, const char *name,
		     struct buffer *buffer)
{
	_cleanup_(buffer_deinit) struct buffer source;
	int r = -ENOENT;

	buffer_init(&source, JSON_BYTES_MAX);
	for (size_t i = 0; i < pool->n_files; i++)
		if (strcmp(pool->files[i].name, name) == 0) {
			source_file(&source, pool, &pool->files[i]);
			r = buffer_error(&source);
		}
	for (size_t i = 0; i < source.n; i++)
		buffer_format(buffer, "%02x", (uint8_t)source.bytes[i]);
	return r;
}

static void answer(const struct pool *pool, char *line)
{
	_cleanup_(buffer_deinit) struct buffer buffer;
	_cleanup_(freep) char *json = NULL;
	const char *verb = strsep(&line, " ");
	const char *name = line ? strsep(&line, " ") : "";
	const struct pool_message *type;
	char error[RECORD_ERROR_BYTES] = "no such message";
	int r = -ENOENT;

	buffer_init(&buffer, JSON_BYTES_MAX);
	type = pool_message_lookup(pool, name, strlen(name));
	if (strcmp(verb, "source") == 0)
		r = to_source(pool, name, &buffer);
	if (type && line && strcmp(verb, "in") != 0)
		r = to_json(pool, type, line, &buffer, error);
	else if (type && line)
		r = to_hex(pool, type, line, &buffer, error);
	if (r == 0 && strcmp(verb, "both") == 0) {
		json = strdup(buffer.bytes);
		r = to_hex(pool, type, json, &buffer, error);
	}
	printf("%s %s\n", r == 0 ? "ok" : "no",
	       r != 0     ? error
	       : buffer.n ? buffer.bytes
			  : "");
}

int main(int argc, char **argv)
{
	_cleanup_(freep) uint8_t *bytes = NULL;
	_cleanup_(pool_freep) struct pool *pool = NULL;
	_cleanup_(freep) char *line = NULL;
	char error[POOL_ERROR_BYTES];
	size_t n_max = 0;
	ssize_t n_line;
	size_t n;

	if (argc != 2)
		return 2;
	bytes = read_file(argv[1], &n);
	if (!bytes || pool_read(bytes, n, &pool, error) < 0) {
		fprintf(stderr, "schema_probe: %s: %s\n", argv[1], error);
		return 1;
	}
	while ((n_line = getline(&line, &n_max, stdin)) > 0) {
		if (line[n_line - 1] == '\n')
			line[n_line - 1] = '\0';
		answer(pool, line);
	}
	return 0;
}
