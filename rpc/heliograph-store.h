/* SPDX-License-Identifier: MIT */
#ifndef HELIOGRAPH_STORE_H
#define HELIOGRAPH_STORE_H

/**
 * libheliograph-rpc, third part: keys watched and jobs done, with helio-store.
 *
 * A watch tells of the keys of a bucket: what is there, then what changes. When
 * the connection, the switch or the store is lost it goes on by itself where it
 * was: no change is left out and none comes twice.
 *
 *     static void on_entry(struct helio_kv_watch *watch,
 *                          const struct helio_kv_entry *entry, void *userdata)
 *     {
 *             printf("%s %s\n", entry->key,
 *                    entry->is_deleted ? "is gone" : "is there");
 *     }
 *
 *     struct helio_kv_watch_options options = { .on_entry = on_entry };
 *     int r = helio_kv_watch(bus, "conf", &options, NULL, &watch);
 *
 * A worker leases jobs of a queue and renews the leases by itself. What it says
 * of a job counts once: who has lost a lease is refused.
 *
 * All is used from the connection's thread, and freed before it is closed.
 * Everything that is told may be of strangers: only its form has been judged.
 */

#include <heliograph.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Watching keys. */

/** A version of a key; all of it lives until the callback returns. */
struct helio_kv_entry {
	const char *key;
	bool has_value;
	const void *value;
	size_t n_value;
	uint64_t revision;         /* that wrote it */
	uint64_t created_revision; /* that put it when it was not there */
	uint64_t unix_ms;
	uint64_t expires_unix_ms; /* 0: never */
	bool is_deleted;          /* the key is gone, */
	bool is_expired;          /* because its time was over */
	const char *writer;       /* principal */
	const char *writer_durable_id;
};

struct helio_kv_watch;

typedef void (*helio_kv_entry_fn)(struct helio_kv_watch *watch,
				  const struct helio_kv_entry *entry,
				  void *userdata);
/** All up to this revision has been told. */
typedef void (*helio_kv_revision_fn)(struct helio_kv_watch *watch,
				     uint64_t revision, void *userdata);
/** Said once: what is told from now on happens now. */
typedef void (*helio_kv_live_fn)(struct helio_kv_watch *watch, void *userdata);
/** The connection or the store is away; it goes on by itself. */
typedef void (*helio_kv_interrupted_fn)(struct helio_kv_watch *watch,
					unsigned status, const char *reason,
					void *userdata);
/**
 * It is over. OUT_OF_RANGE and RESOURCE_EXHAUSTED: it fell further behind than
 * changes are kept; NOT_FOUND: there is no such bucket any more. The watch is
 * still to be freed, for which this is a good place.
 */
typedef void (*helio_kv_end_fn)(struct helio_kv_watch *watch, unsigned status,
				const char *reason, void *userdata);

/** on_entry is needed; all else zero: what is there, then all changes. */
struct helio_kv_watch_options {
	const char *key;    /* this one alone, */
	const char *prefix; /* or those that begin so */
	bool has_after;     /* only changes, after this revision */
	uint64_t after;
	bool is_keys_only;     /* without values */
	bool is_waiting;       /* for a store, from the beginning */
	uint32_t window_bytes; /* of changes under way; 0: 256 KiB */
	helio_kv_entry_fn on_entry;
	helio_kv_revision_fn on_revision; /* NULL where nobody needs it */
	helio_kv_live_fn on_live;
	helio_kv_interrupted_fn on_interrupted;
	helio_kv_end_fn on_end;
};

/**
 * Watch `bucket`. Texts of the options are copied. Callbacks come from a
 * dispatch. -EINVAL: options that contradict each other; -ENOMEM; that there is
 * no connection yet is no error.
 *
 * Entries of one transaction come one after the other, in its order; those that
 * were there come by key, all as of one revision.
 */
HELIO_API int helio_kv_watch(struct helio *bus, const char *bucket,
			     const struct helio_kv_watch_options *options,
			     void *userdata, struct helio_kv_watch **ret_watch);

/** No callback comes after it. Fine in a callback of its own; NULL is, too. */
HELIO_API void helio_kv_watch_free(struct helio_kv_watch *watch);

/** All up to this revision was told: where another watch would go on, or 0. */
HELIO_API uint64_t helio_kv_watch_revision(const struct helio_kv_watch *watch);

/* Jobs. */

enum helio_job_state {
	HELIO_JOB_WAITING = 1,
	HELIO_JOB_LEASED = 2,
	HELIO_JOB_DONE = 3,
	HELIO_JOB_DEAD = 4,
	HELIO_JOB_CANCELLED = 5,
};

/** A job; all of it lives until the callback returns. Texts may be "". */
struct helio_job {
	const char *queue;
	uint64_t id;
	const void *body;
	size_t n_body;
	const char *content_type;
	int32_t priority;
	const char *order_key;
	const char *key;
	uint64_t deadline_unix_ms; /* 0: none */
	const char *submitter;     /* principal */
	const char *submitter_durable_id;
	uint64_t submitted_unix_ms;
	enum helio_job_state state;
	uint32_t attempts; /* this one counts */
	uint32_t attempts_max;
	uint64_t token; /* of the lease, to fence off who had it before */
	const char *worker;
	uint32_t progress_permille;
	const char *progress;
	const char *error;
	const void *result;
	size_t n_result;
	uint64_t ended_unix_ms;
};

struct helio_job_await;

/**
 * HELIO_OK: the job has ended, as job->state says. Otherwise there is no `job`:
 * NOT_FOUND and the like. The await is still to be freed, fine in here.
 */
typedef void (*helio_job_ended_fn)(struct helio_job_await *await,
				   unsigned status, const char *reason,
				   const struct helio_job *job, void *userdata);

