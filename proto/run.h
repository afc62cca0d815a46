/* SPDX-License-Identifier: MIT */
#ifndef PROTO_RUN_H
#define PROTO_RUN_H

/**
 * A run: records of a log that follow each other, as they lie on disk, travel
 * to readers and stand in archives. docs/LOG.md has the format.
 *
 * All numbers are little-endian. Head, 48 bytes:
 *	 0  u32  "HRUN"
 *	 4  u32  length of all of it, in bytes
 *	 8  u64  base sequence
 *	16  u64  base time, ns since 1970
 *	24  u32  records
 *	28  u32  length of the dictionary
 *	32  u16  subjects in it
 *	34  u16  sources
 *	36  u16  schemas
 *	38  u16  zero
 *	40  u32  zero
 *	44  u32  CRC32C of head (without this word) and dictionary
 * Dictionary: first the subjects, each a u8 length and its bytes (0: one that
 * the reader may not see); then the sources, each a u64 incarnation, a u16 and
 * a u16 length, the principal's bytes and its durable id's; then the schemas,
 * 32 bytes each.
 * Each record, 28 bytes:
 *	 0  u32  length of all of it
 *	 4  u32  CRC32C of what follows, begun with the base sequence (8 bytes)
 *	 8  u32  sequence, after the base
 *	12  u32  time after the base, in us
 *	16  u16  subject, by its place in the dictionary
 *	18  u16  source, the same
 *	20  u16  schema, the same, and 1 more; 0: none
 *	22  u16  length of the metadata
 *	24  u8   kind
 *	25  u8   flags
 *	26  u16  status, of a reply
 * then metadata (helio.bus.v1.Metadata), and the body to the end. A call, a
 * reply and a gap begin their body with 16 bytes, see enum run_kind.
 *
 * Records stand in the order of their sequences, which may leave some out. A
 * dictionary may have words that no record uses.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct run_words;

enum {
	RUN_HEAD_BYTES = 48,
	RUN_RECORD_BYTES = 28,
	RUN_SCHEMA_BYTES = 32,
	RUN_RECORDS_MAX = 65535,
	RUN_WORDS_MAX = 65534, /* of each kind in a dictionary */
	RUN_NAME_MAX = 512,    /* bytes of a principal, and of a durable id */
};

/** The longest run, and record in it, that anybody makes or takes. */
#define RUN_BYTES_MAX    ((size_t)16 << 20)
/** No record of a run is so much later than its first. */
#define RUN_SPAN_MAX_NS  (UINT64_C(3600) * 1000000000)
/** Sequences are from 1 to this. */
#define RUN_SEQUENCE_MAX (UINT64_C(1) << 62)

enum run_kind {
	RUN_MESSAGE = 1,
	/* Observed; the body begins with u64 slot, u64 zero. */
	RUN_CALL = 2,
	RUN_REPLY = 3,
	/*
	 * The log did not see messages here: u64 how many (0: unknown), u64
	 * zero, then a word that says why. Its subject is the pattern.
	 */
	RUN_GAP = 4,
};

enum run_flags {
	RUN_HAS_KEY = 1 << 0, /* it was published with an idempotency key */
};

struct run_source {
	const char *principal; /* not terminated, as the rest */
	size_t n_principal;
	const char *durable_id;
	size_t n_durable_id;
	uint64_t incarnation;
};

/** A record taken apart: it points into the run. */
struct run_record {
	uint64_t sequence;
	uint64_t time_ns;
	enum run_kind kind;
	uint8_t flags;
	uint16_t status;
	const char *subject;
	size_t n_subject;
	uint16_t place; /* of the subject, where one was taken apart */
	struct run_source source;
	const uint8_t *schema; /* 32 bytes, or NULL */
	const void *metadata;
	size_t n_metadata;
	const void *body; /* without the first 16 bytes where there are such */
	size_t n_body;
	uint64_t slot;   /* of a call or a reply */
	uint64_t n_lost; /* of a gap */
};

/* ---- taking apart: of bytes that may be anybody's ---- */

struct run_head {
	size_t n_bytes; /* of the whole run */
	uint64_t base_sequence;
	uint64_t base_time_ns;
	uint32_t n_records;
	uint32_t n_dictionary; /* bytes */
	uint16_t n_subjects, n_sources, n_schemas;
};

/**
 * Read the head at `bytes`, of which `n` are there, RUN_HEAD_BYTES at least.
 * What it says is possible, but no checksum is looked at, and the run may be
 * longer than `n`. Returns 0 or -EBADMSG.
 */
int run_head_decode(const void *bytes, size_t n, struct run_head *ret_head);

/**
 * The same for a run that is there as a whole: it is no longer than `n`, and
 * head and dictionary are as they were written. Returns 0 or -EBADMSG.
 */
int run_head_check(const void *bytes, size_t n, struct run_head *ret_head);

