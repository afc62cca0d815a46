/* SPDX-License-Identifier: MIT */
#ifndef RPC_TYPED_SERVER_H
#define RPC_TYPED_SERVER_H

/**
 * An instance of a typed service: its registration, its methods, its health.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/spare.h"
#include "rpc/heliograph-rpc.h"
#include "rpc/typed/enrolment.h"
#include "rpc/typed/intake.h"

/** What $stats tells of a method. */
struct method_stats {
	uint64_t n_calls;
	uint64_t n_failed;
	uint64_t n_pending;
	uint64_t n_started;
	uint64_t total_ns;
	uint64_t longest_ns;
	char *last_error; /* or NULL */
};

struct helio_server {
	struct helio *bus;
	const struct helio_service_type *type;
	const helio_method_fn *methods; /* or NULL, and then */
	ProtobufCService *object;       /* this */
	struct helio_server_options options;
	char *program; /* or NULL; ours, as is the next */
	char *version;
	struct helio_service *service;
	struct enrolment enrolment;
	struct intake intake;
	unsigned *by_name; /* indices of the methods, sorted by name */
	int last_index;    /* of the method that was called last */
	struct method_stats *stats;
	struct list servings; /* struct helio_serving */
	struct spares spare;  /* such, too */
	/* Whose method runs, for who runs it: NULL once it is not ours. */
	struct helio_serving **calling;
	struct list watchers; /* struct watcher */
	enum helio_health health;
	char *health_text; /* or NULL */
	helio_drained_fn on_drained;
	uint64_t started_ns;
};

/** What the userdata of a request points to: the beginning of one of two. */
struct duty {
	bool is_watch; /* of a struct watcher, and not of a helio_serving */
};

/** The method of that name, or -1. */
int server_find_method(const struct helio_server *server, const char *name);

#endif
