/* SPDX-License-Identifier: MIT */

/*
 * A FileDescriptorSet of a stranger. What is taken must be whole: packing it
 * again reads all of it.
 */

#include "schema/descriptor.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	_cleanup_(descriptor_set_freep) struct descriptor_set *set = NULL;
	int r;

	r = descriptor_set_new(bytes, n, &set);
	FUZZ_CHECK(r >= 0 && descriptor_error_text(r));
	FUZZ_CHECK(!r == !!set);
	for (size_t i = 0; set && i < set->files->n_file; i++)
		FUZZ_CHECK(set->files->file[i]->name);
	if (set)
		FUZZ_CHECK(protobuf_c_message_get_packed_size(
				   &set->files->base) <= 4 * n + 16);
	return 0;
}
