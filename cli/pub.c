/* SPDX-License-Identifier: MIT */

/* helio pub: publish one message, or each line of standard input. */

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "cli/command.h"
#include "cli/exit.h"
#include "cli/headers.h"
#include "cli/input.h"
#include "cli/json.h"
#include "cli/output.h"
#include "cli/registry.h"
#include "cli/session.h"

/* So many acks may be awaited while more is published. */
enum { ACKS_PENDING_MAX = 64, TURN_MS = 100 };

enum ack_choice { ACK_NONE, ACK_ROUTED, ACK_STORED };

struct pub {
	struct common common;
	const char *subject;
	const char *body;
	bool is_lines;
	uint64_t count;
	struct texts headers;
	int ack; /* enum ack_choice */
	bool is_durable;
	uint64_t expected; /* UINT64_MAX: nothing */
	const char *key;
	const char *content_type;
	const char *schema;
};

struct publisher {
	const struct pub *pub;
	int ack; /* enum ack_choice */
	uint8_t schema[REGISTRY_HASH_BYTES];
	struct session session;
	struct headers headers;
	struct helio_publish_options options;
	uint64_t n_published;
	uint64_t n_acks_pending;
	uint64_t n_took;
	uint64_t n_full;
	int code; /* of the first ack that told of a failure */
};

static void write_stored(const struct publisher *publisher,
			 const struct helio_ack *ack)
{
	struct json json = { .out = stdout };

	if (publisher->pub->common.format != FORMAT_JSON) {
		printf("stored as %s:%llu%s\n", ack->log ? ack->log : "",
		       (unsigned long long)ack->sequence,
		       ack->is_duplicate ? " (it was there already)" : "");
		return;
	}
	json_open(&json, '{');
	json_key(&json, "log");
	json_string(&json, ack->log ? ack->log : "");
	json_key(&json, "sequence");
	json_number(&json, ack->sequence);
	json_key(&json, "duplicate");
	json_bool(&json, ack->is_duplicate);
	json_close(&json, '}');
	fputc('\n', stdout);
}

static void on_ack(struct helio *bus, const struct helio_ack *ack,
		   void *userdata)
{
	struct publisher *publisher = userdata;

	publisher->n_acks_pending--;
	if (ack->status != HELIO_OK) {
		int code = session_complain("publish", (int)ack->status,
					    ack->reason);

		if (publisher->code == EXIT_OK)
			publisher->code = code;
		return;
	}
	publisher->n_took += ack->n_took;
	publisher->n_full += ack->n_refused;
	if (publisher->ack == ACK_STORED)
		write_stored(publisher, ack);
}

/* Run the bus until fewer than `n` acks are awaited. */
static int wait_for_acks(struct publisher *publisher, uint64_t n)
{
	int r = 0;

	/* The library ends each ack at its timeout, but does not return then.
	 */
	while (r >= 0 && publisher->n_acks_pending >= n)
		r = helio_run(publisher->session.bus, TURN_MS);
	return r < 0 ? r : 0;
}

static int publish_once(struct publisher *publisher, const void *body, size_t n)
{
	const struct pub *pub = publisher->pub;
	struct helio *bus = publisher->session.bus;
	uint64_t end_ns = clock_now_ns() + pub->common.timeout_ms * NS_PER_MS;
	int r;

	r = helio_publish(bus, pub->subject, body, n, &publisher->options);
	while (r == -EAGAIN) {
		if (clock_now_ns() >= end_ns)
			return -ETIMEDOUT;
		r = helio_run(bus, TURN_MS);
		if (r >= 0)
			r = helio_publish(bus, pub->subject, body, n,
					  &publisher->options);
	}
	if (r < 0)
		return r;
	publisher->n_published++;
	if (publisher->ack == ACK_NONE)
		return 0;
	publisher->n_acks_pending++;
	return wait_for_acks(publisher, ACKS_PENDING_MAX);
}