/** A run whose head and dictionary are found good. Embedded. */
struct run_reader {
	const uint8_t *bytes;
	struct run_head head;
	/* Inside. */
	size_t at;
	uint32_t n_left;
	uint64_t least; /* that the next record's offset may be */
	uint32_t seed;
	uint32_t *places; /* of subjects, then sources; allocated */
	size_t places_max;
	const uint8_t *schemas;
};

/**
 * Look at the run at `bytes`, which must live as long as the reader reads. It
 * may be shorter than `n`: reader->head.n_bytes is where the next one is.
 * `reader` is zeroed, or was used before. Returns 0; -EBADMSG, the head or the
 * dictionary is damaged; -ENOMEM.
 */
int run_reader_begin(struct run_reader *reader, const void *bytes, size_t n);
/** Safe on a zeroed one. */
void run_reader_deinit(struct run_reader *reader);
/**
 * The next record. Returns 1, 0 at the end, or -EBADMSG: this record is
 * damaged, and nothing after it can be trusted.
 */
int run_reader_next(struct run_reader *reader, struct run_record *ret_record);
/** What a record takes of a run, without its words. */
size_t run_record_bytes(const struct run_record *record);
/** A subject of the dictionary, below head.n_subjects. */
const char *run_reader_subject(const struct run_reader *reader, uint16_t place,
			       size_t *ret_n);

/* ---- putting together ---- */

/** A run in the making. Embedded; its memory is used again and again. */
struct run_builder {
	uint64_t base_time_ns;
	uint32_t n_records;
	/* Inside. */
	uint8_t *records;
	size_t n_bytes, n_bytes_max;
	uint8_t *dictionary; /* and the head before it, once finished */
	size_t dictionary_max;
	struct run_words *subjects, *sources, *schemas;
	uint64_t first_sequence;
	uint32_t last_sequence; /* after the first, as the time */
	uint32_t last_time_us;
};

/** Returns 0 or a negative errno, and then there is nothing to deinit. */
int run_builder_init(struct run_builder *builder);
/** Safe on a zeroed one. */
void run_builder_deinit(struct run_builder *builder);
/** Empty it, and keep its memory. */
void run_builder_clear(struct run_builder *builder);

/**
 * Add a record: its sequence counts only if it is above that of the one before
 * (0 in all of them: they follow each other), so that a run can leave some out.
 * A time before that of the last record counts as that. `kind` counts, and
 * `slot` and `n_lost` are written for the kinds that have them. Returns 0;
 * -EMSGSIZE: it does not fit into this run any more (length, records, words, or
 * more than an hour after the first): finish it and begin another; -EINVAL: it
 * fits into none; -ENOMEM. The run is as it was unless it returns 0.
 */
int run_builder_add(struct run_builder *builder,
		    const struct run_record *record);
/** Of the run, if it were finished now. */
size_t run_builder_bytes(const struct run_builder *builder);
/** The time of its last record. */
uint64_t run_builder_last_ns(const struct run_builder *builder);

/** No record is earlier than this: those that are get this time. */
void run_builder_not_before(struct run_builder *builder, uint64_t time_ns);

/**
 * Take out the records at these places, ascending; those after them move up,
 * in their sequences too.
 */
void run_builder_remove(struct run_builder *builder, const uint32_t *places,
			size_t n_places);

/**
 * Give it its base sequence, draw the checksums, and hand over the pieces, head
 * and dictionary first, records second; they live until the builder is changed.
 * Returns 0 or -ENOMEM.
 */
int run_builder_finish(struct run_builder *builder, uint64_t base_sequence,
		       const void *ret_pieces[2], size_t ret_lengths[2]);

/** A record in a builder. */
struct run_added {
	uint32_t sequence; /* after the first */
	uint16_t source;   /* its place */
	uint8_t flags;
	uint32_t n_bytes; /* of all of it */
	const void *body; /* with the first 16 bytes where there are such */
	size_t n_body;
};

/** Walk over the records: *at begins as 0. False at the end. */
bool run_builder_next(const struct run_builder *builder, size_t *at,
		      struct run_added *ret_added);

/** What the records of a run say of one subject, or of one source. */
struct run_use {
	uint32_t n_records;
	uint32_t n_keys;        /* of them with RUN_HAS_KEY */
	uint64_t last_sequence; /* after the first */
	uint64_t n_bytes;
};

uint16_t run_builder_n_subjects(const struct run_builder *builder);
/** Its use is 0 if its records were taken out. Lives until a change. */
const char *run_builder_subject(const struct run_builder *builder,
				uint16_t place, size_t *ret_n,
				struct run_use *ret_use);
uint16_t run_builder_n_sources(const struct run_builder *builder);
struct run_source run_builder_source(const struct run_builder *builder,
				     uint16_t place, struct run_use *ret_use);

#endif
