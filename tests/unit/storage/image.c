/* SPDX-License-Identifier: MIT */

/* What a disk may hold after the power went: see recording.h. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tests/unit/storage/recording.h"

enum { SECTOR = 512, BLOCK = 4096 };

/* Blocks of zeros are not kept: logs are made long with zeros. */
struct content {
	unsigned char **blocks;
	size_t n_blocks;
	uint64_t length;
	/* Events since the last sync, by their places. */
	size_t *pending;
	size_t n_pending;
};

struct entry {
	char *path;
	int file; /* -1: a folder */
};

struct image {
	const struct recording *recording;
	uint64_t random;
	uint64_t mode; /* 0: keep nothing unsynced, 1: all, else some */
	struct content *files;
	struct entry *entries;
	size_t n_entries;
	size_t *pending; /* events of names */
	size_t n_pending;
};

static void *must(void *pointer)
{
	if (!pointer)
		abort();
	return pointer;
}

static uint64_t draw(struct image *image, uint64_t n)
{
	image->random ^= image->random << 13;
	image->random ^= image->random >> 7;
	image->random ^= image->random << 17;
	return (image->random >> 11) % n;
}

static bool is_kept(struct image *image)
{
	return image->mode > 1 ? draw(image, 2) == 0 : image->mode == 1;
}

/* ---- contents ---- */

static bool is_zero(const unsigned char *bytes, size_t n)
{
	return !n || (!bytes[0] && !memcmp(bytes, bytes + 1, n - 1));
}

static unsigned char *block_at(struct content *content, uint64_t place)
{
	if (place >= content->n_blocks) {
		size_t n = (size_t)place * 2 + 16;

		content->blocks = must(reallocarray(content->blocks, n,
						    sizeof(*content->blocks)));
		for (size_t i = content->n_blocks; i < n; i++)
			content->blocks[i] = NULL;
		content->n_blocks = n;
	}
	if (!content->blocks[place])
		content->blocks[place] = must(calloc(1, BLOCK));
	return content->blocks[place];
}

static bool is_nothing_at(const struct content *content, uint64_t place)
{
	return place >= content->n_blocks || !content->blocks[place];
}

static void put(struct content *content, uint64_t offset,
		const unsigned char *bytes, size_t n)
{
	if (offset + n > content->length)
		content->length = offset + n;
	while (n) {
		uint64_t place = offset / BLOCK;
		size_t within = offset % BLOCK;
		size_t n_here = BLOCK - within < n ? BLOCK - within : n;

		if (!is_nothing_at(content, place) || !is_zero(bytes, n_here))
			memcpy(block_at(content, place) + within, bytes,
			       n_here);
		offset += n_here;
		bytes += n_here;
		n -= n_here;
	}
}

static void truncate_to(struct content *content, uint64_t length)
{
	for (size_t i = 0; i < content->n_blocks; i++) {
		uint64_t start = (uint64_t)i * BLOCK;
		size_t n_left = length > start ? (size_t)(length - start) : 0;

		if (!content->blocks[i] || n_left >= BLOCK)
			continue;
		memset(content->blocks[i] + n_left, 0, BLOCK - n_left);
	}
	content->length = length;
}

static void apply(struct content *content, const struct recording_event *event)
{
	if (event->kind == RECORDING_WRITE)
		put(content, event->offset, event->bytes, event->n);
	else
		truncate_to(content, event->offset);
}

/* Some sectors of a write, or all, or none of it. */
static void apply_torn(struct image *image, struct content *content,
		       const struct recording_event *event)
{
	uint64_t fate = image->mode > 1 ? draw(image, 4) : image->mode;
	size_t at = 0;

	if (fate == 0)
		return;
	if (fate == 1 || event->kind != RECORDING_WRITE) {
		apply(content, event);
		return;
	}
	while (at < event->n) {
		size_t n = SECTOR - (event->offset + at) % SECTOR;

		if (n > event->n - at)
			n = event->n - at;
		if (draw(image, 2))
			put(content, event->offset + at, event->bytes + at, n);
		at += n;
	}
}

