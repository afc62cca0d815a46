/* SPDX-License-Identifier: MIT */
#ifndef HELIOGRAPH_H
#define HELIOGRAPH_H

/**
 * libheliograph: what programs on the bus link.
 *
 * A connection owns no loop and no thread, and is used from one thread. It
 * offers a descriptor, the time of its next timeout, and helio_dispatch(); put
 * them into any loop, or call helio_run() and the helio_*_wait() functions,
 * which are small loops of their own.
 *
 *     struct helio *bus;
 *     int r = helio_open("shm:/run/heliograph/bus.sock", NULL, &bus);
 *     if (r >= 0)
 *             r = helio_connect_wait(bus, 5000);
 *     if (r >= 0)
 *             r = helio_publish(bus, "vm.web.console", "hello", 5, NULL);
 *     if (r >= 0)
 *             r = helio_flush_wait(bus, 5000);
 *     helio_close(bus);
 *
 * Unless a function says otherwise, it does not block, and returns 0 or a
 * negative errno. Texts in are terminated and copied. Pointers handed to a
 * callback live until it returns. Any function but helio_close() may be called
 * from a callback; helio_dispatch() does nothing there, and the waiting ones
 * return -EDEADLK. A ret_ pointer to a handle may be NULL when nobody needs it.
 *
 * When the connection is lost, the library connects again with jittered
 * backoff, from 50 ms up to 1 s. It renews subscriptions and services in one
 * batch, and tells each subscription of the gap before its next message. Calls
 * in flight and acks end with UNAVAILABLE. While there is no connection,
 * publishing returns -ENOTCONN: nothing is kept or sent again behind the
 * program's back. Subscribing and serving need no connection.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HELIO_API __attribute__((visibility("default")))

struct helio;              /* a connection */
struct helio_subscription; /* what it subscribed */
struct helio_service;      /* what it serves */
struct helio_call;         /* a call it made */
struct helio_request;      /* a call it was asked to answer */
struct helio_binding;      /* a service whose schema it knows */
struct helio_timer;

/** How a call ended: gRPC's codes. */
enum helio_status {
	HELIO_OK = 0,
	HELIO_CANCELLED = 1,
	HELIO_UNKNOWN = 2,
	HELIO_INVALID_ARGUMENT = 3,
	HELIO_DEADLINE_EXCEEDED = 4,
	HELIO_NOT_FOUND = 5,
	HELIO_ALREADY_EXISTS = 6,
	HELIO_PERMISSION_DENIED = 7,
	HELIO_RESOURCE_EXHAUSTED = 8,
	HELIO_FAILED_PRECONDITION = 9,
	HELIO_ABORTED = 10,
	HELIO_OUT_OF_RANGE = 11,
	HELIO_UNIMPLEMENTED = 12,
	HELIO_INTERNAL = 13,
	HELIO_UNAVAILABLE = 14,
	HELIO_DATA_LOSS = 15,
	HELIO_UNAUTHENTICATED = 16,
};

/** "UNAVAILABLE" for 14. Never NULL. */
HELIO_API const char *helio_status_name(unsigned status);

/** What a bad status is as a negative errno: -EACCES and the like; 0 for OK. */
HELIO_API int helio_status_errno(unsigned status);

/* Connection. */

enum helio_state {
	HELIO_CONNECTING, /* or waiting until it tries again */
	HELIO_CONNECTED,  /* handshake done, everything renewed */
	HELIO_CLOSED,     /* for good, refused or lost: see helio_error() */
};

typedef void (*helio_state_fn)(struct helio *bus, enum helio_state state,
			       void *userdata);

/** What a plain publish was refused for; `status` is never HELIO_OK. */
typedef void (*helio_refused_fn)(struct helio *bus, unsigned status,
				 const char *reason, void *userdata);

/** All zero, or NULL, is a good default. */
struct helio_options {
	const char *program;    /* shown in lists of peers; NULL: none */
	uint64_t message_max;   /* longest body taken, bytes; 0: 8 MiB */
	uint32_t ring_bytes;    /* shm: each way, a power of two; 0: 1 MiB */
	uint32_t turn_frames;   /* a dispatch takes; 0: 4096, the most */
	bool no_reconnect;      /* a lost connection closes */
	const char *key_file;   /* tcp: our key pair, see helio-keys(1) */
	const char *server_key; /* tcp: the switch's public key, 40 of Z85 */
	bool is_plain;          /* tcp: no CURVE, on loopback only */
	helio_state_fn on_state;
	helio_refused_fn on_refused;
	void *userdata; /* of both */
};

