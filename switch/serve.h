/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_SERVE_H
#define SWITCH_SERVE_H

/** SERVE and UNSERVE: what is asked for, judged, checked, and done. */

struct inbound;
struct peer;
struct registration;

void serve(struct peer *peer, const struct inbound *inbound);
void unserve(struct peer *peer, const struct inbound *inbound);

/** End it and tell, if policy no longer allows it. */
void serve_judge(struct registration *registration);

#endif
