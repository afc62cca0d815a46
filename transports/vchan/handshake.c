/* SPDX-License-Identifier: MIT */

/* What a listener does for a client until it has said something. */

#include <errno.h>

#include "transports/vchan/guest.h"
#include "transports/vchan/host.h"

void host_note_end(struct host *host)
{
	host->n_handshakes--;
}

static void cut_off(struct host *host, struct vchan *vchan)
{
	struct guest *guest = guest_of(vchan);

	guest->owner.on_free(&guest->owner, vchan);
	host_bury(host, vchan);
	if (host->listener.on_silent)
		host->listener.on_silent(&host->listener);
}

void host_cut_off_oldest(struct host *host)
{
	cut_off(host, container_of(host->handshakes.next, struct vchan, link));
}

static unsigned count_handshakes(const struct host *host,
				 const struct guest *guest)
{
	struct list *link;
	unsigned n = 0;

	list_for_each (link, &host->handshakes)
		n += guest_of(container_of(link, struct vchan, link)) == guest;
	return n;
}

/*
 * The oldest of the guest that has most: those who say nothing take no place
 * from one who is slow.
 */
static void cut_off_greediest(struct host *host)
{
	struct vchan *greediest = NULL;
	struct list *link;
	unsigned n_most = 0;

	list_for_each (link, &host->handshakes) {
		struct vchan *vchan = container_of(link, struct vchan, link);
		unsigned n = count_handshakes(host, guest_of(vchan));

		if (n <= n_most)
			continue;
		n_most = n;
		greediest = vchan;
	}
	cut_off(host, greediest);
}

/* From its first bytes on it is the owner's. */
static void hand_over(struct host *host, struct vchan *vchan)
{
	struct channel *channel = &vchan->ring.channel;
	struct guest *guest = guest_of(vchan);

	host_note_end(host);
	vchan->doorbell.source.ready = vchan_ready;
	list_unlink(&vchan->link);
	list_push_back(&guest->channels, &vchan->link);
	if (host->listener.on_channel(&host->listener, channel) < 0)
		channel_free(channel);
}

/* Either it has said something, or it is over, or it will ring again. */
static void step(struct host *host, struct vchan *vchan)
{
	struct channel *channel = &vchan->ring.channel;
	int r;

	do {
		r = channel_refill(channel);
		if (!r && channel->n_in) {
			hand_over(host, vchan);
			return;
		}
		if (!r)
			r = channel_arm(channel, false);
	} while (r > 0);
	if (r == -EPROTO && host->listener.on_broken)
		host->listener.on_broken(&host->listener, channel->reason);
	if (r < 0)
		vchan_free(vchan);
}

static void handshake_ready(struct poll_source *source, uint32_t events)
{
	struct vchan *vchan = vchan_answer(source);

	if (vchan->owner)
		step(guest_of(vchan)->host, vchan);
}

bool host_is_shaking(const struct vchan *vchan)
{
	return vchan->doorbell.source.ready == handshake_ready;
}

void host_shake(struct host *host, struct vchan *vchan, uint64_t now_ns)
{
	vchan->doorbell.source.ready = handshake_ready;
	vchan->deadline_ns = now_ns + host->handshake_ns;
	list_push_back(&host->handshakes, &vchan->link);
	host->n_handshakes++;
	step(host, vchan);
	if (host->n_handshakes > host->n_handshakes_max)
		cut_off_greediest(host);
	host_set_timer(host);
}
