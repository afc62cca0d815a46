/* SPDX-License-Identifier: MIT */
#ifndef HELIOGRAPH_RPC_H
#define HELIOGRAPH_RPC_H

/**
 * libheliograph-rpc: typed calls, on libheliograph and protobuf-c.
 *
 * What helio_generate() makes of a .proto file describes each service by a
 * struct helio_service_type: FOO__BAR__V1__THING__TYPE, say, is that of
 * foo.bar.v1.Thing. With it a program calls the service or serves it:
 *
 *     struct helio_client *client;
 *     int r = helio_client_new(bus, &type, NULL, &client);
 *     if (r >= 0)
 *             foo__bar__v1__thing__start(helio_client_service(client),
 *                                        &request, on_started, userdata);
 *
 * Nothing here blocks unless its name ends with _wait, and everything is used
 * from the connection's thread. Clients and servers are freed, and servings
 * answered, before their connection is closed. Functions that can fail return 0
 * or a negative errno. Messages that callbacks are handed live until the
 * callback returns.
 *
 * Bytes from the other side are judged before they are unpacked: how deeply
 * they are nested, how many fields they have, whether strings are UTF-8; and
 * what they unpack to is bounded, see struct helio_unpack_limits.
 */

#include <heliograph.h>
#include <protobuf-c/protobuf-c.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Types, as the generator writes them. */

/** The files that a package reaches, in canonical form, and their SHA-256. */
struct helio_schema {
	const char *package; /* "foo.bar.v1" */
	uint8_t hash[32];
	const uint8_t *set; /* a packed google.protobuf.FileDescriptorSet */
	size_t n_set;
};

struct helio_method_type {
	const char *name; /* "Start" */
	bool is_client_streaming;
	bool is_server_streaming;
	bool is_idempotent; /* idempotency_level of the .proto file is set */
	const ProtobufCMessageDescriptor *input;
	const ProtobufCMessageDescriptor *output;
};

struct helio_service_type {
	const char *name;                        /* "foo.bar.v1.Thing" */
	const struct helio_schema *schema;       /* NULL: nothing is judged */
	const struct helio_method_type *methods; /* in the .proto's order */
	unsigned n_methods;
	const ProtobufCServiceDescriptor *descriptor;
};

/** What unpacking may take; all zero is a good default. */
struct helio_unpack_limits {
	uint64_t bytes_max;  /* unpacked; 0: 64 KiB and 16 times what came */
	size_t n_fields_max; /* in all of a message; 0: 1,000,000 */
	unsigned depth_max;  /* of messages in messages; 0: 32, at most 64 */
};

/* Clients. */

struct helio_client; /* of one service */
struct helio_stream; /* one of its calls whose messages are streams */

/** Whether a call that failed is made again, within its timeout. */
enum helio_retry {
	/* It fails at once; is_waiting is there for who would rather wait. */
	HELIO_RETRY_NEVER = 0,
	/*
	 * When no callee can have had it: UNAVAILABLE, and not handed over. It
	 * is always safe.
	 */
	HELIO_RETRY_SAFE = 1,
	/*
	 * UNAVAILABLE of methods that are marked idempotent, too, though it was
	 * handed over. Such a call has an idempotency key, drawn for it unless
	 * one was given, which is the same each time.
	 */
	HELIO_RETRY_IDEMPOTENT = 2,
};

/** How a call is made; all zero is a good default. */
struct helio_invoke_options {
	uint32_t timeout_ms;    /* of all tries; 0: 30 s, of streams none */
	bool is_waiting;        /* hold it until a server comes */
	enum helio_retry retry; /* of unary methods only */
	unsigned tries_max;     /* 0: 5 */
	uint32_t window_bytes;  /* of replies that are a stream; 0: 256 KiB */
	const char *instance;   /* this alone: helio_server_instance() */
	const char *idempotency_key;
	const char *traceparent;
	const struct helio_header *headers;
	size_t n_headers;
};

/** All zero, or NULL, is a good default. */
struct helio_client_options {
	struct helio_invoke_options invoke; /* of each call; copied */
	struct helio_unpack_limits limits;  /* of what servers answer */
};

/**
 * A client of the service `type`, which must outlive it, as must what the
 * options point to. It needs no connection yet: one is needed when it calls.
 * The schema is named to the switch once on each connection.
 */
HELIO_API int helio_client_new(struct helio *bus,
			       const struct helio_service_type *type,
			       const struct helio_client_options *options,
			       struct helio_client **ret_client);

/**
 * Cancels its calls, whose closures are not called any more. Streams end too,
 * without on_end. Fine in one of its own closures, and NULL is.
 */
HELIO_API void helio_client_free(struct helio_client *client);

/**
 * What the functions that protoc-c generates take. A unary method's closure is
 * called exactly once, from here when the call cannot even be sent, otherwise
 * from a dispatch, with NULL when it failed: helio_client_reply() says why.
 * Methods with streams are not called this way: their closures get NULL at
 * once, UNIMPLEMENTED.
 */
