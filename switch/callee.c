/* SPDX-License-Identifier: MIT */

#include "switch/callee.h"

#include <stdio.h>
#include <string.h>

#include "proto/subject.h"
#include "switch/bus.h"
#include "switch/choice.h"
#include "switch/endpoint.h"
#include "switch/envoy.h"
#include "switch/inbound.h"
#include "switch/peer.h"
#include "switch/uplink.h"

/* `$inst.NUMBER.SUBJECT`: returns the subject in it, or NULL. */
static const char *split_instance(const char *text, size_t n,
				  uint64_t *ret_instance)
{
	static const char prefix[] = "$inst.";
	const char *end = text + n;
	uint64_t instance = 0;

	if (n < sizeof(prefix) || memcmp(text, prefix, sizeof(prefix) - 1))
		return NULL;
	text += sizeof(prefix) - 1;
	for (; text < end && *text >= '0' && *text <= '9'; text++)
		if (__builtin_mul_overflow(instance, 10, &instance) ||
		    __builtin_add_overflow(instance, *text - '0', &instance))
			return NULL;
	if (text == end || *text != '.' || text + 1 == end)
		return NULL;
	*ret_instance = instance;
	return text + 1;
}

const char *callee_subject(const char *subject, size_t *n)
{
	uint64_t ignored;
	const char *inner = split_instance(subject, *n, &ignored);

	if (!inner)
		return subject;
	*n -= (size_t)(inner - subject);
	return inner;
}

static bool is_there(const struct registration *registration)
{
	return registration && registration->is_entered &&
	       peer_is_there(registration->receiver.peer);
}

/* One instance alone: rare, so nothing of it is cached. */
static int find_instance(struct peer *caller, const struct inbound *inbound,
			 struct wish *ret_wish, char *text, size_t n_text)
{
	const char *end = inbound->subject + inbound->frame.n_subject;
	uint64_t instance;
	const char *subject;

	subject = split_instance(inbound->subject, inbound->frame.n_subject,
				 &instance);
	if (!subject || !subject_is_valid(subject, (size_t)(end - subject))) {
		snprintf(text, n_text, "%s is no subject that can be called",
			 inbound->subject);
		return STATUS_INVALID_ARGUMENT;
	}
	if (!speaker_may(inbound->speaker, VERB_CALL, subject,
			 (size_t)(end - subject), text, n_text))
		return STATUS_PERMISSION_DENIED;
	ret_wish->registration = registration_lookup(caller->bus, instance);
	if (!is_there(ret_wish->registration)) {
		snprintf(text, n_text, "no instance %s is there",
			 inbound->subject);
		return STATUS_UNAVAILABLE;
	}
	if (!registration_serves(ret_wish->registration, subject,
				 (size_t)(end - subject))) {
		snprintf(text, n_text,
			 "the instance is there, but has no method for %s",
			 subject);
		return STATUS_UNIMPLEMENTED;
	}
	if (!ret_wish->registration->is_draining)
		return STATUS_OK;
	snprintf(text, n_text,
		 "no instance %s is there for new calls: it is draining",
		 inbound->subject);
	return STATUS_UNAVAILABLE;
}

/* The host has judged it, and says by the id to whom it goes. */
static int find_below(const struct uplink *uplink,
		      const struct inbound *inbound, struct wish *ret_wish,
		      char *text, size_t n_text)
{
	uint64_t id = inbound->frame.correlation & ~FRAME_SWITCH_DRAWN;

	ret_wish->registration =
		envoy_registration(uplink, (uint32_t)(id >> 32));
	if (ret_wish->registration)
		return STATUS_OK;
	snprintf(text, n_text, "the server is gone");
	return STATUS_UNAVAILABLE;
}

int callee_find(struct peer *caller, const struct inbound *inbound,
		struct wish *ret_wish, char *text, size_t n_text)
{
	struct bus *bus = caller->bus;
	size_t n = inbound->frame.n_subject;
	const struct route *route;

	if (caller->uplink)
		return find_below(caller->uplink, inbound, ret_wish, text,
				  n_text);
	route = route_cached(&bus->routes, inbound->tag);
	if (route && route->is_allowed) {
		ret_wish->endpoint = route->found;
		return STATUS_OK;
	}
	if (*inbound->subject == '$')
		return find_instance(caller, inbound, ret_wish, text, n_text);
	if (!subject_is_valid(inbound->subject, n)) {
		snprintf(text, n_text, "this is not a subject");
		return STATUS_INVALID_ARGUMENT;
	}
	/* What the switch itself asks needs nobody's leave. */
	if (!peer_is_inside(caller) &&
	    !speaker_may(inbound->speaker, VERB_CALL, inbound->subject, n, text,
			 n_text))
		return STATUS_PERMISSION_DENIED;
	ret_wish->endpoint = endpoint_lookup(bus, inbound->subject, n);
	/* What is not there is not remembered: coming, it would void all. */
	if (ret_wish->endpoint) {
		ret_wish->endpoint->is_cached = true;
		route_remember(&bus->routes, inbound->tag,
			       route_branch(&bus->routes, inbound->subject, n),
			       true, ret_wish->endpoint);
	}
	return STATUS_OK;
}
