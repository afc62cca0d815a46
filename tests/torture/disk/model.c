/* SPDX-License-Identifier: MIT */

#include "tests/torture/disk/model.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/torture/disk/content.h"

enum { NAMES_MAX = 4096 };

/* Steps of the tape that are not on disk yet, by their numbers. */
struct pending {
	size_t *steps;
	size_t n;
	size_t n_max;
};

struct name {
	char *path; /* NULL: free */
	uint32_t file;
};

struct model {
	const struct tape *tape;
	size_t at;
	struct dice dice;
	struct content *files; /* as they are on disk, by number */
	struct pending *writes;
	struct name *names; /* on disk */
	size_t n_names;
	struct pending renames;
};

static void die(const char *what)
{
	perror(what);
	abort();
}

static void pending_add(struct pending *pending, size_t step)
{
	if (pending->n == pending->n_max) {
		pending->n_max = pending->n_max ? 2 * pending->n_max : 16;
		pending->steps =
			realloc(pending->steps,
				pending->n_max * sizeof(*pending->steps));
		if (!pending->steps)
			die("model");
	}
	pending->steps[pending->n++] = step;
}

/* ---- names ---- */

static struct name *name_lookup(struct name *names, size_t n, const char *path)
{
	for (size_t i = 0; i < n; i++)
		if (names[i].path && !strcmp(names[i].path, path))
			return &names[i];
	return NULL;
}

static void name_set(struct name *names, size_t *n, const char *path,
		     uint32_t file)
{
	struct name *name = name_lookup(names, *n, path);

	if (!name) {
		if (*n == NAMES_MAX)
			die("model: too many names");
		name = &names[(*n)++];
		name->path = strdup(path);
	}
	name->file = file;
}

static void name_apply(struct name *names, size_t *n,
		       const struct tape_step *step)
{
	const char *gone =
		step->kind == TAPE_RENAME ? step->old_path : step->path;
	struct name *name;

	if (step->kind != TAPE_UNLINK)
		name_set(names, n, step->path, step->file);
	if (step->kind == TAPE_LINK)
		return;
	name = name_lookup(names, *n, gone);
	/* What has the name now may be another file, made later. */
	if (name && name->file == step->file) {
		free(name->path);
		name->path = NULL;
	}
}

/* ---- playing ---- */

static void apply_write(struct content *content, const struct tape_step *step)
{
	if (step->kind == TAPE_RESIZE)
		content_resize(content, step->offset);
	else
		content_write(content, step->offset, step->bytes, step->n);
}

/* Which sectors of a step are kept is drawn for each of them alone. */
static void apply_some(struct content *content, const struct tape_step *step,
		       struct dice *dice, unsigned percent)
{
	uint64_t at = step->offset, end = step->offset + step->n;

	if (step->kind == TAPE_RESIZE) {
		if (dice_is(dice, percent))
			content_resize(content, step->offset);
		return;
	}
	while (at < end) {
		uint64_t next = (at / CONTENT_SECTOR + 1) * CONTENT_SECTOR;
		size_t n = (size_t)((next < end ? next : end) - at);

		if (dice_is(dice, percent))
			content_write(content, at,
				      step->bytes ? step->bytes +
							    (at - step->offset)
						  : NULL,
				      n);
		at += n;
	}
}

static void sync_file(struct model *model, uint32_t file, bool is_good)
{
	struct pending *pending = &model->writes[file];

	for (size_t i = 0; i < pending->n; i++) {
		const struct tape_step *step =
			&model->tape->steps[pending->steps[i]];

		if (is_good)
			apply_write(&model->files[file], step);
		else
			apply_some(&model->files[file], step, &model->dice, 50);
	}
	pending->n = 0;
}

static bool is_in_folder(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	if (!n)
		return !strchr(path, '/');
	return !strncmp(path, folder, n) && path[n] == '/' &&
	       !strchr(path + n + 1, '/');
}

