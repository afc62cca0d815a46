/* SPDX-License-Identifier: MIT */

/*
 * ZeroMQ as its guide has it: PUB and SUB at the XSUB and XPUB sides of a
 * proxy, DEALER and DEALER at the two sides of a ROUTER broker. A message is
 * one part, the subject in front of the body, which is what SUB filters on and
 * costs less than a part of its own.
 */

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "bench/clients/harness.h"

enum {
	TURN_MESSAGES = 1024, /* taken in one turn, then look around */
	KEY_TEXT_BYTES = 41,
};

struct client {
	void *context;
	void *socket;
	struct intake *intake;
	enum role role;
	zmq_msg_t sending;
	size_t n_subject; /* in front of each body that arrives */
};

static int zmq_status(int r)
{
	return r < 0 ? -zmq_errno() : 0;
}

static void client_close(struct client *client)
{
	int no_linger = 0;

	if (client->socket) {
		zmq_setsockopt(client->socket, ZMQ_LINGER, &no_linger,
			       sizeof(no_linger));
		zmq_close(client->socket);
	}
	if (client->context)
		zmq_ctx_term(client->context);
	free(client);
}

/* The broker takes any key, so a fresh pair does. */
static int client_set_keys(struct client *client, const char *server_key)
{
	char public_key[KEY_TEXT_BYTES], secret_key[KEY_TEXT_BYTES];

	if (zmq_curve_keypair(public_key, secret_key) < 0 ||
	    zmq_setsockopt(client->socket, ZMQ_CURVE_SERVERKEY, server_key,
			   strlen(server_key)) < 0 ||
	    zmq_setsockopt(client->socket, ZMQ_CURVE_PUBLICKEY, public_key,
			   strlen(public_key)) < 0 ||
	    zmq_setsockopt(client->socket, ZMQ_CURVE_SECRETKEY, secret_key,
			   strlen(secret_key)) < 0)
		return -zmq_errno();
	return 0;
}

/* No limit of its own: the harness bounds what is in flight. */
static int client_connect(struct client *client, const struct plan *plan)
{
	bool is_receiver = client->role == ROLE_SUBSCRIBER ||
			   client->role == ROLE_RESPONDER;
	int unlimited = 0;
	int r = 0;

	if (zmq_setsockopt(client->socket, ZMQ_SNDHWM, &unlimited,
			   sizeof(unlimited)) < 0 ||
	    zmq_setsockopt(client->socket, ZMQ_RCVHWM, &unlimited,
			   sizeof(unlimited)) < 0)
		return -zmq_errno();
	if (client->role == ROLE_SUBSCRIBER)
		r = zmq_status(zmq_setsockopt(client->socket, ZMQ_SUBSCRIBE,
					      plan->pattern,
					      strlen(plan->pattern)));
	if (!r && plan->server_key)
		r = client_set_keys(client, plan->server_key);
	if (!r)
		r = zmq_status(zmq_connect(client->socket,
					   is_receiver ? plan->receive_address
						       : plan->address));
	return r;
}

static int client_open(const struct plan *plan, enum role role,
		       struct intake *intake, struct client **ret_client)
{
	static const int TYPES[] = {
		[ROLE_PUBLISHER] = ZMQ_PUB,
		[ROLE_SUBSCRIBER] = ZMQ_SUB,
		[ROLE_REQUESTER] = ZMQ_DEALER,
		[ROLE_RESPONDER] = ZMQ_DEALER,
	};
	struct client *client;
	int r;

	client = calloc(1, sizeof(*client));
	if (!client)
		return -ENOMEM;
	client->role = role;
	client->intake = intake;
	if (role == ROLE_SUBSCRIBER)
		client->n_subject = plan->subjects[0].n_text;
	client->context = zmq_ctx_new();
	if (client->context)
		client->socket = zmq_socket(client->context, TYPES[role]);
	r = client->socket ? client_connect(client, plan) : -zmq_errno();
	if (r < 0) {
		client_close(client);
		return r;
	}
	*ret_client = client;
	return 0;
}

static int client_begin(struct client *client, const struct subject *subject,
			size_t n_body, void **ret_body)
{
	char *room;

	if (zmq_msg_init_size(&client->sending, subject->n_text + n_body) < 0)
		return -zmq_errno();
	room = zmq_msg_data(&client->sending);
	memcpy(room, subject->text, subject->n_text);
	*ret_body = room + subject->n_text;
	return 0;
}

static int client_end(struct client *client, size_t n_body)
{
	return zmq_status(zmq_msg_send(&client->sending, client->socket, 0));
}

static int client_request(struct client *client, const void *body,
			  size_t n_body)
{
	return zmq_status(zmq_send(client->socket, body, n_body, 0));
}

static int client_flush(struct client *client)
{
	return 0;
}

/*
 * A part that came. The responder sends each back as it is, those with the
 * broker's addresses in front too; the last is the body.
 */
static int client_take_part(struct client *client, zmq_msg_t *part)
{
	bool has_more = zmq_msg_more(part);
	const uint8_t *bytes = zmq_msg_data(part);
	size_t n = zmq_msg_size(part);

	if (!has_more && n < client->n_subject)
		return -EPROTO;
	if (!has_more)
		client->intake->take(client->intake, bytes + client->n_subject,
				     n - client->n_subject);
	if (client->role != ROLE_RESPONDER)
		return 0;
	return zmq_status(
		zmq_msg_send(part, client->socket, has_more ? ZMQ_SNDMORE : 0));
}

static int client_take(struct client *client)
{
	zmq_msg_t part;
	int r;

	zmq_msg_init(&part);
	r = zmq_status(zmq_msg_recv(&part, client->socket, ZMQ_DONTWAIT));
	if (!r)
		r = client_take_part(client, &part);
	zmq_msg_close(&part);
	return r;
}

static int client_turn(struct client *client, int timeout_ms)
{
	zmq_pollitem_t item = { .socket = client->socket,
				.events = ZMQ_POLLIN };
	int r = 0;

	if (client->role == ROLE_PUBLISHER)
		return 0;
	if (zmq_poll(&item, 1, timeout_ms) < 0)
		return zmq_errno() == EINTR ? 0 : -zmq_errno();
	for (unsigned i = 0; i < TURN_MESSAGES && !r; i++)
		r = client_take(client);
	return r == -EAGAIN ? 0 : r;
}

/* Its own thread sends; a publisher has nothing to wait for. */
static int client_fd(const struct client *client)
{
	return -1;
}

static const struct client_ops ZMQ = {
	.name = "zmq",
	.open = client_open,
	.close = client_close,
	.begin = client_begin,
	.end = client_end,
	.request = client_request,
	.flush = client_flush,
	.turn = client_turn,
	.fd = client_fd,
};

int main(int argc, char **argv)
{
	return harness_main(argc, argv, &ZMQ);
}
