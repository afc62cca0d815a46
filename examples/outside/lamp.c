/* SPDX-License-Identifier: MIT */

/*
 * A lamp on the bus, and who sets and watches it:
 *
 *     lamp ADDRESS serve
 *     lamp ADDRESS set ROOM PERCENT
 *     lamp ADDRESS watch ROOM
 *
 * Each call of protobuf-c, or of what helio_generate() makes, is one line; the
 * rest says what a lamp is.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lamp/v1/lamp.helio.h"

enum { WAIT_MS = 5000, WATCHERS_MAX = 16 };

/* The lamp of the one room that there is, and who watches it. */
struct lamp {
	unsigned percent;
	struct helio_serving *watchers[WATCHERS_MAX];
	int n_watchers;
};

static int fail(const char *what, int r)
{
	fprintf(stderr, "%s: %s\n", what, strerror(-r));
	return 1;
}

/* A watcher that does not take what it is told is not waited for. */
static void tell(const struct lamp *lamp, struct helio_serving *watcher)
{
	Lamp__V1__State state = LAMP__V1__STATE__INIT;

	state.has_percent = 1;
	state.percent = lamp->percent;
	(void)lamp__v1__lamp__watch__send_reply(watcher, &state);
}

static void set(struct helio_serving *serving,
		const Lamp__V1__SetRequest *request, void *userdata)
{
	Lamp__V1__SetReply reply = LAMP__V1__SET_REPLY__INIT;
	struct lamp *lamp = userdata;

	if (!request->room || strcmp(request->room, "kitchen") != 0) {
		helio_serving_fail(serving, HELIO_NOT_FOUND,
				   "there is no such room");
		return;
	}
	reply.has_percent_before = 1;
	reply.percent_before = lamp->percent;
	lamp->percent = request->percent;
	lamp__v1__lamp__set__reply(serving, &reply);
	for (int i = 0; i < lamp->n_watchers; i++)
		tell(lamp, lamp->watchers[i]);
}

static void on_cancelled(struct helio_serving *serving, void *userdata)
{
	struct lamp *lamp = userdata;
	int i = 0;

	while (lamp->watchers[i] != serving)
		i++;
	lamp->watchers[i] = lamp->watchers[--lamp->n_watchers];
	helio_serving_fail(serving, HELIO_CANCELLED, NULL);
}

static void watch(struct helio_serving *serving,
		  const Lamp__V1__WatchRequest *request, void *userdata)
{
	static const struct helio_serving_events events = {
		.on_cancelled = on_cancelled,
	};
	struct lamp *lamp = userdata;

	(void)request;
	if (lamp->n_watchers == WATCHERS_MAX) {
		helio_serving_fail(serving, HELIO_RESOURCE_EXHAUSTED,
				   "too many watch it");
		return;
	}
	lamp->watchers[lamp->n_watchers++] = serving;
	helio_serving_listen(serving, &events, lamp);
	tell(lamp, serving);
}

static int serve(struct helio *bus)
{
	static const struct lamp__v1__lamp__server methods = {
		.set = set,
		.watch = watch,
	};
	struct lamp lamp = { 0 };
	const struct helio_server_options options = { .userdata = &lamp };
	struct helio_server *server;
	int r;

	r = lamp__v1__lamp__server__new(bus, &methods, &options, &server);
	if (r >= 0)
		r = helio_server_wait(server, WAIT_MS);
	if (r >= 0) {
		puts("ready");
		fflush(stdout);
	}
	while (r >= 0)
		r = helio_run(bus, -1);
	return fail(helio_error(bus), r);
}

static int set_it(struct helio_client *client, char *room, const char *percent)
{
	Lamp__V1__SetRequest request = LAMP__V1__SET_REQUEST__INIT;
	const Lamp__V1__SetReply *reply;
	int status;

	request.room = room;
	request.has_percent = 1;
	request.percent = (uint32_t)strtoul(percent, NULL, 10);
	status = lamp__v1__lamp__set__wait(client, &request, &reply);
	if (status < 0)
		return fail("set", status);
	if (status) {
		fprintf(stderr, "set: %s: %s\n",
			helio_status_name((unsigned)status),
			helio_client_reply(client)->reason);
		return 1;
	}
	printf("it was at %u%%\n", reply->percent_before);
	return 0;
}

static void on_state(struct helio_stream *stream, const Lamp__V1__State *state,
		     void *userdata)
{
	(void)stream;
	(void)userdata;
	printf("%u%%\n", state->percent);
	fflush(stdout);
}

static void on_end(struct helio_stream *stream, const struct helio_reply *reply,
		   const Lamp__V1__State *null, void *userdata)
{
	int *is_over = userdata;

	(void)stream;
	(void)null;
	fprintf(stderr, "watch: %s: %s\n", helio_status_name(reply->status),
		reply->reason);
	*is_over = 1;
}

static int watch_it(struct helio *bus, struct helio_client *client, char *room)
{
	static const struct lamp__v1__lamp__watch__events events = {
		.on_message = on_state,
		.on_end = on_end,
	};
	Lamp__V1__WatchRequest request = LAMP__V1__WATCH_REQUEST__INIT;
	int is_over = 0;
	int r;

	request.room = room;
	r = lamp__v1__lamp__watch__stream(client, &request, &events, &is_over,
					  NULL);
	while (r >= 0 && !is_over)
		r = helio_run(bus, -1);
	return r < 0 ? fail("watch", r) : 1;
}

static int run(struct helio *bus, int argc, char **argv)
{
	struct helio_client *client;
	int r;

	if (argc == 3 && strcmp(argv[2], "serve") == 0)
		return serve(bus);
	r = helio_client_new(bus, &lamp__v1__lamp__type, NULL, &client);
	if (r < 0)
		return fail("client", r);
	r = 2;
	if (argc == 5 && strcmp(argv[2], "set") == 0)
		r = set_it(client, argv[3], argv[4]);
	else if (argc == 4 && strcmp(argv[2], "watch") == 0)
		r = watch_it(bus, client, argv[3]);
	helio_client_free(client);
	return r;
}

int main(int argc, char **argv)
{
	struct helio *bus;
	int r;

	if (argc < 3) {
		fprintf(stderr, "usage: lamp ADDRESS serve | set ROOM PERCENT"
				" | watch ROOM\n");
		return 2;
	}
	r = helio_open(argv[1], NULL, &bus);
	if (r >= 0)
		r = helio_connect_wait(bus, WAIT_MS);
	if (r < 0)
		return fail(argv[1], r);
	r = run(bus, argc, argv);
	helio_close(bus);
	return r;
}