/**
 * Start connecting to `address`: `shm:PATH`, `unix:PATH`, `tcp://HOST:PORT`.
 * -EINVAL: no such form of address; -EPROTONOSUPPORT: no module for it here.
 * That nobody is there is no error yet, unless options->no_reconnect.
 */
HELIO_API int helio_open(const char *address,
			 const struct helio_options *options,
			 struct helio **ret_bus);

/** Ends everything that hangs on it, without callbacks. NULL is fine. */
HELIO_API void helio_close(struct helio *bus);

HELIO_API enum helio_state helio_state(const struct helio *bus);

/**
 * Why it is not connected, or why a subscription, a service or the publish of
 * helio_publish_wait() was refused, as text for people; "" when there is
 * nothing to say.
 */
HELIO_API const char *helio_error(const struct helio *bus);

/**
 * Draw a key pair for tcp: `path`.key, for helio_options and for nobody else's
 * eyes, and `path`.pub, whose text is *ret_public_key too, for the switch's
 * side. -EEXIST when one of them is there already; -EPROTONOSUPPORT without
 * the module for tcp.
 */
HELIO_API int helio_make_keys(const char *path, char ret_public_key[41]);

/** Who the switch says we are, `vm:web`; "" before the first connection. */
HELIO_API const char *helio_principal(const struct helio *bus);

/** Poll this for reading; it stays the same for the connection's life. */
HELIO_API int helio_fd(const struct helio *bus);

/**
 * Milliseconds until helio_dispatch() is due anyway; -1: no need. Ask before
 * each sleep: it is 0 while something waits to be sent, too.
 */
HELIO_API int helio_timeout_ms(const struct helio *bus);

/**
 * Take in what has come, call back, send what waits, and ask to be woken for
 * more. Call it when the descriptor is readable or the timeout is over. After
 * an -EAGAIN the descriptor also becomes readable when there is room again.
 * Returns how many frames it took in, or a negative errno once it is closed.
 */
HELIO_API int helio_dispatch(struct helio *bus);

/**
 * For a loop of another library, before it sleeps: what comes within some
 * microseconds is sooner taken in by looking again than by being woken. Yields
 * the processor meanwhile, and not at all where others need it. The rest is as
 * of helio_dispatch().
 */
HELIO_API int helio_linger(struct helio *bus);

/**
 * Wait at most `timeout_ms` (-1: for ever) for something, and dispatch it.
 * Returns as helio_dispatch() does; 0 when nothing came in time, and early
 * after an -EAGAIN, when it is worth to try again.
 * Timers are called meanwhile, but do not end it: for what one of them decides
 * give it a timeout.
 */
HELIO_API int helio_run(struct helio *bus, int timeout_ms);

/** Blocks. -ETIMEDOUT, or why it was closed. */
HELIO_API int helio_connect_wait(struct helio *bus, int timeout_ms);

/**
 * Blocks until the switch has taken everything sent so far. -ETIMEDOUT;
 * -ENOTCONN when the connection was lost meanwhile.
 */
HELIO_API int helio_flush_wait(struct helio *bus, int timeout_ms);

typedef void (*helio_timer_fn)(struct helio *bus, void *userdata);

/**
 * Call `on_timer` once, from a dispatch, in `after_ms` milliseconds or a little
 * later. It is freed before; helio_close() frees it, too.
 */
HELIO_API int helio_timer_start(struct helio *bus, uint32_t after_ms,
				helio_timer_fn on_timer, void *userdata,
				struct helio_timer **ret_timer);
/** Free one whose callback has not come. NULL is fine. */
HELIO_API void helio_timer_cancel(struct helio_timer *timer);

/* Messages. */

struct helio_header {
	const char *name;
	const void *value;
	size_t n_value; /* bytes */
};

/** A message, a call's request or its reply, as its receiver sees it. */
struct helio_message {
	const char *subject; /* terminated */
	const void *body;
	size_t n_body;               /* bytes */
	const char *source;          /* principal; "" for the switch itself */
	uint64_t incarnation;        /* of the source */
	const char *idempotency_key; /* or NULL, as the next two */
	const char *content_type;
	const char *traceparent;
	const struct helio_header *headers;
	size_t n_headers;

