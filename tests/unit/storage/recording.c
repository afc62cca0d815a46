/* SPDX-License-Identifier: MIT */

#include "tests/unit/storage/recording.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

static void *must(void *pointer)
{
	if (!pointer)
		abort();
	return pointer;
}

static struct recording_event *add(struct recording *recording,
				   enum recording_kind kind)
{
	struct recording_event *event;

	if (recording->n_events == recording->n_events_max) {
		recording->n_events_max = recording->n_events_max * 2 + 64;
		recording->events = must(
			reallocarray(recording->events, recording->n_events_max,
				     sizeof(*recording->events)));
	}
	event = &recording->events[recording->n_events++];
	*event = (struct recording_event){ .kind = kind };
	return event;
}

const char *recording_below(const struct recording *recording, const char *path)
{
	size_t n = recording->root ? strlen(recording->root) : 0;

	if (!n || strncmp(path, recording->root, n) != 0)
		return NULL;
	if (!path[n])
		return path + n;
	return path[n] == '/' ? path + n + 1 : NULL;
}

/* What is called `path` was called this before the event: in `was`. */
static bool was_called(const struct recording_event *event, const char *path,
		       char was[PATH_MAX])
{
	size_t n = strlen(event->to);

	if (strncmp(path, event->to, n) != 0 || (path[n] && path[n] != '/'))
		return false;
	snprintf(was, PATH_MAX, "%s%s", event->path, path + n);
	return true;
}

static bool is_left_behind(const struct recording_event *event,
			   const char *path)
{
	size_t n = strlen(event->path);

	return !strncmp(path, event->path, n) && (!path[n] || path[n] == '/');
}

/* Back to when it got its name, by whatever names it had. */
int recording_lookup(const struct recording *recording, const char *path)
{
	char names[2][PATH_MAX];
	unsigned turn = 0;

	for (size_t i = recording->n_events; i-- > 0;) {
		const struct recording_event *event = &recording->events[i];

		if (event->kind == RECORDING_CREATE &&
		    !strcmp(event->path, path))
			return (int)event->file;
		if (event->kind == RECORDING_UNLINK &&
		    !strcmp(event->path, path))
			return -1;
		if (event->kind != RECORDING_RENAME)
			continue;
		if (was_called(event, path, names[turn])) {
			path = names[turn];
			turn = !turn;
		} else if (is_left_behind(event, path)) {
			return -1;
		}
	}
	return -1;
}

unsigned recording_create(struct recording *recording, const char *path)
{
	struct recording_event *event = add(recording, RECORDING_CREATE);

	event->file = recording->n_files++;
	event->path = must(strdup(path));
	return event->file;
}

void recording_write(struct recording *recording, unsigned file,
		     uint64_t offset, const void *bytes, size_t n)
{
	struct recording_event *event = add(recording, RECORDING_WRITE);

	event->file = file;
	event->offset = offset;
	event->n = n;
	event->bytes = must(malloc(n + 1));
	memcpy(event->bytes, bytes, n);
}

void recording_note(struct recording *recording, enum recording_kind kind,
		    unsigned file, uint64_t offset)
{
	struct recording_event *event = add(recording, kind);

	event->file = file;
	event->offset = offset;
}

void recording_name(struct recording *recording, enum recording_kind kind,
		    const char *path, const char *to)
{
	struct recording_event *event = add(recording, kind);

	event->path = must(strdup(path));
	if (to)
		event->to = must(strdup(to));
}

/* ---- what was there first ---- */

static int take_file(struct recording *recording, const char *full,
		     const char *path)
{
	_cleanup_(close_fdp) int fd = open(full, O_RDONLY | O_CLOEXEC);
	_cleanup_(freep) unsigned char *bytes = must(malloc(1 << 20));
	unsigned file = recording_create(recording, path);
	uint64_t at = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	while ((n = read(fd, bytes, 1 << 20)) > 0) {
		recording_write(recording, file, at, bytes, (size_t)n);
		at += (uint64_t)n;
	}
	recording_note(recording, RECORDING_SYNC, file, 0);
	return n < 0 ? -errno : 0;
}

static int take_folder(struct recording *recording, const char *path);

static int take_entry(struct recording *recording, const char *path)
{
	_cleanup_(freep) char *full = NULL;
	struct stat status;
	int r;

	if (asprintf(&full, "%s/%s", recording->root, path) < 0)
		abort();
	if (lstat(full, &status))
		return -errno;
	if (!S_ISDIR(status.st_mode))
		return take_file(recording, full, path);
	recording_name(recording, RECORDING_MAKE_FOLDER, path, NULL);
	r = take_folder(recording, path);
	return r;
}

static int take_folder(struct recording *recording, const char *path)
{
	_cleanup_(freep) char *full = NULL;
	struct dirent *entry;
	DIR *dir;
	int r = 0;

	if (asprintf(&full, "%s/%s", recording->root, path) < 0)
		abort();
	dir = opendir(full);
	if (!dir)
		return -errno;
	while (!r && (entry = readdir(dir))) {
		_cleanup_(freep) char *below = NULL;

		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (asprintf(&below, "%s%s%s", path, *path ? "/" : "",
			     entry->d_name) < 0)
			abort();
		r = take_entry(recording, below);
	}
	closedir(dir);
	recording_name(recording, RECORDING_SYNC_FOLDER, path, NULL);
	return r;
}

int recording_init(struct recording *recording, const char *root)
{
	*recording = (struct recording){ .root = must(strdup(root)) };
	for (size_t n = strlen(root); n > 1 && root[n - 1] == '/'; n--)
		recording->root[n - 1] = '\0';
	int r = take_folder(recording, "");

	recording->n_base = recording->n_events;
	return r;
}

void recording_deinit(struct recording *recording)
{
	for (size_t i = 0; i < recording->n_events; i++) {
		free(recording->events[i].bytes);
		free(recording->events[i].path);
		free(recording->events[i].to);
	}
	free(recording->events);
	free(recording->root);
	*recording = (struct recording){ 0 };
}