/* Those that are not synced, in any order. */
static void settle_unsynced(struct image *image, struct content *content)
{
	const struct recording_event *events = image->recording->events;

	for (size_t i = content->n_pending; i > 1 && image->mode > 1; i--) {
		size_t k = draw(image, i);
		size_t last = content->pending[i - 1];

		content->pending[i - 1] = content->pending[k];
		content->pending[k] = last;
	}
	for (size_t i = 0; i < content->n_pending; i++)
		apply_torn(image, content, &events[content->pending[i]]);
	content->n_pending = 0;
}

static void settle_synced(struct image *image, struct content *content)
{
	const struct recording_event *events = image->recording->events;

	for (size_t i = 0; i < content->n_pending; i++)
		apply(content, &events[content->pending[i]]);
	content->n_pending = 0;
}

static void add_pending(size_t **pending, size_t *n_pending, size_t event)
{
	if (!(*n_pending & (*n_pending - 1)))
		*pending = must(reallocarray(*pending, *n_pending * 2 + 2,
					     sizeof(**pending)));
	(*pending)[(*n_pending)++] = event;
}

/* ---- names ---- */

static struct entry *entry_lookup(struct image *image, const char *path)
{
	for (size_t i = 0; i < image->n_entries; i++)
		if (!strcmp(image->entries[i].path, path))
			return &image->entries[i];
	return NULL;
}

static void entry_remove(struct image *image, const char *path)
{
	struct entry *entry = entry_lookup(image, path);

	if (!entry)
		return;
	free(entry->path);
	*entry = image->entries[--image->n_entries];
}

static size_t length_of_folder(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? (size_t)(slash - path) : 0;
}

static bool is_in(const char *path, const char *folder)
{
	return path && strlen(folder) == length_of_folder(path) &&
	       !strncmp(path, folder, strlen(folder));
}

static bool has_folder(struct image *image, const char *path)
{
	char folder[4096];

	if (!length_of_folder(path))
		return true;
	snprintf(folder, sizeof(folder), "%.*s", (int)length_of_folder(path),
		 path);
	return entry_lookup(image, folder) != NULL;
}

static void entry_add(struct image *image, const char *path, int file)
{
	if (!has_folder(image, path))
		return;
	entry_remove(image, path);
	image->entries = must(reallocarray(image->entries, image->n_entries + 1,
					   sizeof(*image->entries)));
	image->entries[image->n_entries++] =
		(struct entry){ .path = must(strdup(path)), .file = file };
}

static bool is_below(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	return !strncmp(path, folder, n) && path[n] == '/';
}

static void entry_rename(struct image *image, const char *from, const char *to)
{
	size_t n = strlen(from);

	if (!entry_lookup(image, from) || !has_folder(image, to))
		return;
	entry_remove(image, to);
	for (size_t i = 0; i < image->n_entries; i++) {
		struct entry *entry = &image->entries[i];
		char *path;

		if (strcmp(entry->path, from) != 0 &&
		    !is_below(entry->path, from))
			continue;
		if (asprintf(&path, "%s%s", to, entry->path + n) < 0)
			abort();
		free(entry->path);
		entry->path = path;
	}
}

static void apply_name(struct image *image, const struct recording_event *event)
{
	switch (event->kind) {
	case RECORDING_CREATE:
		entry_add(image, event->path, (int)event->file);
		break;
	case RECORDING_MAKE_FOLDER:
		entry_add(image, event->path, -1);
		break;
	case RECORDING_RENAME:
		entry_rename(image, event->path, event->to);
		break;
	default:
		entry_remove(image, event->path);
	}
}

