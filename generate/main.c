/* SPDX-License-Identifier: MIT */

/*
 * protoc-gen-helio: what protoc runs for --helio_out. A request comes on
 * standard input, the response goes to standard output.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "generate/plugin.h"

static int read_all(uint8_t **ret_bytes, size_t *ret_n)
{
	_cleanup_(freep) uint8_t *bytes = NULL;
	size_t n = 0, n_allocated = 0;
	ssize_t n_read;

	do {
		if (n == n_allocated) {
			uint8_t *larger;

			n_allocated = n_allocated ? 2 * n_allocated : 65536;
			larger = realloc(bytes, n_allocated);
			if (!larger)
				return -ENOMEM;
			bytes = larger;
		}
		n_read = read(STDIN_FILENO, bytes + n, n_allocated - n);
		if (n_read < 0 && errno != EINTR)
			return -errno;
		n += n_read > 0 ? (size_t)n_read : 0;
	} while (n_read);
	*ret_bytes = take_ptr(bytes);
	*ret_n = n;
	return 0;
}

int main(int argc, char **argv)
{
	_cleanup_(freep) uint8_t *request = NULL;
	_cleanup_(freep) uint8_t *response = NULL;
	size_t n_request = 0, n_response = 0;
	int r;

	if (argc > 1 || isatty(STDIN_FILENO)) {
		fprintf(stderr, "%s: run by protoc, for --helio_out\n",
			argv[0]);
		return 2;
	}
	r = read_all(&request, &n_request);
	if (!r)
		r = plugin_run(request, n_request, &response, &n_response);
	if (!r && (fwrite(response, 1, n_response, stdout) != n_response ||
		   fflush(stdout)))
		r = -errno;
	if (r < 0)
		fprintf(stderr, "protoc-gen-helio: %s\n", strerror(-r));
	return r < 0;
}
