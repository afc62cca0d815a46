/* SPDX-License-Identifier: MIT */

/*
 * Redis by hand, in RESP2 as redis.io/docs/reference/protocol-spec describes
 * it. One connection publishes, with CLIENT REPLY OFF, so that nothing comes
 * back on it; another, for those who receive, is subscribed. A request is a
 * message to the service's channel and a reply one to the requesters'. What is
 * stored goes to a stream by XADD, and is read by XRANGE in pages.
 */

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/clients/harness.h"
#include "bench/clients/resp.h"
#include "bench/clients/stream.h"

struct client {
	struct stream out;
	struct stream in;
	struct intake *intake;
	bool has_in;
	enum role role;
	char length[16]; /* "$100\r\n": stands before each body */
	size_t n_length;
	/* Of a reader: the page that comes, and the id of its last entry. */
	const char *stream_name;
	bool is_in_page;
	size_t n_page_left;
	char last_id[48];
};

enum { PAGE_ENTRIES = 10000 };

static int redis_open_out(struct client *client, const char *address)
{
	static const char QUIET[] = "CLIENT REPLY OFF\r\n";
	int r;

	r = stream_init(&client->out, address);
	/* Who asks for something to be stored, or read, wants to hear of it. */
	if (r < 0 || client->role == ROLE_STORER || client->role == ROLE_READER)
		return r;
	r = stream_write(&client->out, QUIET, sizeof(QUIET) - 1);
	if (!r)
		r = stream_flush(&client->out);
	if (r < 0)
		stream_deinit(&client->out);
	return r;
}

/* The confirmation, `*3 $9 subscribe $n CHANNEL :1`, ends in a line with ':'.
 */
static int redis_subscribe(struct client *client, const char *pattern)
{
	char line[256];
	int r;

	snprintf(line, sizeof(line), "SUBSCRIBE %s\r\n", pattern);
	r = stream_write(&client->in, line, strlen(line));
	if (!r)
		r = stream_flush(&client->in);
	while (!r) {
		r = stream_read_line(&client->in, line, sizeof(line));
		if (!r && line[0] == '-')
			return -EPROTO;
		if (!r && line[0] == ':')
			return 0;
	}
	return r;
}

static int redis_open_in(struct client *client, const char *address,
			 const char *pattern)
{
	int r;

	r = stream_init(&client->in, address);
	if (r < 0)
		return r;
	r = redis_subscribe(client, pattern);
	if (r < 0)
		stream_deinit(&client->in);
	else
		client->has_in = true;
	return r;
}

static void redis_close(struct client *client)
{
	stream_deinit(&client->out);
	if (client->has_in)
		stream_deinit(&client->in);
	free(client);
}

static int redis_open(const struct plan *plan, enum role role,
		      struct intake *intake, struct client **ret_client)
{
	const char *const channels[] = {
		[ROLE_PUBLISHER] = NULL,
		[ROLE_SUBSCRIBER] = plan->pattern,
		[ROLE_REQUESTER] = PLAN_REPLIES,
		[ROLE_RESPONDER] = PLAN_SERVICE,
		[ROLE_STORER] = NULL,
		[ROLE_READER] = NULL,
	};
	struct client *client;
	int r;

	client = calloc(1, sizeof(*client));
	if (!client)
		return -ENOMEM;
	client->intake = intake;
	client->role = role;
	client->stream_name = plan->subjects[0].text;
	client->n_length =
		(size_t)snprintf(client->length, sizeof(client->length),
				 "$%u\r\n", plan->n_body);
	r = redis_open_out(client, plan->address);
	if (r < 0) {
		free(client);
		return r;
	}
	if (channels[role])
		r = redis_open_in(client, plan->address, channels[role]);
	if (r < 0) {
		redis_close(client);
		return r;
	}
	*ret_client = client;
	return 0;
}

static int redis_begin(struct client *client, const struct subject *subject,
		       size_t n_body, void **ret_body)
{
	static const char PUBLISH[] = "*3\r\n$7\r\nPUBLISH\r\n$";
	const size_t n_publish = sizeof(PUBLISH) - 1;
	char *at;
	uint8_t *room;
	int r;

	r = stream_reserve(&client->out,
			   n_publish + 8 + subject->n_text + client->n_length +
				   n_body + 2,
			   &room);
	if (r < 0)
		return r;
	at = (char *)room;
	memcpy(at, PUBLISH, n_publish);
	at += n_publish;
	if (subject->n_text >= 10)
		*at++ = (char)('0' + subject->n_text / 10);
	*at++ = (char)('0' + subject->n_text % 10);
	memcpy(at, "\r\n", 2);
	memcpy(at + 2, subject->text, subject->n_text);
	at += 2 + subject->n_text;
	memcpy(at, "\r\n", 2);
	memcpy(at + 2, client->length, client->n_length);
	at += 2 + client->n_length;
	stream_commit(&client->out, (size_t)((uint8_t *)at - room));
	*ret_body = at;
	return 0;
}

static int redis_end(struct client *client, size_t n_body)
{
	stream_commit(&client->out, n_body);
	return stream_write(&client->out, "\r\n", 2);
}

static int redis_publish(struct client *client, const char *channel,
			 const void *body, size_t n_body)
{
	struct subject subject = { channel, strlen(channel) };
	void *room;
	int r;

	r = redis_begin(client, &subject, n_body, &room);
	if (r < 0)
		return r;
	memcpy(room, body, n_body);
	return redis_end(client, n_body);
}

