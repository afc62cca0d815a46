/* SPDX-License-Identifier: MIT */

/*
 * xen-static ADDRESS: a program as guests have it that have nothing else, all
 * of it static, with the stand-in where Xen's libraries would be. It gets back
 * from the bus what it publishes, and prints it.
 */

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "rpc/heliograph.h"

enum { WAIT_MS = 5000 };

static void on_message(struct helio_subscription *subscription,
		       const struct helio_message *message, void *userdata)
{
	bool *has_come = userdata;

	printf("%s: %.*s\n", message->subject, (int)message->n_body,
	       (const char *)message->body);
	*has_come = true;
}

static int echo(struct helio *bus)
{
	bool has_come = false;
	int r = helio_connect_wait(bus, WAIT_MS);

	if (r >= 0)
		r = helio_subscribe_wait(bus, "a.static", NULL, on_message,
					 &has_come, WAIT_MS, NULL);
	if (r >= 0)
		r = helio_publish_wait(bus, "a.static", "paper", 5, NULL,
				       WAIT_MS);
	while (r >= 0 && !has_come)
		r = helio_run(bus, WAIT_MS);
	return r < 0 ? r : 0;
}

int main(int argc, char **argv)
{
	struct helio *bus;
	int r;

	if (argc != 2)
		return 2;
	r = helio_open(argv[1], NULL, &bus);
	if (r >= 0) {
		r = echo(bus);
		helio_close(bus);
	}
	if (r < 0)
		printf("%s: %s\n", argv[1], strerror(-r));
	return r < 0;
}
