/* SPDX-License-Identifier: MIT */

/*
 * JSON from strangers, as the sample's messages: the first byte chooses which.
 * What is taken comes back from the wire.
 */

#include "base/cleanup.h"
#include "schema/json_in.h"
#include "schema/json_out.h"
#include "tests/fuzz/fuzz.h"
#include "tests/schema/sample.h"

enum { JSON_BYTES_MAX = 16 << 20 };

static const char *const names[] = { "Machine", "Legacy" };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	static struct pool *pool;
	_cleanup_(buffer_deinit) struct buffer buffer;
	_cleanup_(freep) uint8_t *wire = NULL;
	const struct pool_message *type;
	char error[RECORD_ERROR_BYTES] = "";
	size_t n_wire;
	int r;

	buffer_init(&buffer, JSON_BYTES_MAX);
	if (n == 0)
		return 0;
	pool = pool ? pool : sample_pool();
	type = sample_type(pool, names[bytes[0] % 2]);
	r = json_in(pool, type, bytes + 1, n - 1, &wire, &n_wire, error);
	FUZZ_CHECK(r <= 0 && (r == 0 || *error));
	if (r == 0) {
		r = json_out(pool, type, wire, n_wire, &buffer, error);
		/* A path of a mask may be one that does not come back. */
		FUZZ_CHECK(r == 0 || strstr(error, "JSON cannot tell"));
	}
	return 0;
}
