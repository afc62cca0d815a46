/* SPDX-License-Identifier: MIT */

/*
 * What a page needs of Xen's own commands: `xenstore-write PATH VALUE...` and
 * `xenstore-rm PATH...`.
 */

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <xenstore.h>

int main(int argc, char **argv)
{
	struct xs_handle *store = xs_open(0);
	bool is_rm = strstr(argv[0], "xenstore-rm");
	bool is_done = store;

	for (int i = 1; is_done && i < argc; i += is_rm ? 1 : 2) {
		const char *value = is_rm ? NULL : argv[i + 1];

		if (is_rm)
			is_done = xs_rm(store, XBT_NULL, argv[i]);
		else
			is_done = value &&
				  xs_write(store, XBT_NULL, argv[i], value,
					   (unsigned)strlen(value));
	}
	if (!is_done)
		perror(argv[0]);
	xs_close(store);
	return is_done ? 0 : 1;
}