static void sync_folder(struct image *image, const char *folder)
{
	const struct recording_event *events = image->recording->events;
	size_t n_kept = 0;

	for (size_t i = 0; i < image->n_pending; i++) {
		const struct recording_event *event =
			&events[image->pending[i]];

		if (is_in(event->path, folder) || is_in(event->to, folder))
			apply_name(image, event);
		else
			image->pending[n_kept++] = image->pending[i];
	}
	image->n_pending = n_kept;
}

/* ---- all of it ---- */

static void replay(struct image *image, size_t place)
{
	const struct recording_event *event = &image->recording->events[place];
	struct content *content = &image->files[event->file];

	switch (event->kind) {
	case RECORDING_WRITE:
	case RECORDING_TRUNCATE:
		add_pending(&content->pending, &content->n_pending, place);
		break;
	case RECORDING_SYNC:
		settle_synced(image, content);
		break;
	case RECORDING_SYNC_FAILED:
		/* Nobody writes it any more, so its fate is settled now. */
		settle_unsynced(image, content);
		break;
	case RECORDING_SYNC_FOLDER:
		sync_folder(image, event->path);
		break;
	default:
		add_pending(&image->pending, &image->n_pending, place);
	}
}

static void cut_power(struct image *image)
{
	for (unsigned i = 0; i < image->recording->n_files; i++)
		settle_unsynced(image, &image->files[i]);
	for (size_t i = 0; i < image->n_pending; i++)
		if (is_kept(image))
			apply_name(
				image,
				&image->recording->events[image->pending[i]]);
}

static int write_content(const struct content *content, const char *path)
{
	_cleanup_(close_fdp) int fd = -1;

	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, (off_t)content->length))
		return -errno;
	for (size_t i = 0; i < content->n_blocks; i++) {
		uint64_t start = (uint64_t)i * BLOCK;
		size_t n = BLOCK;

		if (!content->blocks[i] || start >= content->length)
			continue;
		if (n > content->length - start)
			n = (size_t)(content->length - start);
		if (pwrite(fd, content->blocks[i], n, (off_t)start) !=
		    (ssize_t)n)
			return errno ? -errno : -EIO;
	}
	return 0;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->path,
		      ((const struct entry *)b)->path);
}

static int write_entries(struct image *image, const char *to)
{
	int r = 0;

	/* Folders come before what is in them. */
	if (image->n_entries)
		qsort(image->entries, image->n_entries, sizeof(struct entry),
		      by_path);
	for (size_t i = 0; i < image->n_entries && !r; i++) {
		const struct entry *entry = &image->entries[i];
		_cleanup_(freep) char *path = NULL;
		size_t n = strlen(entry->path);

		if (n > 4 && !strcmp(entry->path + n - 4, "-shm"))
			continue;
		if (asprintf(&path, "%s/%s", to, entry->path) < 0)
			abort();
		if (entry->file < 0)
			r = mkdir(path, 0700) ? -errno : 0;
		else
			r = write_content(&image->files[entry->file], path);
	}
	return r;
}

static void image_deinit(struct image *image)
{
	for (unsigned i = 0; i < image->recording->n_files; i++) {
		struct content *content = &image->files[i];

		for (size_t k = 0; k < content->n_blocks; k++)
			free(content->blocks[k]);
		free(content->blocks);
		free(content->pending);
	}
	for (size_t i = 0; i < image->n_entries; i++)
		free(image->entries[i].path);
	free(image->entries);
	free(image->pending);
	free(image->files);
}

int recording_image(const struct recording *recording, size_t n_events,
		    uint64_t seed, const char *to)
{
	struct image image = {
		.recording = recording,
		.random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1,
		.mode = seed % 8,
		.files = must(
			calloc(recording->n_files + 1, sizeof(struct content))),
	};
	int r;

	if (n_events < recording->n_base)
		n_events = recording->n_base;
	for (unsigned i = 0; i < 8; i++)
		draw(&image, 2);
	for (size_t i = 0; i < n_events && i < recording->n_events; i++)
		replay(&image, i);
	cut_power(&image);
	r = write_entries(&image, to);
	image_deinit(&image);
	return r;
}
