/* SPDX-License-Identifier: MIT */

/*
 * What a client asks for, and what it is given: two rings that go together, no
 * larger than was asked for. The first two bytes are the most that is given.
 */

#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "transports/shm_setup.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	const uint8_t *request = bytes + 1;
	uint8_t again[SHM_SETUP_BYTES];
	struct shm_setup asked;
	struct shm_setup given;
	struct shm_setup most;

	if (n < 1 + SHM_SETUP_BYTES)
		return 0;
	FUZZ_CHECK(shm_setup_of_bytes(UINT32_C(1) << (10 + bytes[0] % 11),
				      &most) == 0);
	if (shm_setup_decode(request, &asked) < 0)
		return 0;
	shm_setup_encode(&asked, again);
	FUZZ_CHECK(!memcmp(request, again, sizeof(again)));
	if (shm_setup_grant(&asked, &most, &given) < 0) {
		FUZZ_CHECK(asked.left_order == RING_ORDER_MIN &&
			   asked.right_order == RING_ORDER_MIN);
		return 0;
	}
	FUZZ_CHECK(ring_orders_are_legal(given.left_order, given.right_order));
	FUZZ_CHECK(given.left_order <= asked.left_order);
	FUZZ_CHECK(given.right_order <= asked.right_order);
	return 0;
}
