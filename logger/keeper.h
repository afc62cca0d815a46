/* SPDX-License-Identifier: MIT */
#ifndef LOGGER_KEEPER_H
#define LOGGER_KEEPER_H

/**
 * A log as the loop has it: what it captures, what waits to be stored, who
 * follows it. What lies on disk is struct log, which the writer's thread has.
 *
 * One commit is under way while the next batch fills. That is offered to the
 * writer, who goes on with it at once when the commit is done, and not only
 * when the loop has heard of it; until then the loop may take it back to add to
 * it.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/list.h"
#include "daemon/worker.h"
#include "logger/batch.h"
#include "logger/checkpoints.h"
#include "logger/config.h"
#include "logger/keeping.h"
#include "logger/log.h"
#include "logger/schemas.h"
#include "logger/tail.h"

struct capture;
struct helio_message;
struct keeper;
struct logger;
struct view;

/** When what failed is tried again: a disk, or the right to a pattern. */
#define KEEPER_RETRY_NS (2 * NS_PER_S)

enum keeper_state {
	KEEPER_OPENING,
	KEEPER_OPEN,
	KEEPER_FAILED,  /* the disk failed: it is opened again, and again */
	KEEPER_DAMAGED, /* it serves nothing */
	KEEPER_CLOSING,
};

/** The writer's next: a batch, and what is to be kept. */
struct commit {
	struct task task;
	struct keeper *keeper;
	struct batch *gaps;  /* to be stored before it, or NULL */
	struct batch *batch; /* or NULL */
	struct list keepings;
	bool is_busy;    /* the worker has it */
	bool is_ahead;   /* of the loop: its batch is what is offered then */
	bool is_opening; /* open the log, or open it again */
	bool is_new;     /* make it */
	bool wants_expiry;
	bool has_limits;
	struct log_limits limits;

	/* What became of it. */
	bool went_well;    /* else nothing is offered until all is told */
	int r;             /* of opening it, also again after a fault */
	int r_kept;        /* of the keepings */
	char *why;         /* of `r`, or NULL */
	struct list found; /* struct keeping: what was kept, after opening */
	bool has_status;
	struct log_status status;
};

struct follower {
	struct list link;
	/* Something was stored, or the log is going: look at it. */
	void (*on_news)(struct follower *follower);
};

struct keeper_stats {
	uint64_t n_stored;
	uint64_t n_commits;
	uint64_t n_refused;
	uint64_t n_duplicates;
	uint32_t n_readers;
};

typedef void (*keeper_fn)(struct keeper *keeper, unsigned status,
			  const char *reason, void *userdata);

/** Of helio_observe_fn. */
struct keeper_observed {
	bool is_reply;
	uint64_t slot;
	unsigned status;
};

struct keeper {
	struct list link;         /* in logger.keepers */
	struct list stirred_link; /* in logger.stirred */
	struct logger *logger;
	char name[LOG_NAME_MAX_BYTES + 1];
	char *folder;
	enum keeper_state state;
	char fault[256]; /* "" when all is well */
	bool is_full;    /* the disk: the fault is that */
	struct config config;
	uint64_t n_configs; /* counts up with each other one */
	bool has_config;    /* on disk */
	struct log_status status;
	struct keeper_stats stats;

	struct log *log;   /* the writer's */
	bool went_well;    /* the writer's: its last commit */
	struct view *view; /* the reader's */

	uint64_t last_ns;      /* of a record, stored or not yet */
	struct batch *filling; /* or NULL */
	struct list full;      /* struct batch, the oldest first */
	struct batch *spare;   /* or NULL */
	struct list keepings;
	_Atomic(struct batch *) offered; /* what was filling, or NULL */
	struct commit commits[2];
	unsigned n_committing;
	bool is_held;  /* one did not go well, and others are under way still */
	bool has_log;  /* the writer has it open */
	bool was_open; /* once: what is kept with it is known */
	bool wants_expiry;
	bool has_new_limits;
	unsigned n_fetches; /* tasks of the reader's that use the view */
	struct checkpoints checkpoints;

	struct list captures;
	struct list old_captures;
	struct list followers;
	struct tail tail;
	struct schemas schemas;
	struct list cursors; /* struct cursor */
	uint64_t retry_ns;   /* when something that failed is tried again; 0 */

