/* SPDX-License-Identifier: MIT */

/*
 * The smallest program outside this tree: built against the installed library
 * by CMakeLists.txt beside it, or by
 *
 *     cc main.c $(pkg-config --cflags --libs heliograph)
 */

#include <heliograph.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	const char *address = argc > 1 ? argv[1] : "nowhere:";
	struct helio *bus;
	int r;

	r = helio_open(address, NULL, &bus);
	if (r < 0) {
		printf("%s: %s\n", address, strerror(-r));
		return 1;
	}
	r = helio_connect_wait(bus, 5000);
	printf("%s: %s\n", address,
	       r < 0 ? strerror(-r) : helio_principal(bus));
	helio_close(bus);
	return r < 0;
}
