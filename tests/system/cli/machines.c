/* SPDX-License-Identifier: MIT */

/*
 * machines: serves sample.v1.Machines of tests/schema/sample.proto, without
 * generated code, for the tests of `helio call`. Says `serving` once it does.
 *
 *     Get     the machine of that name; none is called `missing`
 *     List    three machines
 *     Upload  takes all disks
 *     Chat    sends each disk back
 */

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/heliograph.h"

enum { N_LISTED = 3 };

/* What could not be sent back yet, the oldest first. */
struct disk {
	struct disk *next;
	size_t n;
	char bytes[];
};

struct chat {
	struct disk *first;
	struct disk **last;
	bool is_finished;
};

static void must(int r, const char *what)
{
	if (r >= 0)
		return;
	fprintf(stderr, "machines: %s: %s\n", what, strerror(-r));
	exit(1);
}

static void answer_get(struct helio_request *request,
		       const struct helio_message *message)
{
	static const char missing[] = "\x0a\x07missing";

	/* A GetRequest is a Machine that has nothing but a name. */
	if (message->n_body == sizeof(missing) - 1 &&
	    memcmp(message->body, missing, message->n_body) == 0)
		must(helio_fail_with(request, HELIO_NOT_FOUND,
				     "no such machine", "why", 3),
		     "fail");
	else
		must(helio_respond(request, message->body, message->n_body),
		     "respond");
}

static void answer_list(struct helio_request *request)
{
	for (int i = 0; i < N_LISTED; i++) {
		char body[] = "\x0a\x02m0";

		body[3] = (char)('0' + i);
		must(helio_request_send(request, body, sizeof(body) - 1),
		     "send");
	}
	must(helio_respond(request, NULL, 0), "respond");
}

static void start_chat(struct helio_request *request)
{
	struct chat *chat = calloc(1, sizeof(*chat));

	chat->last = &chat->first;
	helio_request_set_userdata(request, chat);
}

static void on_request(struct helio_service *service,
		       struct helio_request *request,
		       const struct helio_message *message, void *userdata)
{
	const char *method = strrchr(message->subject, '.') + 1;

	if (strcmp(method, "Get") == 0)
		answer_get(request, message);
	else if (strcmp(method, "List") == 0)
		answer_list(request);
	else if (strcmp(method, "Chat") == 0)
		start_chat(request);
}

static void send_back(struct helio_request *request, struct chat *chat)
{
	while (chat->first) {
		struct disk *disk = chat->first;

		if (helio_request_send(request, disk->bytes, disk->n) ==
		    -EAGAIN)
			return;
		chat->first = disk->next;
		free(disk);
	}
	chat->last = &chat->first;
	helio_request_resume(request);
}

static void on_next(struct helio_request *request, const void *body,
		    size_t n_body, void *userdata)
{
	struct chat *chat = userdata;
	struct disk *disk;

	if (!chat)
		return;
	disk = calloc(1, sizeof(*disk) + n_body);
	disk->n = n_body;
	memcpy(disk->bytes, body, n_body);
	*chat->last = disk;
	chat->last = &disk->next;
	/* What is granted already comes all the same. */
	helio_request_pause(request);
	send_back(request, chat);
}

static void finish(struct helio_request *request, struct chat *chat)
{
	if (chat && chat->first)
		return;
	free(chat);
	helio_request_set_userdata(request, NULL);
	must(helio_respond(request, NULL, 0), "respond");
}

static void on_writable(struct helio_request *request, void *userdata)
{
	struct chat *chat = userdata;

	if (!chat)
		return;
	send_back(request, chat);
	if (chat->is_finished)
		finish(request, chat);
}

static void on_finish(struct helio_request *request, void *userdata)
{
	struct chat *chat = userdata;

	if (chat)
		chat->is_finished = true;
	finish(request, chat);
}

static void on_cancelled(struct helio_request *request, void *userdata)
{
	struct chat *chat = userdata;

	while (chat && chat->first) {
		struct disk *disk = chat->first;

		chat->first = disk->next;
		free(disk);
	}
	finish(request, chat);
}

int main(void)
{
	static const char *const methods[] = { "Get", "List", "Upload",
					       "Chat" };
	const struct helio_serve_options options = {
		.methods = methods,
		.n_methods = 4,
		.on_next = on_next,
		.on_finish = on_finish,
		.on_writable = on_writable,
		.on_cancelled = on_cancelled,
	};
	struct helio_service *service;
	struct helio *bus;

	must(helio_open(getenv("HELIOGRAPH_ADDRESS"), NULL, &bus), "open");
	must(helio_connect_wait(bus, 5000), "connect");
	must(helio_serve_wait(bus, "sample.v1.Machines", &options, on_request,
			      NULL, 5000, &service),
	     "serve");
	fprintf(stderr, "machines: serving\n");
	while (helio_run(bus, -1) >= 0)
		;
	helio_close(bus);
	return 0;
}
