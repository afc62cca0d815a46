/* SPDX-License-Identifier: MIT */

#include "tests/torture/disk/tape.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/torture/disk/tape_inside.h"

enum { FDS_MAX = 4096 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct tape *tape;
static char root[TAPE_PATH_BYTES];
static size_t n_root;
static struct place places[FDS_MAX];
static char *names[TAPE_FILES_MAX]; /* by number: the path now, or NULL */
static bool is_forgetting_syncs;

static void die(const char *what)
{
	perror(what);
	abort();
}

static char *copy_text(const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		die("tape");
	return copy;
}

/* ---- what is noted ---- */

static bool is_zero(const uint8_t *bytes, size_t n)
{
	return n == 0 || (!bytes[0] && !memcmp(bytes, bytes + 1, n - 1));
}

static struct tape_step *note(enum tape_kind kind, uint32_t file)
{
	struct tape_step *step;

	if (tape->n == tape->n_max) {
		tape->n_max = tape->n_max ? 2 * tape->n_max : 1024;
		tape->steps = realloc(tape->steps,
				      tape->n_max * sizeof(*tape->steps));
		if (!tape->steps)
			die("tape");
	}
	step = &tape->steps[tape->n++];
	*step = (struct tape_step){ .kind = kind, .file = file };
	return step;
}

void tape_note_write(uint32_t file, uint64_t offset, const void *bytes,
		     size_t n)
{
	struct tape_step *step;

	if (!tape || !n)
		return;
	step = note(TAPE_WRITE, file);
	step->offset = offset;
	step->n = n;
	if (is_zero(bytes, n))
		return;
	step->bytes = malloc(n);
	if (!step->bytes)
		die("tape");
	memcpy(step->bytes, bytes, n);
}

void tape_note_resize(uint32_t file, uint64_t n)
{
	if (tape)
		note(TAPE_RESIZE, file)->offset = n;
}

void tape_note_name(enum tape_kind kind, uint32_t file, const char *path)
{
	if (tape)
		note(kind, file)->path = copy_text(path);
}

/* ---- which file it is ---- */

/* The path below the root, or NULL: it is elsewhere, or of no interest. */
static const char *below_root(const char *path)
{
	size_t n = strlen(path);

	if (!tape || strncmp(path, root, n_root) != 0 ||
	    (path[n_root] != '/' && path[n_root] != '\0'))
		return NULL;
	if (n > 4 && !strcmp(path + n - 4, "-shm"))
		return NULL;
	path += n_root;
	while (*path == '/')
		path++;
	return path;
}

/* A path that may be relative to a folder that is open. */
const char *tape_below_root(int folder_fd, const char *path,
			    char joined[TAPE_PATH_BYTES])
{
	const struct place *place;
	size_t n = strlen(path);

	if (path[0] == '/' || folder_fd == AT_FDCWD)
		return below_root(path);
	if (!tape || folder_fd < 0 || folder_fd >= FDS_MAX)
		return NULL;
	place = &places[folder_fd];
	if (place->kind != FD_FOLDER ||
	    (n > 4 && !strcmp(path + n - 4, "-shm")))
		return NULL;
	snprintf(joined, TAPE_PATH_BYTES, "%s%s%s", place->folder,
		 *place->folder ? "/" : "", path);
	return joined;
}

uint32_t tape_lookup(const char *path)
{
	for (uint32_t i = 0; i < tape->n_files; i++)
		if (names[i] && !strcmp(names[i], path))
			return i;
	return UINT32_MAX;
}

static uint32_t add_file(const char *path)
{
	if (tape->n_files == TAPE_FILES_MAX)
		die("tape: too many files");
	names[tape->n_files] = copy_text(path);
	return tape->n_files++;
}

static void forget_name(uint32_t file)
{
	free(names[file]);
	names[file] = NULL;
}

static struct place *place_of(int fd)
{
	return fd >= 0 && fd < FDS_MAX ? &places[fd] : NULL;
}

const struct place *tape_place(int fd)
{
	static const struct place FOREIGN = { .kind = FD_FOREIGN };
	const struct place *place = tape ? place_of(fd) : NULL;

	return place ? place : &FOREIGN;
}

void tape_lock(void)
{
	pthread_mutex_lock(&mutex);
}

void tape_unlock(void)
{
	pthread_mutex_unlock(&mutex);
}

void tape_note_sync(uint32_t file, bool is_good)
{
	if (tape && !is_forgetting_syncs)
		note(is_good ? TAPE_SYNC : TAPE_SYNC_FAILED, file);
}

void tape_note_unlink(const char *path)
{
	uint32_t file = tape_lookup(path);

	if (file == UINT32_MAX)
		return;
	tape_note_name(TAPE_UNLINK, file, path);
	forget_name(file);
}

void tape_note_rename(const char *from, const char *to)
{
	uint32_t file = tape_lookup(from), over = tape_lookup(to);

	if (file == UINT32_MAX)
		return;
	if (over != UINT32_MAX)
		forget_name(over);
	forget_name(file);
	names[file] = copy_text(to);
	tape_note_name(TAPE_RENAME, file, to);
	tape->steps[tape->n - 1].old_path = copy_text(from);
}

void tape_forget(int fd)
{
	struct place *place = place_of(fd);

	if (!place)
		return;
	free(place->folder);
	*place = (struct place){ .kind = FD_FOREIGN };
}

void tape_note_opened(int fd, const char *path, int flags)
{
	struct place *place = place_of(fd);
	uint32_t file;
	struct stat stat;

	tape_forget(fd);
	if (!place || fstat(fd, &stat) < 0)
		return;
	if (S_ISDIR(stat.st_mode)) {
		place->kind = FD_FOLDER;
		place->folder = copy_text(path);
		return;
	}
	file = tape_lookup(path);
	if (file == UINT32_MAX) {
		file = add_file(path);
		tape_note_name(TAPE_LINK, file, path);
	} else if (flags & O_TRUNC) {
		tape_note_resize(file, 0);
	}
	place->kind = FD_FILE;
	place->file = file;
}

/* ---- the tape ---- */

static void number_what_is_there(const char *folder)
{
	char path[2 * TAPE_PATH_BYTES];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/%s", root, folder);
	dir = opendir(path);
	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, TAPE_PATH_BYTES, "%s%s%s", folder,
			 *folder ? "/" : "", entry->d_name);
		if (entry->d_type == DT_DIR) {
			number_what_is_there(path);
			continue;
		}
		tape->first_names[tape->n_files] = copy_text(path);
		add_file(path);
	}
	closedir(dir);
}

