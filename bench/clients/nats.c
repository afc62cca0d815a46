/* SPDX-License-Identifier: MIT */

/*
 * NATS by hand, as docs.nats.io/reference/nats-protocols describes it: lines
 * that end in CR LF, each followed by its payload, if it has one. Faster here
 * than its own C library, which has threads and locks.
 */

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/clients/harness.h"
#include "bench/clients/stream.h"

enum { LINE_MAX_BYTES = 4096 };

struct client {
	struct stream stream;
	struct intake *intake;
	enum role role;
	const char *log;
	char replies[32];
	char length[16]; /* " 100\r\n": the end of each PUB line */
	size_t n_length;
};

/** A MSG line: `MSG SUBJECT SID [REPLY] LENGTH`. */
struct delivery {
	const char *reply;
	size_t n_reply;
	size_t n_body;
};

static int nats_write_text(struct client *client, const char *text)
{
	return stream_write(&client->stream, text, strlen(text));
}

/* A PONG shows that everything before it was dealt with. */
static int nats_await_pong(struct client *client)
{
	char line[LINE_MAX_BYTES];
	int r;

	r = stream_flush(&client->stream);
	while (!r) {
		r = stream_read_line(&client->stream, line, sizeof(line));
		if (!r && !strncmp(line, "-ERR", 4))
			return -EPROTO;
		if (!r && !strncmp(line, "PONG", 4))
			return 0;
	}
	return r;
}

static int nats_greet(struct client *client, const char *subscribe)
{
	int r;

	r = nats_write_text(client,
			    "CONNECT {\"verbose\":false,\"pedantic\":false,"
			    "\"echo\":false,\"lang\":\"c\",\"version\":\"1\","
			    "\"protocol\":0}\r\n");
	if (!r)
		r = nats_write_text(client, subscribe);
	if (!r)
		r = nats_write_text(client, "PING\r\n");
	if (!r)
		r = nats_await_pong(client);
	return r;
}

/* ---- JetStream: docs.nats.io/reference/reference-protocols/nats_api_reference
 */

/* Ask the server's own service; the answer is a line of JSON. */
static int nats_ask(struct client *client, const char *subject,
		    const char *json)
{
	char line[LINE_MAX_BYTES];
	int r;

	snprintf(line, sizeof(line), "PUB %s %s.api %zu\r\n%s\r\n", subject,
		 client->replies, strlen(json), json);
	r = nats_write_text(client, line);
	if (!r)
		r = stream_flush(&client->stream);
	if (!r)
		r = stream_read_line(&client->stream, line, sizeof(line));
	if (!r && strncmp(line, "MSG ", 4) != 0)
		r = -EPROTO;
	if (!r)
		r = stream_read_line(&client->stream, line, sizeof(line));
	if (!r && strstr(line, "\"error\"")) {
		fprintf(stderr, "nats: %s\n", line);
		r = -EPROTO;
	}
	return r;
}

/* One that is there already, with the same configuration, is fine. */
static int nats_make_stream(struct client *client)
{
	char subject[128], json[256];

	snprintf(subject, sizeof(subject), "$JS.API.STREAM.CREATE.%s",
		 client->log);
	snprintf(json, sizeof(json),
		 "{\"name\":\"%s\",\"subjects\":[\"%s.>\"],"
		 "\"retention\":\"limits\",\"storage\":\"file\","
		 "\"max_msgs\":-1,\"max_bytes\":-1,\"max_age\":0,"
		 "\"max_consumers\":-1,\"max_msg_size\":-1,"
		 "\"discard\":\"old\",\"num_replicas\":1}",
		 client->log, client->log);
	return nats_ask(client, subject, json);
}

/* Records may come before the answer, which is looked at when it is there. */
static int nats_replay(struct client *client)
{
	char line[512], json[256];
	int n;

	n = snprintf(json, sizeof(json),
		     "{\"stream_name\":\"%s\",\"config\":{"
		     "\"deliver_subject\":\"%s.records\","
		     "\"deliver_policy\":\"all\",\"ack_policy\":\"none\","
		     "\"replay_policy\":\"instant\"}}",
		     client->log, client->replies);
	snprintf(line, sizeof(line),
		 "PUB $JS.API.CONSUMER.CREATE.%s %s.api %d\r\n%s\r\n",
		 client->log, client->replies, n, json);
	n = nats_write_text(client, line);
	return n ? n : stream_flush(&client->stream);
}

