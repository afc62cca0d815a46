/* SPDX-License-Identifier: MIT */

#include "transports/vchan/guest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "transports/vchan/host.h"
#include "transports/vchan/keys.h"

static struct vchan_meeting meeting_with(const struct guest *guest)
{
	return (struct vchan_meeting){
		.server = domains_store(guest->host->domains)->domid,
		.client = guest->domain.domid,
		.port = guest->host->address.port,
	};
}

static void remove_keys(struct guest *guest)
{
	struct vchan_meeting meeting = meeting_with(guest);

	if (guest->has_keys)
		vchan_keys_remove(domains_store(guest->host->domains),
				  &meeting);
	guest->has_keys = false;
}

/* One of its channels goes: there may be room for another offer. */
static void note_free(struct vchan_owner *owner, struct vchan *vchan)
{
	struct guest *guest = container_of(owner, struct guest, owner);

	if (host_is_shaking(vchan))
		host_note_end(guest->host);
	list_unlink(&vchan->link);
	guest->n_channels--;
	if (guest->host->is_closed) {
		host_reap(guest->host, guest);
	} else if (!guest->offer && !guest->offer_at_ns) {
		guest->offer_at_ns = 1;
		host_set_timer(guest->host);
	}
}

/* One that came and went leaves nothing but a place for the next. */
static void take_offer(struct guest *guest)
{
	uint64_t now_ns = clock_now_ns();
	struct vchan *vchan = guest->offer;

	guest->offer = NULL;
	vchan->owner = &guest->owner;
	guest->n_channels++;
	host_shake(guest->host, vchan, now_ns);
	guest_update(guest, now_ns);
}

static void offer_ready(struct poll_source *source, uint32_t events)
{
	struct vchan *vchan = vchan_answer(source);
	struct guest *guest;

	if (!vchan->owner)
		return;
	guest = guest_of(vchan);
	if (vchan_client_live(vchan) != RING_AWAITED)
		take_offer(guest);
}

static void set_evidence(const struct guest *guest,
			 struct channel_evidence *evidence)
{
	const struct transport_domain *domain = &guest->domain;

	evidence->kind = EVIDENCE_DOMAIN;
	memcpy(evidence->name, domain->name, sizeof(evidence->name));
	evidence->domid = domain->domid;
	memcpy(evidence->uuid, domain->uuid, sizeof(evidence->uuid));
	evidence->incarnation = domain->incarnation;
}

static int make_offer(struct guest *guest)
{
	struct host *host = guest->host;
	struct vchan_meeting meeting = meeting_with(guest);
	struct vchan_keys keys;
	struct vchan *vchan;
	int r;

	r = vchan_new_server(host->poller, guest->domain.domid, host->orders,
			     offer_ready, &vchan, &keys.ring_ref);
	if (r < 0)
		return r;
	keys.event_channel = vchan->doorbell.port;
	set_evidence(guest, &vchan->ring.channel.evidence);
	guest->has_keys = true;
	guest->has_folder = true;
	r = vchan_keys_write(domains_store(host->domains), &meeting, &keys);
	if (r < 0) {
		vchan_free(vchan);
		return r;
	}
	vchan->owner = &guest->owner;
	guest->offer = vchan;
	return 0;
}

static void withdraw_offer(struct guest *guest)
{
	if (guest->offer)
		host_bury(guest->host, guest->offer);
	guest->offer = NULL;
	guest->offer_at_ns = 0;
	remove_keys(guest);
}

/* Returns whether there may be an offer now; it is counted then. */
static bool may_offer(struct guest *guest, uint64_t now_ns)
{
	uint64_t n = (now_ns - guest->counted_at_ns) / GUEST_OFFER_NS;

	if (n >= GUEST_OFFERS_MAX - guest->n_offers_left) {
		guest->n_offers_left = GUEST_OFFERS_MAX;
		guest->counted_at_ns = now_ns;
	} else {
		guest->n_offers_left += (unsigned)n;
		guest->counted_at_ns += n * GUEST_OFFER_NS;
	}
	if (!guest->n_offers_left)
		return false;
	guest->n_offers_left--;
	return true;
}

static void put_off(struct guest *guest, uint64_t at_ns)
{
	guest->offer_at_ns = at_ns;
	host_set_timer(guest->host);
}

/* Told once, though it is tried again and again. */
static void note_failure(struct guest *guest, int error)
{
	char text[128];

	if (guest->has_failed)
		return;
	guest->has_failed = true;
	(void)snprintf(text, sizeof(text),
		       "no channel can be offered to domain %u for now: %s",
		       guest->domain.domid, strerror(-error));
	host_say(guest->host, text);
}

static void offer(struct guest *guest, uint64_t now_ns)
{
	int r;

	if (!may_offer(guest, now_ns)) {
		put_off(guest, guest->counted_at_ns + GUEST_OFFER_NS);
		return;
	}
	r = make_offer(guest);
	if (r < 0) {
		put_off(guest, now_ns + GUEST_FAILED_NS);
		note_failure(guest, r);
		return;
	}
	guest->has_failed = false;
}

/* The keys of an offer that is taken say "wait" to the next client. */
void guest_update(struct guest *guest, uint64_t now_ns)
{
	if (!guest->is_served || guest->n_channels >= GUEST_CHANNELS_MAX) {
		withdraw_offer(guest);
		return;
	}
	if (guest->offer || now_ns < guest->offer_at_ns)
		return;
	guest->offer_at_ns = 0;
	offer(guest, now_ns);
}

int guest_new(struct host *host, const struct transport_domain *domain,
	      struct guest **ret_guest)
{
	struct guest *guest;

	guest = calloc(1, sizeof(*guest));
	if (!guest)
		return -ENOMEM;
	guest->host = host;
	guest->domain = *domain;
	guest->owner.on_free = note_free;
	list_init(&guest->link);
	list_init(&guest->channels);
	*ret_guest = guest;
	return 0;
}

static void end_handshakes(struct guest *guest)
{
	struct host *host = guest->host;
	struct list *link;
	struct list *after;

	list_for_each_safe (link, after, &host->handshakes) {
		struct vchan *vchan = container_of(link, struct vchan, link);

		if (vchan->owner != &guest->owner)
			continue;
		host_note_end(host);
		guest->n_channels--;
		host_bury(host, vchan);
	}
}

void guest_close(struct guest *guest)
{
	guest->is_served = false;
	withdraw_offer(guest);
	end_handshakes(guest);
}

void guest_free(struct guest *guest)
{
	struct vchan_meeting meeting = meeting_with(guest);
	struct list *link;

	guest_close(guest);
	if (guest->has_folder)
		vchan_keys_forget(domains_store(guest->host->domains),
				  &meeting);
	while ((link = list_pop_front(&guest->channels))) {
		struct vchan *vchan = container_of(link, struct vchan, link);

		vchan->owner = NULL;
		vchan_hang_up(vchan);
	}
	list_unlink(&guest->link);
	free(guest);
}
