/* SPDX-License-Identifier: MIT */
/* Stands before the library's own xenevtchn_notify(), for all who call it. */
#include <dlfcn.h>
#include <stdatomic.h>
#include <xenevtchn.h>

#include "tests/xen/lab/ends/end.h"

static _Atomic uint64_t n_sent;

uint64_t n_notifications(void)
{
	return atomic_load_explicit(&n_sent, memory_order_relaxed);
}

__attribute__((visibility("default"))) int xenevtchn_notify(
	xenevtchn_handle *xce, evtchn_port_t port)
{
	static int (*next)(xenevtchn_handle * handle, evtchn_port_t port);

	if (!next)
		next = (int (*)(xenevtchn_handle *, evtchn_port_t))dlsym(
			RTLD_NEXT, "xenevtchn_notify");
	atomic_fetch_add_explicit(&n_sent, 1, memory_order_relaxed);
	return next(xce, port);
}
