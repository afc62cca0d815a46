/* SPDX-License-Identifier: MIT */

/* A line of JSON that should be a record: what is taken fits into a run. */

#include <errno.h>

#include "cli/entry_in.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	static struct run_builder builder;
	static bool is_open;
	char error[ENTRY_IN_ERROR_BYTES] = "";
	struct run_record record;
	struct arena arena;
	int r;

	if (!is_open)
		FUZZ_CHECK(run_builder_init(&builder) == 0);
	is_open = true;
	arena_init(&arena, ENTRY_IN_ARENA_BYTES);
	r = entry_in(&arena, (const char *)bytes, n, &record, error);
	FUZZ_CHECK(r <= 0 && (r != -EINVAL || *error));
	if (r == 0) {
		run_builder_clear(&builder);
		r = run_builder_add(&builder, &record);
		FUZZ_CHECK(r == 0 || r == -EINVAL || r == -EMSGSIZE);
	}
	arena_deinit(&arena);
	return 0;
}
