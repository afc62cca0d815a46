/* SPDX-License-Identifier: MIT */

#include <stdio.h>

#include "tests/conformance/conformance.h"

static void set_up_path(const struct conformance *kind, const char *folder,
			char ret_address[CONFORMANCE_ADDRESS_BYTES],
			struct transport_options *listening,
			struct transport_options *connecting)
{
	snprintf(ret_address, CONFORMANCE_ADDRESS_BYTES, "%s:%s/socket",
		 kind->scheme, folder);
	connecting->ring_bytes = kind->ring_bytes;
}

static const struct conformance kinds[] = {
	{ .name = "pair", .ring_bytes = 65536, .evidence = EVIDENCE_INSIDE },
	{ .name = "pair of 1 KiB",
	  .ring_bytes = 1024,
	  .evidence = EVIDENCE_INSIDE },
	{ .name = "unix",
	  .scheme = "unix",
	  .set_up = set_up_path,
	  .evidence = EVIDENCE_SOCKET },
	{ .name = "shm",
	  .scheme = "shm",
	  .set_up = set_up_path,
	  .evidence = EVIDENCE_SOCKET },
	{ .name = "shm of 1 KiB",
	  .scheme = "shm",
	  .set_up = set_up_path,
	  .ring_bytes = 1024,
	  .evidence = EVIDENCE_SOCKET },
	{ .name = "shm of 4 KiB",
	  .scheme = "shm",
	  .set_up = set_up_path,
	  .ring_bytes = 4096,
	  .evidence = EVIDENCE_SOCKET },
};

int main(void)
{
	int n_failed = 0;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		n_failed += conformance_run(&kinds[i]);
	return n_failed;
}
