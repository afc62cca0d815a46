/* SPDX-License-Identifier: MIT */

#include "cli/shipper.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "cli/output.h"

enum {
	PAUSE_FIRST_MS = 50,
	PAUSE_MAX_MS = 1000,
	KEY_BYTES = SHIPPER_ID_BYTES + 32,
	SEVERITY_WARNING = 4,
	HEADERS_MAX = 6,
};

static const char *const severities[] = {
	"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"
};

const char *shipper_severity_name(int severity)
{
	return severities[severity & 7];
}

static int draw_id(struct shipper *shipper)
{
	uint64_t number;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return -errno;
	snprintf(shipper->id, sizeof(shipper->id), "pipe-%016" PRIx64, number);
	return 0;
}

int shipper_init(struct shipper *shipper, struct helio *bus,
		 const char *subject, const char *id)
{
	*shipper = (struct shipper){ .bus = bus,
				     .subject = subject,
				     .pause_ms = PAUSE_FIRST_MS };
	list_init(&shipper->lines);
	if (!id)
		return draw_id(shipper);
	if (strlen(id) >= sizeof(shipper->id) || strchr(id, ':'))
		return -EINVAL;
	snprintf(shipper->id, sizeof(shipper->id), "%s", id);
	shipper->is_id_given = true;
	return 0;
}

static void line_free(struct shipper_line *line)
{
	list_unlink(&line->link);
	free(line);
}

/* The connection is closed before: no ack comes any more. */
void shipper_deinit(struct shipper *shipper)
{
	if (!shipper->lines.next)
		return;
	while (!list_is_empty(&shipper->lines))
		line_free(container_of(shipper->lines.next, struct shipper_line,
				       link));
}

bool shipper_is_full(const struct shipper *shipper)
{
	return shipper->n_lines >= SHIPPER_LINES_MAX ||
	       shipper->n_bytes >= SHIPPER_BYTES_MAX;
}

bool shipper_is_empty(const struct shipper *shipper)
{
	return list_is_empty(&shipper->lines) && shipper->n_dropped == 0;
}

static int add(struct shipper *shipper, const struct shipper_line *like,
	       const char *text, size_t n)
{
	struct shipper_line *line = malloc(sizeof(*line) + n);

	if (!line)
		return -ENOMEM;
	*line = (struct shipper_line){ .shipper = shipper,
				       .number = ++shipper->last_number,
				       .severity = like->severity,
				       .stream = like->stream,
				       .n_lost = like->n_lost,
				       .is_continued = like->is_continued,
				       .n = n };
	memcpy(line->text, text, n);
	list_init(&line->link);
	list_push_back(&shipper->lines, &line->link);
	shipper->n_lines++;
	shipper->n_bytes += n;
	return 0;
}

/* Where lines are missing a line says so, as soon as there is room for it. */
static int tell_dropped(struct shipper *shipper)
{
	const struct shipper_line like = { .severity = SEVERITY_WARNING,
					   .n_lost = shipper->n_dropped };
	char text[64];
	int n;

	if (shipper->n_dropped == 0)
		return 0;
	n = snprintf(text, sizeof(text), "%" PRIu64 " lines are missing here",
		     shipper->n_dropped);
	shipper->n_dropped = 0;
	return add(shipper, &like, text, (size_t)n);
}

int shipper_add(struct shipper *shipper, const struct shipper_line *like,
		const char *text, size_t n)
{
	int r = tell_dropped(shipper);

	return r < 0 ? r : add(shipper, like, text, n);
}

void shipper_drop(struct shipper *shipper)
{
	shipper->n_dropped++;
}

/* ---- answers ---- */

static struct shipper_line *first_line(struct shipper *shipper)
{
	return list_is_empty(&shipper->lines)
		       ? NULL
		       : container_of(shipper->lines.next, struct shipper_line,
				      link);
}

/* Another try may help; what the log says of the message itself will stay. */
static bool is_passing(unsigned status)
{
	return status == HELIO_UNAVAILABLE ||
	       status == HELIO_DEADLINE_EXCEEDED ||
	       status == HELIO_RESOURCE_EXHAUSTED || status == HELIO_ABORTED ||
	       status == HELIO_CANCELLED;
}

/*
 * The switch says it in words, that no log captures the subject: at first that
 * is a mistake, and later the logger is not back yet. The log says only that
 * the number is not the next one.
 */
static bool is_of_switch(const struct shipper *shipper)
{
	return strcmp(shipper->reason, helio_status_name(shipper->status)) != 0;
}

static bool is_capture_away(const struct shipper *shipper)
{
	return shipper->status == HELIO_FAILED_PRECONDITION &&
	       is_of_switch(shipper) && shipper->was_accepted;
}

/*
 * A log that has lost its memory of this producer, for it was made anew, wants
 * number 1: those that are left become the first ones of another.
 */
static bool rename_producer(struct shipper *shipper)
{
	struct list *link;

	if (shipper->status != HELIO_FAILED_PRECONDITION ||
	    is_of_switch(shipper) || shipper->is_id_given ||
	    shipper->was_renamed || draw_id(shipper) < 0)
		return false;
	shipper->was_renamed = true;
	shipper->last_number = 0;
	list_for_each (link, &shipper->lines)
		container_of(link, struct shipper_line, link)->number =
			++shipper->last_number;
	return true;
}

