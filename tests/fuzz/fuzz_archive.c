/* SPDX-License-Identifier: MIT */

/* An archive of a log that a stranger wrote: each block is one that may be. */

#include <errno.h>

#include "cli/archive.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct archive_reader reader = { 0 };
	struct archive_block block;
	uint64_t last = 0;
	FILE *in;
	int r;

	if (n == 0)
		return 0;
	in = fmemopen((void *)(uintptr_t)bytes, n, "r");
	FUZZ_CHECK(in);
	r = archive_open(&reader, in);
	while (r >= 0 && (r = archive_next(&reader, &block)) > 0) {
		FUZZ_CHECK(block.n <= RUN_BYTES_MAX);
		FUZZ_CHECK(reader.totals.last >= last);
		last = reader.totals.last;
	}
	FUZZ_CHECK(r == 0 || r == -EBADMSG || r == -ENOMEM || r == -EIO);
	FUZZ_CHECK(r != -EBADMSG || *reader.error);
	archive_reader_deinit(&reader);
	fclose(in);
	return 0;
}