	/* What a log keeps and judges. */
	const char *durable_id;     /* of the source; "" for the switch */
	const uint8_t *schema_hash; /* 32 bytes: what the body is of, or NULL */
	const void *metadata;       /* as it came; NULL: there is none */
	size_t n_metadata;          /* bytes */
	uint64_t expected_sequence; /* if has_expected: see publish */
	bool has_expected;
	bool is_ack_stored; /* the publisher waits for helio_stored() */
};

/** What publish did, when it was asked to tell. */
struct helio_ack {
	unsigned status;    /* enum helio_status */
	const char *reason; /* "" unless the status is bad */
	uint32_t n_took;    /* routed: subscribers that took it */
	uint32_t n_refused; /* routed: that were full */
	const char *log;    /* stored: the name of the log, or NULL */
	uint64_t sequence;  /* stored: of the record */
	bool is_duplicate;  /* stored: it was there already */
	bool is_refused;    /* by the switch, before anybody had it */
};

typedef void (*helio_ack_fn)(struct helio *bus, const struct helio_ack *ack,
			     void *userdata);

enum helio_publish_flags {
	HELIO_ACK_ROUTED = 1 << 0,
	HELIO_ACK_STORED = 1 << 1,
};

/** All zero, or NULL, is a plain publish. */
struct helio_publish_options {
	uint32_t flags;      /* enum helio_publish_flags */
	uint32_t timeout_ms; /* of the ack; 0: 30 s */
	helio_ack_fn on_ack; /* once; needed if a flag is set */
	void *userdata;
	const char *idempotency_key; /* or NULL, as the next two */
	const char *content_type;
	const char *traceparent;
	const struct helio_header *headers;
	size_t n_headers;
	const uint8_t *schema_hash; /* 32 bytes: what the body is of, or NULL */
	/*
	 * Store it only if the last record of the log has this sequence number
	 * (0: the log is empty), else FAILED_PRECONDITION.
	 */
	bool has_expected;
	uint64_t expected_sequence;
};

/**
 * Publish `n_body` bytes. They are copied; sending starts at the next
 * dispatch, or at once when much has gathered.
 *
 * -EINVAL: not a subject, or options that contradict each other; -ENOTCONN;
 * -EAGAIN: the channel is full, try again after a dispatch; -EMSGSIZE: longer
 * than the switch takes; -E2BIG: more than 16 KiB of headers; -ENOMEM. A
 * message is sent as a whole or not at all.
 */
HELIO_API int helio_publish(struct helio *bus, const char *subject,
			    const void *body, size_t n_body,
			    const struct helio_publish_options *options);

/**
 * The same, but waits while the channel is full, up to `timeout_ms`, and for
 * the ack if asked, up to its own timeout; on_ack is then not needed. An ack
 * with a bad status is -EACCES, -ETIMEDOUT and the like.
 */
HELIO_API int helio_publish_wait(struct helio *bus, const char *subject,
				 const void *body, size_t n_body,
				 const struct helio_publish_options *options,
				 int timeout_ms);

/**
 * Publish in place: get room for a body of up to `n_body` bytes in the
 * channel itself, write to it, and end with helio_publish_end(). Nothing else
 * may be called on the connection in between. -EMSGSIZE when it is more than
 * one fragment (helio_fragment_max()); otherwise as helio_publish().
 */
HELIO_API int helio_publish_begin(struct helio *bus, const char *subject,
				  size_t n_body, void **ret_body);
/** Send the first `n_body` bytes of the room, which may be fewer. */
HELIO_API void helio_publish_end(struct helio *bus, size_t n_body);

/** The longest body, in bytes, that goes in one frame on `subject`. */
HELIO_API size_t helio_fragment_max(const struct helio *bus,
				    const char *subject);

/* Subscriptions. */

typedef void (*helio_message_fn)(struct helio_subscription *subscription,
				 const struct helio_message *message,
				 void *userdata);

/**
 * Messages are missing from here on: `n_lost` of them, or 0 for a number that
 * nobody knows. `reason` is one word: "overflow", "reconnect", "aborted",
 * "uplink".
 */
typedef void (*helio_gap_fn)(struct helio_subscription *subscription,
			     uint64_t n_lost, const char *reason,
			     void *userdata);

/**
 * How SUBSCRIBE or SERVE ended; again when policy has changed and ends what
 * stood, or a renewal on a later connection ends otherwise.
 */