static void nats_close(struct client *client)
{
	stream_deinit(&client->stream);
	free(client);
}

static int nats_open(const struct plan *plan, enum role role,
		     struct intake *intake, struct client **ret_client)
{
	const char *const patterns[] = {
		[ROLE_SUBSCRIBER] = plan->pattern,
		[ROLE_REQUESTER] = PLAN_REPLIES,
		[ROLE_RESPONDER] = PLAN_SERVICE,
		[ROLE_READER] = NULL,
	};
	char subscribe[192] = "";
	static unsigned n_opened;
	struct client *client;
	int r;

	client = calloc(1, sizeof(*client));
	if (!client)
		return -ENOMEM;
	r = stream_init(&client->stream, plan->address);
	if (r < 0) {
		free(client);
		return r;
	}
	client->intake = intake;
	client->role = role;
	client->log = plan->log;
	client->n_length =
		(size_t)snprintf(client->length, sizeof(client->length),
				 " %u\r\n", plan->n_body);
	snprintf(client->replies, sizeof(client->replies), "_INBOX.%d-%u",
		 getpid(), n_opened++);
	/* What records go to is told apart from what a wildcard hears. */
	if (role == ROLE_STORER || role == ROLE_READER)
		snprintf(subscribe, sizeof(subscribe),
			 "SUB %s.api 1\r\nSUB %s.%s 2\r\n", client->replies,
			 client->replies,
			 role == ROLE_STORER ? "ack" : "records");
	else if (patterns[role])
		snprintf(subscribe, sizeof(subscribe), "SUB %s 1\r\n",
			 patterns[role]);
	r = nats_greet(client, subscribe);
	if (!r && role == ROLE_STORER)
		r = nats_make_stream(client);
	if (r < 0) {
		nats_close(client);
		return r;
	}
	*ret_client = client;
	return 0;
}

/* `subject` is what stands between PUB and the length. */
static int nats_begin_to(struct client *client, const char *subject,
			 size_t n_subject, size_t n_body, void **ret_body)
{
	size_t n_head = 4 + n_subject + client->n_length;
	uint8_t *room;
	int r;

	r = stream_reserve(&client->stream, n_head + n_body + 2, &room);
	if (r < 0)
		return r;
	memcpy(room, "PUB ", 4);
	memcpy(room + 4, subject, n_subject);
	memcpy(room + 4 + n_subject, client->length, client->n_length);
	stream_commit(&client->stream, n_head);
	*ret_body = room + n_head;
	return 0;
}

static int nats_begin(struct client *client, const struct subject *subject,
		      size_t n_body, void **ret_body)
{
	return nats_begin_to(client, subject->text, subject->n_text, n_body,
			     ret_body);
}

static int nats_end(struct client *client, size_t n_body)
{
	stream_commit(&client->stream, n_body);
	return stream_write(&client->stream, "\r\n", 2);
}

static int nats_publish_to(struct client *client, const char *subject,
			   size_t n_subject, const void *body, size_t n_body)
{
	void *room;
	int r;

	r = nats_begin_to(client, subject, n_subject, n_body, &room);
	if (r < 0)
		return r;
	memcpy(room, body, n_body);
	return nats_end(client, n_body);
}

static int nats_request(struct client *client, const void *body, size_t n_body)
{
	static const char SUBJECTS[] = PLAN_SERVICE " " PLAN_REPLIES;

	return nats_publish_to(client, SUBJECTS, sizeof(SUBJECTS) - 1, body,
			       n_body);
}

static int nats_store(struct client *client, const struct subject *subject,
		      const void *body, size_t n_body)
{
	char text[128];
	int n = snprintf(text, sizeof(text), "%s %s.ack", subject->text,
			 client->replies);

	return nats_publish_to(client, text, (size_t)n, body, n_body);
}

static int nats_flush(struct client *client)
{
	return stream_flush(&client->stream);
}

/* `line` ends at `end`, where the CR stands. The length is read backwards. */
static int parse_delivery(const char *line, const char *end,
			  struct delivery *ret_delivery)
{
	const char *digit = end;
	size_t unit = 1, n_body = 0;
	const char *reply, *before;

