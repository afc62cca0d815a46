# SPDX-License-Identifier: MIT
# All flags of our own code, on one interface target.

add_library(helio_flags INTERFACE)
target_include_directories(helio_flags INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_definitions(helio_flags INTERFACE _GNU_SOURCE)
target_compile_options(helio_flags INTERFACE
	-Wall -Wextra -Wshadow -Wwrite-strings -Wpointer-arith
	-Wundef -Wvla -Wformat=2 -Wimplicit-fallthrough -Wdate-time
	-Wredundant-decls -Wno-unused-parameter -Werror=return-type
	-fno-common -fvisibility=hidden -fno-strict-aliasing
	# The rest is C's alone; one peer of the bench is in C++.
	$<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes;-Wmissing-prototypes>
	$<$<COMPILE_LANGUAGE:C>:-Wold-style-definition;-Wnested-externs>
	$<$<COMPILE_LANGUAGE:C>:-Werror=implicit-function-declaration>
	$<$<COMPILE_LANGUAGE:C>:-Werror=incompatible-pointer-types>
	$<$<C_COMPILER_ID:GNU>:-Wlogical-op -Wduplicated-cond>
	# Of protoc-c's initialisers clang complains in whatever uses them.
	$<$<C_COMPILER_ID:GNU>:-Wcast-qual>
	$<$<BOOL:${HELIO_WERROR}>:-Werror>)

# Structures are filled and copied by plain stores. GCC takes `rep stos` for more
# than 32 bytes, with which the processor needs 30 cycles before it begins. Not
# where clang-tidy looks on, to which the options say nothing.
include(CheckCCompilerFlag)
set(strategies
	-mmemset-strategy=vector_loop:512:noalign,libcall:-1:noalign
	-mmemcpy-strategy=unrolled_loop:512:noalign,libcall:-1:noalign)
check_c_compiler_flag("${strategies}" HELIO_HAS_STRATEGIES)
if(HELIO_HAS_STRATEGIES)
	target_compile_options(helio_flags INTERFACE
		"$<$<CONFIG:Release>:${strategies}>")
endif()

if(HELIO_SANITIZE)
	add_compile_options(-fsanitize=${HELIO_SANITIZE}
		-fno-sanitize-recover=all -fno-omit-frame-pointer)
	add_link_options(-fsanitize=${HELIO_SANITIZE})
endif()

# Coverage for libFuzzer in all our code; its main only in the fuzz targets.
if(HELIO_FUZZ)
	add_compile_options(-fsanitize=fuzzer-no-link)
	add_link_options(-fsanitize=fuzzer-no-link)
endif()
