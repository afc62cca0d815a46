/* SPDX-License-Identifier: MIT */

#include "vm/definition.h"

#include <errno.h>
#include <string.h>

#include "base/lines.h"

enum {
	MEMORY_DEFAULT = 64 << 20,
	GRACE_MS_DEFAULT = 10000,
	GRACE_MS_MAX = 600000,
	CPUS_MAX = 256,
};

#define MEMORY_MAX (UINT64_C(1) << 40)

/* A text that is being read. */
struct reading {
	struct lines lines;
	struct definition *definition;
	unsigned *set_by; /* which line has set each key; 0: none yet */
};

struct key {
	const char *name;
	bool is_repeated;
	bool takes_many; /* words after the first */
	int (*parse)(struct reading *reading);
};

static bool is_letter_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9');
}

bool definition_name_is_valid(const char *name, size_t n)
{
	if (!n || n > DEFINITION_NAME_MAX_BYTES || !is_letter_or_digit(*name))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!is_letter_or_digit(name[i]) && name[i] != '-' &&
		    name[i] != '_')
			return false;
	return true;
}

static int copy_word(struct lines *lines, const struct word *word,
		     char **ret_text)
{
	if (memchr(word->text, 0, word->n))
		return lines_fail(lines, "a NUL in a word");
	*ret_text = strndup(word->text, word->n);
	return *ret_text ? 0 : -ENOMEM;
}

/* QEMU would read what is not absolute from wherever helio-vm was started. */
static int copy_path(struct lines *lines, const struct word *word,
		     char **ret_path)
{
	if (*word->text != '/')
		return lines_fail(lines, "'%.*s' does not begin with '/'",
				  WORD_ARGS(word));
	return copy_word(lines, word, ret_path);
}

static int parse_number(struct reading *reading, uint64_t min, uint64_t max,
			uint64_t *ret_number)
{
	const struct word *word = &reading->lines.words[1];
	uint64_t number = 0;

	if (word_number(word, max, &number) || number < min)
		return lines_fail(&reading->lines,
				  "'%.*s' is no number from %llu to %llu",
				  WORD_ARGS(word), (unsigned long long)min,
				  (unsigned long long)max);
	*ret_number = number;
	return 0;
}

static int parse_driver(struct reading *reading)
{
	struct lines *lines = &reading->lines;
	const struct word *word = &lines->words[1];

	if (word->n > DEFINITION_DRIVER_MAX_BYTES ||
	    !definition_name_is_valid(word->text, word->n))
		return lines_fail(lines, "'%.*s' is no name of a driver",
				  WORD_ARGS(word));
	memcpy(reading->definition->driver, word->text, word->n);
	reading->definition->driver[word->n] = '\0';
	return 0;
}

static int parse_memory(struct reading *reading)
{
	uint64_t memory_bytes = 0;
	int r = parse_number(reading, 1 << 20, MEMORY_MAX, &memory_bytes);

	if (r < 0)
		return r;
	if (memory_bytes % (1 << 20))
		return lines_fail(&reading->lines,
				  "'%.*s' is no multiple of "
				  "1M",
				  WORD_ARGS(&reading->lines.words[1]));
	reading->definition->memory_bytes = memory_bytes;
	return 0;
}

static int parse_cpus(struct reading *reading)
{
	uint64_t cpus = 0;
	int r = parse_number(reading, 1, CPUS_MAX, &cpus);

	reading->definition->cpus = (uint32_t)cpus;
	return r;
}

static int parse_grace(struct reading *reading)
{
	uint64_t grace_ms = 0;
	int r = parse_number(reading, 0, GRACE_MS_MAX, &grace_ms);

	reading->definition->grace_ms = (uint32_t)grace_ms;
	return r;
}

static int parse_accel(struct reading *reading)
{
	const struct word *word = &reading->lines.words[1];

	if (word_is(word, "tcg"))
		reading->definition->accel = ACCEL_TCG;
	else if (word_is(word, "kvm"))
		reading->definition->accel = ACCEL_KVM;
	else
		return lines_fail(&reading->lines, "'%.*s' is none of tcg, kvm",
				  WORD_ARGS(word));
	return 0;
}

static int parse_kernel(struct reading *reading)
{
	return copy_path(&reading->lines, &reading->lines.words[1],
			 &reading->definition->kernel);
}

static int parse_initrd(struct reading *reading)
{
	return copy_path(&reading->lines, &reading->lines.words[1],
			 &reading->definition->initrd);
}

/* Words of all lines, with one space between each two. */
static int parse_append(struct reading *reading)
{
	struct lines *lines = &reading->lines;
	char **append = &reading->definition->append;
	size_t n = *append ? strlen(*append) : 0;

	if (!*append)
		*append = calloc(1, DEFINITION_APPEND_MAX_BYTES + 1);
	if (!*append)
		return -ENOMEM;
	for (size_t i = 1; i < lines->n_words; i++) {
		const struct word *word = &lines->words[i];

		if (memchr(word->text, 0, word->n))
			return lines_fail(lines, "a NUL in a word");
		if (n + 1 + word->n > DEFINITION_APPEND_MAX_BYTES)
			return lines_fail(lines,
					  "a command line of more than %d "
					  "bytes",
					  DEFINITION_APPEND_MAX_BYTES);
		if (n)
			(*append)[n++] = ' ';
		memcpy(*append + n, word->text, word->n);
		n += word->n;
	}
	return 0;
}