typedef void (*helio_ready_fn)(struct helio *bus, unsigned status,
			       const char *reason, void *userdata);

/** A call or reply of the observed service, with the slot that joins them. */
typedef void (*helio_observe_fn)(struct helio_subscription *subscription,
				 const struct helio_message *message,
				 bool is_reply, uint64_t slot, unsigned status,
				 void *userdata);

/**
 * What is lost when too much waits in the switch: when the queue is full, or a
 * sender has half of what is free in it. HELIO_DISCONNECT looks at the queue as
 * a whole, and rather ends the connection than lose a message.
 */
enum helio_overflow {
	HELIO_DROP_NEW,
	HELIO_DROP_OLD,
	HELIO_DISCONNECT,
	HELIO_LATEST,
};

/** All zero, or NULL, is a good default. */
struct helio_subscribe_options {
	const char *group; /* share the messages with its other members */
	enum helio_overflow overflow;
	uint32_t credit_messages; /* under way to us at most; 0: 65,536 */
	uint64_t credit_bytes;    /* 0: 4 MiB; at least 64 KiB */
	uint32_t queue_messages;  /* waiting in the switch; 0: its default */
	uint64_t queue_bytes;     /* 0: its default */
	const char *capture;      /* we are the log of this name */
	helio_observe_fn on_observed; /* set: observe a service's calls */
	helio_gap_fn on_gap;
	helio_ready_fn on_ready;
};

/**
 * Subscribe to a pattern. Credit goes back to the switch as callbacks return.
 * -EINVAL: not a pattern. That it is not allowed is told to on_ready.
 */
HELIO_API int helio_subscribe(struct helio *bus, const char *pattern,
			      const struct helio_subscribe_options *options,
			      helio_message_fn on_message, void *userdata,
			      struct helio_subscription **ret_subscription);

/** Blocks until the switch has answered; a refusal is -EACCES and the like. */
HELIO_API int helio_subscribe_wait(
	struct helio *bus, const char *pattern,
	const struct helio_subscribe_options *options,
	helio_message_fn on_message, void *userdata, int timeout_ms,
	struct helio_subscription **ret_subscription);

/** No callback comes after it. NULL is fine. */
HELIO_API void helio_unsubscribe(struct helio_subscription *subscription);

/**
 * Stop and go on taking messages: while paused no credit is given back, so
 * the switch queues, and then does what `overflow` says. What the credit still
 * allows comes all the same.
 */
HELIO_API void helio_pause(struct helio_subscription *subscription);
HELIO_API void helio_resume(struct helio_subscription *subscription);

/**
 * As the log that captures: answer for a run of `n_records` messages, the
 * oldest that are not yet answered, which were stored from `sequence` on.
 * -EINVAL: not so many wait for an answer; a lost connection forgets them.
 */
HELIO_API int helio_stored(struct helio_subscription *subscription,
			   uint32_t n_records, unsigned status,
			   uint64_t sequence, bool is_duplicate);

/* Calls. */

struct helio_reply {
	unsigned status;     /* enum helio_status */
	const char *reason;  /* "" unless the status is bad */
	bool is_from_bus;    /* who said it: the bus, not the service */
	bool is_handed_over; /* a callee has had it: repeating may do twice */
	const struct helio_message *message; /* NULL unless HELIO_OK */
	const void *details; /* of a bad status, for programs; or NULL */
	size_t n_details;    /* bytes */
};

/** Called once for each call that was started and not cancelled by us. */
typedef void (*helio_reply_fn)(struct helio_call *call,
			       const struct helio_reply *reply, void *userdata);

/** One message of the stream of replies. */
typedef void (*helio_next_fn)(struct helio_call *call, const void *body,
			      size_t n_body, void *userdata);

typedef void (*helio_writable_fn)(struct helio_call *call, void *userdata);

/** All zero, or NULL, is a good default. */
struct helio_call_options {
	uint32_t timeout_ms; /* of the whole call; 0: 30 s, a stream: none */
	bool is_waiting;     /* hold it until a server comes */
	bool is_patient;     /* send it later rather than return -EAGAIN */
	uint32_t room_kib;   /* for the reply; 0: message_max */
	/* The subject is then a method of this service, which must live. */
	const struct helio_binding *binding;
	const char *idempotency_key;
	const char *content_type;
	const char *traceparent;
	const struct helio_header *headers;
	size_t n_headers;

