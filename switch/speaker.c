/* SPDX-License-Identifier: MIT */

#include "switch/speaker.h"

#include "switch/call.h"
#include "switch/endpoint.h"
#include "switch/open.h"
#include "switch/receiver.h"
#include "switch/slot.h"
#include "switch/subscription.h"

void speaker_init(struct speaker *speaker, struct peer *peer)
{
	*speaker = (struct speaker){ .peer = peer };
	list_init(&speaker->receivers);
	list_init(&speaker->slots);
	list_init(&speaker->open);
}

void speaker_drop_all(struct speaker *speaker)
{
	while (!list_is_empty(&speaker->slots))
		slot_drop(container_of(speaker->slots.next, struct slot,
				       speaker_link));
	while (!list_is_empty(&speaker->receivers))
		receiver_drop(container_of(speaker->receivers.next,
					   struct receiver, speaker_link));
	while (!list_is_empty(&speaker->open))
		open_abort(container_of(speaker->open.next, struct open,
					speaker_link));
}
