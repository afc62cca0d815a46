/* SPDX-License-Identifier: MIT */

/*
 * A client of helio.vm.v1.VirtualMachines: what a program looks like that calls
 * a typed service, and follows a stream of it.
 *
 *     vm-client list
 *     vm-client start NAME
 *     vm-client stop NAME [GRACE-MS]
 *     vm-client watch [NAME]        one line for each change, until it is ended
 *
 * The bus is at $HELIOGRAPH_ADDRESS.
 */

#include <heliograph-rpc.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "helio/vm/v1/vm.helio.h"

enum { CONNECT_MS = 5000, TURN_MS = 1000 };

static const char usage[] = "usage: vm-client list | start NAME |\n"
			    "                 stop NAME [GRACE-MS] |\n"
			    "                 watch [NAME]\n";

static const char *state_name(Helio__Vm__V1__State state)
{
	const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value(
		&helio__vm__v1__state__descriptor, (int)state);

	return value ? value->name : "STATE_OF_A_LATER_VERSION";
}

static void print_machine(const Helio__Vm__V1__Machine *machine)
{
	printf("%s %s", machine->name, state_name(machine->state));
	if (machine->reason)
		printf(" (%s)", machine->reason);
	printf("\n");
	fflush(stdout);
}

/* Says what went wrong with a call that was waited for, if anything did. */
static int complain(const struct helio_client *client, int r)
{
	const struct helio_reply *reply;

	if (r == HELIO_OK)
		return EXIT_SUCCESS;
	if (r < 0) {
		fprintf(stderr, "vm-client: %s\n", strerror(-r));
		return EXIT_FAILURE;
	}
	reply = helio_client_reply(client);
	fprintf(stderr, "vm-client: %s: %s\n", helio_status_name(reply->status),
		reply->reason);
	return EXIT_FAILURE;
}

static int list(struct helio_client *client)
{
	Helio__Vm__V1__ListRequest request = HELIO__VM__V1__LIST_REQUEST__INIT;
	const Helio__Vm__V1__ListReply *reply;
	char *cursor = NULL;
	int r;

	do {
		request.cursor = cursor;
		r = helio__vm__v1__virtual_machines__list__wait(
			client, &request, &reply);
		free(cursor);
		cursor = NULL;
		if (r != HELIO_OK)
			break;
		for (size_t i = 0; i < reply->n_machines; i++)
			print_machine(reply->machines[i]);
		/* The reply lives until the next call. */
		if (reply->next)
			cursor = strdup(reply->next);
	} while (cursor);
	return complain(client, r);
}

static int start(struct helio_client *client, char *name)
{
	Helio__Vm__V1__StartRequest request =
		HELIO__VM__V1__START_REQUEST__INIT;
	const Helio__Vm__V1__StartReply *reply;
	int r;

	request.name = name;
	r = helio__vm__v1__virtual_machines__start__wait(client, &request,
							 &reply);
	if (r == HELIO_OK)
		print_machine(reply->machine);
	return complain(client, r);
}

static int stop(struct helio_client *client, char *name, const char *grace)
{
	Helio__Vm__V1__StopRequest request = HELIO__VM__V1__STOP_REQUEST__INIT;
	const Helio__Vm__V1__StopReply *reply;
	int r;

	request.name = name;
	request.has_grace_ms = grace != NULL;
	if (grace)
		request.grace_ms = (uint32_t)strtoul(grace, NULL, 10);
	r = helio__vm__v1__virtual_machines__stop__wait(client, &request,
							&reply);
	if (r == HELIO_OK)
		print_machine(reply->machine);
	return complain(client, r);
}

static void on_news(struct helio_stream *stream,
		    const Helio__Vm__V1__WatchReply *news, void *userdata)
{
	if (news->machine)
		print_machine(news->machine);
	if (news->synced) {
		printf("synced\n");
		fflush(stdout);
	}
}

static void on_end(struct helio_stream *stream, const struct helio_reply *reply,
		   const Helio__Vm__V1__WatchReply *none, void *userdata)
{
	bool *is_over = userdata;

	fprintf(stderr, "vm-client: %s: %s\n", helio_status_name(reply->status),
		reply->reason);
	*is_over = true;
}

static int watch(struct helio *bus, struct helio_client *client, char *name)
{
	static const struct helio__vm__v1__virtual_machines__watch__events
		events = { .on_message = on_news, .on_end = on_end };
	Helio__Vm__V1__WatchRequest request =
		HELIO__VM__V1__WATCH_REQUEST__INIT;
	struct helio_stream *stream;
	bool is_over = false;
	int r;

	request.name = name;
	r = helio__vm__v1__virtual_machines__watch__stream(
		client, &request, &events, &is_over, &stream);
	while (r >= 0 && !is_over)
		r = helio_run(bus, TURN_MS);
	if (r < 0)
		fprintf(stderr, "vm-client: %s\n", strerror(-r));
	return EXIT_FAILURE;
}

/* argv[1] is what to do; the rest is what to do it with. */
static int run(struct helio *bus, struct helio_client *client, int argc,
	       char **argv)
{
	if (argc == 2 && strcmp(argv[1], "list") == 0)
		return list(client);
	if (argc == 3 && strcmp(argv[1], "start") == 0)
		return start(client, argv[2]);
	if ((argc == 3 || argc == 4) && strcmp(argv[1], "stop") == 0)
		return stop(client, argv[2], argc == 4 ? argv[3] : NULL);
	if ((argc == 2 || argc == 3) && strcmp(argv[1], "watch") == 0)
		return watch(bus, client, argc == 3 ? argv[2] : NULL);
	fputs(usage, stderr);
	return 2;
}

int main(int argc, char **argv)
{
	const struct helio_options options = { .program = "vm-client" };
	/* Who comes before the service is served waits for it. */
	const struct helio_client_options patient = {
		.invoke.is_waiting = true,
	};
	const char *address = getenv("HELIOGRAPH_ADDRESS");
	struct helio_client *client = NULL;
	struct helio *bus = NULL;
	int code = EXIT_FAILURE;
	int r;

	r = helio_open(address ? address : "shm:/run/heliograph/bus.sock",
		       &options, &bus);
	if (r >= 0)
		r = helio_connect_wait(bus, CONNECT_MS);
	if (r >= 0)
		r = helio_client_new(bus,
				     &helio__vm__v1__virtual_machines__type,
				     &patient, &client);
	if (r < 0)
		fprintf(stderr, "vm-client: no bus: %s\n", strerror(-r));
	else
		code = run(bus, client, argc, argv);
	helio_client_free(client);
	helio_close(bus);
	return code;
}