static void begin(struct tape *ret_tape, const char *path)
{
	*ret_tape = (struct tape){ 0 };
	tape = ret_tape;
	tape->first_names = calloc(TAPE_FILES_MAX, sizeof(*tape->first_names));
	if (!tape->first_names)
		die("tape");
	snprintf(root, sizeof(root), "%s", path);
	n_root = strlen(root);
	tape_fault_reset();
}

void tape_begin(struct tape *ret_tape, const char *path)
{
	pthread_mutex_lock(&mutex);
	begin(ret_tape, path);
	number_what_is_there("");
	pthread_mutex_unlock(&mutex);
}

static struct tape_step copy_step(const struct tape_step *step)
{
	struct tape_step copy = *step;

	copy.path = step->path ? copy_text(step->path) : NULL;
	copy.old_path = step->old_path ? copy_text(step->old_path) : NULL;
	if (step->bytes) {
		copy.bytes = malloc(step->n);
		if (!copy.bytes)
			die("tape");
		memcpy(copy.bytes, step->bytes, step->n);
	}
	return copy;
}

/* The names that files have after a step. */
static void replay_name(const struct tape_step *step)
{
	uint32_t over;

	switch (step->kind) {
	case TAPE_UNLINK:
		forget_name(step->file);
		break;
	case TAPE_LINK:
	case TAPE_RENAME:
		over = tape_lookup(step->path);
		if (over != UINT32_MAX)
			forget_name(over);
		forget_name(step->file);
		names[step->file] = copy_text(step->path);
		break;
	default:
		break;
	}
}

void tape_begin_after(struct tape *ret_tape, const struct tape *before,
		      size_t n, const char *path)
{
	pthread_mutex_lock(&mutex);
	begin(ret_tape, path);
	tape->n_files = before->n_files;
	for (uint32_t i = 0; i < before->n_files; i++) {
		if (!before->first_names[i])
			continue;
		tape->first_names[i] = copy_text(before->first_names[i]);
		names[i] = copy_text(before->first_names[i]);
	}
	for (size_t i = 0; i < n; i++) {
		*note(TAPE_WRITE, 0) = copy_step(&before->steps[i]);
		replay_name(&before->steps[i]);
	}
	pthread_mutex_unlock(&mutex);
}

void tape_forget_syncs(void)
{
	is_forgetting_syncs = true;
}

void tape_stop(void)
{
	pthread_mutex_lock(&mutex);
	for (uint32_t i = 0; i < tape->n_files; i++)
		forget_name(i);
	for (int fd = 0; fd < FDS_MAX; fd++)
		tape_forget(fd);
	tape = NULL;
	tape_fault_reset();
	pthread_mutex_unlock(&mutex);
}

void tape_deinit(struct tape *old)
{
	for (size_t i = 0; i < old->n; i++) {
		free(old->steps[i].bytes);
		free(old->steps[i].path);
		free(old->steps[i].old_path);
	}
	for (uint32_t i = 0; i < old->n_files; i++)
		free(old->first_names[i]);
	free(old->first_names);
	free(old->steps);
	*old = (struct tape){ 0 };
}

size_t tape_position(void)
{
	size_t n;

	pthread_mutex_lock(&mutex);
	n = tape->n;
	pthread_mutex_unlock(&mutex);
	return n;
}

const char *tape_first_name(const struct tape *of, uint32_t file)
{
	return file < of->n_files ? of->first_names[file] : NULL;
}