static void sync_folder(struct model *model, const char *folder)
{
	struct pending *pending = &model->renames;
	size_t n_left = 0;

	for (size_t i = 0; i < pending->n; i++) {
		const struct tape_step *step =
			&model->tape->steps[pending->steps[i]];

		if (is_in_folder(step->path, folder))
			name_apply(model->names, &model->n_names, step);
		else
			pending->steps[n_left++] = pending->steps[i];
	}
	pending->n = n_left;
}

static void play_step(struct model *model, size_t number)
{
	const struct tape_step *step = &model->tape->steps[number];

	switch (step->kind) {
	case TAPE_WRITE:
	case TAPE_RESIZE:
		pending_add(&model->writes[step->file], number);
		break;
	case TAPE_SYNC:
	case TAPE_SYNC_FAILED:
		sync_file(model, step->file, step->kind == TAPE_SYNC);
		break;
	case TAPE_LINK:
	case TAPE_UNLINK:
	case TAPE_RENAME:
		pending_add(&model->renames, number);
		break;
	case TAPE_SYNC_FOLDER:
		sync_folder(model, step->path);
		break;
	}
}

void model_play(struct model *model, size_t n)
{
	while (model->at < n)
		play_step(model, model->at++);
}

/* ---- drawing ---- */

/* How much of what was not synced is on disk. */
enum mood {
	MOOD_NOTHING,
	MOOD_ALL,
	MOOD_FEW,
	MOOD_HALF,
	MOOD_MOST,
	MOOD_STEPS,    /* whole writes, or nothing of them */
	MOOD_IN_ORDER, /* up to a place, and of the one there a part */
	N_MOODS,
};

static const unsigned PERCENT[N_MOODS] = {
	[MOOD_FEW] = 10,
	[MOOD_HALF] = 50,
	[MOOD_MOST] = 90,
};

/* Where MOOD_IN_ORDER ends: at one number for all files. */
static bool is_before(size_t step, size_t end)
{
	return step < end;
}

static void draw_step(const struct tape_step *step, struct content *content,
		      struct dice *dice, enum mood mood)
{
	if (mood == MOOD_ALL || (mood == MOOD_STEPS && dice_is(dice, 50)))
		apply_write(content, step);
	else if (PERCENT[mood])
		apply_some(content, step, dice, PERCENT[mood]);
}

static size_t oldest_pending(const struct model *model)
{
	size_t oldest = model->at;

	for (uint32_t i = 0; i < model->tape->n_files; i++)
		if (model->writes[i].n && model->writes[i].steps[0] < oldest)
			oldest = model->writes[i].steps[0];
	return oldest;
}

static void draw_file(const struct model *model, uint32_t file,
		      struct dice *dice, enum mood mood, size_t end,
		      const char *path)
{
	const struct pending *pending = &model->writes[file];
	struct content content;

	content_copy(&model->files[file], &content);
	for (size_t i = 0; i < pending->n; i++) {
		size_t number = pending->steps[i];
		const struct tape_step *step = &model->tape->steps[number];

		if (mood != MOOD_IN_ORDER)
			draw_step(step, &content, dice, mood);
		else if (is_before(number, end))
			apply_write(&content, step);
		else if (number == end)
			apply_some(&content, step, dice, 50);
	}
	/* What a file got but was never written may be anything. */
	if (dice_is(dice, 12) && content.n > model->files[file].n)
		content_soil(&content, model->files[file].n, dice);
	content_save(&content, path);
	content_deinit(&content);
}

/* The names that are there, of the pending changes any. */
static struct name *draw_names(const struct model *model, struct dice *dice,
			       enum mood mood, size_t end, size_t *ret_n)
{
	struct name *names = calloc(NAMES_MAX, sizeof(*names));
	size_t n = 0;

