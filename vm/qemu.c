/* SPDX-License-Identifier: MIT */

#include "vm/qemu.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/folder.h"
#include "vm/monitor.h"
#include "vm/qemu_arguments.h"
#include "vm/qemu_guest.h"

enum {
	HANDSHAKE_MS = 10000,
	/* One that lives may be busy; one that is killed has lost its guest. */
	ADOPT_HANDSHAKE_MS = 30000,
	QUIT_MS = 2000,
};

struct qemu {
	struct driver driver;
	struct driver_context context;
};

static const char birth_suffix[] = ".birth";

static void remove_file(int run_fd, const char *name, const char *suffix)
{
	char file[MONITOR_FILE_BYTES];

	monitor_file(name, suffix, file);
	(void)unlinkat(run_fd, file, 0);
}

static void clear(void *userdata, const char *name)
{
	const struct qemu *qemu = userdata;

	remove_file(qemu->context.run_fd, name, ".qmp");
	remove_file(qemu->context.run_fd, name, birth_suffix);
}

static int open_driver(const struct driver_context *context,
		       struct driver **ret_driver)
{
	struct qemu *qemu = calloc(1, sizeof(*qemu));

	if (!qemu)
		return -ENOMEM;
	qemu->driver.ops = &qemu_driver;
	qemu->context = *context;
	if (!qemu->context.program)
		qemu->context.program = "qemu-system-x86_64";
	*ret_driver = &qemu->driver;
	return 0;
}

static struct driver *close_driver(struct driver *driver)
{
	free(driver);
	return NULL;
}

static int survey(struct driver *driver, driver_found_fn on_found,
		  void *userdata)
{
	const struct qemu *qemu = (struct qemu *)driver;
	char path[64];
	struct folder folder;
	int r;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", qemu->context.run_fd);
	r = folder_open(path, birth_suffix, &folder);
	if (r < 0)
		return r;
	for (size_t i = 0; i < folder.n_names; i++) {
		char *name = folder.names[i];

		name[strlen(name) - strlen(birth_suffix)] = '\0';
		if (definition_name_is_valid(name, strlen(name)))
			on_found(userdata, name);
	}
	folder_close(&folder);
	return 0;
}

static struct qemu_guest_start start_of(struct qemu *qemu, const char *name,
					const struct guest_watcher *watcher,
					uint32_t handshake_ms)
{
	return (struct qemu_guest_start){
		.ops = &qemu_driver,
		.uv = qemu->context.uv,
		.name = name,
		.watcher = *watcher,
		.handshake_ms = handshake_ms,
		.quit_ms = QUIT_MS,
		.on_ended = clear,
		.userdata = qemu,
	};
}

/* What listens there is a QEMU that we have lost, and still has its disks. */
static int check_alone(const struct qemu *qemu, const char *name)
{
	_cleanup_(close_fdp) int fd =
		monitor_connect(qemu->context.run_fd, name);

	return fd >= 0 ? -EEXIST : 0;
}

static int spawn(struct qemu *qemu, const struct definition *definition,
		 const struct birth *birth, struct qemu_guest *guest)
{
	_cleanup_(qemu_arguments_freep) char **words = NULL;
	_cleanup_(close_fdp) int listening = -1;
	char file[MONITOR_FILE_BYTES];
	int run_fd = qemu->context.run_fd;
	int fd, r;

	r = qemu_arguments_new(qemu->context.program, definition, &words);
	if (r < 0)
		return r;
	listening = monitor_listen(run_fd, definition->name);
	if (listening < 0)
		return listening;
	monitor_file(definition->name, birth_suffix, file);
	r = birth_write(run_fd, file, birth);
	if (r == 0)
		r = qemu_guest_spawn(guest, words, listening);
	if (r < 0)
		return r;
	fd = monitor_connect(run_fd, definition->name);
	return fd < 0 ? fd : qemu_guest_connect(guest, fd);
}

static int start(struct driver *driver, const struct definition *definition,
		 const struct birth *birth, const struct guest_watcher *watcher,
		 char *error, size_t n_error, struct guest **ret_guest)
{
	struct qemu *qemu = (struct qemu *)driver;
	struct qemu_guest_start how =
		start_of(qemu, definition->name, watcher, HANDSHAKE_MS);
	_cleanup_(qemu_guest_freep) struct qemu_guest *guest = NULL;
	int r = check_alone(qemu, definition->name);

	if (r < 0) {
		snprintf(error, n_error, "a lost QEMU of that name lives");
		return r;
	}
	r = qemu_guest_new(&how, &guest);
	if (r == 0)
		r = spawn(qemu, definition, birth, guest);
	if (r < 0) {
		snprintf(error, n_error, "%s: %s", qemu->context.program,
			 strerror(-r));
		if (guest)
			qemu_guest_kill(guest);
		clear(qemu, definition->name);
		return r;
	}
	*ret_guest = (struct guest *)take_ptr(guest);
	return 0;
}

static int take_over(struct qemu *qemu, struct qemu_guest *guest, int fd)
{
	_cleanup_(close_fdp) int taken = fd;
	pid_t pid;
	int r = monitor_peer(taken, &pid);

	if (r == 0)
		r = qemu_guest_adopt(guest, pid);
	return r < 0 ? r : qemu_guest_connect(guest, take_fd(taken));
}

static int adopt(struct driver *driver, const char *name,
		 const struct guest_watcher *watcher, struct birth *ret_birth,
		 struct guest **ret_guest)
{
	struct qemu *qemu = (struct qemu *)driver;
	struct qemu_guest_start how =
		start_of(qemu, name, watcher, ADOPT_HANDSHAKE_MS);
	_cleanup_(qemu_guest_freep) struct qemu_guest *guest = NULL;
	char file[MONITOR_FILE_BYTES];
	int fd, r;

	fd = monitor_connect(qemu->context.run_fd, name);
	if (fd == -ENOENT || fd == -ECONNREFUSED) {
		clear(qemu, name);
		return -ENOENT;
	}
	if (fd < 0)
		return fd;
	monitor_file(name, birth_suffix, file);
	r = birth_read(qemu->context.run_fd, file, ret_birth);
	if (r == 0)
		r = qemu_guest_new(&how, &guest);
	if (r < 0) {
		close(fd);
		return r;
	}
	r = take_over(qemu, guest, fd);
	if (r < 0)
		return r;
	*ret_guest = (struct guest *)take_ptr(guest);
	return 0;
}

const struct driver_ops qemu_driver = {
	.name = "qemu",
	.open = open_driver,
	.close = close_driver,
	.survey = survey,
	.start = start,
	.adopt = adopt,
	.stop = qemu_guest_stop,
	.free = qemu_guest_free,
};
