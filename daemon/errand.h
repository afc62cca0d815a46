/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_ERRAND_H
#define DAEMON_ERRAND_H

/**
 * A call with one answer: first the switch is asked whether the caller may,
 * then it is done, which may take a while, then it is answered, which may have
 * to wait for room.
 *
 * A service says of each method what right it takes and what is to be done:
 *
 *	static const char *bucket_of_get(const ProtobufCMessage *request)
 *	{
 *		return ((const GetRequest *)(const void *)request)->bucket;
 *	}
 *
 *	static int answer_get(struct errand *errand)
 *	{
 *		GetReply reply = GET_REPLY__INIT;
 *		...
 *		return helio_serving_reply(errand->serving, &reply.base);
 *	}
 *
 *	static void get(struct errand *errand)
 *	{
 *		if (there_is(errand->errands->userdata, errand->resource))
 *			errand_answer(errand, answer_get);
 *		else
 *			errand_fail(errand, HELIO_NOT_FOUND, "no bucket ...");
 *	}
 *
 *	static const struct errand_type get_type = {
 *		.verb = "kv-read", .resource_of = bucket_of_get, .act = get,
 *	};
 *
 *	static void get_method(struct helio_serving *serving,
 *			       const GetRequest *request, void *userdata)
 *	{
 *		struct service *service = userdata;
 *
 *		errand_start(&service->errands, &get_type, serving,
 *			     &request->base);
 *	}
 *
 * The program calls errands_turn() in each turn of its loop, access_tick() once
 * a second, access_forget() when the connection is lost, and at its end, while
 * there is a bus, errands_end() before access_deinit().
 */

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>

#include "base/list.h"
#include "daemon/access.h"
#include "rpc/heliograph-rpc.h"

struct errand;

enum { ERRANDS_MAX = 512, ERRANDS_OF_ONE_MAX = 64 };

/** All errands of a service, or of several that share its limits. */
struct errands {
	struct list all;       /* struct errand */
	struct access *access; /* borrowed */
	void *userdata;        /* for who acts */
	unsigned n;            /* those in `all` */
	unsigned n_max;        /* ERRANDS_MAX; may be set after init */
	unsigned n_of_one_max; /* ERRANDS_OF_ONE_MAX; of one principal */
	unsigned n_answered;   /* which have no room yet */
	const char *closed;    /* why none is acted for any more, or NULL */
};

struct errand_type {
	const char *verb; /* of policy files; NULL: it takes no right */
	/*
	 * What the right is asked about; it stays in the request. NULL: about
	 * nothing, then verb is NULL too. A request in which it is absent
	 * fails with INVALID_ARGUMENT.
	 */
	const char *(*resource_of)(const ProtobufCMessage *request);
	/*
	 * What is wrong with a request, for INVALID_ARGUMENT, before anybody is
	 * asked; returns NULL when it is fine. NULL: nothing is looked at.
	 */
	const char *(*fault_of)(const struct errand_type *type,
				const ProtobufCMessage *request);
	/*
	 * The caller may. It ends with one of errand_answer(), errand_fail()
	 * and errand_hand_over(), here or later: until then the errand lives,
	 * even when nobody waits for it any more. Called again after an
	 * errand_ask() in it had to wait.
	 */
	void (*act)(struct errand *errand);
};

struct errand {
	struct list link; /* in errands.all */
	struct errands *errands;
	const struct errand_type *type;
	struct helio_serving *serving; /* NULL: nobody waits any more */
	ProtobufCMessage *request;     /* a copy, of the type of the method */
	const char *resource;          /* in it; "" without resource_of */
	char principal[256];           /* who calls */
	char durable_id[256];
	struct access_wait wait;

	/* For who acts: his own between act and answer. free_state, when it is
	 * not NULL, frees it with the errand.
	 */
	void *state;
	void (*free_state)(void *state);

	/* How it ends. */
	int (*answer)(struct errand *errand);
	bool is_answered;
	unsigned status;
	char reason[512];
};

/** With the limits above. `access` and `userdata` are borrowed. */
void errands_init(struct errands *errands, struct access *access,
		  void *userdata);

/**
 * Take up a call. `request` lives until this returns; the serving is the
 * errand's. Over a limit, without memory or with a fault it fails at once.
 */
void errand_start(struct errands *errands, const struct errand_type *type,
		  struct helio_serving *serving,
		  const ProtobufCMessage *request);

/**
 * It is done. `answer` returns what helio_serving_reply() or
 * helio_serving_fail() do; it is called now, and as long as it returns -EAGAIN
 * again in each turn, so it must look anew at what may have gone meanwhile. It
 * is not called when nobody waits any more. The errand may be freed when this
 * returns.
 */
void errand_answer(struct errand *errand, int (*answer)(struct errand *errand));

/** The same with a failure. The errand may be freed when this returns. */
__attribute__((format(printf, 3, 4))) void errand_fail(struct errand *errand,
						       unsigned status,
						       const char *format, ...);

/** One of these two: what was done for it ended so. */
void errand_settle(struct errand *errand, unsigned status, const char *reason,
		   int (*answer)(struct errand *errand));

/**
 * May the caller do this as well? As access_ask() with a string. When it has to
 * wait, -EINPROGRESS, act or answer must return, answer with -EAGAIN, and is
 * called again, from the start, when it is known.
 */
int errand_ask(struct errand *errand, const char *verb, const char *resource);

/**
 * The same for act, where a no is the end. True: he may. False: act returns;
 * the errand has failed, or act is called again.
 */
bool errand_may(struct errand *errand, const char *verb, const char *resource);

/**
 * Its serving is somebody else's from now on, and so is who listens to it; NULL
 * when nobody waits any more. The errand lives until errand_drop(), for what is
 * in it.
 */
struct helio_serving *errand_hand_over(struct errand *errand);
/** Free one whose serving was handed over, or for which nobody waits. */
void errand_drop(struct errand *errand);

/** Send what found no room. */
void errands_turn(struct errands *errands);

/**
 * From now on nothing is begun: who comes, and who waits for the switch, fails
 * with UNAVAILABLE and this reason, which must last. What was begun goes on.
 */
void errands_close(struct errands *errands, const char *reason);

/**
 * All fail with UNAVAILABLE and this reason, and are freed: what is done for
 * one must have ended, or not touch it any more.
 */
void errands_end(struct errands *errands, const char *reason);

#endif
