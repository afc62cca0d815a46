/* SPDX-License-Identifier: MIT */

/* helio top: what goes through the switch each second, and whose it is. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "cli/command.h"
#include "cli/control.h"
#include "cli/exit.h"
#include "cli/field.h"
#include "cli/json.h"
#include "cli/listing.h"
#include "cli/output.h"
#include "cli/session.h"

struct top {
	struct common common;
	bool is_batch;
	uint64_t count; /* 0: no end */
	uint32_t interval_ms;
};

/* What is read of each peer, in the order of `read_columns`. */
enum read_column {
	READ_PRINCIPAL,
	READ_PROGRAM,
	READ_QUEUED,
	READ_ID,
	READ_FIRST_RATE, /* from here on, counters */
	READ_IN = READ_FIRST_RATE,
	READ_OUT,
	READ_IN_BYTES,
	READ_OUT_BYTES,
	READ_LOST,
	READ_CALLS,
	N_READ,
};

static const struct column read_columns[N_READ] = {
	[READ_PRINCIPAL] = { NULL, "principal", CELL_TEXT },
	[READ_PROGRAM] = { NULL, "program", CELL_TEXT },
	[READ_QUEUED] = { NULL, "queued_messages", CELL_NUMBER },
	[READ_ID] = { NULL, "id", CELL_NUMBER },
	[READ_IN] = { NULL, "received_messages", CELL_NUMBER },
	[READ_OUT] = { NULL, "delivered_messages", CELL_NUMBER },
	[READ_IN_BYTES] = { NULL, "received_bytes", CELL_NUMBER },
	[READ_OUT_BYTES] = { NULL, "delivered_bytes", CELL_NUMBER },
	[READ_LOST] = { NULL, "dropped_messages", CELL_NUMBER },
	[READ_CALLS] = { NULL, "calls", CELL_NUMBER },
};

/* What is shown, in the same order. */
static const struct column shown_columns[N_READ] = {
	[READ_PRINCIPAL] = { "PRINCIPAL", "principal", CELL_TEXT },
	[READ_PROGRAM] = { "PROGRAM", "program", CELL_TEXT },
	[READ_QUEUED] = { "QUEUED", "queued_messages", CELL_NUMBER },
	[READ_ID] = { NULL, "id", CELL_NUMBER },
	[READ_IN] = { "SENT/s", "received_per_s", CELL_RATE },
	[READ_OUT] = { "GOT/s", "delivered_per_s", CELL_RATE },
	[READ_IN_BYTES] = { "SENT B/s", "received_bytes_per_s", CELL_RATE },
	[READ_OUT_BYTES] = { "GOT B/s", "delivered_bytes_per_s", CELL_RATE },
	[READ_LOST] = { "LOST/s", "dropped_per_s", CELL_RATE },
	[READ_CALLS] = { "CALLS/s", "calls_per_s", CELL_RATE },
};

/* Counters of the switch as a whole: the field, and what its rate is called. */
static const struct {
	const char *field;
	const char *key;
	const char *title;
} totals[] = {
	{ "received_messages", "received_per_s", "in" },
	{ "delivered_messages", "delivered_per_s", "out" },
	{ "dropped_messages", "dropped_per_s", "lost" },
	{ "refused_messages", "refused_per_s", "refused" },
	{ "calls", "calls_per_s", "calls" },
};

enum { N_TOTALS = sizeof(totals) / sizeof(*totals) };

struct sample {
	uint64_t at_ns;
	uint64_t totals[N_TOTALS];
	uint64_t n_peers;
	uint64_t n_subscriptions;
	struct table peers;
};

static void sample_deinit(struct sample *sample)
{
	table_deinit(&sample->peers);
}

static int read_totals(struct control *control, struct sample *sample)
{
	Helio__Switch__V1__GetStatsRequest request =
		HELIO__SWITCH__V1__GET_STATS_REQUEST__INIT;
	ProtobufCMessage *reply;
	int r;

	r = control_call(control, "GetStats", &request.base,
			 &helio__switch__v1__get_stats_reply__descriptor,
			 &reply);
	if (r != EXIT_OK)
		return r;
	for (size_t i = 0; i < N_TOTALS; i++)
		sample->totals[i] = field_number(reply, totals[i].field);
	sample->n_peers = field_number(reply, "peers");
	sample->n_subscriptions = field_number(reply, "subscriptions");
	return EXIT_OK;
}

static int sample_read(struct control *control, struct sample *sample)
{
	static const struct listing listing = {
		.method = "ListPeers",
		.request = &helio__switch__v1__list_peers_request__descriptor,
		.reply = &helio__switch__v1__list_peers_reply__descriptor,
		.rows = "peers",
		.columns = read_columns,
		.n_columns = N_READ,
	};
	int r;

	table_init(&sample->peers, read_columns, N_READ);
	sample->at_ns = clock_now_ns();
	r = read_totals(control, sample);
	if (r != EXIT_OK)
		return r;
	return listing_read(&listing, control, NULL, &sample->peers);
}

static const struct cell *find_peer(const struct table *peers, uint64_t id)
{
	for (size_t i = 0; i < peers->n_cells; i += N_READ)
		if (peers->cells[i + READ_ID].number == id)
			return &peers->cells[i];
	return NULL;
}

/* One that came in between began with zero. */
static int add_rates(struct table *rates, const struct cell *before,
		     const struct cell *now, double seconds)
{
	struct cell cells[N_READ];

	for (size_t i = 0; i < N_READ; i++) {
		cells[i] = now[i];
		if (i >= READ_FIRST_RATE)
			cells[i].rate =
				(double)(now[i].number -
					 (before ? before[i].number : 0)) /
				seconds;
	}
	return table_add(rates, cells);
}

