/* SPDX-License-Identifier: MIT */
#ifndef CLI_STORES_H
#define CLI_STORES_H

/** Calls to helio-store: helio.store.v1.Buckets and .Queues. */

#include <helio/store/v1/store.helio.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "cli/session.h"

struct common;
struct input;
struct json;

/** A connection on which one of both services can be called. */
struct stores {
	struct session session;
	struct helio_client *client;
	const char *thing; /* that the calls are about, borrowed, as is `of` */
	const char *of;
};

enum { STORES_NAME_BYTES = 1024 };

/** What is not given on the command line, of numbers. */
#define STORES_UNSET UINT64_MAX

#define OPTION_ROWS_STORE                                          \
	OPTION_ROW_TIMEOUT("how long to wait for the store (5s)"), \
		OPTION_ROWS_BUS, OPTION_ROW_END

/*
 * Each returns an exit code; unless it is EXIT_OK, why was told.
 */

/**
 * `thing` and `of`, which may be NULL, name what is called about: `bucket/key`.
 */
int stores_open(struct stores *stores, const struct common *common,
		const struct helio_service_type *type, const char *thing,
		const char *of);
/** Fine in any case. */
void stores_close(struct stores *stores);

/**
 * Call and wait, the types being those of the method:
 *
 *	r = STORES_CALL(&stores, buckets__put, &request, &reply);
 *
 * The reply lives until the next call.
 */
#define STORES_CALL(stores, method, request, ret_reply)        \
	stores_end(stores, helio__store__v1__##method##__wait( \
				   (stores)->client, request, ret_reply))

/** How a call ended, `r` being what helio_client_wait() returned. */
int stores_end(struct stores *stores, int r);

/** The same of a status with its reason, about any thing. */
int stores_complain(const char *thing, const char *of, int status,
		    const char *reason);

/**
 * The bytes of an argument; of one that is NULL or "-" those of standard input,
 * to its end. They live as long as the text, or `input`, which is initialised.
 */
int stores_bytes(const char *thing, const char *of, const char *text,
		 struct input *input, ProtobufCBinaryData *ret_bytes);

/** A number that stands as argument `what`. */
int stores_number(const char *what, const char *text, uint64_t *ret_number);

/** protobuf-c's texts are not const, and are not written to. */
char *stores_text(const char *text);

/** `n` bytes in quotes; what is in them is escaped. */
void stores_quote(FILE *out, const void *bytes, size_t n);

/** Members of an object; nothing for a text that is not there or empty. */
void stores_json_text(struct json *json, const char *key, const char *text);
void stores_json_number(struct json *json, const char *key, uint64_t number);
/** Nothing for 0. */
void stores_json_limit(struct json *json, const char *key, uint64_t number);

/** A column of people's lists: a name and what it is. */
void stores_show_text(const char *name, const char *text);
void stores_show_number(const char *name, uint64_t number);
/* Nothing for 0. */
void stores_show_limit(const char *name, uint64_t number);
void stores_show_ms(const char *name, uint64_t ms);
void stores_show_time(const char *name, uint64_t unix_ms);

#endif
