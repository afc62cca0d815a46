/* SPDX-License-Identifier: MIT */

#include "transports/tcp/zap.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

#include "base/clock.h"
#include "transports/tcp/port.h"

enum { TURN_REQUESTS = 64, BAN_S = 60 };

/* RFC 27: the parts of a request, in this order. */
enum {
	ZAP_VERSION,
	ZAP_REQUEST_ID,
	ZAP_DOMAIN,
	ZAP_ADDRESS,
	ZAP_IDENTITY,
	ZAP_MECHANISM,
	ZAP_CREDENTIALS,
	N_ZAP_PARTS,
};

struct part {
	uint8_t bytes[256];
	size_t n;
};

static bool part_is(const struct part *part, const char *text)
{
	return part->n == strlen(text) && !memcmp(part->bytes, text, part->n);
}

/* Returns how many parts came, -EAGAIN when there is no request. */
static int recv_request(struct zap *zap, struct part parts[N_ZAP_PARTS])
{
	struct part excess;
	int has_more = 1;
	int n_parts = 0;

	for (; has_more; n_parts++) {
		struct part *part =
			n_parts < N_ZAP_PARTS ? &parts[n_parts] : &excess;
		size_t n_option = sizeof(has_more);
		int n = zmq_recv(zap->socket, part->bytes, sizeof(part->bytes),
				 ZMQ_DONTWAIT);

		if (n < 0)
			return -EAGAIN;
		part->n = (size_t)n;
		if (part->n > sizeof(part->bytes))
			part->n = 0;
		zmq_getsockopt(zap->socket, ZMQ_RCVMORE, &has_more, &n_option);
	}
	return n_parts;
}

bool zap_is_banned(const struct zap *zap, const char *name, uint64_t now_ns)
{
	for (unsigned i = 0; i < ZAP_BANS_MAX; i++)
		if (zap->bans[i].until_ns > now_ns &&
		    !strcmp(zap->bans[i].name, name))
			return true;
	return false;
}

static bool is_welcome(struct zap *zap, const struct part *parts, int n_parts,
		       uint64_t now_ns, char ret_name[ZAP_NAME_BYTES])
{
	return n_parts == N_ZAP_PARTS && part_is(&parts[ZAP_VERSION], "1.0") &&
	       part_is(&parts[ZAP_MECHANISM], "CURVE") &&
	       parts[ZAP_CREDENTIALS].n == TRANSPORT_KEY_BYTES &&
	       zap->lookup_key(zap->userdata, parts[ZAP_CREDENTIALS].bytes,
			       ret_name) == 0 &&
	       *ret_name && !zap_is_banned(zap, ret_name, now_ns);
}

static void send_answer(struct zap *zap, const struct part *request_id,
			bool is_good, const char *name)
{
	const struct {
		const void *bytes;
		size_t n;
	} parts[] = {
		{ "1.0", 3 },
		{ request_id->bytes, request_id->n },
		{ is_good ? "200" : "400", 3 },
		{ is_good ? "OK" : "No", 2 },
		{ name, is_good ? strlen(name) : 0 },
		{ "", 0 },
	};
	enum { N_PARTS = sizeof(parts) / sizeof(*parts) };

	for (int i = 0; i < N_PARTS; i++)
		(void)zmq_send(zap->socket, parts[i].bytes, parts[i].n,
			       ZMQ_DONTWAIT |
				       (i < N_PARTS - 1 ? ZMQ_SNDMORE : 0));
}

bool zap_serve(struct zap *zap, uint64_t now_ns)
{
	struct part parts[N_ZAP_PARTS];

	if (!zap->socket)
		return false;
	for (int i = 0; i < TURN_REQUESTS; i++) {
		char name[ZAP_NAME_BYTES] = "";
		int n_parts = recv_request(zap, parts);
		bool is_good;

		if (n_parts < 0)
			return false;
		is_good = is_welcome(zap, parts, n_parts, now_ns, name);
		send_answer(zap, &parts[ZAP_REQUEST_ID], is_good, name);
	}
	return true;
}

void zap_ban(struct zap *zap, const char *name, uint64_t now_ns)
{
	struct zap_ban *ban = &zap->bans[zap->next_ban++ % ZAP_BANS_MAX];

	if (!*name)
		return;
	snprintf(ban->name, sizeof(ban->name), "%s", name);
	ban->until_ns = now_ns + BAN_S * NS_PER_S;
}

int zap_open(struct zap *zap, void *context,
	     const struct transport_options *options)
{
	int zero = 0;

	zap->lookup_key = options->lookup_key;
	zap->userdata = options->userdata;
	zap->socket = zmq_socket(context, ZMQ_REP);
	if (!zap->socket ||
	    zmq_setsockopt(zap->socket, ZMQ_LINGER, &zero, sizeof(zero)) < 0 ||
	    zmq_bind(zap->socket, "inproc://zeromq.zap.01") < 0)
		return port_errno();
	return 0;
}

void zap_close(struct zap *zap)
{
	if (zap->socket)
		(void)zmq_close(zap->socket);
	zap->socket = NULL;
}
