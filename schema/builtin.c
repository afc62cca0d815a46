/* SPDX-License-Identifier: MIT */

#include "schema/builtin.h"

#include <string.h>

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

bool builtin_has_name(const char *name, size_t n)
{
	static const char *const packages[] = {
		"helio.bus.v1.", "helio.log.v1.", "helio.registry.v1.",
		"helio.service.v1.", "helio.switch.v1."
	};

	for (size_t i = 0; i < sizeof(packages) / sizeof(*packages); i++)
		if (n > strlen(packages[i]) &&
		    memcmp(name, packages[i], strlen(packages[i])) == 0)
			return true;
	return false;
}
