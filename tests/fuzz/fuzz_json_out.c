/* SPDX-License-Identifier: MIT */

/*
 * Messages from strangers, decoded without generated code: the first byte
 * chooses the type. What becomes JSON is taken back, and as the same.
 */

#include "base/cleanup.h"
#include "schema/json_in.h"
#include "schema/json_out.h"
#include "tests/fuzz/fuzz.h"
#include "tests/schema/sample.h"

enum { JSON_BYTES_MAX = 16 << 20 };

static const char *const names[] = { "Machine", "Legacy" };

static void check_again(const struct pool *pool,
			const struct pool_message *type,
			const struct buffer *json)
{
	_cleanup_(buffer_deinit) struct buffer again;
	_cleanup_(freep) uint8_t *wire = NULL;
	char error[RECORD_ERROR_BYTES] = "";
	size_t n;
	int r;

	buffer_init(&again, JSON_BYTES_MAX);
	r = json_in(pool, type, json->bytes, json->n, &wire, &n, error);
	if (r < 0 && strstr(error, "required, and missing"))
		return;
	FUZZ_CHECK(r == 0);
	FUZZ_CHECK(json_out(pool, type, wire, n, &again, error) == 0);
	FUZZ_CHECK(again.n == json->n &&
		   memcmp(again.bytes, json->bytes, json->n) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	static struct pool *pool;
	_cleanup_(buffer_deinit) struct buffer buffer;
	const struct pool_message *type;
	char error[RECORD_ERROR_BYTES] = "";
	int r;

	buffer_init(&buffer, JSON_BYTES_MAX);
	if (n == 0)
		return 0;
	pool = pool ? pool : sample_pool();
	type = sample_type(pool, names[bytes[0] % 2]);
	r = json_out(pool, type, bytes + 1, n - 1, &buffer, error);
	FUZZ_CHECK(r <= 0 && (r == 0 || *error));
	if (r == 0)
		check_again(pool, type, &buffer);
	return 0;
}