	while (digit > line && digit[-1] >= '0' && digit[-1] <= '9') {
		n_body += unit * (size_t)(*--digit - '0');
		unit *= 10;
	}
	if (digit == end || digit <= line + 4)
		return -EPROTO;

	/* With a reply, four spaces come before the length, else three. */
	reply = memchr(line + 4, ' ', (size_t)(digit - line - 4));
	before = reply ? memchr(reply + 1, ' ', (size_t)(digit - reply - 1))
		       : NULL;
	if (!before)
		return -EPROTO;
	*ret_delivery = (struct delivery){ .n_body = n_body };
	if (before + 1 < digit) {
		ret_delivery->reply = before + 1;
		ret_delivery->n_reply = (size_t)(digit - before - 2);
	}
	return 0;
}

/* What the server itself says: `{"stream":"store","seq":17}`, or an error. */
static ssize_t nats_take_answer(struct client *client, const uint8_t *body,
				const struct delivery *delivery, size_t n_line)
{
	if (memmem(body, delivery->n_body, "\"error\"", 7)) {
		fprintf(stderr, "nats: %.*s\n", (int)delivery->n_body,
			(const char *)body);
		return -EPROTO;
	}
	if (client->role == ROLE_STORER)
		client->intake->take(client->intake, NULL, 0);
	return (ssize_t)(n_line + delivery->n_body + 2);
}

/* Returns the bytes taken, 0 if it is not all there, or a negative errno. */
static ssize_t nats_take_delivery(struct client *client, const char *line,
				  const char *end, size_t n)
{
	size_t n_line = (size_t)(end - line) + 2;
	struct delivery delivery;
	const uint8_t *body = (const uint8_t *)line + n_line;
	int r;

	r = parse_delivery(line, end, &delivery);
	if (r < 0)
		return r;
	if (n < n_line + delivery.n_body + 2)
		return 0;
	if (client->role == ROLE_STORER)
		return nats_take_answer(client, body, &delivery, n_line);
	if (client->role == ROLE_READER &&
	    !strncmp(line + 4, client->replies, strlen(client->replies)))
		return nats_take_answer(client, body, &delivery, n_line);
	client->intake->take(client->intake, body, delivery.n_body);
	if (client->role == ROLE_RESPONDER && delivery.reply)
		r = nats_publish_to(client, delivery.reply, delivery.n_reply,
				    body, delivery.n_body);
	return r < 0 ? r : (ssize_t)(n_line + delivery.n_body + 2);
}

/* One line, with its payload, of the `n` bytes at `line`. As above. */
static ssize_t nats_take_line(struct client *client, const char *line, size_t n)
{
	const char *newline = memchr(line, '\n', n);
	int r = 0;

	if (!newline)
		return 0;
	if (newline - line < 4)
		return -EPROTO;
	if (!memcmp(line, "MSG ", 4))
		return nats_take_delivery(client, line, newline - 1, n);
	if (!memcmp(line, "PING", 4))
		r = nats_write_text(client, "PONG\r\n");
	else if (!memcmp(line, "-ERR", 4))
		r = -EPROTO;
	return r < 0 ? r : newline + 1 - line;
}

static int nats_turn(struct client *client, int timeout_ms)
{
	struct stream *stream = &client->stream;
	ssize_t n;
	int r;

	r = stream_fill(stream, timeout_ms);
	if (r < 0)
		return r;
	while (stream->in_begin < stream->in_end) {
		n = nats_take_line(client,
				   (const char *)stream->in + stream->in_begin,
				   stream->in_end - stream->in_begin);
		if (n < 0)
			return (int)n;
		if (n == 0)
			break;
		stream->in_begin += (size_t)n;
	}
	return stream_flush(stream);
}

static int nats_fd(const struct client *client)
{
	return client->stream.fd;
}

static const struct client_ops NATS = {
	.name = "nats",
	.open = nats_open,
	.close = nats_close,
	.begin = nats_begin,
	.end = nats_end,
	.request = nats_request,
	.store = nats_store,
	.replay = nats_replay,
	.flush = nats_flush,
	.turn = nats_turn,
	.fd = nats_fd,
};

int main(int argc, char **argv)
{
	return harness_main(argc, argv, &NATS);
}
