/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_ENDPOINT_H
#define SWITCH_ENDPOINT_H

/**
 * Who serves what.
 *
 * A registration is what one SERVE brought: a service with methods, or a plain
 * subject. For each subject that can be called there is an endpoint, with the
 * registrations that take calls to it in turn, and the calls that wait for one
 * to come. Services are counted by name, so that a missing method can be told
 * from a missing service.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/list.h"
#include "base/map.h"
#include "switch/cohort.h"
#include "switch/receiver.h"

struct answer;
struct bus;
struct endpoint;
struct envoy;
struct schema;
struct speaker;

struct endpoint {
	struct map_node node; /* in endpoint_table.by_subject */
	struct list cohorts;  /* its members, by their schemas */
	struct list waiting;  /* slots of calls that wait for a member */
	size_t n_members;     /* that take calls */
	size_t n_users;       /* memberships, those that are to come included */
	size_t n_draining;    /* of them, those that take no new calls */
	uint64_t n_turns;     /* that there ever were */
	unsigned n_cohorts;
	bool is_cached; /* the route cache may point at it */
	size_t n_subject;
	char subject[];
};

/** A registration's place in one endpoint. */
struct membership {
	struct list link; /* in cohort.members, once it takes calls */
	uint64_t turn;    /* its last, counted by the endpoint */
	struct registration *registration;
	struct endpoint *endpoint;
	struct cohort *cohort;
};

struct registration {
	struct receiver receiver;
	struct bus *bus;
	struct map_node by_instance; /* in endpoint_table */
	struct service *service;     /* NULL for a plain subject */
	struct schema *schema;       /* NULL: it told none, or nobody judges */
	struct list schema_link;     /* in schema.registrations */
	struct list verdict_link; /* in those of a verdict that it waits for */
	struct answer *promised;  /* the RESULT of its SERVE, or NULL */
	bool is_entered;          /* it takes calls */
	bool is_draining;         /* it takes no new ones any more */
	uint64_t instance;        /* drawn by the switch; never reused */
	struct list slots;        /* calls that it has */
	struct envoy *envoy;      /* in a leaf: at its host; else NULL */
	struct list waiting;      /* calls that the host has handed it */
	uint64_t credit_bytes_most; /* that it has had at a time */
	uint64_t n_drawn;           /* numbers of calls: ids have 32 bits */
	size_t n_name;
	char *name;        /* of the service, or the subject */
	size_t n_charged;  /* one for each subject that it makes callable */
	size_t wakes_from; /* the membership where the next CREDIT begins */
	size_t n_memberships;
	struct membership memberships[];
};

struct endpoint_table {
	struct map by_subject;
	struct map by_instance;
	struct map services;
	uint64_t n_instances;
};

/** One name of a list, not terminated. */
struct name {
	const char *text;
	size_t n;
};

struct registration_options {
	uint32_t id;
	const char *name; /* a valid subject */
	size_t n_name;
	const struct name *methods;
	size_t n_methods;           /* 0: the name itself is called */
	const uint8_t *schema_hash; /* NULL: none is told */
	uint32_t credit_calls;
	uint64_t credit_bytes;
};

int endpoint_table_init(struct endpoint_table *table);
void endpoint_table_deinit(struct endpoint_table *table);

/** The endpoint of a subject, or NULL. */
struct endpoint *endpoint_lookup(const struct bus *bus, const char *subject,
				 size_t n);

/** The same, made if need be: to wait there. Returns 0 or -ENOMEM. */
int endpoint_get(struct bus *bus, const char *subject, size_t n,
		 struct endpoint **ret_endpoint);

/** Free it if nobody serves it and nobody waits. */
void endpoint_settle(struct bus *bus, struct endpoint *endpoint);

/** Whether somebody serves the subject's service, but not this method. */
bool endpoint_is_method_missing(const struct bus *bus, const char *subject,
				size_t n);

/**
 * It takes no calls yet. Returns 0, -EDQUOT, -ENOMEM, or -E2BIG when there are
 * too many schemas of the service already.
 */
int registration_new(struct speaker *speaker,
		     const struct registration_options *options,
		     struct registration **ret_registration);

/** From now on it takes calls. */
void registration_enter(struct registration *registration);

/**
 * The id of its next call on its channel, by which the reply comes back.
 * Numbers that come again may still stand for a call that has waited all the
 * while: those are passed over.
 */
uint64_t registration_draw(struct registration *registration);

/** Its calls fail with UNAVAILABLE. */
struct registration *registration_free(struct registration *registration);

/** It gets no new call from now on. Harmless when it is so already. */
void registration_drain(struct registration *registration);

/** In a leaf: whether the host allows it; elsewhere it does. */
bool registration_is_open(const struct registration *registration);

/** The host has another number for it; 0: none yet. */
void registration_set_instance(struct registration *registration,
			       uint64_t instance);

/** By the number of `$inst.NUMBER.`, or NULL. */
struct registration *registration_lookup(const struct bus *bus,
					 uint64_t instance);

/** Whether it takes calls to the subject. */
bool registration_serves(const struct registration *registration,
			 const char *subject, size_t n);

#endif
