/* SPDX-License-Identifier: MIT */

/*
 * Serves shop.v1.Shop or calls it, as the version of the .proto file knows it
 * that this was compiled with.
 *
 *     shop ADDRESS serve N    prints what on_ready is told; answers with the
 *                             request, to whose number N is added
 *     shop ADDRESS call       for each line of the input a call, and a line of
 *                             what came of it
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shop/v1/shop.helio.h"

enum { CONNECT_MS = 20000, CALL_MS = 20000, TURN_MS = 1000 };

static void on_ready(struct helio_server *server, unsigned status,
		     const char *reason, void *userdata)
{
	(void)server;
	(void)userdata;
	printf("%s %s\n", helio_status_name(status), reason);
	fflush(stdout);
}

/* What this version does not know goes back as it came. */
static void look(struct helio_serving *serving, const Shop__V1__Item *request,
		 void *userdata)
{
	Shop__V1__Item item = *request;
	const int64_t *n = userdata;

#ifdef SHOP_BROKEN
	(void)n;
#else
	item.number += *n;
#endif
#ifdef SHOP_NEWER
	if (!item.label[0])
		item.label = (char *)(uintptr_t) "given";
#endif
	(void)shop__v1__shop__look__reply(serving, &item);
}

static int serve(struct helio *bus, int64_t n)
{
	static const struct shop__v1__shop__server methods = { .look = look };
	const struct helio_server_options options = {
		.on_ready = on_ready,
		.userdata = &n,
	};
	struct helio_server *server;
	int r;

	r = shop__v1__shop__server__new(bus, &methods, &options, &server);
	while (r >= 0)
		r = helio_run(bus, TURN_MS);
	return r;
}

static void print_item(const Shop__V1__Item *item)
{
#ifdef SHOP_BROKEN
	printf("OK number=%s", item->number);
#else
	printf("OK number=%lld", (long long)item->number);
#endif
#ifdef SHOP_NEWER
	printf(" label=%s", item->label);
#endif
	printf(" unknown=%u\n", item->base.n_unknown_fields);
}

static int call_one(struct helio_client *client)
{
	Shop__V1__Item item = SHOP__V1__ITEM__INIT;
	const Shop__V1__Item *found;
	int r;

#ifndef SHOP_BROKEN
	item.number = 1;
#endif
#ifdef SHOP_NEWER
	item.label = (char *)(uintptr_t) "kept";
#endif
	r = shop__v1__shop__look__wait(client, &item, &found);
	if (!r)
		print_item(found);
	else if (r > 0)
		printf("%s %s\n", helio_status_name((unsigned)r),
		       helio_client_reply(client)->reason);
	fflush(stdout);
	return r;
}

static int call(struct helio *bus)
{
	const struct helio_client_options options = {
		.invoke.timeout_ms = CALL_MS,
		.invoke.is_waiting = true,
	};
	struct helio_client *client;
	char line[16];
	int r;

	r = helio_client_new(bus, &shop__v1__shop__type, &options, &client);
	if (r < 0)
		return r;
	while (r >= 0 && fgets(line, sizeof(line), stdin))
		r = call_one(client);
	helio_client_free(client);
	return r;
}

int main(int argc, char **argv)
{
	struct helio *bus = NULL;
	int r = -1;

	if (argc < 3 || helio_open(argv[1], NULL, &bus) < 0)
		return EXIT_FAILURE;
	r = helio_connect_wait(bus, CONNECT_MS);
	if (!r && argc > 3 && !strcmp(argv[2], "serve"))
		r = serve(bus, strtol(argv[3], NULL, 10));
	else if (!r)
		r = call(bus);
	if (r < 0)
		fprintf(stderr, "shop: %s\n", strerror(-r));
	helio_close(bus);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
