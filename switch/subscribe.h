/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_SUBSCRIBE_H
#define SWITCH_SUBSCRIBE_H

/** SUBSCRIBE and UNSUBSCRIBE: what is asked for, judged, checked, and done. */

struct crossing_member;
struct inbound;
struct peer;
struct subscription;

void subscribe(struct peer *peer, const struct inbound *inbound);
void unsubscribe(struct peer *peer, const struct inbound *inbound);

/** End it and tell, if policy no longer allows it. */
void subscribe_judge(struct subscription *subscription);

/** The same of one that names a crossing. A crossing is left as it is. */
void subscribe_judge_member(struct crossing_member *member);

#endif