	/* Another configuration on its way. */
	struct config next;
	bool is_configuring;
	bool is_config_asked; /* it is on its way to the disk */
	/* Who waits until it captures, or has the other configuration. */
	keeper_fn on_settled;
	void *settled_userdata;
	/* Who waits until it is gone. */
	keeper_fn on_gone;
	void *gone_userdata;
	bool is_delete;
	struct task closing;
	int r_closing;
	char why[192]; /* it cannot be opened, or what failed last */
};

/**
 * Open the log `name`, or make it with `config`, which is taken over; with NULL
 * the configuration is that on disk. on_settled is called once when it captures
 * all it should, or cannot.
 */
int keeper_new(struct logger *logger, const char *name, struct config *config,
	       keeper_fn on_settled, void *userdata,
	       struct keeper **ret_keeper);

/**
 * Have another configuration, which is taken over. on_done is called when it is
 * on disk and in force, or is not: then the one before stays.
 */
void keeper_configure(struct keeper *keeper, struct config *config,
		      keeper_fn on_done, void *userdata);

/**
 * Close it, and with `is_delete` remove it from disk. on_gone is called when it
 * is freed.
 */
void keeper_close(struct keeper *keeper, bool is_delete, keeper_fn on_gone,
		  void *userdata);

struct keeper *keeper_lookup(const struct logger *logger, const char *name);

/** Whether it serves readers; if not, keeper_why() says why. */
static inline bool keeper_is_served(const struct keeper *keeper)
{
	return keeper->state == KEEPER_OPEN || keeper->state == KEEPER_FAILED;
}

/** For who cannot have it now. */
static inline const char *keeper_why(const struct keeper *keeper)
{
	if (keeper->fault[0])
		return keeper->fault;
	return keeper->state == KEEPER_CLOSING ? "the log is closed"
					       : "it is being opened";
}

/* Of its captures. */
void keeper_take(struct keeper *keeper, struct capture *capture,
		 const struct helio_message *message);
void keeper_observe(struct keeper *keeper, struct capture *capture,
		    const struct helio_message *message,
		    const struct keeper_observed *observed);
/** Gaps that are not in the log yet, though no message follows. */
void keeper_add_gaps(struct keeper *keeper);
void keeper_capture_ready(struct keeper *keeper, struct capture *capture);

/** There is something to store: at the end of the turn. */
void keeper_stir(struct keeper *keeper);
/** Begin a commit if there is something to store and none under way. */
void keeper_commit(struct keeper *keeper);

/** Keep something, with the next commit. The value is taken over. */
void keeper_keep(struct keeper *keeper, struct keeping *keeping);

/** The connection is lost. */
void keeper_lose(struct keeper *keeper);
void keeper_pause(struct keeper *keeper, bool is_paused);

/** Until its link is unlinked. */
void keeper_follow(struct keeper *keeper, struct follower *follower);

/** A fetch is done; a log that is being closed waits for them. */
void keeper_fetched(struct keeper *keeper);

/** Now and then: what is old, and what is to be tried again. */
void keeper_tick(struct keeper *keeper, uint64_t now_ns);

/* Between the files that are the keeper. */

/** Capture what `proto` says. Returns 0 or -ENOMEM. */
int keeper_set_captures(struct keeper *keeper,
			const Helio__Log__V1__Config *proto);
/** Gaps that stand before what waits to be stored, or NULL. */
struct batch *keeper_take_gaps(struct keeper *keeper);
/** Tell who waits for it what became of it. */
void keeper_settle(struct keeper *keeper, unsigned status, const char *reason);
/** The same, if the switch has said of all captures what they are. */
void keeper_settle_if_answered(struct keeper *keeper);
/** A capture that the switch refused, or NULL. */
const struct capture *keeper_first_refused(const struct keeper *keeper);
void keeper_renew_refused(struct keeper *keeper);
/** Open it, again or for the first time. No commit is under way. */
void keeper_open(struct keeper *keeper, bool is_new);
/** It is open, or is not: what the commit says. */
void keeper_opened(struct keeper *keeper, struct commit *commit);
/** Of a commit's task: in the writer's thread. */
void keeper_run(struct task *task);
/** Have what was offered back, to fill it, if the writer has not taken it. */
void keeper_take_back(struct keeper *keeper);
/** Tell those who follow it to look. */
void keeper_tell_news(struct keeper *keeper);
/** Say anew what its fault is. */
void keeper_tell_fault(struct keeper *keeper);
/** Go on with closing, if it is closing and nothing is under way. */
void keeper_close_if_idle(struct keeper *keeper);
/** Free one that has no log and no view open. */
struct keeper *keeper_free(struct keeper *keeper);

#endif