HELIO_API ProtobufCService *helio_client_service(struct helio_client *client);

/**
 * The next call that is started has these options instead; copied, but what
 * they point to must live until it was started.
 */
HELIO_API void helio_client_next(struct helio_client *client,
				 const struct helio_invoke_options *options);

/**
 * In a closure, on_end, and after helio_client_wait(): status, reason and
 * details, who spoke and whether the call was handed over. `message` is the
 * response as it came, with its metadata.
 */
HELIO_API const struct helio_reply *helio_client_reply(
	const struct helio_client *client);

/**
 * Call a unary method and block for its reply. Returns the status, HELIO_OK
 * with *ret_response, which lives until the next wait or helio_client_free();
 * or a negative errno when the request could not be sent, -EDEADLK from a
 * callback.
 */
HELIO_API int helio_client_wait(struct helio_client *client,
				unsigned method_index,
				const ProtobufCMessage *request,
				const ProtobufCMessage **ret_response);

/** NULL where nobody needs it, but on_end. */
struct helio_stream_events {
	/* One of the messages of a stream of replies. */
	void (*on_message)(struct helio_stream *stream,
			   const ProtobufCMessage *message, void *userdata);
	/*
	 * The same before it is unpacked, instead of on_message: for who
	 * unpacks them by other means. Nothing of the bytes has been judged,
	 * and they may stand in memory that the other side still writes to:
	 * copy first.
	 */
	void (*on_packed)(struct helio_stream *stream, const void *bytes,
			  size_t n, void *userdata);
	/* After an -EAGAIN there is credit again. */
	void (*on_writable)(struct helio_stream *stream, void *userdata);
	/*
	 * It is over, and freed afterwards. `response` is that of a method
	 * without a stream of replies, and NULL unless the status is OK.
	 */
	void (*on_end)(struct helio_stream *stream,
		       const struct helio_reply *reply,
		       const ProtobufCMessage *response, void *userdata);
};

/**
 * Call a method with streams. `request` is NULL when the requests are a
 * stream, and the one request otherwise. Errors as helio_call_start().
 * -EINVAL: no such method, or a request where none goes.
 */
HELIO_API int helio_client_stream(struct helio_client *client,
				  unsigned method_index,
				  const ProtobufCMessage *request,
				  const struct helio_stream_events *events,
				  void *userdata,
				  struct helio_stream **ret_stream);

/**
 * Send one request. -EAGAIN: the callee has not granted enough; on_writable
 * tells when to try again. -EPIPE: after helio_stream_finish(), or it is over.
 * -EINVAL: a message of another type.
 */
HELIO_API int helio_stream_send(struct helio_stream *stream,
				const ProtobufCMessage *message);
/** No more requests come. -EAGAIN, -EPIPE as above. */
HELIO_API int helio_stream_finish(struct helio_stream *stream);
/** In on_packed: as helio_call_keep(). */
HELIO_API void *helio_stream_keep(struct helio_stream *stream);
/** The callee is told; no callback comes any more, and the stream is freed. */
HELIO_API void helio_stream_cancel(struct helio_stream *stream);
/** Take no more messages, beyond what was granted already; go on. */
HELIO_API void helio_stream_pause(struct helio_stream *stream);
HELIO_API void helio_stream_resume(struct helio_stream *stream);

/* Servers. */

struct helio_server;  /* an instance of a service */
struct helio_serving; /* one call that it has to answer */

/**
 * A call came in. `request` is NULL when the requests are a stream. `serving`
 * is the program's until helio_serving_reply() or helio_serving_fail(), now or
 * later, each of which frees it.
 */
typedef void (*helio_method_fn)(struct helio_serving *serving,
				const ProtobufCMessage *request,
				void *userdata);

/**
 * How serving stands: HELIO_OK once it is registered. UNAVAILABLE: the registry
 * of schemas is away; it is tried again by itself. FAILED_PRECONDITION: the
 * schema breaks what is known. Again when a later connection ends otherwise.
 */
typedef void (*helio_server_ready_fn)(struct helio_server *server,
				      unsigned status, const char *reason,
				      void *userdata);

/** It drains, and the last of its calls is answered: it may be freed. */
typedef void (*helio_drained_fn)(struct helio_server *server, void *userdata);

/** All zero, or NULL, is a good default. */
struct helio_server_options {
	uint32_t credit_calls; /* at once; 0: 1,024 */
	uint64_t credit_bytes; /* of requests; 0: 16 MiB */
	uint32_t window_bytes; /* of each stream of requests; 0: 256 KiB */
	struct helio_unpack_limits limits; /* of what callers send */
	const char *program;               /* shown by $info, and its version */
	const char *version;
	helio_server_ready_fn on_ready;
	helio_drained_fn on_drained; /* when it was an operator's doing */
	void *userdata;              /* of all callbacks, and of the methods */
};

