/* SPDX-License-Identifier: MIT */

#include "cli/pipe_source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/shipper.h"

int pipe_source_open(struct pipe_source *source, const char *file)
{
	source->name = file ? "file" : "stdin";
	source->fd = file ? open(file, O_RDONLY | O_CLOEXEC)
			  : fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	return source->fd < 0 ? -errno : 0;
}

int pipe_source_open_pipe(struct pipe_source *source, const char *name,
			  int *ret_theirs)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	source->fd = ends[0];
	source->name = name;
	*ret_theirs = ends[1];
	return 0;
}

void pipe_source_close(struct pipe_source *source)
{
	close_fdp(&source->fd);
	source->fd = -1;
}

/* `<3>` before a line says how bad it is, as systemd reads it, too. */
static void take_severity(const char **line, size_t *n, int *severity)
{
	if (*n < 3 || (*line)[0] != '<' || (*line)[2] != '>' ||
	    (*line)[1] < '0' || (*line)[1] > '7')
		return;
	*severity = (*line)[1] - '0';
	*line += 3;
	*n -= 3;
}

static int take_line(struct pipe_source *source, const char *line, size_t n,
		     bool is_continued)
{
	struct shipper_line like = { .severity = source->severity,
				     .stream = source->name,
				     .is_continued = is_continued };

	take_severity(&line, &n, &like.severity);
	/* Who waits has read a little too much, which is taken all the same. */
	if (!source->is_dropping || !shipper_is_full(source->shipper))
		return shipper_add(source->shipper, &like, line, n);
	shipper_drop(source->shipper);
	return 0;
}

/* What is left of the last line waits for its end, or for being too long. */
static int take_lines(struct pipe_source *source, bool is_over)
{
	const char *at = source->bytes;
	size_t n = source->n;
	const char *end;
	int r = 0;

	while (r == 0 && n > 0 && (end = memchr(at, '\n', n))) {
		size_t n_line = (size_t)(end - at);

		r = take_line(source, at, n_line, false);
		at += n_line + 1;
		n -= n_line + 1;
	}
	if (r == 0 && n > 0 && (is_over || n == PIPE_SOURCE_LINE_MAX)) {
		r = take_line(source, at, n, !is_over);
		n = 0;
	}
	memmove(source->bytes, at, n);
	source->n = n;
	return r;
}

int pipe_source_finish(struct pipe_source *source)
{
	pipe_source_close(source);
	return take_lines(source, true);
}

int pipe_source_read(struct pipe_source *source)
{
	ssize_t n = read(source->fd, source->bytes + source->n,
			 PIPE_SOURCE_LINE_MAX - source->n);

	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? 0 : -errno;
	source->n += (size_t)n;
	return n == 0 ? pipe_source_finish(source) : take_lines(source, false);
}
