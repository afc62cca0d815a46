/* SPDX-License-Identifier: MIT */
#ifndef TESTS_XEN_MATCH_H
#define TESTS_XEN_MATCH_H

/** Our vchan against a peer by hand (raw.h), for cmocka tests. */

#include <stddef.h>
#include <stdint.h>

#include "tests/xen/raw.h"

#define ONE_UUID   "11111111-1111-1111-1111-111111111111"
#define TWO_UUID   "22222222-2222-2222-2222-222222222222"
#define THREE_UUID "33333333-3333-3333-3333-333333333333"

#define BAD_ORDERS "orders of rings that cannot be"
#define BAD_GRANTS "grants of a ring that cannot be mapped"
#define BAD_NUMBER "a key of vchan is no number"
#define BAD_OWNER  "a key of vchan belongs to another domain"
#define RAN_AHEAD  "a ring's index ran ahead of the ring"
#define MOVED_BACK "a ring's index moved back"

enum { SERVER = 1, CLIENT = 2, THIRD = 3, OURS = 7, THEIRS = 8 };

/* One of the two is ours: the other is the peer by hand. */
struct match {
	struct xen_world world;
	struct end_meeting meeting;
	struct end end;
	struct raw raw;
};

extern const unsigned match_orders[2];

/** For cmocka; the second fails when ours has not let go of everything. */
int match_set_up(void **state);
int match_tear_down(void **state);

/** The domain has no page, port, handle, watch nor transaction. */
void match_expect_nothing_left(struct match *match, uint32_t domid);

/** Theirs is a server, and its keys stand. */
void match_serve(struct match *match);

/** As its client; returns what connect() does. */
int match_connect_ours(struct match *match);

/** Theirs the server, or the client. */
void match_join_as_client(struct match *match);
void match_join_as_server(struct match *match);

/** Ours ends so; `reason` may be NULL: none. */
void match_expect_end(struct match *match, int error, const char *reason);

/** Ours does not connect. */
void match_expect_refused(struct match *match, const char *reason);

/** Bytes of theirs, put where the server's are, and one event. */
void match_send_as_server(struct match *match, size_t n);

/** So many come to ours. */
void match_expect_bytes(struct match *match, size_t n);

/** So many of ours. */
void match_give(struct match *match, size_t n);

#endif