static int parse_disk_option(struct lines *lines, const struct word *word,
			     struct definition_disk *disk)
{
	if (word_is(word, "raw"))
		disk->is_qcow2 = false;
	else if (word_is(word, "qcow2"))
		disk->is_qcow2 = true;
	else if (word_is(word, "virtio"))
		disk->is_ide = false;
	else if (word_is(word, "ide"))
		disk->is_ide = true;
	else if (word_is(word, "readonly"))
		disk->is_read_only = true;
	else if (word_is(word, "snapshot"))
		disk->is_snapshot = true;
	else
		return lines_fail(lines, "'%.*s' is no option of a disk",
				  WORD_ARGS(word));
	return 0;
}

static int parse_disk(struct reading *reading)
{
	struct definition *definition = reading->definition;
	struct definition_disk *disk;
	struct lines *lines = &reading->lines;
	int r;

	if (definition->n_disks == DEFINITION_DISKS_MAX)
		return lines_fail(lines, "more than %d disks",
				  DEFINITION_DISKS_MAX);
	disk = &definition->disks[definition->n_disks];
	r = copy_path(lines, &lines->words[1], &disk->path);
	if (r < 0)
		return r;
	definition->n_disks++;
	for (size_t i = 2; r == 0 && i < lines->n_words; i++)
		r = parse_disk_option(lines, &lines->words[i], disk);
	return r;
}

static int parse_extra(struct reading *reading)
{
	struct definition *definition = reading->definition;
	struct lines *lines = &reading->lines;

	for (size_t i = 1; i < lines->n_words; i++) {
		char **extra = &definition->extra[definition->n_extra];
		int r;

		if (definition->n_extra == DEFINITION_EXTRA_MAX)
			return lines_fail(lines, "more than %d extra words",
					  DEFINITION_EXTRA_MAX);
		r = copy_word(lines, &lines->words[i], extra);
		if (r < 0)
			return r;
		definition->n_extra++;
	}
	return 0;
}

static const struct key keys[] = {
	{ "driver", false, false, parse_driver },
	{ "memory", false, false, parse_memory },
	{ "cpus", false, false, parse_cpus },
	{ "accel", false, false, parse_accel },
	{ "kernel", false, false, parse_kernel },
	{ "initrd", false, false, parse_initrd },
	{ "append", true, true, parse_append },
	{ "disk", true, true, parse_disk },
	{ "extra", true, true, parse_extra },
	{ "grace-ms", false, false, parse_grace },
};

enum { N_KEYS = sizeof(keys) / sizeof(*keys) };

static int parse_line(struct reading *reading)
{
	struct lines *lines = &reading->lines;
	const struct word *word = &lines->words[0];
	size_t i = 0;

	while (i < N_KEYS && !word_is(word, keys[i].name))
		i++;
	if (i == N_KEYS)
		return lines_fail(lines, "'%.*s' is no key of a machine",
				  WORD_ARGS(word));
	if (lines->n_words < 2 || (lines->n_words > 2 && !keys[i].takes_many))
		return lines_fail(lines, "a line is '%.*s VALUE'",
				  WORD_ARGS(word));
	if (reading->set_by[i] && !keys[i].is_repeated)
		return lines_fail(lines, "'%.*s' was set in line %u",
				  WORD_ARGS(word), reading->set_by[i]);
	reading->set_by[i] = lines->number;
	return keys[i].parse(reading);
}

/* What no line alone can be wrong about. */
static int check(struct lines *lines, const struct definition *definition)
{
	lines->number = 0;
	if (!definition->kernel && definition->initrd)
		return lines_fail(lines, "an initrd without a kernel");
	if (!definition->kernel && definition->append)
		return lines_fail(lines, "a command line without a kernel");
	return 0;
}

int definition_parse(const char *name, const char *file, const char *text,
		     size_t n_text, char *error, size_t n_error,
		     struct definition **ret_definition)
{
	_cleanup_(definition_freep) struct definition *definition = NULL;
	unsigned set_by[N_KEYS] = { 0 };
	struct reading reading = { .set_by = set_by };
	int r;

	definition = calloc(1, sizeof(*definition));
	if (!definition)
		return lines_fail_errno(file, -ENOMEM, error, n_error);
	memcpy(definition->name, name, strlen(name));
	memcpy(definition->driver, "qemu", sizeof("qemu"));
	definition->memory_bytes = MEMORY_DEFAULT;
	definition->cpus = 1;
	definition->grace_ms = GRACE_MS_DEFAULT;

	reading.definition = definition;
	lines_init(&reading.lines, file, text, n_text, error, n_error);
	while ((r = lines_next(&reading.lines)) > 0) {
		r = parse_line(&reading);
		if (r < 0)
			break;
	}
	if (r == 0)
		r = check(&reading.lines, definition);
	if (r == -ENOMEM)
		return lines_fail_errno(file, r, error, n_error);
	if (r < 0)
		return r;
	*ret_definition = take_ptr(definition);
	return 0;
}

struct definition *definition_free(struct definition *definition)
{
	if (!definition)
		return NULL;
	free(definition->kernel);
	free(definition->initrd);
	free(definition->append);
	for (size_t i = 0; i < definition->n_disks; i++)
		free(definition->disks[i].path);
	for (size_t i = 0; i < definition->n_extra; i++)
		free(definition->extra[i]);
	free(definition);
	return NULL;
}
