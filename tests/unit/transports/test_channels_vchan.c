/* SPDX-License-Identifier: MIT */

/* The conformance suite over vchan, between two domains of a stand-in. */

#include <stdio.h>

#include "tests/conformance/conformance.h"
#include "tests/xen/world.h"

enum { SERVER = 0, CLIENT = 7, N_ORDERS = 11, ORDER_MIN = 10 };

static struct xen_world world;

/* Listeners of an earlier test may not have let go of their port yet. */
static void set_up(const struct conformance *kind, const char *folder,
		   char ret_address[CONFORMANCE_ADDRESS_BYTES],
		   struct transport_options *listening,
		   struct transport_options *connecting)
{
	static unsigned n_ports;

	snprintf(ret_address, CONFORMANCE_ADDRESS_BYTES, "vchan:%d/port-%u",
		 SERVER, n_ports++);
	listening->ring_bytes = kind->ring_bytes;
}

static void enter(bool is_listening)
{
	xen_world_enter(&world, is_listening ? SERVER : CLIENT);
}

static int run(unsigned order)
{
	char name[32];
	struct conformance kind = {
		.name = name,
		.scheme = "vchan",
		.set_up = set_up,
		.listening_at = "vchan:7",
		.enter = enter,
		.evidence = EVIDENCE_DOMAIN,
		.ring_bytes = 1U << order,
		.makes_up = true,
	};

	snprintf(name, sizeof(name), "vchan, order %u", order);
	return conformance_run(&kind);
}

int main(void)
{
	int n_failed = 0;

	if (xen_world_start(&world) < 0 ||
	    xen_world_add(&world, CLIENT, "guest",
			  "77777777-7777-7777-7777-777777777777") < 0)
		return 1;
	for (unsigned i = 0; i < N_ORDERS; i++)
		n_failed += run(ORDER_MIN + i);
	xen_world_stop(&world);
	return n_failed;
}
