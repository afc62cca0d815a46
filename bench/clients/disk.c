/* SPDX-License-Identifier: MIT */

/*
 * A large log on disk, made once, opened and sought in:
 *
 *	bench-disk make FOLDER BYTES
 *	bench-disk forget FOLDER	drop it from the kernel's memory
 *	bench-disk open|time|subject FOLDER
 *
 * Each question is asked by a process of its own, and answered by a line of
 * JSON with the milliseconds that it took. Two records of a rare subject stand
 * in the middle and at the end.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "logger/log.h"
#include "storage/backend/backend.h"

#define RARE "bench.rare"

enum {
	BODY_BYTES = 1000,
	RUN_RECORDS = 1000,
	SUBJECTS = 1000,
	STEP_NS = 1000000,
};

static const uint64_t BEGIN_NS = UINT64_C(1700000000) * NS_PER_S;

static int fail(const char *what, int r)
{
	fprintf(stderr, "%s: %s\n", what, strerror(-r));
	return EXIT_FAILURE;
}

/* ---- making ---- */

static int add_record(struct run_builder *builder, uint64_t number,
		      const char *subject)
{
	static uint8_t body[BODY_BYTES];
	struct run_record record = {
		.time_ns = BEGIN_NS + number * STEP_NS,
		.kind = RUN_MESSAGE,
		.subject = subject,
		.n_subject = strlen(subject),
		.source = { .principal = "vm:bench",
			    .n_principal = 8,
			    .durable_id = "bench",
			    .n_durable_id = 5,
			    .incarnation = 1 },
		.body = body,
		.n_body = sizeof(body),
	};

	memcpy(body, &number, sizeof(number));
	return run_builder_add(builder, &record);
}

static int append_run(struct log *log, struct run_builder *builder,
		      uint64_t *number, bool has_rare)
{
	const struct log_verdict *verdicts;
	char subject[32];
	uint64_t first;
	size_t n;
	int r = 0;

	run_builder_clear(builder);
	for (unsigned i = 0; i < RUN_RECORDS && !r; i++) {
		snprintf(subject, sizeof(subject), "bench.%03u",
			 (unsigned)(*number % SUBJECTS));
		r = add_record(builder, (*number)++,
			       has_rare && i == 0 ? RARE : subject);
	}
	if (r < 0)
		return r;
	return log_append(log, builder, NULL, 0, &first, &verdicts, &n);
}

static int make(const char *folder, uint64_t n_bytes)
{
	uint64_t run_bytes = (uint64_t)RUN_RECORDS * (BODY_BYTES + 28);
	uint64_t n_runs = n_bytes / run_bytes, number = 0;
	struct run_builder builder;
	struct log_limits limits = { 0 };
	struct log *log;
	int r = run_builder_init(&builder);

	if (r < 0)
		return fail("make", r);
	r = log_open(backend_sqlite(), folder, true, &limits, &log, NULL);
	for (uint64_t i = 0; i < n_runs && !r; i++)
		r = append_run(log, &builder, &number,
			       i == n_runs / 2 || i == n_runs - 1);
	if (r < 0)
		return fail("make", r);
	log_close(log);
	run_builder_deinit(&builder);
	return EXIT_SUCCESS;
}

static int forget(const char *folder)
{
	struct dirent *entry;
	DIR *dir = opendir(folder);
	int fd;

	if (!dir)
		return fail(folder, -errno);
	while ((entry = readdir(dir))) {
		fd = openat(dirfd(dir), entry->d_name, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		fsync(fd);
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
		close(fd);
	}
	closedir(dir);
	return EXIT_SUCCESS;
}

/* ---- asking ---- */

static int ask_open(const char *folder)
{
	struct log_limits limits = { 0 };
	uint64_t begin_ns = clock_now_ns();
	struct log *log;
	int r = log_open(backend_sqlite(), folder, false, &limits, &log, NULL);

	if (r < 0)
		return fail("open", r);
	printf("{\"open_ms\": %.3f}\n",
	       (double)(clock_now_ns() - begin_ns) / 1e6);
	log_close(log);
	return EXIT_SUCCESS;
}

static int seek_time(struct view *view, uint64_t *ret_wanted,
		     uint64_t *ret_found)
{
	const struct log_status *status = view_status(view);
	uint64_t middle_ns = (status->first_ns + status->last_ns) / 2;

	middle_ns -= middle_ns % STEP_NS;
	*ret_wanted = (middle_ns - BEGIN_NS) / STEP_NS + 1;
	return view_seek_time(view, middle_ns, ret_found);
}

/* The rare one in the middle, from the first record on. */
static int seek_subject(struct view *view, uint64_t *ret_wanted,
			uint64_t *ret_found)
{
	const char *const patterns[] = { RARE };
	uint64_t n_runs = view_status(view)->last / RUN_RECORDS;

	*ret_wanted = n_runs / 2 * RUN_RECORDS + 1;
	return view_seek_subject(view, patterns, 1, 1, ret_found);
}

/* With the run read that the record lies in. */
static int ask_seek(const char *folder, const char *name,
		    int (*seek)(struct view *view, uint64_t *ret_wanted,
				uint64_t *ret_found))
{
	size_t n_buffer = 2u << 20, n;
	void *buffer = malloc(n_buffer);
	uint64_t wanted, found, next, begin_ns;
	struct view *view;
	int r = view_open(backend_sqlite(), folder, &view, NULL);

	if (r < 0 || !buffer)
		return fail(name, r < 0 ? r : -ENOMEM);
	begin_ns = clock_now_ns();
	r = seek(view, &wanted, &found);
	if (r >= 0)
		r = view_read(view, found, buffer, n_buffer, &n, &next);
	if (r < 0)
		return fail(name, r);
	printf("{\"%s_ms\": %.3f}\n", name,
	       (double)(clock_now_ns() - begin_ns) / 1e6);
	view_close(view);
	free(buffer);
	if (found <= wanted && wanted < next)
		return EXIT_SUCCESS;
	fprintf(stderr, "%s: %llu is found, and %llu was sought\n", name,
		(unsigned long long)found, (unsigned long long)wanted);
	return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "make"))
		return make(argv[2], strtoull(argv[3], NULL, 10));
	if (argc == 3 && !strcmp(argv[1], "forget"))
		return forget(argv[2]);
	if (argc == 3 && !strcmp(argv[1], "open"))
		return ask_open(argv[2]);
	if (argc == 3 && !strcmp(argv[1], "time"))
		return ask_seek(argv[2], "time", seek_time);
	if (argc == 3 && !strcmp(argv[1], "subject"))
		return ask_seek(argv[2], "subject", seek_subject);
	fprintf(stderr, "usage: %s make|forget|open|time|subject FOLDER\n",
		argv[0]);
	return 2;
}
