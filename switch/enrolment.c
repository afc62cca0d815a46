/* SPDX-License-Identifier: MIT */

#include "switch/enrolment.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/folder.h"
#include "base/lines.h"
#include "transports/keyfile.h"

/* A file that is being read. */
struct reading {
	struct enrolment *enrolment;
	char path[NAME_MAX + sizeof("domains/")]; /* for errors */
	char name[PRINCIPAL_NAME_MAX_BYTES + 1];  /* NAME of `NAME.suffix` */
	const char *text;
	size_t n_text;
	char *error;
	size_t n_error;
};

/* A folder of files of one kind. */
struct kind {
	const char *folder;
	const char *suffix;
	/* Returns 0 or -ENOMEM. */
	int (*reserve)(struct enrolment *enrolment, size_t n);
	/* Returns 0, or -EINVAL with the error set. */
	int (*add)(struct reading *reading);
};

static int fail(const struct reading *reading, const char *fault)
{
	snprintf(reading->error, reading->n_error, "%s: %s", reading->path,
		 fault);
	return -EINVAL;
}

int enrolment_parse_domain(const char *name, const char *text, size_t n_text,
			   char *error, size_t n_error,
			   struct socket_access *ret_access)
{
	struct socket_access access = socket_access_default();
	struct lines lines;
	int r;

	lines_init(&lines, name, text, n_text, error, n_error);
	while ((r = lines_next(&lines)) > 0) {
		if (lines.n_words != 2)
			return lines_fail(&lines, "a line is 'KEY VALUE'");
		r = socket_access_set(&access, &lines, lines.words);
		if (r > 0)
			return lines_fail(&lines,
					  "'%.*s' is none of owner, group, "
					  "mode",
					  WORD_ARGS(&lines.words[0]));
		if (r)
			return r;
	}
	if (r)
		return r;
	*ret_access = access;
	return 0;
}

static int reserve_domains(struct enrolment *enrolment, size_t n)
{
	enrolment->domains = calloc(n, sizeof(*enrolment->domains));
	return enrolment->domains ? 0 : -ENOMEM;
}

static int add_domain(struct reading *reading)
{
	struct enrolment *enrolment = reading->enrolment;
	struct enrolled_domain domain = { .name = "" };
	int r;

	if (principal_name_is_uuid(reading->name, strlen(reading->name)))
		return fail(reading, "a name in the form of a uuid is for "
				     "domains of the hypervisor");
	memcpy(domain.name, reading->name, strlen(reading->name));
	r = enrolment_parse_domain(reading->path, reading->text,
				   reading->n_text, reading->error,
				   reading->n_error, &domain.access);
	if (r)
		return r;
	enrolment->domains[enrolment->n_domains++] = domain;
	return 0;
}

static int reserve_keys(struct enrolment *enrolment, size_t n)
{
	enrolment->keys = calloc(n, sizeof(*enrolment->keys));
	return enrolment->keys ? 0 : -ENOMEM;
}

/* A key with two names would be whichever comes first. */
static int add_key(struct reading *reading)
{
	struct enrolment *enrolment = reading->enrolment;
	struct enrolled_key key = { .name = "" };
	const struct enrolled_key *other;
	char fault[128];

	memcpy(key.name, reading->name, strlen(reading->name));
	if (keyfile_parse_public(reading->text, reading->n_text, key.key))
		return fail(reading, "not one line of 40 characters of Z85");
	other = enrolment_lookup_key(enrolment, key.key);
	if (other) {
		snprintf(fault, sizeof(fault), "the key of '%s' once more",
			 other->name);
		return fail(reading, fault);
	}
	enrolment->keys[enrolment->n_keys++] = key;
	return 0;
}

static const struct kind kinds[] = {
	{ "domains", ".domain", reserve_domains, add_domain },
	{ "keys", ".pub", reserve_keys, add_key },
};

static int read_file(const struct kind *kind, struct reading *reading,
		     int folder_fd, const char *file)
{
	_cleanup_(freep) char *text = NULL;
	size_t n = strlen(file) - strlen(kind->suffix);
	int r;

	if (!principal_name_is_valid(file, n))
		return fail(reading, "its name is not one token of a subject "
				     "of at most 64 bytes");
	memcpy(reading->name, file, n);
	reading->name[n] = '\0';
	r = folder_read(folder_fd, file, &text, &reading->n_text);
	if (r)
		return lines_fail_errno(reading->path, r, reading->error,
					reading->n_error);
	reading->text = text;
	r = kind->add(reading);
	reading->text = NULL;
	return r;
}

static int read_folder(const struct kind *kind, struct reading *reading,
		       const struct folder *folder)
{
	for (size_t i = 0; i < folder->n_names; i++) {
		int r;

		snprintf(reading->path, sizeof(reading->path), "%s/%s",
			 kind->folder, folder->names[i]);
		r = read_file(kind, reading, folder->fd, folder->names[i]);
		if (r)
			return r;
	}
	return 0;
}

static int load_kind(const struct kind *kind, struct reading *reading,
		     const char *parent)
{
	_cleanup_(folder_close) struct folder folder = { .fd = -1 };
	char path[PATH_MAX];
	int r;

	snprintf(path, sizeof(path), "%s/%s", parent, kind->folder);
	r = folder_open(path, kind->suffix, &folder);
	if (r == -ENOENT)
		return 0;
	if (!r && folder.n_names)
		r = kind->reserve(reading->enrolment, folder.n_names);
	if (r)
		return lines_fail_errno(path, r, reading->error,
					reading->n_error);
	return read_folder(kind, reading, &folder);
}

int enrolment_load(const char *folder, char *error, size_t n_error,
		   struct enrolment *ret_enrolment)
{
	_cleanup_(enrolment_deinit) struct enrolment enrolment = {
		.n_domains = 0,
	};
	struct reading reading = {
		.enrolment = &enrolment,
		.error = error,
		.n_error = n_error,
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		int r = load_kind(&kinds[i], &reading, folder);

		if (r)
			return r;
	}
	*ret_enrolment = enrolment;
	enrolment = (struct enrolment){ .n_domains = 0 };
	return 0;
}

void enrolment_deinit(struct enrolment *enrolment)
{
	free(enrolment->domains);
	free(enrolment->keys);
	*enrolment = (struct enrolment){ .n_domains = 0 };
}

const struct enrolled_key *enrolment_lookup_key(
	const struct enrolment *enrolment,
	const uint8_t key[TRANSPORT_KEY_BYTES])
{
	for (size_t i = 0; i < enrolment->n_keys; i++)
		if (!memcmp(enrolment->keys[i].key, key, TRANSPORT_KEY_BYTES))
			return &enrolment->keys[i];
	return NULL;
}
