/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_SERVE_H
#define SWITCH_SERVE_H

/** SERVE and UNSERVE: what is asked for, judged, checked, and done. */

#include "proto/status.h"

struct inbound;
struct peer;
struct registration;

void serve(struct peer *peer, const struct inbound *inbound);
void unserve(struct peer *peer, const struct inbound *inbound);

/**
 * The registry was asked, and this is what comes of it: it takes calls, or is
 * freed; its peer is told.
 */
void serve_decide(struct registration *registration, enum status status,
		  const char *text);

/** End it and tell, if policy no longer allows it. */
void serve_judge(struct registration *registration);

#endif
