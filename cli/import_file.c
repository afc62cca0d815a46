/* SPDX-License-Identifier: MIT */

#include "cli/import_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/entry_in.h"
#include "cli/exit.h"
#include "cli/output.h"
#include "cli/session.h"
#include "proto/unpack.h"

enum { RUN_BYTES_WANTED = 256 << 10, CONFIG_ARENA_BYTES = 4 << 20 };

static int complain_of_archive(struct import_file *file, int r)
{
	const char *path = file->path;

	if (r != -EBADMSG) {
		talk("%s: %s", path, strerror(-r));
		return EXIT_USAGE;
	}
	talk("%s: the first bad record is %" PRIu64 ": %s", path,
	     file->archive.bad_sequence, file->archive.error);
	return EXIT_USAGE;
}

static int complain_of_line(struct import_file *file, const char *why)
{
	talk("%s: line %" PRIu64 ": %s", file->path, file->n_lines, why);
	return EXIT_USAGE;
}

int import_file_begin(struct import_file *file)
{
	int r;

	rewind(file->in);
	file->n_lines = 0;
	file->last_sequence = 0;
	file->last_ns = 0;
	file->is_line_kept = false;
	archive_reader_deinit(&file->archive);
	if (!file->is_archive)
		return EXIT_OK;
	r = archive_open(&file->archive, file->in);
	return r < 0 ? complain_of_archive(file, r) : EXIT_OK;
}

int import_file_open(struct import_file *file, const char *path)
{
	char head[8];

	file->path = path;
	if (run_builder_init(&file->builder) < 0)
		return session_complain("log import", -ENOMEM, NULL);
	file->in = fopen(path, "rbe");
	if (!file->in) {
		talk("%s: %s", path, strerror(errno));
		return EXIT_USAGE;
	}
	file->is_archive = fread(head, 1, 8, file->in) == 8 &&
			   memcmp(head, "HELIOLOG", 8) == 0;
	if (fseek(file->in, 0, SEEK_SET) == 0)
		return EXIT_OK;
	talk("%s: it has to be a file, for it is read twice", path);
	return EXIT_USAGE;
}

/* ---- records of JSON ---- */

/* 1 with a line that is not empty, 0 at the end. */
static int next_line(struct import_file *file)
{
	if (file->is_line_kept) {
		file->is_line_kept = false;
		return 1;
	}
	do {
		file->n_line =
			getline(&file->line, &file->n_line_max, file->in);
		file->n_lines++;
	} while (file->n_line == 1);
	return file->n_line > 0;
}

/* 1 with a record. Otherwise an end, or a negative exit code was told. */
static int next_record(struct import_file *file, struct run_record *record)
{
	char error[ENTRY_IN_ERROR_BYTES];
	int r = next_line(file);

	if (r == 0)
		return 0;
	arena_deinit(&file->arena);
	arena_init(&file->arena, ENTRY_IN_ARENA_BYTES);
	r = entry_in(&file->arena, file->line, (size_t)file->n_line, record,
		     error);
	if (r == -EINVAL)
		return -complain_of_line(file, error);
	if (r < 0)
		return -complain_of_line(file, strerror(-r));
	if (record->sequence <= file->last_sequence)
		return -complain_of_line(file, "its sequence does not follow");
	if (record->time_ns < file->last_ns)
		return -complain_of_line(file, "its time goes back");
	return 1;
}

static void took(struct import_file *file, const struct run_record *record)
{
	file->last_sequence = record->sequence;
	file->last_ns = record->time_ns;
}

/* Records up to what one run takes. 1, 0 at the end, or minus an exit code. */
static int build_run(struct import_file *file)
{
	struct run_record record;
	int r;

	run_builder_clear(&file->builder);
	while (run_builder_bytes(&file->builder) < RUN_BYTES_WANTED ||
	       file->builder.n_records == 0) {
		r = next_record(file, &record);
		if (r <= 0)
			return r < 0 ? r : file->builder.n_records > 0;
		r = run_builder_add(&file->builder, &record);
		if (r == -EMSGSIZE && file->builder.n_records > 0) {
			file->is_line_kept = true;
			return 1;
		}
		if (r < 0)
			return -complain_of_line(file, strerror(-r));
		took(file, &record);
	}
	return 1;
}

/* ---- before anything is sent ---- */

static int keep_config(struct import_file *file,
		       const struct archive_block *block)
{
	struct unpack_arena arena = { .n_bytes = CONFIG_ARENA_BYTES };
	ProtobufCMessage *log;

	file->config_memory = malloc(CONFIG_ARENA_BYTES + block->n);
	if (!file->config_memory)
		return -ENOMEM;
	arena.bytes = file->config_memory;
	/* The block's memory is used again; the message must not need it. */
	memcpy(file->config_memory + CONFIG_ARENA_BYTES, block->bytes,
	       block->n);
	if (unpack(&helio__log__v1__log__descriptor,
		   file->config_memory + CONFIG_ARENA_BYTES, block->n, &arena,
		   &log) != 0)
		return -EBADMSG;
	file->config = ((Helio__Log__V1__Log *)log)->config;
	return 0;
}

static int check_archive(struct import_file *file)
{
	struct archive_block block;
	int r = import_file_begin(file);

	if (r != EXIT_OK)
		return r;
	while ((r = archive_next(&file->archive, &block)) > 0) {
		if (block.kind != ARCHIVE_LOG)
			continue;
		r = keep_config(file, &block);
		if (r == -EBADMSG) {
			talk("%s: the log's description is damaged",
			     file->path);
			return EXIT_USAGE;
		}
		if (r < 0)
			return session_complain("log import", r, NULL);
	}
	return r < 0 ? complain_of_archive(file, r) : EXIT_OK;
}

static int check_json(struct import_file *file)
{
	struct run_record record;
	int r = import_file_begin(file);

	if (r != EXIT_OK)
		return r;
	while ((r = next_record(file, &record)) > 0)
		took(file, &record);
	return -r;
}

/* ---- what it has ---- */

static int next_of_json(struct import_file *file,
			struct import_piece *ret_piece)
{
	int r = build_run(file);

	if (r <= 0)
		return r;
	r = run_builder_finish(&file->builder, file->builder.first_sequence,
			       ret_piece->bytes, ret_piece->lengths);
	return r < 0 ? -session_complain("log import", r, NULL) : 1;
}

static int next_of_archive(struct import_file *file,
			   struct import_piece *ret_piece)
{
	struct archive_block block;
	int r;

	while ((r = archive_next(&file->archive, &block)) > 0) {
		if (block.kind != ARCHIVE_RUN && block.kind != ARCHIVE_SCHEMA)
			continue;
		ret_piece->is_schema = block.kind == ARCHIVE_SCHEMA;
		ret_piece->bytes[0] = block.bytes;
		ret_piece->lengths[0] = block.n;
		return 1;
	}
	return r < 0 ? -complain_of_archive(file, r) : 0;
}

int import_file_next(struct import_file *file, struct import_piece *ret_piece)
{
	*ret_piece = (struct import_piece){ .is_schema = false };
	return file->is_archive ? next_of_archive(file, ret_piece)
				: next_of_json(file, ret_piece);
}

int import_file_check(struct import_file *file)
{
	return file->is_archive ? check_archive(file) : check_json(file);
}

void import_file_deinit(struct import_file *file)
{
	archive_reader_deinit(&file->archive);
	if (file->in)
		fclose(file->in);
	free(file->line);
	arena_deinit(&file->arena);
	run_builder_deinit(&file->builder);
	free(file->config_memory);
}
