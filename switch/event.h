/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_EVENT_H
#define SWITCH_EVENT_H

/**
 * What the switch itself has to say: `$sys.peer.up`, `$sys.peer.down`,
 * `$sys.domain.started`, `$sys.domain.stopped`; and each once more, below
 * `$sys.own` and the path that it is about, which hears it without a line.
 */

struct bus;
struct domain;
struct speaker;

/** `what` is "up" or "down"; the body is a `helio.switch.v1.PeerEvent`. */
void event_speaker(const struct speaker *speaker, const char *what,
		   const char *reason);

/** "started" or "stopped"; the body is a `helio.switch.v1.DomainEvent`. */
void event_domain(struct bus *bus, const struct domain *domain,
		  const char *what);

#endif
