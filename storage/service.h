/* SPDX-License-Identifier: MIT */
#ifndef STORAGE_SERVICE_H
#define STORAGE_SERVICE_H

/**
 * What all parts of helio-store share: the bus, the state, the threads, who
 * waits for what.
 *
 * Three threads: the loop, which has the state and answers; the writer, which
 * commits batches; and one that moves what was committed to where it belongs.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/list.h"
#include "base/spare.h"
#include "base/wheel.h"
#include "daemon/access.h"
#include "daemon/worker.h"
#include "storage/care.h"
#include "storage/commit.h"
#include "storage/downs.h"
#include "storage/guest.h"
#include "storage/outbox.h"
#include "storage/state/state.h"
#include "storage/watch.h"

struct backend;
struct caller;
struct helio;
struct helio_server;

enum {
	/* Of all callers: what waits for the disk, or for room. */
	SERVICE_WAITING_BYTES_MAX = 64 * 1024 * 1024,
	SERVICE_FAULT_BYTES = 320,
};

/** All zero is a good default. */
struct service_options {
	struct state_limits limits;
	uint64_t snapshot_bytes; /* of journal, before a snapshot; 0: 64 MiB */
};

struct service {
	char *path; /* of the store's file */
	uv_loop_t *uv;
	struct helio *bus; /* NULL: not started */
	struct access access;
	struct guests guests;
	struct state state;
	struct commits commits;
	struct watches watches;
	struct outbox outbox;
	struct worker writer;
	struct worker carer;
	struct care care;
	struct helio_server *buckets; /* NULL before they are made */
	struct helio_server *queues;
	struct downs downs;

	struct spares spare_wishes;
	unsigned n_wishes;
	uint64_t n_waiting_bytes;
	struct list asking;  /* struct wish: the switch */
	struct list unsent;  /* struct wish: they find no room */
	struct list follows; /* struct follow */
	struct list stirred; /* struct follow: those with something to tell */
	bool has_ready;      /* leases may be given that are waited for */
	uint64_t n_parked;   /* leases, ever */
	struct wheel wheel;  /* of the times until which they wait */

	uint64_t now_ms;   /* since 1970, of this turn; 0: not asked yet */
	uint64_t pause_ms; /* until then the store wants no step of its own */
	uv_timer_t due;    /* of the state and the wheel */
	uv_timer_t tick;   /* once a second */
	char fault[SERVICE_FAULT_BYTES]; /* of the disk; "": all is well */
	char told[SERVICE_FAULT_BYTES];  /* by $check */
	bool is_open;
	unsigned n_unanswered; /* services of which it is not known */
	unsigned n_served;     /* of those that were answered before on_ready */
	void (*on_ready)(void *userdata);
	void *userdata;
};

/**
 * Read the store in the folder `path`, or make one. Blocks on the disk; it is
 * for before the loop runs. -EBADMSG: it is damaged; what is wrong is logged.
 * service_deinit() is right either way.
 */
int service_open(struct service *service, struct backend *backend,
		 const char *path, const struct service_options *options);
/** Begin to serve. The bus and the loop are borrowed. */
int service_start(struct service *service, uv_loop_t *uv, struct helio *bus);
/** Store what waits, and close everything. Blocks on the disk. */
void service_deinit(struct service *service);

/** Before each sleep of the loop. True: there is more to do at once. */
bool service_turn(struct service *service);
/** The connection is there, or lost. */
void service_connection(struct service *service, bool is_there);

/** The time for steps; never before that of the last one. */
uint64_t service_now_ms(struct service *service);

/** Nobody: the store itself, in drafts. */
extern const struct caller service_nobody;
/** Whether the store itself may want a step now. */
bool service_may_step(struct service *service);

/** Say anew what $check says. */
void service_tell_health(struct service *service);

#endif
