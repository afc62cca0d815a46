/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_REPORT_H
#define SWITCH_REPORT_H

/**
 * What there is in the switch, page by page, as the control service's
 * messages. Entries hold the messages and the texts that those point to; the
 * other texts are the switch's and live until the next turn.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "helio/switch/v1/switch.pb-c.h"
#include "switch/bus.h"
#include "switch/sketch.h"

struct config;

enum { REPORT_METHODS_MAX = 8, REPORT_BUSIEST_MAX = 64 };

/** Which page: in, and the next one's cursor: out. */
struct report_page {
	uint64_t cursor;
	size_t limit;
	const char *principal; /* only it and what is below; or NULL */
	const char *name;      /* of services, only this; or NULL */
	bool has_more;
};

struct report_stats {
	Helio__Switch__V1__GetStatsReply reply;
	Helio__Switch__V1__Ended ended[BUS_REASONS_MAX];
	Helio__Switch__V1__Ended *ended_list[BUS_REASONS_MAX];
	char reasons[BUS_REASONS_MAX][128];
	Helio__Switch__V1__BusySubject busy[REPORT_BUSIEST_MAX];
	Helio__Switch__V1__BusySubject *busy_list[REPORT_BUSIEST_MAX];
	char subjects[REPORT_BUSIEST_MAX][SUBJECT_MAX_BYTES + 1];
	char version[32];
};

struct report_peer {
	Helio__Switch__V1__Peer peer;
	char transport[16];
};

struct report_subscription {
	Helio__Switch__V1__Subscription subscription;
	char pattern[SUBJECT_MAX_BYTES + 1];
	char group[SUBJECT_MAX_BYTES + 1];
	char overflow[16];
};

struct report_service {
	Helio__Switch__V1__Service service;
	char name[SUBJECT_MAX_BYTES + 1];
	char instance[24];
	char state[16];
	char *methods[REPORT_METHODS_MAX];
	char method_names[REPORT_METHODS_MAX][SUBJECT_MAX_BYTES + 1];
};

struct report_domain {
	Helio__Switch__V1__Domain domain;
	char socket[128];
	char principal[DOMAIN_PATH_BYTES];
	char name[256];
	char uuid[PRINCIPAL_UUID_CHARS + 1];
	char transport[8];
};

void report_stats(struct bus *bus, size_t n_busiest,
		  struct report_stats *ret_stats);

/* Each fills at most page->limit entries and returns how many. */

size_t report_peers(struct bus *bus, struct report_page *page,
		    struct report_peer *entries);
size_t report_subscriptions(struct bus *bus, struct report_page *page,
			    struct report_subscription *entries);
size_t report_services(struct bus *bus, struct report_page *page,
		       struct report_service *entries);
size_t report_domains(struct bus *bus, const struct config *config,
		      struct report_page *page, struct report_domain *entries);

#endif
