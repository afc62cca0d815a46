/* SPDX-License-Identifier: MIT */

/*
 * RabbitMQ for jobs, by librabbitmq: a persistent message to a durable queue,
 * whose confirm is awaited; one that is delivered (each consumer has one at
 * most), and its ack, which the broker does not answer.
 *
 * An address is PORT, on the loopback.
 */

#include <amqp.h>
#include <amqp_tcp_socket.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/time.h>

#include "bench/clients/harness.h"

enum { CHANNEL = 1, FRAME_BYTES = 131072, PERSISTENT = 2 };

enum stage {
	STAGE_IDLE,
	STAGE_PUBLISHED,
	STAGE_CONFIRMED, /* it has a right to a job */
};

struct client {
	amqp_connection_state_t connection;
	struct intake *intake;
	enum stage stage;
	uint64_t tag;       /* of the job in hand or on its way; 0: none */
	uint64_t n_missing; /* bytes of its body */
	bool has_head;
	bool is_open; /* the channel */
};

static char queue_name[] = "jobs";
static const amqp_bytes_t queue = { sizeof(queue_name) - 1, queue_name };

/* ---- the connection ---- */

static bool is_good(const struct client *client)
{
	return amqp_get_rpc_reply(client->connection).reply_type ==
	       AMQP_RESPONSE_NORMAL;
}

static bool is_logged_in(struct client *client, const char *address)
{
	amqp_socket_t *socket = amqp_tcp_socket_new(client->connection);
	amqp_rpc_reply_t reply;

	if (!socket || amqp_socket_open(socket, "127.0.0.1",
					(int)strtol(address, NULL, 10)))
		return false;
	reply = amqp_login(client->connection, "/", AMQP_DEFAULT_MAX_CHANNELS,
			   FRAME_BYTES, 0, AMQP_SASL_METHOD_PLAIN, "guest",
			   "guest");
	if (reply.reply_type != AMQP_RESPONSE_NORMAL)
		return false;
	amqp_channel_open(client->connection, CHANNEL);
	client->is_open = is_good(client);
	return client->is_open;
}

static bool is_consuming(struct client *client)
{
	amqp_connection_state_t connection = client->connection;

	amqp_queue_declare(connection, CHANNEL, queue, false, true, false,
			   false, amqp_empty_table);
	if (!is_good(client))
		return false;
	amqp_confirm_select(connection, CHANNEL);
	if (!is_good(client))
		return false;
	amqp_basic_qos(connection, CHANNEL, 0, 1, false);
	if (!is_good(client))
		return false;
	amqp_basic_consume(connection, CHANNEL, queue, amqp_empty_bytes, false,
			   false, false, amqp_empty_table);
	return is_good(client);
}

static void client_close(struct client *client)
{
	if (client->is_open) {
		amqp_channel_close(client->connection, CHANNEL,
				   AMQP_REPLY_SUCCESS);
		amqp_connection_close(client->connection, AMQP_REPLY_SUCCESS);
	}
	if (client->connection)
		amqp_destroy_connection(client->connection);
	free(client);
}

static int client_open(const struct plan *plan, enum role role,
		       struct intake *intake, struct client **ret_client)
{
	struct client *client = calloc(1, sizeof(*client));

	if (!client)
		return -ENOMEM;
	client->intake = intake;
	client->connection = amqp_new_connection();
	if (plan->work != WORK_JOB || !client->connection ||
	    !is_logged_in(client, plan->address) || !is_consuming(client)) {
		client_close(client);
		return -EPROTO;
	}
	*ret_client = client;
	return 0;
}

/* ---- jobs ---- */

static int client_store(struct client *client, const struct subject *subject,
			const void *body, size_t n_body)
{
	const amqp_basic_properties_t properties = {
		._flags = AMQP_BASIC_DELIVERY_MODE_FLAG,
		.delivery_mode = PERSISTENT,
	};
	const amqp_bytes_t bytes = { n_body, (void *)(uintptr_t)body };

	client->stage = STAGE_PUBLISHED;
	return amqp_basic_publish(client->connection, CHANNEL, amqp_empty_bytes,
				  queue, false, false, &properties, bytes)
		       ? -EPROTO
		       : 0;
}

static bool has_job(const struct client *client)
{
	return client->tag && client->has_head && !client->n_missing;
}

static int finish(struct client *client)
{
	if (client->stage != STAGE_CONFIRMED || !has_job(client))
		return 0;
	if (amqp_basic_ack(client->connection, CHANNEL, client->tag, false))
		return -EPROTO;
	client->tag = 0;
	client->stage = STAGE_IDLE;
	client->intake->take(client->intake, NULL, 0);
	return 0;
}

/* Whoever has submitted one and waits is to have it. */
static int give_back(struct client *client)
{
	if (client->stage != STAGE_IDLE || !has_job(client))
		return 0;
	if (amqp_basic_reject(client->connection, CHANNEL, client->tag, true))
		return -EPROTO;
	client->tag = 0;
	return 0;
}

/* ---- what comes ---- */

static int take_method(struct client *client, const amqp_method_t *method)
{
	const amqp_basic_deliver_t *deliver = method->decoded;

	switch (method->id) {
	case AMQP_BASIC_ACK_METHOD:
		if (client->stage != STAGE_PUBLISHED)
			return -EPROTO;
		client->stage = STAGE_CONFIRMED;
		return 0;
	case AMQP_BASIC_DELIVER_METHOD:
		client->tag = deliver->delivery_tag;
		client->has_head = false;
		return 0;
	default:
		return -EPROTO;
	}
}

static int take_frame(struct client *client, const amqp_frame_t *frame)
{
	switch (frame->frame_type) {
	case AMQP_FRAME_METHOD:
		return take_method(client, &frame->payload.method);
	case AMQP_FRAME_HEADER:
		client->has_head = true;
		client->n_missing = frame->payload.properties.body_size;
		return 0;
	case AMQP_FRAME_BODY:
		if (client->n_missing < frame->payload.body_fragment.len)
			return -EPROTO;
		client->n_missing -= frame->payload.body_fragment.len;
		return 0;
	default:
		return 0;
	}
}

/* All that is there; only the first is waited for. */
static int client_turn(struct client *client, int timeout_ms)
{
	struct timeval timeout = { 0, timeout_ms * 1000L };
	amqp_frame_t frame;
	int r = 0, status;

	while (!r && (status = amqp_simple_wait_frame_noblock(
			      client->connection, &frame, &timeout)) ==
			     AMQP_STATUS_OK) {
		timeout.tv_usec = 0;
		r = take_frame(client, &frame);
		if (!r)
			r = finish(client);
		amqp_maybe_release_buffers(client->connection);
	}
	if (r || status != AMQP_STATUS_TIMEOUT)
		return -EPROTO;
	return give_back(client);
}

static int client_flush(struct client *client)
{
	return 0;
}

static int client_fd(const struct client *client)
{
	return amqp_get_sockfd(client->connection);
}

static const struct client_ops RABBITMQ = {
	.name = "rabbitmq",
	.open = client_open,
	.close = client_close,
	.store = client_store,
	.flush = client_flush,
	.turn = client_turn,
	.fd = client_fd,
};

int main(int argc, char **argv)
{
	return harness_main(argc, argv, &RABBITMQ);
}
