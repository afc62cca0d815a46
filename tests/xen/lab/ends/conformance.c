/* SPDX-License-Identifier: MIT */
/*
 * lab-conformance DOMID ORDER...: the suite that every kind of channel passes
 * (tests/conformance), on real pages and event channels, with rings of each
 * ORDER in turn. Both ends are in this domain, whose DOMID is, for the suite
 * has them in one process.
 */

#include "tests/conformance/conformance.h"

#include <stdio.h>
#include <stdlib.h>

/* A processor that is emulated takes its time. */
enum { DEATH_MS = 1000 };

static const char *domid;

/* Listeners of an earlier test may not have let go of their port yet. */
static void set_up(const struct conformance *kind, const char *folder,
		   char ret_address[CONFORMANCE_ADDRESS_BYTES],
		   struct transport_options *listening,
		   struct transport_options *connecting)
{
	static unsigned n_ports;

	snprintf(ret_address, CONFORMANCE_ADDRESS_BYTES, "vchan:%s/suite-%u",
		 domid, n_ports++);
	listening->ring_bytes = kind->ring_bytes;
}

static int run(unsigned order)
{
	char name[32];
	struct conformance kind = {
		.name = name,
		.scheme = "vchan",
		.set_up = set_up,
		.evidence = EVIDENCE_DOMAIN,
		.ring_bytes = 1U << order,
		.death_ms = DEATH_MS,
		.makes_up = true,
	};

	snprintf(name, sizeof(name), "vchan, order %u", order);
	return conformance_run(&kind);
}

int main(int argc, char **argv)
{
	int n_failed = 0;

	if (argc < 3) {
		fprintf(stderr, "lab-conformance: DOMID ORDER...\n");
		return 2;
	}
	domid = argv[1];
	for (int i = 2; i < argc; i++)
		n_failed += run((unsigned)strtoul(argv[i], NULL, 10));
	return n_failed != 0;
}
