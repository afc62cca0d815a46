/* SPDX-License-Identifier: MIT */
#ifndef BASE_CRC32C_H
#define BASE_CRC32C_H

/**
 * CRC-32C (Castagnoli), as RFC 3720 has it: polynomial 0x1edc6f41, reflected,
 * begun and ended with all ones. By the processor's instruction where it has
 * one.
 */

#include <stddef.h>
#include <stdint.h>

/** Go on from `crc`, which is 0 before the first byte. */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t n);

/** The same without the instruction. */
uint32_t crc32c_plain(uint32_t crc, const void *bytes, size_t n);

#endif
