/* SPDX-License-Identifier: MIT */
#ifndef PROTO_RUN_FORM_H
#define PROTO_RUN_FORM_H

/** Where things stand in a run: for proto/run.c and proto/run_builder.c. */

#include <stddef.h>
#include <stdint.h>

#include "base/crc32c.h"
#include "base/le.h"
#include "proto/run.h"

#define RUN_MAGIC UINT32_C(0x4e555248) /* "HRUN" */

enum {
	HEAD_LENGTH = 4,
	HEAD_SEQUENCE = 8,
	HEAD_TIME = 16,
	HEAD_RECORDS = 24,
	HEAD_DICTIONARY = 28,
	HEAD_SUBJECTS = 32,
	HEAD_SOURCES = 34,
	HEAD_SCHEMAS = 36,
	HEAD_ZERO = 38,
	HEAD_ZERO_TOO = 40,
	HEAD_CRC = 44,

	SOURCE_PRINCIPAL = 8, /* lengths */
	SOURCE_DURABLE = 10,
	SOURCE_BYTES = 12,

	RECORD_CRC = 4,
	RECORD_SEQUENCE = 8,
	RECORD_TIME = 12,
	RECORD_SUBJECT = 16,
	RECORD_SOURCE = 18,
	RECORD_SCHEMA = 20,
	RECORD_METADATA = 22,
	RECORD_KIND = 24,
	RECORD_FLAGS = 25,
	RECORD_STATUS = 26,

	RUN_PREFIX_BYTES = 16,

	NS_PER_MICRO = 1000,
};

/* What the body of this kind begins with. */
static inline size_t run_n_prefix(unsigned kind)
{
	return kind == RUN_MESSAGE ? 0 : RUN_PREFIX_BYTES;
}

/* A source as it stands in a dictionary. */
static inline struct run_source run_source_at(const uint8_t *at)
{
	size_t n_principal = le16_load(at + SOURCE_PRINCIPAL);

	return (struct run_source){
		.incarnation = le64_load(at),
		.principal = (const char *)at + SOURCE_BYTES,
		.n_principal = n_principal,
		.durable_id = (const char *)at + SOURCE_BYTES + n_principal,
		.n_durable_id = le16_load(at + SOURCE_DURABLE),
	};
}

/* What a record in the making adds to the use of its words. */
static inline struct run_use run_use_of(const uint8_t *record)
{
	return (struct run_use){
		.n_records = 1,
		.n_keys = (record[RECORD_FLAGS] & RUN_HAS_KEY) != 0,
		.last_sequence = le32_load(record + RECORD_SEQUENCE),
		.n_bytes = le32_load(record),
	};
}

/* With what the checksum of a record begins, so that it fits nowhere else. */
static inline uint32_t run_seed(uint64_t base_sequence)
{
	uint8_t bytes[8];

	le64_store(bytes, base_sequence);
	return crc32c(0, bytes, sizeof(bytes));
}

#endif
