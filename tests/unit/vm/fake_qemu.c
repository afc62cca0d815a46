/* SPDX-License-Identifier: MIT */

#include "tests/unit/vm/fake_qemu.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vm/qemu_arguments.h"

static char flag[] = "--fake-qemu";
static int connection = -1;
static unsigned n_read; /* commands, the first of which has id 0 */

static void say(const char *text)
{
	(void)!write(connection, text, strlen(text));
}

static void answer(const char *kind, const char *value)
{
	char text[128];

	snprintf(text, sizeof(text), "{\"%s\": %s, \"id\": %u}\r\n", kind,
		 value, n_read - 1);
	say(text);
}

static void read_command(void)
{
	char byte = 0;

	while (byte != '\n')
		if (read(connection, &byte, 1) <= 0)
			_exit(4);
	n_read++;
}

static void say_without_end(void)
{
	for (;;)
		if (write(connection, "          ", 10) < 0)
			pause();
}

static void tell(char step)
{
	switch (step) {
	case 'g':
		say("{\"QMP\": {}}\r\n");
		break;
	case 'R':
		say("{\"event\": \"RESUME\"}\r\n");
		break;
	case 'S':
		say("{\"event\": \"SHUTDOWN\", \"data\": {\"guest\": true, "
		    "\"reason\": \"guest-shutdown\"}}\r\n");
		break;
	case 'P':
		say("{\"event\": \"SHUTDOWN\", \"data\": {\"guest\": true, "
		    "\"reason\": \"guest-panic\"}}\r\n");
		break;
	case 'x':
		say("hello\r\n");
		break;
	case 'l':
		say_without_end();
		break;
	case 'e':
		fprintf(stderr, "first\nfake: cannot do it\n");
		break;
	}
}

static void take(char step)
{
	switch (step) {
	case 'a':
		connection = accept(QEMU_MONITOR_FD, NULL, NULL);
		break;
	case 'r':
		read_command();
		break;
	case 'o':
		answer("return", "{}");
		break;
	case 'p':
		answer("return", "{\"status\": \"prelaunch\"}");
		break;
	case 'u':
		answer("return", "{\"status\": \"running\"}");
		break;
	case 'n':
		answer("error", "{\"desc\": \"fake says no\"}");
		break;
	case 'c':
		close(connection);
		break;
	case 'h':
		for (;;)
			pause();
	case 'f':
		_exit(3);
	default:
		tell(step);
	}
}

void fake_qemu_main(int argc, char **argv)
{
	if (argc != 3 || strcmp(argv[1], flag) != 0)
		return;
	signal(SIGPIPE, SIG_IGN);
	alarm(60);
	for (const char *at = argv[2]; *at; at++)
		take(*at);
	_exit(0);
}

char **fake_qemu_words(char *script)
{
	static char self[] = "/proc/self/exe";
	static char *words[4];

	words[0] = self;
	words[1] = flag;
	words[2] = script;
	words[3] = NULL;
	return words;
}
