/* SPDX-License-Identifier: MIT */
#ifndef RPC_TYPED_INSTANCE_H
#define RPC_TYPED_INSTANCE_H

/**
 * The methods that every typed instance has beside its own:
 * helio.service.v1.Instance, as $ping, $info, $stats, $check and $watch.
 */

#include <stdbool.h>

#include "base/list.h"
#include "rpc/heliograph-rpc.h"
#include "rpc/typed/server.h"

enum { N_INSTANCE_METHODS = 5 };

/** A call of $watch that is told of changes. */
struct watcher {
	struct duty duty; /* first */
	struct list link; /* in helio_server.watchers */
	struct helio_server *server;
	struct helio_request *request;
	bool is_late; /* it has not been told the newest */
};

extern const char *const instance_methods[N_INSTANCE_METHODS];

/** Answer a call of `name`, which begins with `$`. */
void instance_call(struct helio_server *server, const char *name,
		   struct helio_request *request);

/** The health has changed: tell those who watch, and end with DRAINING. */
void instance_tell(struct helio_server *server);

/** Of a watcher's request. */
void watcher_writable(struct watcher *watcher);
void watcher_cancel(struct watcher *watcher);

/** The server is going: the library ends the requests. */
void instance_deinit(struct helio_server *server);

#endif
