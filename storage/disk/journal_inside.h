/* SPDX-License-Identifier: MIT */
#ifndef STORAGE_DISK_JOURNAL_INSIDE_H
#define STORAGE_DISK_JOURNAL_INSIDE_H

/**
 * Between the files that are the journal:
 *
 *	journal.c		opened, closed, measured
 *	journal_meta.c		what the file says of itself
 *	journal_load.c		read into a state: the steps, and all of it
 *	journal_pieces.c	the snapshot
 *	journal_commit.c	written
 *	journal_sweep.c		what is needed no more
 *	journal_marks.c		how much there is, and from where on
 *	journal_care.c		beside the writer
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/unpack.h"
#include "storage/backend/backend.h"
#include "storage/backend/fault.h"
#include "storage/disk/journal.h"
#include "storage/disk/journal_marks.h"

enum journal_table {
	JOURNAL_META,
	JOURNAL_STEPS,  /* first revision of a batch: its steps */
	JOURNAL_PIECES, /* generation << 40 | piece: rows, and their CRC */
	JOURNAL_TABLES,
};

extern const struct store_layout journal_layout;

enum {
	JOURNAL_ID_BYTES = 16,
	JOURNAL_PIECE_BITS = 40,
	/* What image_next() has made is cut into rows of at most this. */
	JOURNAL_PIECE_BYTES = 8 << 20,
	/* Steps that only windows need: so many bytes of them are kept. */
	JOURNAL_KEPT_BYTES = 64 << 20,
};

/** Of the table of steps. */
struct journal_extent {
	uint64_t first;    /* number of the first row that is needed */
	uint64_t last_row; /* and of the last one; 0: there is none yet */
	uint64_t last;     /* the revision with which that ends */
	uint64_t n_bytes;  /* of steps after the snapshot's begin */
};

struct journal_snapshot {
	uint64_t generation; /* 0: there is none */
	uint64_t n_pieces;   /* numbered from 0 */
	uint64_t n_bytes;
	uint64_t begin, end; /* revisions */
};

/** What changes with a commit, and only if it is on disk. */
struct journal_facts {
	struct journal_extent extent;
	struct journal_snapshot whole;
	struct journal_snapshot making;
	uint64_t n_making_bytes; /* of steps after the begin of `making` */
};

struct journal {
	struct backend *backend;
	struct store *store; /* NULL: it could not be opened again */
	char *path;
	unsigned flags;
	char id[2 * JOURNAL_ID_BYTES + 1];
	struct journal_facts facts;
	struct journal_marks marks;
	uint64_t next_generation;
	uint64_t n_kept_bytes; /* JOURNAL_KEPT_BYTES, but for tests */
	/* Something may be there to be removed. */
	bool has_old_steps;
	bool has_old_pieces;
};

/** With flags of store_open() instead of the usual ones: for tests. */
int journal_open_with(struct backend *backend, const char *path, unsigned flags,
		      struct state *state, struct journal **ret_journal,
		      char **ret_why);

static inline uint64_t journal_piece(uint64_t generation, uint64_t piece)
{
	return generation << JOURNAL_PIECE_BITS | piece;
}

/* ---- what the file says of itself; in a transaction or a snapshot ---- */

/** 1, or 0: nothing at all is there. Else -EBADMSG, and others. */
int journal_read_meta(struct journal *journal, struct fault *fault);
/** The first commit of a file. */
int journal_write_birth(struct journal *journal);
int journal_put_extent(struct journal *journal,
		       const struct journal_extent *extent);
int journal_put_snapshot(struct journal *journal,
			 const struct journal_snapshot *snapshot);

/* ---- reading ---- */

struct journal_loading {
	struct journal *journal;
	struct state *state; /* NULL: what was read is forgotten */
	struct fault *fault;
	struct unpack_arena arena;
	uint64_t row;      /* that is read now */
	uint64_t revision; /* of the last step */
	size_t n_row;      /* bytes of the last row of steps */
};

/** All of it, in a snapshot. */
int journal_load(struct journal *journal, struct state *state,
		 struct fault *fault);
/** Look at the last row alone; *ret_n: its bytes. */
int journal_load_last(struct journal *journal, size_t *ret_n,
		      struct fault *fault);
int journal_load_pieces(struct journal_loading *loading);
/** Lives until the next one. -EBADMSG: it is no such message. */
int journal_unpack(struct journal_loading *loading,
		   const ProtobufCMessageDescriptor *descriptor,
		   const uint8_t *bytes, size_t n,
		   ProtobufCMessage **ret_message);

/** The number of the row nearest to this one: 1; 0: there is none. */
int journal_seek(struct journal *journal, enum journal_table table,
		 enum store_seek seek, uint64_t number, uint64_t *ret_number);

/* ---- writing ---- */

/** Remove a few rows that are needed no more. */
int journal_sweep(struct journal *journal, const struct journal_facts *facts);

#endif