static int publish(struct publisher *publisher, const void *body, size_t n)
{
	int r = 0;

	for (uint64_t i = 0; r == 0 && i < publisher->pub->count; i++)
		r = publish_once(publisher, body, n);
	return r;
}

/*
 * Lines may come slowly: send what there is, and keep up with the bus while
 * there are none. Returns 1 when standard input is readable.
 */
static int wait_for_input(struct helio *bus)
{
	struct pollfd fds[2] = { { .fd = STDIN_FILENO, .events = POLLIN },
				 { .fd = helio_fd(bus), .events = POLLIN } };
	int r = helio_dispatch(bus);

	if (r < 0)
		return r;
	if (poll(fds, 2, helio_timeout_ms(bus)) < 0)
		return errno == EINTR ? 0 : -errno;
	return fds[0].revents != 0;
}

static int publish_lines(struct publisher *publisher)
{
	_cleanup_(input_deinit) struct input input;
	const char *line;
	size_t n;
	int r = 0;

	input_init(&input, STDIN_FILENO);
	while (r >= 0 && !input.is_over) {
		r = wait_for_input(publisher->session.bus);
		if (r > 0)
			r = input_read(&input);
		while (r >= 0 && input_line(&input, &line, &n))
			r = publish(publisher, line, n);
	}
	return r < 0 ? r : 0;
}

static int publish_input(struct publisher *publisher)
{
	_cleanup_(input_deinit) struct input input;
	int r;

	input_init(&input, STDIN_FILENO);
	if (publisher->pub->is_lines)
		return publish_lines(publisher);
	if (publisher->pub->body)
		return publish(publisher, publisher->pub->body,
			       strlen(publisher->pub->body));
	r = input_all(&input);
	return r < 0 ? r : publish(publisher, input.bytes, input.n);
}

static void write_total(const struct publisher *publisher)
{
	struct json json = { .out = stdout };

	if (publisher->pub->common.format != FORMAT_JSON) {
		if (publisher->ack == ACK_ROUTED)
			printf("%llu taken, %llu refused by full queues\n",
			       (unsigned long long)publisher->n_took,
			       (unsigned long long)publisher->n_full);
		if (publisher->pub->is_lines)
			talk("published %llu messages",
			     (unsigned long long)publisher->n_published);
		return;
	}
	json_open(&json, '{');
	json_key(&json, "published");
	json_number(&json, publisher->n_published);
	if (publisher->ack == ACK_ROUTED) {
		json_key(&json, "took");
		json_number(&json, publisher->n_took);
		json_key(&json, "refused");
		json_number(&json, publisher->n_full);
	}
	json_close(&json, '}');
	fputc('\n', stdout);
}

/* The sender asked who took it: that nobody did is an answer, and it is no. */
static int code_of_acks(const struct publisher *publisher)
{
	if (publisher->code != EXIT_OK)
		return publisher->code;
	if (publisher->ack != ACK_ROUTED || publisher->n_took > 0)
		return EXIT_OK;
	return publisher->n_full > 0 ? EXIT_QUOTA : EXIT_NEGATIVE;
}

static int finish(struct publisher *publisher)
{
	int r = wait_for_acks(publisher, 1);

	if (r >= 0)
		r = helio_flush_wait(publisher->session.bus,
				     (int)publisher->pub->common.timeout_ms);
	if (publisher->session.n_refused > 0)
		return exit_code((int)publisher->session.refused_status);
	if (r < 0)
		return session_complain("publish", r, NULL);
	write_total(publisher);
	return code_of_acks(publisher);
}

