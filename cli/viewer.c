/* SPDX-License-Identifier: MIT */

#include "cli/viewer.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "cli/cursor_file.h"
#include "cli/exit.h"
#include "cli/reading.h"

enum { TEXT_BYTES_MAX = 256 << 20 };

/* ---- showing ---- */

static bool is_match(struct viewer *viewer,
		     const struct helio_log_record *record)
{
	_cleanup_(buffer_deinit) struct buffer text;
	regmatch_t part = { 0 };

	buffer_init(&text, TEXT_BYTES_MAX);
	if (!viewer->has_regex)
		return true;
	entry_text(&viewer->view, record, &text);
	part.rm_eo = (regoff_t)text.n;
	return regexec(&viewer->regex, text.bytes ? text.bytes : "", 1, &part,
		       REG_STARTEND) == 0;
}

static bool keep(struct viewer *viewer, const struct helio_log_record *record)
{
	char **kept =
		reallocarray(viewer->kept, viewer->n_kept + 1, sizeof(*kept));
	char *text = NULL;
	size_t n;
	FILE *out;

	if (!kept)
		return false;
	viewer->kept = kept;
	out = open_memstream(&text, &n);
	if (!out)
		return false;
	entry_write(&viewer->view, record, out);
	fclose(out);
	viewer->kept[viewer->n_kept++] = text;
	return text != NULL;
}

static bool has_enough(const struct viewer *viewer)
{
	bool is_counting = viewer->is_keeping || viewer->log->is_reverse;

	return is_counting && viewer->n_wanted > 0 &&
	       viewer->n_shown >= viewer->n_wanted;
}

/* Newest first, what is too old is the end. */
static bool is_too_old(const struct viewer *viewer,
		       const struct helio_log_record *record)
{
	return record->time_ns < viewer->since_ns ||
	       record->sequence < viewer->from;
}

static bool take(const struct helio_log_record *record, void *userdata)
{
	struct viewer *viewer = userdata;

	if ((viewer->is_keeping || viewer->log->is_reverse) &&
	    is_too_old(viewer, record))
		return false;
	if (!is_match(viewer, record))
		return true;
	viewer->n_shown++;
	if (!viewer->is_keeping)
		entry_write(&viewer->view, record, stdout);
	else if (!keep(viewer, record))
		return false;
	return !has_enough(viewer);
}

static int write_cursor(const struct viewer *viewer, uint64_t sequence)
{
	return cursor_file_write(viewer->log->cursor_file, viewer->logs.name,
				 sequence);
}

static struct helio_log_read_options options_of(const struct viewer *viewer)
{
	const struct log *log = viewer->log;

	return (struct helio_log_read_options){
		.until_unix_ns = viewer->until_ns,
		.filter = { .subjects = log->subjects.at,
			    .n_subjects = log->subjects.n,
			    .principals =
				    (const char *const *)viewer->principals,
			    .n_principals = log->domains.n },
		.is_following = log->is_following,
		.is_reverse = log->is_reverse,
		.pace_permille = viewer->pace_permille,
	};
}

static int read_on(struct viewer *viewer,
		   const struct helio_log_read_options *options)
{
	struct reading reading = {
		.logs = &viewer->logs,
		.take = take,
		.userdata = viewer,
		.is_json = viewer->view.format == ENTRY_JSON,
	};
	int r = reading_run(&reading, options);

	if (r == EXIT_OK && !options->is_reverse)
		r = write_cursor(viewer, reading.position);
	return r;
}

/*
 * The last few that match, of which only we know which do: newest first, until
 * there are enough of them, and then the other way round.
 */
static int show_last(struct viewer *viewer, uint64_t last)
{
	struct helio_log_read_options options = options_of(viewer);
	int r;

	options.is_following = false;
	options.is_reverse = true;
	options.pace_permille = 0;
	options.until_sequence = last + 1;
	if (!viewer->has_regex)
		options.limit = viewer->n_wanted;
	viewer->is_keeping = true;
	r = viewer->n_wanted > 0 ? read_on(viewer, &options) : EXIT_OK;
	viewer->is_keeping = false;
	for (size_t i = viewer->n_kept; i > 0; i--)
		if (viewer->kept[i - 1])
			fputs(viewer->kept[i - 1], stdout);
	return r;
}

static int show_last_and_follow(struct viewer *viewer)
{
	struct helio_log_read_options options = options_of(viewer);
	const Helio__Log__V1__Log *log;
	uint64_t last;
	int r = logs_get(&viewer->logs, &log);

	if (r != EXIT_OK)
		return r;
	last = log->last;
	r = show_last(viewer, last);
	if (r != EXIT_OK)
		return r;
	if (!viewer->log->is_following)
		return write_cursor(viewer, last + 1);
	options.place.sequence = last + 1;
	return read_on(viewer, &options);
}

int viewer_show(struct viewer *viewer)
{
	struct helio_log_read_options options = options_of(viewer);
	bool is_counted = viewer->n_wanted > 0 || viewer->log->n_lines == 0;

	/* How many of them match the logger does not know, or from where on. */
	if (is_counted && !options.is_reverse)
		return show_last_and_follow(viewer);
	if (!options.is_reverse && viewer->from > 0)
		options.place.sequence = viewer->from;
	else if (!options.is_reverse && viewer->since_ns > 0)
		options.place.unix_ns = viewer->since_ns;
	if (options.is_reverse && !viewer->has_regex)
		options.limit = viewer->n_wanted;
	return is_counted && viewer->n_wanted == 0 ? EXIT_OK
						   : read_on(viewer, &options);
}
