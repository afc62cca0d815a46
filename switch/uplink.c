/* SPDX-License-Identifier: MIT */

#include "switch/uplink.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/diag.h"
#include "helio/bus/v1/control.pb-c.h"
#include "proto/unpack.h"
#include "switch/ask.h"
#include "switch/bus.h"
#include "switch/envoy.h"
#include "switch/inbound.h"
#include "switch/message.h"
#include "switch/slot.h"
#include "switch/upbind.h"
#include "switch/upward.h"

#define BACKOFF_MIN_NS (50 * NS_PER_MS)
#define BACKOFF_MAX_NS (1 * NS_PER_S)
#define REFUSED_MAX_NS (30 * NS_PER_S)
#define ANSWER_MAX_NS  (5 * NS_PER_S)

enum { PROTOCOL_VERSION = 1 };

/* Half of it, and a random part of the other half. */
static uint64_t jitter(uint64_t ns)
{
	uint32_t random = 0;

	(void)!getrandom(&random, sizeof(random), GRND_NONBLOCK);
	return ns / 2 + (ns / 2) * random / UINT32_MAX;
}

/* One that lasted is no reason to wait long for the next. */
static void plan_retry(struct uplink *uplink)
{
	uint64_t now_ns = uplink->bus->now_ns;
	uint64_t max_ns = uplink->is_refused ? REFUSED_MAX_NS : BACKOFF_MAX_NS;

	if (!uplink->options.address || uplink->state == UPLINK_FAILED)
		return;
	if (!uplink->backoff_ns ||
	    (uplink->there_ns && now_ns - uplink->there_ns > BACKOFF_MAX_NS))
		uplink->backoff_ns = BACKOFF_MIN_NS;
	wheel_add(&uplink->bus->wheel, &uplink->retry,
		  now_ns + jitter(uplink->backoff_ns));
	uplink->backoff_ns *= 2;
	if (uplink->backoff_ns > max_ns)
		uplink->backoff_ns = max_ns;
	uplink->there_ns = 0;
}

/* The same trouble is told once. */
static void note_error(struct uplink *uplink, int r)
{
	if (r == uplink->last_error)
		return;
	uplink->last_error = r;
	log_warning("uplink %s: %s; trying again", uplink->options.address,
		    strerror(-r));
}

static void on_retry(struct timer *timer, uint64_t now_ns)
{
	uplink_open(container_of(timer, struct uplink, retry));
}

static void on_no_answer(struct timer *timer, uint64_t now_ns)
{
	struct uplink *uplink = container_of(timer, struct uplink, answer);

	if (uplink->peer)
		peer_end(uplink->peer, STATUS_DEADLINE_EXCEEDED,
			 "the host does not answer");
}

void uplink_set_away(struct uplink *uplink, const char *why)
{
	snprintf(uplink->away, sizeof(uplink->away), "the uplink is away%s%s",
		 why ? ", for the host says: " : "", why ? why : "");
}

void uplink_refused(struct uplink *uplink, const char *why)
{
	char before[sizeof(uplink->away)];

	memcpy(before, uplink->away, sizeof(before));
	uplink_set_away(uplink, why);
	if (strcmp(before, uplink->away) != 0)
		log_warning("the host ends the uplink: %s", why);
	uplink->is_refused = true;
}

int uplink_init(struct uplink *uplink, struct bus *bus,
		const struct uplink_options *options)
{
	*uplink = (struct uplink){ .bus = bus, .options = *options };
	uplink_set_away(uplink, NULL);
	list_init(&uplink->slots);
	list_init(&uplink->asks);
	timer_init(&uplink->retry, on_retry);
	timer_init(&uplink->answer, on_no_answer);
	uplink->host.kind = RECEIVER_REGISTRATION;
	if (map_init(&uplink->envoys) < 0 || map_init(&uplink->feeds) < 0 ||
	    map_init(&uplink->feed_ids) < 0) {
		uplink_deinit(uplink);
		return -ENOMEM;
	}
	bus->uplink = uplink;
	upbind_init(uplink);
	return 0;
}

void uplink_deinit(struct uplink *uplink)
{
	if (!uplink->bus)
		return;
	uplink->bus->uplink = NULL;
	timer_remove(&uplink->retry);
	timer_remove(&uplink->answer);
	map_deinit(&uplink->envoys);
	map_deinit(&uplink->feeds);
	map_deinit(&uplink->feed_ids);
	free(uplink->of_handle);
	*uplink = (struct uplink){ 0 };
}

static int connect(struct uplink *uplink, struct channel **ret_channel)
{
	const struct transport *transport;
	const char *rest;
	int r;

	r = transport_lookup(uplink->options.address, &transport, &rest);
	if (r < 0)
		return r;
	return transport->connect(&uplink->bus->poller, rest,
				  &uplink->options.transport, ret_channel);
}

