/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_SUBSCRIBE_H
#define SWITCH_SUBSCRIBE_H

/** SUBSCRIBE and UNSUBSCRIBE: what is asked for, judged, checked, and done. */

struct inbound;
struct peer;
struct subscription;

void subscribe(struct peer *peer, const struct inbound *inbound);
void unsubscribe(struct peer *peer, const struct inbound *inbound);

/** End it and tell, if policy no longer allows it. */
void subscribe_judge(struct subscription *subscription);

#endif