static void on_timer(struct helio *bus, void *userdata)
{
	struct shipper *shipper = userdata;

	shipper->timer = NULL;
	shipper_send(shipper);
}

static void try_later(struct shipper *shipper)
{
	uint32_t pause_ms = shipper->pause_ms;

	if (shipper->timer)
		return;
	shipper->pause_ms =
		pause_ms * 2 < PAUSE_MAX_MS ? pause_ms * 2 : PAUSE_MAX_MS;
	if (helio_timer_start(shipper->bus, pause_ms, on_timer, shipper,
			      &shipper->timer) < 0)
		shipper->is_over = true;
}

/* When nothing is on its way any more: once more, from the first on. */
static void after_failure(struct shipper *shipper)
{
	if (!is_passing(shipper->status) && !is_capture_away(shipper) &&
	    !rename_producer(shipper)) {
		shipper->is_over = true;
		return;
	}
	shipper->was_accepted = true;
	shipper->has_failed = false;
	if (!shipper->is_told)
		talk("%s: not stored yet: %s: %s", shipper->subject,
		     helio_status_name(shipper->status), shipper->reason);
	shipper->is_told = true;
	try_later(shipper);
}

static void fail(struct shipper *shipper, const struct helio_ack *ack,
		 const struct shipper_line *line)
{
	/* What follows one that was refused is refused for its number only. */
	if (!shipper->has_failed || line == first_line(shipper)) {
		shipper->status = ack->status;
		snprintf(shipper->reason, sizeof(shipper->reason), "%s",
			 ack->reason);
	}
	shipper->has_failed = true;
}

static void on_ack(struct helio *bus, const struct helio_ack *ack,
		   void *userdata)
{
	struct shipper_line *line = userdata;
	struct shipper *shipper = line->shipper;

	shipper->n_in_flight--;
	line->is_sent = false;
	if (ack->status == HELIO_OK) {
		shipper->n_stored++;
		shipper->was_accepted = true;
		shipper->n_lines--;
		shipper->n_bytes -= line->n;
		shipper->pause_ms = PAUSE_FIRST_MS;
		shipper->was_renamed = false;
		shipper->is_told = false;
		line_free(line);
	} else {
		fail(shipper, ack, line);
	}
	if (shipper->has_failed && shipper->n_in_flight == 0)
		after_failure(shipper);
}

/* ---- sending ---- */

static void add_header(struct helio_publish_options *options,
		       struct helio_header *headers, const char *name,
		       const char *value)
{
	if (value)
		headers[options->n_headers++] =
			(struct helio_header){ name, value, strlen(value) };
}

static int publish(struct shipper *shipper, struct shipper_line *line)
{
	struct helio_header headers[HEADERS_MAX];
	struct helio_publish_options options = { .flags = HELIO_ACK_STORED,
						 .on_ack = on_ack,
						 .userdata = line,
						 .content_type = "text/plain",
						 .headers = headers };
	char key[KEY_BYTES], lost[24];

	snprintf(key, sizeof(key), "producer:%s:%" PRIu64, shipper->id,
		 line->number);
	options.idempotency_key = key;
	add_header(&options, headers, "severity",
		   shipper_severity_name(line->severity));
	add_header(&options, headers, "tag", shipper->tag);
	add_header(&options, headers, "pid", shipper->pid);
	add_header(&options, headers, "stream", line->stream);
	add_header(&options, headers, "continued",
		   line->is_continued ? "yes" : NULL);
	if (line->n_lost) {
		snprintf(lost, sizeof(lost), "%" PRIu64, line->n_lost);
		add_header(&options, headers, "lost", lost);
	}
	return helio_publish(shipper->bus, shipper->subject, line->text,
			     line->n, &options);
}

static void send_line(struct shipper *shipper, struct shipper_line *line,
		      int *ret_r)
{
	int r = publish(shipper, line);

	*ret_r = r;
	if (r == 0) {
		line->is_sent = true;
		shipper->n_in_flight++;
		return;
	}
	if (r == -EAGAIN)
		return;
	if (r == -ENOTCONN && helio_state(shipper->bus) != HELIO_CLOSED) {
		/* Acks of what was sent before come as failures. */
		if (shipper->n_in_flight == 0)
			try_later(shipper);
		return;
	}
	shipper->status = HELIO_INVALID_ARGUMENT;
	snprintf(shipper->reason, sizeof(shipper->reason), "%s", strerror(-r));
	shipper->is_over = true;
}

void shipper_send(struct shipper *shipper)
{
	struct list *link;
	int r = 0;

	if (!shipper_is_full(shipper) && tell_dropped(shipper) < 0)
		shipper->is_over = true;
	if (shipper->has_failed || shipper->timer || shipper->is_over)
		return;
	list_for_each (link, &shipper->lines) {
		struct shipper_line *line =
			container_of(link, struct shipper_line, link);

		if (shipper->n_in_flight >= SHIPPER_IN_FLIGHT_MAX)
			return;
		if (line->is_sent)
			continue;
		send_line(shipper, line, &r);
		if (r < 0)
			return;
	}
}
