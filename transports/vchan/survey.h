/* SPDX-License-Identifier: MIT */
#ifndef TRANSPORTS_VCHAN_SURVEY_H
#define TRANSPORTS_VCHAN_SURVEY_H

/**
 * A look at all domains, in xenstore: by the hypervisor's tree or by what the
 * agent keeps true, as nodes.h has it; and the watches that tell when to look.
 */

#include <stdbool.h>

#include "base/list.h"
#include "transports/transport.h"
#include "transports/vchan/names.h"
#include "transports/vchan/store.h"

/** Of those that are up; a link of a list of such. */
struct known_domain {
	struct list link;
	struct transport_domain domain;
};

struct survey {
	struct store store;
	bool is_by_agent;
	struct names names; /* not by the agent, whose number tells of names */
	/* What people should know, in words. */
	void (*on_news)(struct survey *survey, const char *text);
};

void known_domains_free(struct list *list);

void survey_init(struct survey *survey);

/**
 * Returns 0; -EACCES, explained, when a node that it takes may not be read; or
 * another negative errno, explained. Closed also after a failure.
 */
int survey_open(struct survey *survey, const struct transport_options *options);

/** Safe on one that is closed. */
void survey_close(struct survey *survey);

/**
 * All that are up, with no incarnation yet, into an empty list. One that goes
 * meanwhile is not, nor is one that may not be read, unless `options` are
 * asking whether we can do our work. Returns as survey_open(), or -EAGAIN when
 * the agent is faster than we are; the list is the caller's to free then, too.
 */
int survey_read(struct survey *survey, const struct transport_options *options,
		struct list *found);

/** Whether the agent, if it is by that, is still there. */
bool survey_has_agent(const struct survey *survey);

/**
 * Remove from below our own data/vchan/ what is for domains that are not
 * there: their switch died before they did.
 */
void survey_clear_keys(const struct survey *survey);

#endif
