/* SPDX-License-Identifier: MIT */
#ifndef HELIOGRAPH_LOG_H
#define HELIOGRAPH_LOG_H

/**
 * libheliograph-rpc, second part: what was said, read from a log.
 *
 * A reader hands out records in order, from a place on, to an end or without
 * end. When the connection or the logger is lost it goes on by itself where it
 * was: no record is left out and none comes twice.
 *
 *     static void on_record(struct helio_log_reader *reader,
 *                           const struct helio_log_record *record,
 *                           void *userdata)
 *     {
 *             printf("%llu %s\n", record->sequence, record->message.subject);
 *     }
 *
 *     struct helio_log_read_options options = { .is_following = true,
 *                                               .on_record = on_record };
 *     int r = helio_log_read(bus, "events", &options, NULL, &reader);
 *
 * Or, without on_record, records are taken when the program wants them:
 * helio_log_next(). What is not taken holds up only this reader.
 *
 * A consumer takes records by a cursor, a durable place that the log keeps, and
 * acknowledges them. What it was given and has not acknowledged comes again,
 * to it or to another one.
 *
 * All is used from the connection's thread, and freed before it is closed.
 * Everything of a record may be of strangers: only its form has been judged.
 */

#include <heliograph.h>

#ifdef __cplusplus
extern "C" {
#endif

enum helio_log_kind {
	HELIO_LOG_MESSAGE = 1,
	HELIO_LOG_CALL = 2,  /* a call that the log observed */
	HELIO_LOG_REPLY = 3, /* and its reply, which has the same slot */
	HELIO_LOG_GAP = 4,   /* the log did not see what was said here */
};

/** A record; all of it lives until the next one is asked for. */
struct helio_log_record {
	uint64_t sequence;
	uint64_t time_ns; /* when it was stored, since 1970 */
	enum helio_log_kind kind;
	bool has_key;        /* it was published with an idempotency key */
	unsigned status;     /* of a reply: enum helio_status */
	uint64_t slot;       /* of a call or a reply */
	uint64_t n_lost;     /* of a gap; 0: nobody knows how many */
	const void *details; /* of a bad status, or NULL */
	size_t n_details;
	/*
	 * As it was published. Of a call and a reply, the schema is that of the
	 * service. The subject of a gap is a pattern, its body a word that says
	 * why; "" is a subject that the reader may not see.
	 */
	struct helio_message message;
};

/* Reading. */

struct helio_log_reader;

/** Where to begin. The first that is set counts; none: the first record. */
struct helio_log_place {
	uint64_t sequence;
	uint64_t unix_ns;         /* the first at or after this time */
	uint64_t newest;          /* so many of the newest that match */
	bool is_end;              /* only what is stored from now on */
	bool is_last_per_subject; /* of each the newest, then what is new */
};

/** What is wanted; all zero: everything. */
struct helio_log_filter {
	const char *const *subjects; /* patterns; none: all */
	size_t n_subjects;
	const char *const *principals; /* patterns of policy; none: all */
	size_t n_principals;
};

typedef void (*helio_log_record_fn)(struct helio_log_reader *reader,
				    const struct helio_log_record *record,
				    void *userdata);
/** What was stored when it was asked has all been handed out. */
typedef void (*helio_log_live_fn)(struct helio_log_reader *reader,
				  void *userdata);
/** Records were removed before they could be read: the next is `sequence`. */
typedef void (*helio_log_expired_fn)(struct helio_log_reader *reader,
				     uint64_t sequence, void *userdata);
/** The connection or the logger is away; it goes on by itself. */
typedef void (*helio_log_interrupted_fn)(struct helio_log_reader *reader,
					 unsigned status, const char *reason,
					 void *userdata);
/**
 * It is over: HELIO_OK at its end; NOT_FOUND, PERMISSION_DENIED and the like
 * from the log; DATA_LOSS: a record is damaged, as the reason says. The reader
 * is still to be freed, for which this is a good place.
 */
typedef void (*helio_log_end_fn)(struct helio_log_reader *reader,
				 unsigned status, const char *reason,
				 void *userdata);

/** All zero reads all that is stored, from the first on. */
struct helio_log_read_options {
	struct helio_log_place place;
	uint64_t until_sequence; /* the first that is not wanted; 0: no end */
	uint64_t until_unix_ns;  /* the same by time */
	uint64_t limit;          /* at most so many; 0: all */
	struct helio_log_filter filter;
	bool is_following;             /* go on with what is stored later */
	bool is_reverse;               /* newest first; not with is_following */
	uint32_t pace_permille;        /* 1000: as it was stored; 0: at once */
	bool is_waiting;               /* for a logger, from the beginning */
	uint32_t window_bytes;         /* of records under way; 0: 2 MiB */
	helio_log_record_fn on_record; /* NULL: helio_log_next() takes them */
	helio_log_live_fn on_live;     /* NULL where nobody needs it */
	helio_log_expired_fn on_expired;
	helio_log_interrupted_fn on_interrupted;
	helio_log_end_fn on_end;
};

/**
 * Read the log `log`. Texts of the options are copied. Callbacks come from a
 * dispatch or from helio_log_next(). -EINVAL: options that contradict each
 * other; -ENOMEM; that there is no connection yet is no error.
 */
HELIO_API int helio_log_read(struct helio *bus, const char *log,
			     const struct helio_log_read_options *options,
			     void *userdata,
			     struct helio_log_reader **ret_reader);

/** No callback comes after it. Fine in a callback of its own; NULL is, too. */
HELIO_API void helio_log_reader_free(struct helio_log_reader *reader);

/**
 * Without on_record: the next record. 1; 0: none has come yet, or it is over,
 * as helio_log_is_over() tells. Does not block.
 */
HELIO_API int helio_log_next(struct helio_log_reader *reader,
			     const struct helio_log_record **ret_record);

/**
 * Instead: the next run of records as it travels (docs/LOG.md), whole and
 * checked. Returns the same. It lives until the next is asked for.
 */
HELIO_API int helio_log_next_run(struct helio_log_reader *reader,
				 const void **ret_run, size_t *ret_n);

/**
 * The same, and blocks at most `timeout_ms` (-1: for ever) for it. It ends when
 * the reader is over, or was freed by a callback; a bus that is closed is the
 * negative errno of helio_dispatch().
 */
HELIO_API int helio_log_next_wait(struct helio_log_reader *reader,
				  int timeout_ms,
				  const struct helio_log_record **ret_record);

/**
 * True when it is over and all records were taken; *ret_status and *ret_reason
 * say how it ended, and live as long as the reader. They may be NULL.
 */
HELIO_API bool helio_log_is_over(const struct helio_log_reader *reader,
				 unsigned *ret_status, const char **ret_reason);

/**
 * Where a reader that begins anew would go on: one above the last record that
 * was handed out (reverse: it itself); 0 when nobody knows yet.
 */
HELIO_API uint64_t helio_log_position(const struct helio_log_reader *reader);

/** With on_record: hand out no more for now; go on. */
HELIO_API void helio_log_pause(struct helio_log_reader *reader);
HELIO_API void helio_log_resume(struct helio_log_reader *reader);

/* Taking records by a cursor. */

struct helio_log_consumer;

/** How a record was given out. */
struct helio_log_delivery {
	uint64_t token;         /* to acknowledge it by */
	uint32_t n_redelivered; /* how often it was given out before */
};

typedef void (*helio_log_consume_fn)(struct helio_log_consumer *consumer,
				     const struct helio_log_record *record,
				     const struct helio_log_delivery *delivery,
				     void *userdata);
/** An ack came too late: the record was given out again meanwhile. */
typedef void (*helio_log_late_fn)(struct helio_log_consumer *consumer,
				  uint64_t token, void *userdata);
typedef void (*helio_log_acked_fn)(struct helio_log_consumer *consumer,
				   uint64_t sequence, void *userdata);
typedef void (*helio_log_consume_end_fn)(struct helio_log_consumer *consumer,
					 unsigned status, const char *reason,
					 void *userdata);

/** on_record is needed. */
struct helio_log_consume_options {
	uint32_t batch;        /* under way to us at most; 0: 256 */
	bool is_waiting;       /* for a logger, from the beginning */
	uint32_t window_bytes; /* 0: 1 MiB */
	helio_log_consume_fn on_record;
	helio_log_late_fn on_late;
	helio_log_acked_fn on_acked; /* all below are acknowledged, on disk */
	/*
	 * The connection or the logger was lost: tokens from before are void,
	 * and what was not acknowledged will come again.
	 */
	helio_log_consume_end_fn on_interrupted;
	helio_log_consume_end_fn on_end; /* it is over; still to be freed */
};

/** Errors as helio_log_read(). */
HELIO_API int helio_log_consume(struct helio *bus, const char *log,
				const char *cursor,
				const struct helio_log_consume_options *options,
				void *userdata,
				struct helio_log_consumer **ret_consumer);
/** As helio_log_reader_free(); what is not acknowledged comes again. */
HELIO_API void helio_log_consumer_free(struct helio_log_consumer *consumer);

/*
 * Each is sent with others, at the end of the dispatch or when there is credit.
 * -ENOTCONN: interrupted, the token is void; -ENOMEM.
 */

HELIO_API int helio_log_ack(struct helio_log_consumer *consumer,
			    uint64_t token);
/** All up to this one's, of an exclusive cursor. */
HELIO_API int helio_log_ack_to(struct helio_log_consumer *consumer,
			       uint64_t token);
/** Not now: give it out again, in `delay_ms` or later. */
HELIO_API int helio_log_nak(struct helio_log_consumer *consumer, uint64_t token,
			    uint32_t delay_ms);
/** Still at it: the cursor's ack wait begins anew. */
HELIO_API int helio_log_in_progress(struct helio_log_consumer *consumer,
				    uint64_t token);

#ifdef __cplusplus
}
#endif

#endif