void uplink_open(struct uplink *uplink)
{
	struct channel *channel;
	char why[256];
	int r;

	r = connect(uplink, &channel);
	if (r == -EPROTONOSUPPORT) {
		transport_explain(uplink->options.address, why, sizeof(why));
		uplink_fail(uplink, why);
		return;
	}
	if (r == -EINVAL || r == -ENOKEY) {
		uplink_fail(uplink, strerror(-r));
		return;
	}
	if (r >= 0) {
		r = uplink_take(uplink, channel);
		if (r >= 0)
			return;
		channel_free(channel);
	}
	note_error(uplink, r);
	uplink->is_refused = false;
	plan_retry(uplink);
}

static void send_hello(struct uplink *uplink)
{
	Helio__Bus__V1__Hello hello = HELIO__BUS__V1__HELLO__INIT;
	struct frame frame = { .kind = FRAME_HELLO };
	char program[] = "heliod";
	uint8_t body[64];

	hello.has_version_min = hello.has_version_max = 1;
	hello.version_min = hello.version_max = PROTOCOL_VERSION;
	hello.program = program;
	hello.has_message_max = 1;
	hello.message_max = uplink->bus->limits.message_max_bytes;
	uplink_send(uplink, &frame, NULL, body,
		    helio__bus__v1__hello__pack(&hello, body));
}

int uplink_take(struct uplink *uplink, struct channel *channel)
{
	struct bus *bus = uplink->bus;
	struct principal host = { .path = UPLINK_PRINCIPAL,
				  .durable_id = UPLINK_PRINCIPAL };
	struct peer *peer;
	int r;

	r = peer_new_as(bus, channel, &host, &peer);
	if (r < 0)
		return r;
	timer_remove(&peer->greeting);
	peer->uplink = uplink;
	snprintf(peer->program, sizeof(peer->program), "heliod");
	uplink->peer = peer;
	uplink->host.peer = peer;
	uplink->host.speaker = &peer->self;
	uplink->state = UPLINK_GREETING;
	wheel_add(&bus->wheel, &uplink->answer, bus->now_ns + ANSWER_MAX_NS);
	send_hello(uplink);
	return 0;
}

void uplink_fail(struct uplink *uplink, const char *why)
{
	const char *address = uplink->options.address;
	char text[900];

	if (uplink->state == UPLINK_FAILED)
		return;
	uplink->state = UPLINK_FAILED;
	snprintf(text, sizeof(text), "uplink %s: %s", address ? address : "",
		 why);
	if (uplink->peer)
		peer_end(uplink->peer, STATUS_FAILED_PRECONDITION,
			 "the uplink will not do");
	if (uplink->options.on_failed)
		uplink->options.on_failed(uplink->options.userdata, text);
}

void uplink_lost(struct uplink *uplink, int r, const char *why)
{
	if (uplink->state != UPLINK_GREETING || !uplink->options.address)
		return;
	if (r == -EACCES && why)
		uplink_refused(uplink, why);
	else
		note_error(uplink, r);
}

void uplink_end(struct uplink *uplink, const char *reason)
{
	peer_end(uplink->peer, STATUS_INVALID_ARGUMENT, reason);
}

void uplink_leave(struct uplink *uplink)
{
	asks_lose(uplink);
	while (!list_is_empty(&uplink->slots))
		slot_fail(container_of(uplink->slots.next, struct slot,
				       callee_link),
			  STATUS_UNAVAILABLE, uplink->away);
	upward_lose(uplink);
	envoys_leave(uplink);
	upbind_leave(uplink);
	timer_remove(&uplink->answer);
	if (uplink->state == UPLINK_THERE)
		log_warning("%s", uplink->away);
	if (uplink->state != UPLINK_FAILED)
		uplink->state = UPLINK_AWAY;
}

void uplink_left(struct uplink *uplink)
{
	uplink_forget_all(uplink);
	uplink->peer = NULL;
	uplink->host.peer = NULL;
	uplink->host.speaker = NULL;
	uplink->n_unheard = 0;
	uplink_room(uplink);
	plan_retry(uplink);
}

void uplink_send_subject(struct uplink *uplink, struct frame *frame,
			 const struct source *source, const char *subject,
			 size_t n_subject, const void *body, size_t n_body)
{
	struct message message = {
		.subject = subject,
		.n_subject = n_subject,
		.tail = body ? body : "",
		.n_tail = n_body,
	};

	frame->source = source ? source->handle : 0;
	message_set_frame(&message, frame);
	peer_send_message(uplink->peer, &message, frame->correlation);
}

void uplink_send(struct uplink *uplink, struct frame *frame,
		 const struct source *source, const void *body, size_t n_body)
{
	uplink_send_subject(uplink, frame, source, "", 0, body, n_body);
}

