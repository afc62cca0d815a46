/* SPDX-License-Identifier: MIT */

/**
 * xen-domain FOLDER COMMAND...: rule a world from a shell. The commands are
 * those of tests/xen/world/control.h, and
 *
 *   xen-domain FOLDER run DOMID PROGRAM [ARG...]
 *
 * which becomes the program, in that domain, with the stand-in preloaded.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/xen/standin/wire.h"

static int connect_control(const char *folder)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/control",
		 folder);
	if (fd < 0 ||
	    connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		perror("xen-domain");
		exit(1);
	}
	return fd;
}

/* Prints what the answer says beyond "ok"; returns an exit status. */
static int tell(int fd, const char *command)
{
	char answer[512];
	ssize_t n;
	int error;

	if (send(fd, command, strlen(command), 0) < 0)
		return 1;
	n = recv(fd, answer, sizeof(answer) - 1, 0);
	if (n <= 0)
		return 1;
	answer[n] = 0;
	if (sscanf(answer, "error %d", &error) == 1) {
		fprintf(stderr, "xen-domain: %s\n", strerror(error));
		return 1;
	}
	if (n > 3)
		puts(answer + 3);
	return 0;
}

/* A program with ASan minds what comes before ASan, as the stand-in does. */
static void allow_preload(void)
{
	const char *options = getenv("ASAN_OPTIONS");
	char text[512];

	snprintf(text, sizeof(text), "%s:verify_asan_link_order=0",
		 options ? options : "");
	setenv("ASAN_OPTIONS", text, 1);
}

static int run(const char *folder, char **argv)
{
	char text[256];
	int fd = connect_control(folder);
	int status;

	snprintf(text, sizeof(text), "join %s %d", argv[0], (int)getpid());
	status = tell(fd, text);
	if (status)
		return status;
	setenv(WIRE_ENV_WORLD, folder, 1);
	setenv(WIRE_ENV_DOMID, argv[0], 1);
	snprintf(text, sizeof(text), "%s/%s/xenstored", folder, argv[0]);
	setenv("XENSTORED_PATH", text, 1);
	setenv("LD_PRELOAD", XEN_STANDIN_LIBRARY, 1);
	allow_preload();
	execvp(argv[1], argv + 1);
	perror("xen-domain");
	return 127;
}

int main(int argc, char **argv)
{
	char command[512] = "";
	size_t n = 0;

	if (argc < 3) {
		fputs("usage: xen-domain FOLDER COMMAND [WORD...]\n", stderr);
		return 2;
	}
	if (strcmp(argv[2], "run") == 0 && argc > 4)
		return run(argv[1], argv + 3);
	for (int i = 2; i < argc && n < sizeof(command); i++)
		n += (size_t)snprintf(command + n, sizeof(command) - n, "%s%s",
				      i > 2 ? " " : "", argv[i]);
	return tell(connect_control(argv[1]), command);
}