	/* Streams, under the userdata of the call. */
	helio_next_fn on_next; /* set: the replies come as a stream */
	uint32_t window_bytes; /* of them, under way; 0: 256 KiB, at least 64 */
	bool has_more; /* the requests are a stream: helio_call_send() */
	helio_writable_fn on_writable;
};

/**
 * Errors as helio_publish(). The call is freed after on_reply, which comes at
 * the latest half a second after the deadline, whatever the switch does; that
 * of a stream of replies comes after its last message and has no body.
 *
 * A call whose requests are a stream has no body: -EINVAL. With `is_patient`
 * -EAGAIN comes only when 1 MiB waits to be sent already.
 */
HELIO_API int helio_call_start(struct helio *bus, const char *subject,
			       const void *body, size_t n_body,
			       const struct helio_call_options *options,
			       helio_reply_fn on_reply, void *userdata,
			       struct helio_call **ret_call);

/** The callee is told; no callback comes any more, and the call is freed. */
HELIO_API void helio_call_cancel(struct helio_call *call);

/**
 * Send one message of the stream of requests, as a whole or not at all; one
 * that is longer than the callee grants at a time goes in pieces, as it grants
 * more. -EAGAIN: the callee has granted nothing (yet), the one before waits
 * still, or the channel is full: on_writable tells when to try again. -EPIPE:
 * the call is over, helio_call_finish() was called, or its requests are no
 * stream. Others as helio_publish().
 */
HELIO_API int helio_call_send(struct helio_call *call, const void *body,
			      size_t n_body);

/** Nothing more will be sent, but what waits still goes out. Or -EPIPE. */
HELIO_API int helio_call_finish(struct helio_call *call);

/**
 * Stop and go on taking replies: while paused no credit is given back. What
 * the credit still allows comes all the same.
 */
HELIO_API void helio_call_pause(struct helio_call *call);
HELIO_API void helio_call_resume(struct helio_call *call);

/**
 * In on_next: the memory that the message stands in, which is the program's
 * from then on, for free(); the bytes stay where they are, and are nobody
 * else's. NULL: it has none of its own, and must be copied to be kept.
 */
HELIO_API void *helio_call_keep(struct helio_call *call);

/**
 * Blocks for the reply, at most until its deadline. Returns 0 with
 * *ret_reply, which lives until the next helio_call_wait() or helio_close() on
 * `bus`, or a negative errno when the call could not be sent.
 */
HELIO_API int helio_call_wait(struct helio *bus, const char *subject,
			      const void *body, size_t n_body,
			      const struct helio_call_options *options,
			      struct helio_reply *ret_reply);

/**
 * Name the schema that this program knows `service` by. Calls with the binding
 * go only to a server that can understand them, see docs/RPC.md; it is told to
 * the switch again on each connection. `schema_hash` is copied. -EINVAL: not a
 * name; -ENOTCONN: closed for good; -ENOMEM.
 */
HELIO_API int helio_bind(struct helio *bus, const char *service,
			 const uint8_t schema_hash[32],
			 struct helio_binding **ret_binding);
/** Calls that were started go on. NULL is fine. */
HELIO_API void helio_unbind(struct helio_binding *binding);

/* Services. */

/**
 * A call came in. `request` is ours until it is answered, now or later, by
 * helio_respond() or helio_fail(), each of which frees it.
 */
typedef void (*helio_request_fn)(struct helio_service *service,
				 struct helio_request *request,
				 const struct helio_message *message,
				 void *userdata);

/**
 * The caller no longer waits, or the connection is lost; the request still has
 * to be answered, which then only frees it. `userdata` is the request's.
 */
typedef void (*helio_cancelled_fn)(struct helio_request *request,
				   void *userdata);

/** One message of the caller's stream. `userdata` is the request's. */
typedef void (*helio_request_next_fn)(struct helio_request *request,
				      const void *body, size_t n_body,
				      void *userdata);

/** `userdata` is the request's. */
typedef void (*helio_request_event_fn)(struct helio_request *request,
				       void *userdata);

/** `userdata` is the service's. */
typedef void (*helio_drain_fn)(struct helio_service *service, void *userdata);

/** All zero, or NULL, is a good default. */
struct helio_serve_options {
	const char *const *methods; /* NULL: `name` itself is called */
	size_t n_methods;
	uint32_t credit_calls;      /* at once; 0: 1,024 */
	uint64_t credit_bytes;      /* 0: 16 MiB; a longer call is refused */
	const uint8_t *schema_hash; /* 32 bytes; NULL: nothing is judged */
	helio_cancelled_fn on_cancelled;
	helio_ready_fn on_ready;