static int redis_request(struct client *client, const void *body, size_t n_body)
{
	return redis_publish(client, PLAN_SERVICE, body, n_body);
}

static int redis_flush(struct client *client)
{
	return stream_flush(&client->out);
}

/* `*3 $7 message $n CHANNEL $n BODY`; returns where it ends, or NULL. */
static const char *redis_take_push(struct client *client, const char *at,
				   const char *end, int *ret_r)
{
	const char *bytes;
	size_t n;

	if (end - at < 4)
		return NULL;
	if (memcmp(at, "*3\r\n", 4)) {
		*ret_r = -EPROTO;
		return NULL;
	}
	at += 4;
	for (int i = 0; i < 3; i++) {
		if (!resp_take_bulk(&at, end, &bytes, &n))
			return NULL;
	}
	client->intake->take(client->intake, (const uint8_t *)bytes, n);
	if (client->role == ROLE_RESPONDER)
		*ret_r = redis_publish(client, PLAN_REPLIES, bytes, n);
	return at;
}

/* ---- streams ---- */

static int redis_store(struct client *client, const struct subject *subject,
		       const void *body, size_t n_body)
{
	char head[128];
	int n = snprintf(head, sizeof(head),
			 "*5\r\n$4\r\nXADD\r\n$%zu\r\n%s\r\n$1\r\n*\r\n"
			 "$1\r\nb\r\n%s",
			 subject->n_text, subject->text, client->length);
	int r = stream_write(&client->out, head, (size_t)n);

	if (!r)
		r = stream_write(&client->out, body, n_body);
	if (!r)
		r = stream_write(&client->out, "\r\n", 2);
	return r;
}

/* `$n ID` for each XADD; returns where it ends, or NULL. */
static const char *redis_take_stored(struct client *client, const char *at,
				     const char *end, int *ret_r)
{
	const char *id;
	size_t n;

	if (at < end && *at != '$') {
		*ret_r = -EPROTO;
		return NULL;
	}
	if (!resp_take_bulk(&at, end, &id, &n))
		return NULL;
	client->intake->take(client->intake, NULL, 0);
	return at;
}

/* The page after the last entry that came. */
static int redis_replay(struct client *client)
{
	char command[160];
	int n = snprintf(command, sizeof(command),
			 "XRANGE %s %s%s + COUNT %d\r\n", client->stream_name,
			 client->last_id[0] ? "(" : "-", client->last_id,
			 PAGE_ENTRIES);
	int r = stream_write(&client->out, command, (size_t)n);

	client->is_in_page = false;
	return r ? r : stream_flush(&client->out);
}

/* `*n`, the number of entries that follow. */
static const char *redis_take_page(struct client *client, const char *at,
				   const char *end, int *ret_r)
{
	const char *newline = memchr(at, '\n', (size_t)(end - at));

	if (!newline)
		return NULL;
	if (*at != '*') {
		*ret_r = -EPROTO;
		return NULL;
	}
	client->n_page_left = strtoul(at + 1, NULL, 10);
	client->is_in_page = true;
	return newline + 1;
}

/* `*2 $n ID *2 $1 b $n BODY`. */
static const char *redis_take_entry(struct client *client, const char *at,
				    const char *end, int *ret_r)
{
	const char *id, *name, *body;
	size_t n_id, n_name, n_body;

	if (!client->is_in_page)
		return redis_take_page(client, at, end, ret_r);
	if (end - at < 4)
		return NULL;
	at += 4;
	if (!resp_take_bulk(&at, end, &id, &n_id) || end - at < 4)
		return NULL;
	at += 4;
	if (!resp_take_bulk(&at, end, &name, &n_name) ||
	    !resp_take_bulk(&at, end, &body, &n_body))
		return NULL;
	client->intake->take(client->intake, (const uint8_t *)body, n_body);
	if (--client->n_page_left == 0) {
		snprintf(client->last_id, sizeof(client->last_id), "%.*s",
			 (int)n_id, id);
		*ret_r = redis_replay(client);
	}
	return at;
}

static const char *redis_take(struct client *client, const char *at,
			      const char *end, int *ret_r)
{
	if (client->role == ROLE_STORER)
		return redis_take_stored(client, at, end, ret_r);
	if (client->role == ROLE_READER)
		return redis_take_entry(client, at, end, ret_r);
	return redis_take_push(client, at, end, ret_r);
}

static int redis_turn(struct client *client, int timeout_ms)
{
	struct stream *stream = client->has_in ? &client->in : &client->out;
	const char *at, *end, *next;
	int r;

	r = stream_fill(stream, timeout_ms);
	if (r < 0)
		return r;
	at = (const char *)stream->in + stream->in_begin;
	end = (const char *)stream->in + stream->in_end;
	while (!r && at < end) {
		next = redis_take(client, at, end, &r);
		if (!next)
			break;
		at = next;
	}
	stream->in_begin = stream->in_end - (size_t)(end - at);
	return r < 0 ? r : stream_flush(&client->out);
}

static int redis_fd(const struct client *client)
{
	return client->has_in ? client->in.fd : client->out.fd;
}

static const struct client_ops REDIS = {
	.name = "redis",
	.open = redis_open,
	.close = redis_close,
	.begin = redis_begin,
	.end = redis_end,
	.request = redis_request,
	.store = redis_store,
	.replay = redis_replay,
	.flush = redis_flush,
	.turn = redis_turn,
	.fd = redis_fd,
};

int main(int argc, char **argv)
{
	return harness_main(argc, argv, &REDIS);
}