static int publisher_open(struct publisher *publisher)
{
	static const uint32_t flags[] = {
		[ACK_ROUTED] = HELIO_ACK_ROUTED, [ACK_STORED] = HELIO_ACK_STORED
	};
	const struct pub *pub = publisher->pub;

	if (pub->is_lines && pub->body) {
		talk("pub: either BODY or --lines");
		return EXIT_USAGE;
	}
	if (pub->schema &&
	    registry_parse_hash(pub->schema, publisher->schema) < 0) {
		talk("pub: --schema is a hash, 64 hexadecimal digits");
		return EXIT_USAGE;
	}
	publisher->ack = pub->ack;
	if (pub->is_durable || pub->expected != UINT64_MAX)
		publisher->ack = ACK_STORED;
	if (headers_init(&publisher->headers, &pub->headers) < 0) {
		talk("pub: a header is NAME:VALUE");
		return EXIT_USAGE;
	}
	publisher->options = (struct helio_publish_options){
		.flags = flags[publisher->ack],
		.timeout_ms = pub->common.timeout_ms,
		.on_ack = on_ack,
		.userdata = publisher,
		.idempotency_key = pub->key,
		.content_type = pub->content_type,
		.headers = publisher->headers.at,
		.n_headers = publisher->headers.n,
		.schema_hash = pub->schema ? publisher->schema : NULL,
		.has_expected = pub->expected != UINT64_MAX,
		.expected_sequence = pub->expected,
	};
	return session_open(&publisher->session, &pub->common, false);
}

static void publisher_deinit(struct publisher *publisher)
{
	session_close(&publisher->session);
	headers_deinit(&publisher->headers);
}

static int run(const void *settings)
{
	_cleanup_(publisher_deinit) struct publisher publisher = {
		.pub = settings
	};
	int r = publisher_open(&publisher);

	if (r != EXIT_OK)
		return r;
	r = publish_input(&publisher);
	if (r < 0)
		return session_complain("publish", r,
					helio_error(publisher.session.bus));
	return finish(&publisher);
}

static const struct pub defaults = { .common.timeout_ms = TIMEOUT_DEFAULT_MS,
				     .count = 1,
				     .expected = UINT64_MAX };

static const struct option options[] = {
	{ 'l', "lines", OPTION_FLAG, offsetof(struct pub, is_lines), NULL,
	  "publish each line of standard input" },
	{ 'n', "count", OPTION_NUMBER, offsetof(struct pub, count), "N",
	  "publish it N times" },
	{ 'H', "header", OPTION_TEXTS, offsetof(struct pub, headers),
	  "NAME:VALUE", "add a header; may be given again" },
	{ 0, "ack", OPTION_CHOICE, offsetof(struct pub, ack),
	  "none|routed|stored",
	  "ask how many took it, or whether a log has it on disk" },
	{ 'd', "durable", OPTION_FLAG, offsetof(struct pub, is_durable), NULL,
	  "the same as --ack stored: tell log, sequence, and whether it was "
	  "there already" },
	{ 0, "expect", OPTION_NUMBER, offsetof(struct pub, expected),
	  "SEQUENCE",
	  "durable, and only if that is the log's last record; 0: "
	  "if it has none" },
	{ 0, "key", OPTION_TEXT, offsetof(struct pub, key), "KEY",
	  "the key by which a repetition is known" },
	{ 0, "content-type", OPTION_TEXT, offsetof(struct pub, content_type),
	  "TYPE", "what the body is" },
	{ 0, "schema", OPTION_TEXT, offsetof(struct pub, schema), "HASH",
	  "the schema of the body, whose message the content type names: "
	  "`application/protobuf; message=foo.v1.Thing`" },
	OPTION_ROW_TIMEOUT("how long to wait for the bus (5s)"),
	OPTION_ROWS_BUS,
	OPTION_ROW_END,
};

static const struct argument arguments[] = {
	{ "SUBJECT", OPTION_TEXT, offsetof(struct pub, subject), true, NULL,
	  "where to" },
	{ "BODY", OPTION_TEXT, offsetof(struct pub, body), false, NULL,
	  "what; standard input if it is left out" },
	ARGUMENT_END,
};

const struct command command_pub = {
	.name = "pub",
	.summary = "publish a message",
	.description =
		"With --ack routed the exit status is 1 when nobody took it, "
		"and 6 when all who would have were full.",
	.options = options,
	.arguments = arguments,
	.defaults = &defaults,
	.n_settings = sizeof(struct pub),
	.run = run,
};