/**
 * Serve `type` by `methods`, one for each of type->methods in their order;
 * NULL: UNIMPLEMENTED. Both must outlive the server. The methods of
 * helio.service.v1.Instance ($ping, $info, $stats, $check, $watch) are served
 * beside them.
 */
HELIO_API int helio_server_new(struct helio *bus,
			       const struct helio_service_type *type,
			       const helio_method_fn *methods,
			       const struct helio_server_options *options,
			       struct helio_server **ret_server);

/**
 * The same with an object that protoc-c's FOO__INIT makes. Methods with
 * streams are UNIMPLEMENTED. A method answers by its closure, now or later,
 * once; its closure_data is the struct helio_serving, which can be given to
 * helio_serving_fail() instead. NULL to the closure is INTERNAL.
 */
HELIO_API int helio_server_new_for(struct helio *bus,
				   const struct helio_service_type *type,
				   ProtobufCService *service,
				   const struct helio_server_options *options,
				   struct helio_server **ret_server);

/** Blocks until it is served; a refusal is -EACCES and the like. */
HELIO_API int helio_server_wait(struct helio_server *server, int timeout_ms);

/**
 * Calls that are not answered fail UNAVAILABLE; each serving still has to be
 * answered, which then only frees it. NULL is fine.
 */
HELIO_API void helio_server_free(struct helio_server *server);

/** `$inst.ID.SERVICE`, which reaches this one alone; "" before it is served. */
HELIO_API const char *helio_server_instance(const struct helio_server *server);

/**
 * Take no new calls; `on_drained`, or NULL, when the last is answered: now if
 * there is none.
 */
HELIO_API int helio_server_drain(struct helio_server *server,
				 helio_drained_fn on_drained);

enum helio_health {
	HELIO_HEALTH_UNKNOWN = 0,
	HELIO_HEALTH_SERVING = 1,
	HELIO_HEALTH_NOT_SERVING = 2,
	HELIO_HEALTH_DRAINING = 3,
};

/**
 * What $check says, and $watch whenever it changes: SERVING from the start,
 * DRAINING by itself. `text` is for people, or NULL.
 */
HELIO_API int helio_server_set_health(struct helio_server *server,
				      enum helio_health health,
				      const char *text);

/** NULL where nobody needs it. */
struct helio_serving_events {
	/* One of the messages of a stream of requests. */
	void (*on_message)(struct helio_serving *serving,
			   const ProtobufCMessage *message, void *userdata);
	/* The caller sends no more. */
	void (*on_finish)(struct helio_serving *serving, void *userdata);
	/* After an -EAGAIN there is credit again. */
	void (*on_writable)(struct helio_serving *serving, void *userdata);
	/* Nobody waits any more; it still has to be answered, to free it. */
	void (*on_cancelled)(struct helio_serving *serving, void *userdata);
};

/**
 * Told of this call from now on; copied. A stream of requests comes only to
 * who listens: a method that does not before it returns gets nothing until it
 * does.
 */
HELIO_API void helio_serving_listen(struct helio_serving *serving,
				    const struct helio_serving_events *events,
				    void *userdata);

/**
 * The request with its metadata, and who calls: message->source. Only within
 * the method.
 */
HELIO_API const struct helio_message *helio_serving_message(
	const struct helio_serving *serving);

/** Milliseconds until the caller stops waiting; 0 once it does not wait. */
HELIO_API uint32_t
helio_serving_time_left_ms(const struct helio_serving *serving);

/**
 * Send one of the replies of a stream. -EAGAIN until on_writable. -EINVAL: a
 * message of another type.
 */
HELIO_API int helio_serving_send(struct helio_serving *serving,
				 const ProtobufCMessage *message);

/**
 * The same with a message that is packed already, which is not looked at:
 * large ones need not be copied together first.
 */
HELIO_API int helio_serving_send_packed(struct helio_serving *serving,
					const void *bytes, size_t n);

/**
 * Answer, and free it. `message` is NULL where the replies are a stream, and
 * ends it. 0 also when nobody waits any more; errors leave it as it was:
 * -EINVAL, a message of another type, and those of helio_respond().
 */
HELIO_API int helio_serving_reply(struct helio_serving *serving,
				  const ProtobufCMessage *message);
/**
 * The same with a message that is packed already, which is not looked at: for
 * who packs it long before it may be sent. Not where the replies are a stream.
 */
HELIO_API int helio_serving_reply_packed(struct helio_serving *serving,
					 const void *bytes, size_t n);
HELIO_API int helio_serving_fail(struct helio_serving *serving, unsigned status,
				 const char *reason);
/** The same with details for programs. */
HELIO_API int helio_serving_fail_with(struct helio_serving *serving,
				      unsigned status, const char *reason,
				      const void *details, size_t n_details);

/** Take no more messages, beyond what was granted already; go on. */
HELIO_API void helio_serving_pause(struct helio_serving *serving);
HELIO_API void helio_serving_resume(struct helio_serving *serving);

#ifdef __cplusplus
}
#endif

#endif
