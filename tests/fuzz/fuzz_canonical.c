/* SPDX-License-Identifier: MIT */

/*
 * The canonical form of a stranger's set. The input is the package, a line
 * feed, and the set. What has a form is its own form.
 */

#include <string.h>

#include "schema/canonical.h"
#include "tests/fuzz/fuzz.h"

static void check_again(const struct canonical *canonical, const char *package)
{
	struct canonical_reason reason;
	struct canonical again;

	FUZZ_CHECK(canonical->n_set <= CANONICAL_BYTES_MAX);
	FUZZ_CHECK(!canonical_init(&again, canonical->set, canonical->n_set,
				   package, &reason));
	FUZZ_CHECK(again.n_set == canonical->n_set);
	FUZZ_CHECK(!memcmp(again.set, canonical->set, again.n_set));
	FUZZ_CHECK(!memcmp(again.hash, canonical->hash, sizeof(again.hash)));
	canonical_deinit(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct canonical_reason reason = { 0 };
	struct canonical canonical;
	char package[64] = { 0 };
	size_t n_package = 0;
	int r;

	while (n_package < n && bytes[n_package] != '\n')
		n_package++;
	if (n_package == n || n_package >= sizeof(package))
		return 0;
	memcpy(package, bytes, n_package);
	r = canonical_init(&canonical, bytes + n_package + 1, n - n_package - 1,
			   package, &reason);
	FUZZ_CHECK(!r == !reason.text[0]);
	if (!r) {
		check_again(&canonical, package);
		canonical_deinit(&canonical);
	}
	return 0;
}
