/* SPDX-License-Identifier: MIT */

#include "cli/builtin.h"

/* HELIO_BUILTIN_SET is the path of what protoc has written. */
__asm__(".pushsection .rodata\n"
	".balign 16\n"
	".globl helio_builtin_set, helio_builtin_set_end\n"
	".hidden helio_builtin_set, helio_builtin_set_end\n"
	"helio_builtin_set:\n"
	".incbin \"" HELIO_BUILTIN_SET "\"\n"
	"helio_builtin_set_end:\n"
	".byte 0\n"
	".popsection\n");

extern const uint8_t helio_builtin_set[];
extern const uint8_t helio_builtin_set_end[];

const uint8_t *builtin_set(size_t *ret_n)
{
	*ret_n = (size_t)(helio_builtin_set_end - helio_builtin_set);
	return helio_builtin_set;
}