	/* Streams. Without on_next, calls with one end as UNIMPLEMENTED. */
	helio_request_next_fn on_next;
	helio_request_event_fn on_finish; /* nothing more comes from it */
	helio_request_event_fn on_writable;
	uint32_t window_bytes; /* of each caller; 0: 256 KiB, at least 64 */

	/* No new call is handed to us from now on; and the last is answered. */
	helio_drain_fn on_draining;
	helio_drain_fn on_drained;
};

/** Serve calls to the subject `name`, or to `name.METHOD` for each method. */
HELIO_API int helio_serve(struct helio *bus, const char *name,
			  const struct helio_serve_options *options,
			  helio_request_fn on_request, void *userdata,
			  struct helio_service **ret_service);
HELIO_API int helio_serve_wait(struct helio *bus, const char *name,
			       const struct helio_serve_options *options,
			       helio_request_fn on_request, void *userdata,
			       int timeout_ms,
			       struct helio_service **ret_service);

/**
 * Requests that are not answered yet fail UNAVAILABLE; answering them later
 * still frees them. NULL is fine.
 */
HELIO_API void helio_unserve(struct helio_service *service);

/** Ask again after a refusal; on_ready tells. Nothing happens unless refused.
 */
HELIO_API void helio_serve_again(struct helio_service *service);

/**
 * Take no new calls: the switch hands them to others, and what was handed over
 * goes on. on_draining is called when it has agreed, and on_drained, or that of
 * the options if this is NULL, once the last call is answered; then is the time
 * to unserve. Both come as well when the switch refuses, which helio_error()
 * tells: who wants to leave need not be let go. An operator can ask for the
 * same from outside. A service that drains is not served again on the next
 * connection.
 */
HELIO_API int helio_drain(struct helio_service *service,
			  helio_drain_fn on_drained);

/** What this registration alone is reached by: `$inst.ID.NAME`; "" before. */
HELIO_API const char *helio_service_instance(
	const struct helio_service *service);

/**
 * Milliseconds until the caller stops waiting; 0 once it does not wait;
 * UINT32_MAX for a stream without a deadline.
 */
HELIO_API uint32_t
helio_request_time_left_ms(const struct helio_request *request);

/** Whether the caller's requests are a stream: on_next, then on_finish. */
HELIO_API bool helio_request_has_more(const struct helio_request *request);
/** Whether it wants the replies as a stream: helio_request_send(). */
HELIO_API bool helio_request_is_stream(const struct helio_request *request);

/** What was set with this is handed to on_cancelled. */
HELIO_API void helio_request_set_userdata(struct helio_request *request,
					  void *userdata);

/**
 * Send one message of the stream of replies. Errors as helio_call_send();
 * -EPIPE also when nobody waits any more.
 */
HELIO_API int helio_request_send(struct helio_request *request,
				 const void *body, size_t n_body);

/**
 * Stop and go on taking the caller's messages: while paused no credit is given.
 * The first is given when on_request returns: who pauses there gets none
 * before it resumes. on_finish comes all the same.
 */
HELIO_API void helio_request_pause(struct helio_request *request);
HELIO_API void helio_request_resume(struct helio_request *request);

/**
 * Answer; 0 also when nobody waits any more. An error leaves the request as it
 * was: -EAGAIN: 1 MiB of answers wait already, try again after a dispatch;
 * -EMSGSIZE: longer than the switch takes; -ENOMEM.
 *
 * Where the replies are a stream, this ends it, after what waits; a body that
 * is not empty is its last message, and -EAGAIN is as for helio_request_send().
 */
HELIO_API int helio_respond(struct helio_request *request, const void *body,
			    size_t n_body);
/**
 * The same with a bad status, and a reason for people or NULL. It is taken
 * whatever waits: 0, or -EINVAL for what is no bad status.
 */
HELIO_API int helio_fail(struct helio_request *request, unsigned status,
			 const char *reason);
/** The same with details for programs. -E2BIG: more than 15 KiB of them. */
HELIO_API int helio_fail_with(struct helio_request *request, unsigned status,
			      const char *reason, const void *details,
			      size_t n_details);

#ifdef __cplusplus
}
#endif

#endif