/**
 * Wait until a job has ended, across lost connections: by id, or by our own key
 * if it is not NULL. With is_waiting for a store, too, from the beginning.
 * Returns 0, -EINVAL or -ENOMEM; `on_ended` comes once, from a dispatch.
 */
HELIO_API int helio_job_await(struct helio *bus, const char *queue, uint64_t id,
			      const char *key, bool is_waiting,
			      helio_job_ended_fn on_ended, void *userdata,
			      struct helio_job_await **ret_await);

/** As helio_kv_watch_free(). */
HELIO_API void helio_job_await_free(struct helio_job_await *await);

/* What is done together: all conditions hold, then all of it, or nothing. */

struct helio_store_condition {
	const char *bucket;
	const char *key;
	bool has_revision;
	uint64_t revision; /* 0: it is not there */
	bool has_value;    /* it is there, with this value */
	const void *value;
	size_t n_value;
};

struct helio_store_write {
	const char *bucket;
	const char *key;
	bool is_delete;
	const void *value;
	size_t n_value;
	bool has_ttl;
	uint64_t ttl_ms; /* 0: for ever */
};

struct helio_store_message {
	const char *subject;
	const void *body;
	size_t n_body;
	const char *content_type; /* or NULL */
	bool is_plain;            /* no log has to store it */
};

struct helio_store_submit {
	const char *queue;
	const void *body;
	size_t n_body;
	const char *content_type; /* or NULL, as the next two */
	const char *key;
	const char *order_key;
	int32_t priority;
	uint64_t delay_ms;
};

/** At most 128 of each. */
struct helio_store_transaction {
	const struct helio_store_condition *conditions;
	size_t n_conditions;
	const struct helio_store_write *writes;
	size_t n_writes;
	const struct helio_store_message *messages;
	size_t n_messages;
	const struct helio_store_submit *submits;
	size_t n_submits;
};

/* Working. */

struct helio_worker;
struct helio_work; /* a job that this worker has the lease of */

/** `work` is ours until on_settled or on_lost tells of it. */
typedef void (*helio_work_fn)(struct helio_worker *worker,
			      struct helio_work *work,
			      const struct helio_job *job, void *userdata);
/**
 * helio_work_complete() or _fail() was answered. HELIO_OK: the work is gone
 * when this returns. Otherwise it was refused: ABORTED and the like, when a
 * condition does not hold or the transaction is not allowed; the lease still
 * stands, or on_lost follows.
 */
typedef void (*helio_work_settled_fn)(struct helio_worker *worker,
				      struct helio_work *work, unsigned status,
				      const char *reason, void *userdata);
/**
 * The lease is over, and the job another's to do. UNAVAILABLE: nobody answered
 * in time, and what was said last may count or not. The work is gone when this
 * returns.
 */
typedef void (*helio_work_lost_fn)(struct helio_worker *worker,
				   struct helio_work *work, unsigned status,
				   const char *reason, void *userdata);
typedef void (*helio_worker_end_fn)(struct helio_worker *worker,
				    unsigned status, const char *reason,
				    void *userdata);
typedef void (*helio_worker_drained_fn)(struct helio_worker *worker,
					void *userdata);

/** on_job and on_settled are needed. */
struct helio_worker_options {
	uint32_t parallel; /* jobs at once; 0: 1 */
	uint32_t lease_ms; /* renewed when half of it is left; 0: 30 s */
	bool is_waiting;   /* for a store, from the beginning */
	helio_work_fn on_job;
	helio_work_settled_fn on_settled;
	helio_work_lost_fn on_lost; /* NULL where nobody needs it */
	/* The connection or the store is away; it goes on by itself. */
	helio_worker_end_fn on_interrupted;
	/* No more jobs come: NOT_FOUND and the like. Work at hand goes on. */
	helio_worker_end_fn on_end;
};

/** Work on `queue`. Returns 0, -EINVAL or -ENOMEM. */
HELIO_API int helio_worker_new(struct helio *bus, const char *queue,
			       const struct helio_worker_options *options,
			       void *userdata,
			       struct helio_worker **ret_worker);

/**
 * As helio_kv_watch_free(). Jobs at hand are not told of: their leases run out.
 */
HELIO_API void helio_worker_free(struct helio_worker *worker);

/**
 * Take no more jobs; `on_drained` once, when the last at hand is gone: now if
 * there is none.
 */
HELIO_API void helio_worker_drain(struct helio_worker *worker,
				  helio_worker_drained_fn on_drained);

/** What the program keeps with a work. */
HELIO_API void helio_work_set_userdata(struct helio_work *work, void *userdata);
HELIO_API void *helio_work_userdata(const struct helio_work *work);

/*
 * Each is repeated with the same token until it is answered or the lease is
 * over. -EBUSY: one was said already and is not answered; -ENOMEM.
 */

/** It is done; with it the transaction, which may be NULL. */
HELIO_API int helio_work_complete(
	struct helio_work *work, const void *result, size_t n_result,
	const struct helio_store_transaction *transaction);

struct helio_work_failure {
	const char *error; /* or NULL */
	bool has_delay;    /* instead of the queue's backoff */
	uint64_t delay_ms;
	bool is_final;      /* do not try again */
	bool is_given_back; /* it was not tried: the attempt does not count */
};

/** It could not be done. */
HELIO_API int helio_work_fail(struct helio_work *work,
			      const struct helio_work_failure *failure);

/**
 * How far it is, in thousandths, and a text of at most 256 bytes, or NULL. It
 * is sent soon; of what is said meanwhile, the last. -EMSGSIZE.
 */
HELIO_API int helio_work_progress(struct helio_work *work, uint32_t permille,
				  const char *text);

#ifdef __cplusplus
}
#endif

#endif
