/* SPDX-License-Identifier: MIT */

/*
 * Redis by hand for keys and jobs: SET and GET; and a job is an entry of a
 * stream that a consumer group reads: XADD, XREADGROUP, XACK.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/clients/harness.h"
#include "bench/clients/resp.h"
#include "bench/clients/stream.h"

enum stage { STAGE_ADD, STAGE_READ, STAGE_ACK };

struct client {
	struct stream stream;
	struct intake *intake;
	enum work work;
	enum stage stage; /* of the only job under way */
};

static int client_make_group(struct client *client)
{
	static const char GROUP[] = "XGROUP CREATE jobs g $ MKSTREAM\r\n";
	char line[128];
	int r = stream_write(&client->stream, GROUP, sizeof(GROUP) - 1);

	if (!r)
		r = stream_flush(&client->stream);
	if (!r)
		r = stream_read_line(&client->stream, line, sizeof(line));
	if (!r && line[0] == '-' && strncmp(line, "-BUSYGROUP", 10) != 0)
		return -EPROTO;
	return r;
}

static void client_close(struct client *client)
{
	stream_deinit(&client->stream);
	free(client);
}

static int client_open(const struct plan *plan, enum role role,
		       struct intake *intake, struct client **ret_client)
{
	struct client *client = calloc(1, sizeof(*client));
	int r;

	if (!client)
		return -ENOMEM;
	client->intake = intake;
	client->work = plan->work;
	r = stream_init(&client->stream, plan->address);
	if (r < 0) {
		free(client);
		return r;
	}
	if (plan->work == WORK_JOB)
		r = client_make_group(client);
	if (r < 0) {
		client_close(client);
		return r;
	}
	*ret_client = client;
	return 0;
}

static int say(struct client *client, const char *head, const void *body,
	       size_t n_body)
{
	int r = stream_write(&client->stream, head, strlen(head));

	if (!r)
		r = stream_write(&client->stream, body, n_body);
	return r ? r : stream_write(&client->stream, "\r\n", 2);
}

/* There is one to be read for everybody who has added one. */
static int add_and_read(struct client *client, const char *head,
			const void *body, size_t n_body)
{
	static const char READ[] =
		"XREADGROUP GROUP g c COUNT 1 STREAMS jobs >";
	int r = say(client, head, body, n_body);

	return r ? r : say(client, READ, NULL, 0);
}

static int client_store(struct client *client, const struct subject *key,
			const void *body, size_t n_body)
{
	char head[160];

	switch (client->work) {
	case WORK_PUT:
		snprintf(head, sizeof(head),
			 "*3\r\n$3\r\nSET\r\n$%zu\r\n%s\r\n$%zu\r\n",
			 key->n_text, key->text, n_body);
		return say(client, head, body, n_body);
	case WORK_GET:
		snprintf(head, sizeof(head), "*2\r\n$3\r\nGET\r\n$%zu\r\n%s",
			 key->n_text, key->text);
		return say(client, head, NULL, 0);
	default:
		client->stage = STAGE_ADD;
		snprintf(head, sizeof(head),
			 "*5\r\n$4\r\nXADD\r\n$4\r\njobs\r\n$1\r\n*\r\n"
			 "$1\r\nb\r\n$%zu\r\n",
			 n_body);
		return add_and_read(client, head, body, n_body);
	}
}

/* `$ID`. */
static const char *take_added(struct client *client, const char *at,
			      const char *end, int *ret_r)
{
	const char *id;
	size_t n;

	if (!resp_take_bulk(&at, end, &id, &n))
		return NULL;
	client->stage = STAGE_READ;
	return at;
}

static bool take_lines(const char **at, const char *end, unsigned n)
{
	while (n && resp_take_line(at, end))
		n--;
	return n == 0;
}

/* `*1 *2 $4 jobs *1 *2 $ID *2 $1 b $n BODY`. */
static const char *take_read(struct client *client, const char *at,
			     const char *end, int *ret_r)
{
	const char *name, *id, *field, *body;
	size_t n_name, n_id, n_field, n_body;
	char ack[96];

	if (!take_lines(&at, end, 2) ||
	    !resp_take_bulk(&at, end, &name, &n_name) ||
	    !take_lines(&at, end, 2) || !resp_take_bulk(&at, end, &id, &n_id) ||
	    !take_lines(&at, end, 1) ||
	    !resp_take_bulk(&at, end, &field, &n_field) ||
	    !resp_take_bulk(&at, end, &body, &n_body))
		return NULL;
	client->stage = STAGE_ACK;
	snprintf(ack, sizeof(ack), "XACK jobs g %.*s", (int)n_id, id);
	*ret_r = say(client, ack, NULL, 0);
	return at;
}

/* `+OK`, `:1`. */
static const char *take_done(struct client *client, const char *at,
			     const char *end, int *ret_r)
{
	if (!resp_take_line(&at, end))
		return NULL;
	client->intake->take(client->intake, NULL, 0);
	return at;
}

static const char *take_value(struct client *client, const char *at,
			      const char *end, int *ret_r)
{
	const char *value;
	size_t n;

	if (!resp_take_bulk(&at, end, &value, &n))
		return NULL;
	client->intake->take(client->intake, (const uint8_t *)value, n);
	return at;
}

static const char *client_take(struct client *client, const char *at,
			       const char *end, int *ret_r)
{
	static const char *(*const stages[])(struct client *, const char *,
					     const char *, int *) = {
		[STAGE_ADD] = take_added,
		[STAGE_READ] = take_read,
		[STAGE_ACK] = take_done,
	};

	if (*at == '-') {
		*ret_r = -EPROTO;
		return NULL;
	}
	switch (client->work) {
	case WORK_PUT:
		return take_done(client, at, end, ret_r);
	case WORK_GET:
		return take_value(client, at, end, ret_r);
	default:
		return stages[client->stage](client, at, end, ret_r);
	}
}

static int client_turn(struct client *client, int timeout_ms)
{
	struct stream *stream = &client->stream;
	const char *at, *end, *next;
	int r = stream_fill(stream, timeout_ms);

	if (r < 0)
		return r;
	at = (const char *)stream->in + stream->in_begin;
	end = (const char *)stream->in + stream->in_end;
	while (!r && at < end) {
		next = client_take(client, at, end, &r);
		if (!next)
			break;
		at = next;
	}
	stream->in_begin = stream->in_end - (size_t)(end - at);
	return r < 0 ? r : stream_flush(stream);
}

static int client_flush(struct client *client)
{
	return stream_flush(&client->stream);
}

static int client_fd(const struct client *client)
{
	return client->stream.fd;
}

static const struct client_ops REDIS = {
	.name = "redis",
	.open = client_open,
	.close = client_close,
	.store = client_store,
	.flush = client_flush,
	.turn = client_turn,
	.fd = client_fd,
};

int main(int argc, char **argv)
{
	return harness_main(argc, argv, &REDIS);
}
