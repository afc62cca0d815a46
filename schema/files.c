/* SPDX-License-Identifier: MIT */

#include "schema/files.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/wire.h"

enum {
	SET_FILE = 1,
	FILE_NAME = 1,
	FILE_PACKAGE = 2,
	FILE_DEPENDENCY = 3,
};

__attribute__((format(printf, 2, 3))) static int refuse(
	struct canonical_reason *reason, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(reason->text, sizeof(reason->text), format, arguments);
	va_end(arguments);
	return -EBADMSG;
}

static struct file_text text_of(const struct wire_field *field)
{
	return (struct file_text){ (const char *)field->bytes, field->n };
}

static int text_compare(struct file_text a, struct file_text b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int r = n ? memcmp(a.bytes, b.bytes, n) : 0;

	return r ? r : (a.n > b.n) - (a.n < b.n);
}

static bool is_printable(struct file_text text)
{
	for (size_t i = 0; i < text.n; i++)
		if ((unsigned char)text.bytes[i] < ' ' || text.bytes[i] == 0x7f)
			return false;
	return true;
}

static int file_compare(const void *a, const void *b)
{
	const struct file *one = a;
	const struct file *two = b;

	return text_compare(one->name, two->name);
}

/* The last of several names holds, as for every reader of protobuf. */
static int file_init(struct file *file, const struct wire_field *field,
		     struct canonical_reason *reason)
{
	struct wire wire = { field->bytes, field->bytes + field->n };
	struct wire_field inner;
	int r;

	*file = (struct file){ .bytes = field->bytes, .n_bytes = field->n };
	while ((r = wire_next(&wire, &inner)) > 0) {
		if (inner.number <= FILE_DEPENDENCY && inner.type != WIRE_BYTES)
			return refuse(reason, "malformed protobuf");
		if (inner.number == FILE_NAME)
			file->name = text_of(&inner);
		else if (inner.number == FILE_PACKAGE)
			file->package = text_of(&inner);
	}
	if (r < 0)
		return refuse(reason, "malformed protobuf");
	if (!file->name.n || file->name.n > FILE_NAME_MAX ||
	    !is_printable(file->name))
		return refuse(reason, "a file has no name, or a bad one");
	return 0;
}

static int check_unique(const struct files *files,
			struct canonical_reason *reason)
{
	for (size_t i = 1; i < files->n; i++) {
		struct file_text name = files->files[i].name;

		if (!text_compare(files->files[i - 1].name, name))
			return refuse(reason, "two files are called %.*s",
				      (int)name.n, name.bytes);
	}
	return 0;
}

int files_init(struct files *files, const uint8_t *bytes, size_t n,
	       struct canonical_reason *ret_reason)
{
	struct wire wire = { bytes, bytes + n };
	struct wire_field field;
	size_t n_files = 0;
	int r;

	*files = (struct files){ 0 };
	while ((r = wire_next(&wire, &field)) > 0)
		n_files += field.number == SET_FILE;
	if (r < 0)
		return refuse(ret_reason, "malformed protobuf");
	files->files = calloc(n_files ? n_files : 1, sizeof(*files->files));
	if (!files->files)
		return -ENOMEM;

	wire.at = bytes;
	while (wire_next(&wire, &field) > 0) {
		if (field.number != SET_FILE)
			continue;
		if (field.type != WIRE_BYTES)
			return refuse(ret_reason, "malformed protobuf");
		r = file_init(&files->files[files->n++], &field, ret_reason);
		if (r < 0)
			return r;
	}
	qsort(files->files, files->n, sizeof(*files->files), file_compare);
	return check_unique(files, ret_reason);
}

void files_deinit(struct files *files)
{
	free(files->files);
	*files = (struct files){ 0 };
}

static struct file *lookup(const struct files *files, struct file_text name)
{
	const struct file key = { .name = name };

	return bsearch(&key, files->files, files->n, sizeof(*files->files),
		       file_compare);
}

static int refuse_import(const struct file *file, struct file_text name,
			 struct canonical_reason *reason)
{
	if (name.n > FILE_NAME_MAX || !is_printable(name))
		return refuse(reason, "%.*s imports a file with a bad name",
			      (int)file->name.n, file->name.bytes);
	return refuse(reason, "%.*s imports %.*s, which is not in the set",
		      (int)file->name.n, file->name.bytes, (int)name.n,
		      name.bytes);
}

/* Each file stands in `waiting` once at most, for it is marked before. */
static int reach_imports(struct files *files, const struct file *file,
			 struct file **waiting, size_t *n_waiting,
			 struct canonical_reason *reason)
{
	struct wire wire = { file->bytes, file->bytes + file->n_bytes };
	struct wire_field field;

	while (wire_next(&wire, &field) > 0) {
		struct file *imported;

		if (field.number != FILE_DEPENDENCY)
			continue;
		imported = lookup(files, text_of(&field));
		if (!imported)
			return refuse_import(file, text_of(&field), reason);
		if (!imported->is_reached)
			waiting[(*n_waiting)++] = imported;
		imported->is_reached = true;
	}
	return 0;
}

int files_reach(struct files *files, const char *package,
		struct canonical_reason *ret_reason)
{
	struct file_text wanted = { package, strlen(package) };
	struct file **waiting;
	size_t n_waiting = 0;
	int r = 0;

	waiting = calloc(files->n ? files->n : 1, sizeof(struct file *));
	if (!waiting)
		return -ENOMEM;
	for (size_t i = 0; i < files->n; i++) {
		if (text_compare(files->files[i].package, wanted))
			continue;
		files->files[i].is_reached = true;
		waiting[n_waiting++] = &files->files[i];
	}
	if (!n_waiting)
		r = refuse(ret_reason, "no file is of the package %.*s",
			   FILE_NAME_MAX, package);
	while (r >= 0 && n_waiting) {
		n_waiting--;
		r = reach_imports(files, waiting[n_waiting], waiting,
				  &n_waiting, ret_reason);
	}
	free(waiting);
	return r;
}
