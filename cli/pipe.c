/* SPDX-License-Identifier: MIT */

/* helio logger pipe: the output of a program, or a file, into a log. */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "cli/command.h"
#include "cli/exit.h"
#include "cli/output.h"
#include "cli/session.h"
#include "cli/shipper.h"

/* A longer line goes in pieces: as long as journald takes one. */
enum {
	LINE_BYTES_MAX = 48 << 10,
	SUBJECT_BYTES = 256,
	PID_BYTES = 24,
	N_SOURCES = 2,
	TIMEOUT_END_MS = 30000,
	SEVERITY_INFO = 6,
};

#define SEVERITIES "emerg|alert|crit|err|warning|notice|info|debug"

struct pipe_settings {
	struct common common; /* timeout_ms: for the log, after the end */
	const char *subject;
	int severity;
	int stderr_severity;
	const char *tag;
	const char *file;
	const char *id;
	bool is_dropping;
	struct texts command;
};

/* Where lines come from. */
struct source {
	int fd; /* -1: it is over */
	const char *name;
	int severity;
	size_t n;
	char bytes[LINE_BYTES_MAX];
};

struct piper {
	const struct pipe_settings *settings;
	struct session session;
	struct shipper shipper;
	struct source sources[N_SOURCES];
	char subject[SUBJECT_BYTES];
	char pid_text[PID_BYTES];
	char *tag; /* owned */
	int signals;
	pid_t pid; /* of the command; 0: none */
	bool has_exited;
	int exit_status;
	bool is_interrupted;
	uint64_t
		end_ns; /* no longer than that for the log; 0: not at the end */
};

static void piper_deinit(struct piper *piper)
{
	for (size_t i = 0; i < N_SOURCES; i++)
		close_fdp(&piper->sources[i].fd);
	close_fdp(&piper->signals);
	session_close(&piper->session);
	shipper_deinit(&piper->shipper);
	free(piper->tag);
}

/* ---- lines ---- */

/* `<3>` before a line says how bad it is, as systemd reads it, too. */
static void take_severity(const char **line, size_t *n, int *severity)
{
	if (*n < 3 || (*line)[0] != '<' || (*line)[2] != '>' ||
	    (*line)[1] < '0' || (*line)[1] > '7')
		return;
	*severity = (*line)[1] - '0';
	*line += 3;
	*n -= 3;
}

static int take_line(struct piper *piper, const struct source *source,
		     const char *line, size_t n, bool is_continued)
{
	struct shipper_line like = { .severity = source->severity,
				     .stream = source->name,
				     .is_continued = is_continued };

	take_severity(&line, &n, &like.severity);
	/* Who waits has read a little too much, which is taken all the same. */
	if (!piper->settings->is_dropping || !shipper_is_full(&piper->shipper))
		return shipper_add(&piper->shipper, &like, line, n);
	shipper_drop(&piper->shipper);
	return 0;
}

/* What is left of the last line waits for its end, or for being too long. */
static int take_lines(struct piper *piper, struct source *source, bool is_over)
{
	const char *at = source->bytes;
	size_t n = source->n;
	const char *end;
	int r = 0;

	while (r == 0 && n > 0 && (end = memchr(at, '\n', n))) {
		size_t n_line = (size_t)(end - at);

		r = take_line(piper, source, at, n_line, false);
		at += n_line + 1;
		n -= n_line + 1;
	}
	if (r == 0 && n > 0 && (is_over || n == LINE_BYTES_MAX)) {
		r = take_line(piper, source, at, n, !is_over);
		n = 0;
	}
	memmove(source->bytes, at, n);
	source->n = n;
	return r;
}

static int read_source(struct piper *piper, struct source *source)
{
	ssize_t n = read(source->fd, source->bytes + source->n,
			 LINE_BYTES_MAX - source->n);

	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? 0 : -errno;
	source->n += (size_t)n;
	if (n == 0) {
		close(source->fd);
		source->fd = -1;
	}
	return take_lines(piper, source, n == 0);
}

/* ---- the command ---- */

static int open_pipe(struct source *source, const char *name, int *ret_theirs)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	source->fd = ends[0];
	source->name = name;
	*ret_theirs = ends[1];
	return 0;
}

