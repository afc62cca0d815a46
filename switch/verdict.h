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
 * and for each durable id that made us ask, and so is how often, and how many
 * questions at a time, we ask for it (switch/docket.h). That the registry is
 * busy, or takes long for one, keeps nobody else from being judged: only when
 * it cannot be asked at all is it away.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/map.h"
#include "base/wheel.h"
#include "switch/docket.h"
#include "switch/schema.h"

struct bus;
struct registration;
struct slot;
struct speaker;

enum {
	VERDICTS_MAX = 8192,
	/* Of what one durable id has made us ask. */
	VERDICTS_OF_ONE_MAX = 1024,
};

/* So long nobody is asked after a question to which no answer came. */
#define VERDICT_AWAY_NS (500 * NS_PER_MS)

struct verdict {
	struct map_node node; /* in verdicts.by_pair */
	struct list link;     /* in verdicts.all: the last used at the end */
	struct bus *bus;
	struct schema *client; /* NULL: may the other one be served at all */
	struct schema *server;
	struct asker *asker;     /* in whose name it is asked */
	struct list docket_link; /* in asker.waiting, until it is asked */
	bool is_asked;           /* a question is under way, or waits */
	bool waits_there;        /* at the registry, which was busy */
	bool is_known;
	bool is_failed;            /* it cannot be judged, until until_ns */
	bool is_good;              /* if it is known */
	bool is_unheard;           /* the registry does not know one of them */
	uint64_t asked_ns;         /* when its last question was asked */
	uint64_t decided_ns;       /* when it became known */
	uint64_t until_ns;         /* what is not good is forgotten then */
	struct list slots;         /* calls that wait for it */
	struct list registrations; /* that wait for it */
	char *why;                 /* if it is not good; or NULL */
};

struct verdicts {
	struct map by_pair;
	struct list all;
	struct list waiting; /* slots of calls that wait for the registry */
	struct timer retry;  /* when they are judged again */
	uint64_t away_until_ns;
	uint64_t heard_ns;  /* when the registry answered last */
	char away[200];     /* why it was away last; for people */
	bool is_equal_only; /* the setting `schemas equal` */
	/*
	 * Ask, and have verdict_answer() called once, not from in here.
	 * Returns 0 or a negative errno. NULL: nobody can be asked.
	 */
	int (*ask)(void *userdata, struct verdict *verdict);
	void *userdata;
	struct docket docket;
};

/** What is to become of who needs a verdict. */
enum outlook {
	OUTLOOK_GOOD,
	OUTLOOK_BAD,
	OUTLOOK_ASKED,    /* it will be known */
	OUTLOOK_AWAY,     /* it cannot be known now */
	OUTLOOK_FAILED,   /* of these alone; the verdict says why */
	OUTLOOK_TOO_MANY, /* of this asker's questions */
};

/** What the registry says. */
enum answer_kind {
	ANSWER_GOOD,
	ANSWER_BAD,
	ANSWER_NOT_FOUND, /* it does not know a schema */
	ANSWER_FAILED,    /* it cannot say of these; of others it may */
	ANSWER_LATE,      /* no answer came in time: it is busy, or away */
	ANSWER_AWAY,      /* it cannot be asked */
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
 * *ret_verdict is what was asked, is bad or has failed; NULL: there is none.
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

/* Between switch/verdict.c and switch/verdict_ask.c. */

/** NULL: the asker may have no more, or there is no memory. */
struct verdict *verdict_new(struct bus *bus, struct asker *asker,
			    struct schema *client, struct schema *server);

/**
 * Ask now, or as soon as it is the speaker's turn. *ret_verdict is what there
 * is of it, or NULL, and with OUTLOOK_ASKED what is asked.
 */
enum outlook verdict_ask(const struct speaker *speaker, struct schema *client,
			 struct schema *server, struct verdict **ret_verdict);

/** Of what waits, ask what may be asked now. */
void verdicts_send_more(struct bus *bus);

#endif