static unsigned n_parts(const char *path)
{
	unsigned n = 1;

	for (; *path; path++)
		n += *path == '/';
	return n;
}

/* Why we cannot be who the host says we are, or NULL. */
static const char *fault_of(const struct uplink *uplink,
			    const Helio__Bus__V1__Welcome *welcome, char *text,
			    size_t n_text)
{
	const char *path = welcome->principal;

	if (welcome->version != PROTOCOL_VERSION || !path || !*path ||
	    strlen(path) > PRINCIPAL_MAX_BYTES)
		return "the host's WELCOME is malformed";
	if (welcome->switch_incarnation == uplink->bus->incarnation)
		return "it leads to this switch itself";
	if (n_parts(path) >= PRINCIPAL_PARTS_MAX) {
		snprintf(text, n_text,
			 "the host calls this switch %s, and below a path of "
			 "%d parts nobody can be named: does the uplink lead "
			 "back to this switch?",
			 path, PRINCIPAL_PARTS_MAX);
		return text;
	}
	if (uplink->n_path && strcmp(uplink->path, path) != 0) {
		snprintf(text, n_text,
			 "the host calls this switch %s, and called it %s "
			 "before: was it renamed, or does the uplink lead back "
			 "to this switch?",
			 path, uplink->path);
		return text;
	}
	return NULL;
}

static void announce_all(struct uplink *uplink)
{
	struct list *link;

	list_for_each (link, &uplink->bus->peers) {
		struct peer *peer = container_of(link, struct peer, link);

		if (peer->state != PEER_LIVE || peer->uplink)
			continue;
		uplink_announce(uplink, &peer->self);
	}
}

static void renew(struct uplink *uplink)
{
	struct frame sync = { .kind = FRAME_SYNC };

	uplink->state = UPLINK_RENEWING;
	uplink->peer->state = PEER_LIVE;
	announce_all(uplink);
	envoys_renew(uplink);
	upward_renew(uplink);
	uplink->renewal = uplink_draw(uplink);
	sync.correlation = uplink->renewal;
	uplink_send(uplink, &sync, NULL, NULL, 0);
}

/* Nobody of ours would be let in: so our programs need not come either. */
static void be_nobody(struct uplink *uplink)
{
	char why[PRINCIPAL_MAX_BYTES * 2 + 160];

	snprintf(why, sizeof(why),
		 "it lets %s have no programs below it: a line `allow %s "
		 "uplink leaf` in its policy would (if its quota of principals "
		 "is not 0)",
		 uplink->path, uplink->path);
	uplink_refused(uplink, why);
	peer_end(uplink->peer, STATUS_PERMISSION_DENIED,
		 "a leaf that may announce nobody");
}

void uplink_welcomed(struct uplink *uplink, const struct inbound *inbound)
{
	struct bus *bus = uplink->bus;
	struct unpack_arena arena = { .bytes = bus->arena,
				      .n_bytes = sizeof(bus->arena) };
	const Helio__Bus__V1__Welcome *welcome;
	ProtobufCMessage *unpacked;
	const char *fault;
	char text[800];

	if (unpack(&helio__bus__v1__welcome__descriptor,
		   inbound_settle(bus, inbound), inbound_body_bytes(inbound),
		   &arena, &unpacked)) {
		uplink_end(uplink, "a malformed WELCOME");
		return;
	}
	welcome = (const Helio__Bus__V1__Welcome *)unpacked;
	fault = fault_of(uplink, welcome, text, sizeof(text));
	if (fault) {
		uplink_fail(uplink, fault);
		return;
	}
	timer_remove(&uplink->answer);
	uplink->n_path = strlen(welcome->principal);
	memcpy(uplink->path, welcome->principal, uplink->n_path + 1);
	uplink->n_announced = 0;
	uplink->principals_max = welcome->has_principals_max
					 ? welcome->principals_max
					 : UINT32_MAX;
	if (!uplink->principals_max) {
		be_nobody(uplink);
		return;
	}
	uplink->open_max = welcome->open_messages_max;
	uplink->peer->message_max = welcome->has_message_max
					    ? welcome->message_max
					    : bus->limits.message_max_bytes;
	renew(uplink);
}

void uplink_renewed(struct uplink *uplink)
{
	uplink->renewal = 0;
	uplink->state = UPLINK_THERE;
	uplink_set_away(uplink, NULL);
	uplink->there_ns = uplink->bus->now_ns;
	uplink->last_error = 0;
	uplink->is_refused = false;
	log_info("the uplink is there; the host calls us %s", uplink->path);
	if (uplink->was_there)
		envoys_tell_gap(uplink);
	uplink->was_there = true;
	if (uplink->options.on_there)
		uplink->options.on_there(uplink->options.userdata);
}
