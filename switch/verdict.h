/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_VERDICT_H
#define SWITCH_VERDICT_H

/**
 * What helio-registry says of schemas: may a service be served with this one,
 * may a client with this one call a server with that one.
 *
 * The switch parses no schema. It asks, holds what waits for the answer, and
 * remembers: that two fit or do not, for good, and that one may be served, for
 * the time when the registry is away. How much is remembered is bounded, in all
 * and for each durable id that made us ask, and so is how often we ask for it;
 * a leaf counts as one with all that is below it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/list.h"
#include "base/map.h"
#include "base/wheel.h"
#include "switch/schema.h"

struct bus;
struct registration;
struct slot;
struct speaker;

enum {
	VERDICTS_MAX = 8192,
	/* Of what one durable id has made us ask. */
	VERDICTS_OF_ONE_MAX = 1024,
	/* Questions of one: so many at once, then so many a second. */
	QUESTIONS_BURST = 1024,
	QUESTIONS_PER_SECOND = 64,
	/* Durable ids are told apart by a hash. */
	N_ASKERS = 1024,
};

struct verdict {
	struct map_node node; /* in verdicts.by_pair */
	struct list link;     /* in verdicts.all: the last used at the end */
	struct bus *bus;
	struct schema *client; /* NULL: may the other one be served at all */
	struct schema *server;
	unsigned asker;
	bool is_asked; /* a question is under way */
	bool is_known;
	bool is_good;              /* if it is known */
	bool is_unheard;           /* the registry does not know one of them */
	uint64_t decided_ns;       /* when it became known */
	uint64_t until_ns;         /* what is not good is forgotten then */
	struct list slots;         /* calls that wait for it */
	struct list registrations; /* that wait for it */
	char *why;                 /* if it is not good; or NULL */
};

/** Somebody who makes us ask. */
struct asker {
	uint32_t n_questions; /* that it has left */
	uint32_t n_verdicts;
	uint64_t filled_ns;
};

struct verdicts {
	struct map by_pair;
	struct list all;
	struct list waiting; /* slots of calls that wait for the registry */
	struct timer retry;  /* when they are judged again */
	uint64_t away_until_ns;
	char away[200];     /* why it was away last; for people */
	bool is_equal_only; /* the setting `schemas equal` */
	/*
	 * Ask, and have verdict_answer() called once, not from in here.
	 * Returns 0 or a negative errno. NULL: nobody can be asked.
	 */
	int (*ask)(void *userdata, struct verdict *verdict);
	void *userdata;
	struct hash_key key;
	struct asker askers[N_ASKERS];
};

/** What is to become of who needs a verdict. */
enum outlook {
	OUTLOOK_GOOD,
	OUTLOOK_BAD,
	OUTLOOK_ASKED,    /* it will be known */
	OUTLOOK_AWAY,     /* it cannot be known now */
	OUTLOOK_TOO_MANY, /* of this asker's questions */
};

/** What the registry says. */
enum answer_kind {
	ANSWER_GOOD,
	ANSWER_BAD,
	ANSWER_NOT_FOUND, /* it does not know a schema */
	ANSWER_AWAY,
};

/** Returns 0 or a negative errno. */
int verdicts_init(struct verdicts *verdicts, struct bus *bus);

/** The setting `schemas`, from now on: those that wait are judged again. */
void verdicts_set_equal_only(struct verdicts *verdicts, bool is_equal_only);

/** Nothing may wait any more. Safe on zeroed verdicts. */
void verdicts_deinit(struct verdicts *verdicts);

/** Whether the two, which are not the same, are known to fit. */
bool verdict_is_fit(const struct bus *bus, const struct schema *client,
		    const struct schema *server);

/** Whether a client may call a server for all that is known; NULL: no schema.
 */
static inline bool verdict_fits(const struct bus *bus,
				const struct schema *client,
				const struct schema *server)
{
	return !client || !server || client == server ||
	       verdict_is_fit(bus, client, server);
}

/**
 * The same for two schemas that differ, and ask if it is not known.
 * *ret_verdict is what was asked, or what is bad; NULL when there is none.
 */
enum outlook verdict_of_pair(const struct speaker *asker, struct schema *client,
			     struct schema *server,
			     struct verdict **ret_verdict);

/**
 * Whether the registration's schema may be served. OUTLOOK_ASKED: it is told by
 * serve_decide(). Never OUTLOOK_BAD, for what was bad is asked again.
 */
enum outlook verdict_of_registration(struct registration *registration);

/** The call waits for the verdict, which is asked; call_resume() follows. */
void verdict_hold(struct verdict *verdict, struct slot *slot);

/** The same until the registry is there again, or a moment has passed. */
void verdicts_hold(struct verdicts *verdicts, struct slot *slot);

/** A call waits no longer. */
void verdicts_settle(struct verdicts *verdicts);

/** The registry has said so; `why` is for people and may be NULL. */
void verdict_answer(struct verdict *verdict, enum answer_kind kind,
		    const char *why);

/** It is asked again when it is needed. Nothing may wait for it. */
void verdict_forget(struct verdict *verdict);

/** Somebody serves it: ask again what could not be asked. */
void verdicts_registry_came(struct verdicts *verdicts);

#endif