	if (!names)
		die("model");
	for (size_t i = 0; i < model->n_names; i++)
		if (model->names[i].path)
			name_set(names, &n, model->names[i].path,
				 model->names[i].file);
	for (size_t i = 0; i < model->renames.n; i++) {
		size_t number = model->renames.steps[i];
		bool is_there = mood == MOOD_ALL;

		if (mood == MOOD_IN_ORDER)
			is_there = is_before(number, end);
		else if (mood != MOOD_ALL && mood != MOOD_NOTHING)
			is_there = dice_is(dice, 50);
		if (is_there)
			name_apply(names, &n, &model->tape->steps[number]);
	}
	*ret_n = n;
	return names;
}

static void make_folders(const char *folder, const char *path)
{
	char whole[1024];
	const char *slash = path;

	while ((slash = strchr(slash, '/'))) {
		snprintf(whole, sizeof(whole), "%s/%.*s", folder,
			 (int)(slash - path), path);
		if (mkdir(whole, 0700) < 0 && errno != EEXIST)
			die(whole);
		slash++;
	}
}

void model_draw(const struct model *model, struct dice *dice,
		const char *folder)
{
	enum mood mood = (enum mood)dice_below(dice, N_MOODS);
	size_t oldest = oldest_pending(model);
	size_t end = oldest + dice_below(dice, model->at - oldest + 1);
	char path[1024];
	size_t n;
	struct name *names = draw_names(model, dice, mood, end, &n);

	for (size_t i = 0; i < n; i++) {
		if (!names[i].path)
			continue;
		make_folders(folder, names[i].path);
		snprintf(path, sizeof(path), "%s/%s", folder, names[i].path);
		draw_file(model, names[i].file, dice, mood, end, path);
		free(names[i].path);
	}
	free(names);
}

void model_draw_kernel(struct model *model, size_t n, const char *folder)
{
	char path[1024];

	model_play(model, n);
	for (uint32_t i = 0; i < model->tape->n_files; i++)
		sync_file(model, i, true);
	for (size_t i = 0; i < model->renames.n; i++)
		name_apply(model->names, &model->n_names,
			   &model->tape->steps[model->renames.steps[i]]);
	for (size_t i = 0; i < model->n_names; i++) {
		if (!model->names[i].path)
			continue;
		make_folders(folder, model->names[i].path);
		snprintf(path, sizeof(path), "%s/%s", folder,
			 model->names[i].path);
		content_save(&model->files[model->names[i].file], path);
	}
}

/* ---- making ---- */

static void model_load(struct model *model, const char *base)
{
	char path[1024];

	for (uint32_t i = 0; i < model->tape->n_files; i++) {
		const char *name = tape_first_name(model->tape, i);

		if (!name)
			continue;
		snprintf(path, sizeof(path), "%s/%s", base, name);
		content_load(&model->files[i], path);
		name_set(model->names, &model->n_names, name, i);
	}
}

struct model *model_new(const struct tape *tape, const char *base,
			uint64_t seed)
{
	struct model *model = calloc(1, sizeof(*model));

	if (!model)
		die("model");
	model->tape = tape;
	model->dice = dice_new(seed, 77);
	model->files = calloc(TAPE_FILES_MAX, sizeof(*model->files));
	model->writes = calloc(TAPE_FILES_MAX, sizeof(*model->writes));
	model->names = calloc(NAMES_MAX, sizeof(*model->names));
	if (!model->files || !model->writes || !model->names)
		die("model");
	if (base)
		model_load(model, base);
	return model;
}

struct model *model_free(struct model *model)
{
	if (!model)
		return NULL;
	for (uint32_t i = 0; i < model->tape->n_files; i++) {
		content_deinit(&model->files[i]);
		free(model->writes[i].steps);
	}
	for (size_t i = 0; i < model->n_names; i++)
		free(model->names[i].path);
	free(model->renames.steps);
	free(model->names);
	free(model->writes);
	free(model->files);
	free(model);
	return NULL;
}