static int compute_rates(const struct sample *before, const struct sample *now,
			 double seconds, struct table *rates)
{
	const struct table *peers = &now->peers;
	int r = 0;

	for (size_t i = 0; r == 0 && i < peers->n_cells; i += N_READ) {
		const struct cell *row = &peers->cells[i];

		r = add_rates(rates,
			      find_peer(&before->peers, row[READ_ID].number),
			      row, seconds);
	}
	return r;
}

static double total_rate(const struct sample *before, const struct sample *now,
			 size_t i, double seconds)
{
	return (double)(now->totals[i] - before->totals[i]) / seconds;
}

static void write_json(const struct sample *before, const struct sample *now,
		       double seconds, const struct table *rates)
{
	struct json json = { .out = stdout };

	json_open(&json, '{');
	json_key(&json, "seconds");
	json_real(&json, seconds);
	for (size_t i = 0; i < N_TOTALS; i++) {
		json_key(&json, totals[i].key);
		json_real(&json, total_rate(before, now, i, seconds));
	}
	json_key(&json, "peers");
	table_write_json(rates, &json);
	json_close(&json, '}');
	fputc('\n', stdout);
}

static void write_text(const struct top *top, const struct sample *before,
		       const struct sample *now, double seconds,
		       const struct table *rates)
{
	/* On a terminal each picture takes the place of the one before. */
	if (!top->is_batch && isatty(STDOUT_FILENO))
		fputs("\033[H\033[2J", stdout);
	printf("%llu peers, %llu subscriptions; per second",
	       (unsigned long long)now->n_peers,
	       (unsigned long long)now->n_subscriptions);
	for (size_t i = 0; i < N_TOTALS; i++)
		printf("%s %.1f %s", i ? "," : "",
		       total_rate(before, now, i, seconds), totals[i].title);
	fputs("\n\n", stdout);
	table_write(rates, FORMAT_TEXT);
	fputs(top->is_batch ? "\n" : "", stdout);
}

static int show(const struct top *top, const struct sample *before,
		const struct sample *now)
{
	double seconds = (double)(now->at_ns - before->at_ns) / NS_PER_S;
	_cleanup_(table_deinit) struct table rates;

	table_init(&rates, shown_columns, N_READ);
	if (compute_rates(before, now, seconds, &rates) < 0)
		return session_complain("top", -ENOMEM, NULL);
	if (top->common.format == FORMAT_JSON)
		write_json(before, now, seconds, &rates);
	else
		write_text(top, before, now, seconds, &rates);
	return output_end(EXIT_OK);
}

static int pass_time(struct helio *bus, uint64_t until_ns)
{
	uint64_t now_ns = clock_now_ns();

	while (now_ns < until_ns) {
		int r = helio_run(bus,
				  (int)((until_ns - now_ns) / NS_PER_MS) + 1);

		if (r < 0)
			return session_complain("top", r, helio_error(bus));
		now_ns = clock_now_ns();
	}
	return EXIT_OK;
}

/* Shows what happened between `before` and a new sample, which replaces it. */
static int turn(const struct top *top, struct control *control,
		struct sample *before)
{
	struct sample now = { 0 };
	int r;

	r = pass_time(control->bus,
		      before->at_ns + top->interval_ms * NS_PER_MS);
	if (r != EXIT_OK)
		return r;
	r = sample_read(control, &now);
	if (r == EXIT_OK)
		r = show(top, before, &now);
	sample_deinit(before);
	*before = now;
	return r;
}

static int run(const void *settings)
{
	const struct top *top = settings;
	_cleanup_(session_close) struct session session = { 0 };
	_cleanup_(control_deinit) struct control control = { 0 };
	_cleanup_(sample_deinit) struct sample sample = { 0 };
	uint64_t n_shown = 0;
	int r;

	if (top->interval_ms == 0) {
		talk("top: --interval is more than 0");
		return EXIT_USAGE;
	}
	r = session_open(&session, &top->common, false);
	if (r != EXIT_OK)
		return r;
	if (control_init(&control, session.bus, top->common.timeout_ms) < 0)
		return session_complain("top", -ENOMEM, NULL);
	r = sample_read(&control, &sample);
	while (r == EXIT_OK && (top->count == 0 || n_shown < top->count)) {
		r = turn(top, &control, &sample);
		n_shown++;
	}
	return r;
}

static const struct top defaults = { .common.timeout_ms = TIMEOUT_DEFAULT_MS,
				     .interval_ms = 1000 };

static const struct option options[] = {
	{ 'b', "batch", OPTION_FLAG, offsetof(struct top, is_batch), NULL,
	  "one picture after the other, for files and pipes" },
	{ 'n', "count", OPTION_NUMBER, offsetof(struct top, count), "N",
	  "end after N pictures" },
	{ 'i', "interval", OPTION_TIME, offsetof(struct top, interval_ms),
	  "TIME", "between two of them (1s)" },
	OPTION_ROW_TIMEOUT("how long to wait for the bus (5s)"),
	OPTION_ROWS_BUS,
	OPTION_ROW_END,
};

const struct command command_top = {
	.name = "top",
	.summary = "show rates of messages, and whose they are",
	.description = "SENT is what a peer sent, GOT what was delivered to "
		       "it, LOST what a full queue of its own cost it.",
	.options = options,
	.defaults = &defaults,
	.n_settings = sizeof(struct top),
	.run = run,
};