static int spawn_with(struct piper *piper, int out, int err)
{
	const struct texts *command = &piper->settings->command;
	char *words[OPTION_TEXTS_MAX + 1] = { NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;
	int r;

	/* What exec takes is not const, and is not written to. */
	memcpy(words, command->at, command->n * sizeof(*words));
	sigemptyset(&none);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	r = posix_spawnp(&piper->pid, words[0], &actions, &attributes, words,
			 environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	return -r;
}

static int start_command(struct piper *piper)
{
	const char *name = piper->settings->command.at[0];
	_cleanup_(close_fdp) int out = -1;
	_cleanup_(close_fdp) int err = -1;
	int r = open_pipe(&piper->sources[0], "stdout", &out);

	if (r == 0)
		r = open_pipe(&piper->sources[1], "stderr", &err);
	if (r == 0)
		r = spawn_with(piper, out, err);
	if (r < 0) {
		piper->pid = 0;
		talk("%s: %s", name, strerror(-r));
		return r == -ENOENT ? EXIT_NOT_FOUND : EXIT_USAGE;
	}
	snprintf(piper->pid_text, sizeof(piper->pid_text), "%d",
		 (int)piper->pid);
	return EXIT_OK;
}

static int open_input(struct piper *piper)
{
	const char *file = piper->settings->file;
	struct source *source = &piper->sources[0];

	source->name = file ? "file" : "stdin";
	source->fd = file ? open(file, O_RDONLY | O_CLOEXEC)
			  : fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	if (source->fd >= 0)
		return EXIT_OK;
	talk("%s: %s", file ? file : "standard input", strerror(errno));
	return EXIT_USAGE;
}

static int open_sources(struct piper *piper)
{
	const struct pipe_settings *settings = piper->settings;

	piper->sources[0].severity = settings->severity;
	piper->sources[1].severity = settings->stderr_severity;
	if (settings->command.n > 0 && settings->file) {
		talk("logger pipe: either --file or a command");
		return EXIT_USAGE;
	}
	return settings->command.n > 0 ? start_command(piper)
				       : open_input(piper);
}

/* ---- what the records say ---- */

/* `vm:web` writes to vm.web.log, which is its own by the default policy. */
static int choose_subject(struct piper *piper)
{
	const char *subject = piper->settings->subject;
	const char *principal = helio_principal(piper->session.bus);
	int n;

	if (subject)
		n = snprintf(piper->subject, SUBJECT_BYTES, "%s", subject);
	else if (strncmp(principal, "vm:", 3) == 0)
		n = snprintf(piper->subject, SUBJECT_BYTES, "vm.%.*s.log",
			     (int)strcspn(principal + 3, "/"), principal + 3);
	else
		n = SUBJECT_BYTES;
	if (n < SUBJECT_BYTES)
		return EXIT_OK;
	talk(subject ? "logger pipe: --subject is too long"
		     : "logger pipe: to which subject? --subject tells");
	return EXIT_USAGE;
}

static int choose_tag(struct piper *piper)
{
	const struct pipe_settings *settings = piper->settings;
	const char *word = settings->tag;

	if (!word && settings->command.n > 0)
		word = settings->command.at[0];
	else if (!word)
		word = settings->file;
	if (!word)
		return EXIT_OK;
	piper->tag = strdup(word);
	if (!piper->tag)
		return session_complain("logger pipe", -ENOMEM, NULL);
	if (!settings->tag) {
		char *name = basename(piper->tag);

		memmove(piper->tag, name, strlen(name) + 1);
	}
	piper->shipper.tag = piper->tag;
	return EXIT_OK;
}

static int init_shipper(struct piper *piper)
{
	int r = shipper_init(&piper->shipper, piper->session.bus,
			     piper->subject, piper->settings->id);

	if (r == -EINVAL) {
		talk("logger pipe: --id has up to %d characters and no colon",
		     SHIPPER_ID_BYTES - 1);
		return EXIT_USAGE;
	}
	return r < 0 ? session_complain("logger pipe", r, NULL)
		     : choose_tag(piper);
}

/* ---- running ---- */

static void on_child(struct piper *piper)
{
	int status;

	if (piper->pid == 0 || waitpid(piper->pid, &status, WNOHANG) <= 0)
		return;
	piper->has_exited = true;
	piper->exit_status = WIFEXITED(status) ? WEXITSTATUS(status)
					       : 128 + WTERMSIG(status);
}

/* What ends us ends the command, whose last words are still taken. */
static void on_signal(struct piper *piper, int number)
{
	if (number == SIGCHLD) {
		on_child(piper);
		return;
	}
	piper->is_interrupted = true;
	if (piper->pid != 0 && !piper->has_exited) {
		kill(piper->pid, number);
		return;
	}
	if (piper->pid == 0)
		for (size_t i = 0; i < N_SOURCES; i++) {
			close_fdp(&piper->sources[i].fd);
			piper->sources[i].fd = -1;
		}
}

static void read_signals(struct piper *piper)
{
	struct signalfd_siginfo info;

	while (read(piper->signals, &info, sizeof(info)) == sizeof(info))
		on_signal(piper, (int)info.ssi_signo);
}

static bool has_sources(const struct piper *piper)
{
	return piper->sources[0].fd >= 0 || piper->sources[1].fd >= 0 ||
	       (piper->pid != 0 && !piper->has_exited);
}

static int smaller(int a, int b)
{
	if (a < 0)
		return b;
	return b < 0 || a < b ? a : b;
}

static int left_ms(const struct piper *piper)
{
	uint64_t now_ns = clock_now_ns();

	if (piper->end_ns == 0)
		return -1;
	if (now_ns >= piper->end_ns)
		return 0;
	return (int)((piper->end_ns - now_ns) / NS_PER_MS) + 1;
}

/* While nothing more can be kept, nothing is read: the program waits. */
static bool wants_input(const struct piper *piper)
{
	return piper->settings->is_dropping ||
	       !shipper_is_full(&piper->shipper);
}

static int wait_and_read(struct piper *piper)
{
	struct helio *bus = piper->session.bus;
	struct pollfd fds[2 + N_SOURCES] = {
		{ .fd = helio_fd(bus), .events = POLLIN },
		{ .fd = piper->signals, .events = POLLIN },
	};
	int r = 0;

	for (size_t i = 0; i < N_SOURCES; i++)
		fds[2 + i] = (struct pollfd){
			.fd = wants_input(piper) ? piper->sources[i].fd : -1,
			.events = POLLIN,
		};
	if (poll(fds, 2 + N_SOURCES,
		 smaller(helio_timeout_ms(bus), left_ms(piper))) < 0)
		return errno == EINTR ? 0 : -errno;
	for (size_t i = 0; r == 0 && i < N_SOURCES; i++)
		if (fds[2 + i].revents)
			r = read_source(piper, &piper->sources[i]);
	if (fds[1].revents)
		read_signals(piper);
	return r;
}

static int ship(struct piper *piper)
{
	const struct pipe_settings *settings = piper->settings;
	int r = 0;

	while (r >= 0 && !piper->shipper.is_over) {
		if (!has_sources(piper) && shipper_is_empty(&piper->shipper))
			return 0;
		if (!has_sources(piper) && piper->end_ns == 0)
			piper->end_ns = clock_now_ns() +
					settings->common.timeout_ms * NS_PER_MS;
		if (piper->end_ns && clock_now_ns() >= piper->end_ns)
			return -ETIMEDOUT;
		r = helio_dispatch(piper->session.bus);
		if (r < 0)
			break;
		shipper_send(&piper->shipper);
		/* What came may have been the last that was awaited. */
		if (r > 0)
			continue;
		r = wait_and_read(piper);
		shipper_send(&piper->shipper);
	}
	return r;
}

/* The command is not left behind: it finds its output closed. */
static void end_command(struct piper *piper)
{
	for (size_t i = 0; i < N_SOURCES; i++) {
		close_fdp(&piper->sources[i].fd);
		piper->sources[i].fd = -1;
	}
	if (piper->pid != 0 && !piper->has_exited)
		waitpid(piper->pid, NULL, 0);
}

static int finish(struct piper *piper, int r)
{
	const struct shipper *shipper = &piper->shipper;

	if (r == 0 && !shipper->is_over) {
		if (piper->pid != 0)
			return piper->exit_status;
		return piper->is_interrupted ? EXIT_INTERRUPTED : EXIT_OK;
	}
	end_command(piper);
	if (shipper->n_lines > 0)
		talk("logger pipe: %zu lines are not known to be stored",
		     shipper->n_lines);
	if (shipper->is_over)
		return session_complain(piper->subject, (int)shipper->status,
					shipper->reason);
	return session_complain("logger pipe", r,
				shipper->reason[0]
					? shipper->reason
					: helio_error(piper->session.bus));
}

static int catch_signals(struct piper *piper)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	piper->signals = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	return piper->signals < 0
		       ? session_complain("logger pipe", -errno, NULL)
		       : EXIT_OK;
}

static int run_piper(struct piper *piper)
{
	int r = session_open(&piper->session, &piper->settings->common, true);

	if (r == EXIT_OK)
		r = choose_subject(piper);
	if (r == EXIT_OK)
		r = init_shipper(piper);
	if (r == EXIT_OK)
		r = catch_signals(piper);
	if (r == EXIT_OK)
		r = open_sources(piper);
	if (r != EXIT_OK)
		return r;
	if (piper->pid_text[0])
		piper->shipper.pid = piper->pid_text;
	return finish(piper, ship(piper));
}

static int run(const void *settings)
{
	struct piper *piper = calloc(1, sizeof(*piper));
	int r;

	if (!piper)
		return session_complain("logger pipe", -ENOMEM, NULL);
	piper->settings = settings;
	piper->signals = -1;
	for (size_t i = 0; i < N_SOURCES; i++)
		piper->sources[i].fd = -1;
	r = run_piper(piper);
	piper_deinit(piper);
	free(piper);
	return r;
}

static const struct pipe_settings defaults = {
	.common.timeout_ms = TIMEOUT_END_MS,
	.severity = SEVERITY_INFO,
	.stderr_severity = SEVERITY_INFO,
};

static const struct option options[] = {
	{ 0, "subject", OPTION_TEXT, offsetof(struct pipe_settings, subject),
	  "SUBJECT", "where to; for a domain vm.NAME.log" },
	{ 'p', "severity", OPTION_CHOICE,
	  offsetof(struct pipe_settings, severity), SEVERITIES,
	  "of lines that do not begin with one, as `<3>` (info)" },
	{ 0, "stderr-severity", OPTION_CHOICE,
	  offsetof(struct pipe_settings, stderr_severity), SEVERITIES,
	  "the same of what the command writes to standard error (info)" },
	{ 't', "tag", OPTION_TEXT, offsetof(struct pipe_settings, tag), "TAG",
	  "the program's name; that of the command or file" },
	{ 'F', "file", OPTION_TEXT, offsetof(struct pipe_settings, file),
	  "FILE", "the lines of this file" },
	{ 0, "id", OPTION_TEXT, offsetof(struct pipe_settings, id), "ID",
	  "keys are producer:ID:LINE: the same input again with the same ID is stored "
	  "once; drawn for each run if it is left out" },
	{ 0, "drop", OPTION_FLAG, offsetof(struct pipe_settings, is_dropping),
	  NULL,
	  "rather lose lines than let the program wait; a line says how "
	  "many" },
	OPTION_ROW_TIMEOUT("at the end: how long to wait for the log (30s)"),
	OPTION_ROW_CONNECT,
	OPTION_ROW_KEY_FILE,
	OPTION_ROW_SERVER_KEY,
	OPTION_ROW_PLAIN,
	OPTION_ROW_END,
};

static const struct argument arguments[] = {
	{ "COMMAND", OPTION_TEXTS, offsetof(struct pipe_settings, command),
	  false, NULL,
	  "with its arguments, after `--`: its output; standard input if there "
	  "is neither a command nor a file" },
	ARGUMENT_END,
};

const struct command command_logger_pipe = {
	.name = "logger pipe",
	.summary = "ship a program's output, or a file, into a log",
	.description =
		"Each line becomes a record with the headers severity, tag, "
		"pid and stream, and is kept until it is on disk: when the "
		"logger or the switch is away the program waits, and nothing "
		"is lost or stored twice. The exit status is that of the "
		"command.",
	.options = options,
	.arguments = arguments,
	.defaults = &defaults,
	.n_settings = sizeof(struct pipe_settings),
	.run = run,
};
