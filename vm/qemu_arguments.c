/* SPDX-License-Identifier: MIT */

#include "vm/qemu_arguments.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Of what is no disk and no extra word. */
enum { WORDS_FIXED_MAX = 40 };

/* Words that are gathered; a failure is remembered until the end. */
struct words {
	char **list;
	size_t n;
	int r;
};

static void add_text(struct words *words, char *text)
{
	if (!text)
		words->r = -ENOMEM;
	else
		words->list[words->n++] = text;
}

__attribute__((format(printf, 2, 3))) static void add(struct words *words,
						      const char *format, ...)
{
	char *text = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	add_text(words, text);
}

static void add_pair(struct words *words, const char *option, const char *value)
{
	if (!value)
		return;
	add_text(words, strdup(option));
	add_text(words, strdup(value));
}

/* In QEMU's lists of options a comma in a value is written twice. */
static char *double_commas(const char *text)
{
	char *doubled = malloc(2 * strlen(text) + 1);
	char *end = doubled;

	if (!doubled)
		return NULL;
	for (; *text; text++) {
		if (*text == ',')
			*end++ = ',';
		*end++ = *text;
	}
	*end = '\0';
	return doubled;
}

static void add_disk(struct words *words, const struct definition_disk *disk)
{
	_cleanup_(freep) char *path = double_commas(disk->path);

	if (!path) {
		words->r = -ENOMEM;
		return;
	}
	add(words, "-drive");
	add(words, "file=%s,format=%s,if=%s,readonly=%s,snapshot=%s", path,
	    disk->is_qcow2 ? "qcow2" : "raw", disk->is_ide ? "ide" : "virtio",
	    disk->is_read_only ? "on" : "off",
	    disk->is_snapshot ? "on" : "off");
}

static void add_accel(struct words *words, enum definition_accel accel)
{
	if (accel != ACCEL_TCG)
		add_pair(words, "-accel", "kvm");
	if (accel != ACCEL_KVM)
		add_pair(words, "-accel", "tcg");
}

static void add_machine(struct words *words,
			const struct definition *definition)
{
	add(words, "-name");
	add(words, "guest=%s", definition->name);
	add_text(words, strdup("-no-user-config"));
	add_text(words, strdup("-nodefaults"));
	add_pair(words, "-display", "none");
	add_accel(words, definition->accel);
	add(words, "-m");
	add(words, "%lluM",
	    (unsigned long long)(definition->memory_bytes >> 20));
	add(words, "-smp");
	add(words, "%u", definition->cpus);
	add_pair(words, "-kernel", definition->kernel);
	add_pair(words, "-initrd", definition->initrd);
	add_pair(words, "-append", definition->append);
}

static void add_monitor(struct words *words)
{
	add_text(words, strdup("-S"));
	add(words, "-chardev");
	add(words, "socket,id=qmp,fd=%d,server=on,wait=off", QEMU_MONITOR_FD);
	add_pair(words, "-mon", "chardev=qmp,mode=control");
	add_pair(words, "-sandbox",
		 "on,obsolete=deny,elevateprivileges=deny,spawn=deny");
}

int qemu_arguments_new(const char *program, const struct definition *definition,
		       char ***ret_words)
{
	_cleanup_(qemu_arguments_freep) char **list = NULL;
	struct words words = { .r = 0 };

	list = calloc(WORDS_FIXED_MAX + 2 * definition->n_disks +
			      definition->n_extra + 1,
		      sizeof(*list));
	if (!list)
		return -ENOMEM;
	words.list = list;
	add_text(&words, strdup(program));
	add_machine(&words, definition);
	add_monitor(&words);
	for (size_t i = 0; i < definition->n_disks; i++)
		add_disk(&words, &definition->disks[i]);
	for (size_t i = 0; i < definition->n_extra; i++)
		add_text(&words, strdup(definition->extra[i]));
	if (words.r < 0)
		return words.r;
	*ret_words = take_ptr(list);
	return 0;
}

char **qemu_arguments_free(char **words)
{
	if (!words)
		return NULL;
	for (char **word = words; *word; word++)
		free(*word);
	free(words);
	return NULL;
}
