/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/diag.h"
#include "rpc/heliograph.h"
#include "vm/announcer.h"
#include "vm/fleet.h"
#include "vm/loop.h"
#include "vm/options.h"
#include "vm/qemu.h"
#include "vm/run_folder.h"
#include "vm/service.h"

enum { EXIT_USAGE = 2, EXIT_UNAVAILABLE = 5, EXIT_INTERNAL = 70 };

struct helio_vm {
	struct options options;
	struct loop loop;
	struct fleet fleet;
	struct announcer announcer;
	struct service service;
	struct helio *bus;
	int run_fd;
};

static void on_changed(void *userdata, const struct machine *machine,
		       const char *kind)
{
	struct helio_vm *vm = userdata;

	log_debug("%s: %s%s%s", machine->name, kind,
		  machine->reason.text[0] ? ": " : "", machine->reason.text);
	announcer_tell(&vm->announcer, machine, kind);
	service_changed(&vm->service);
}

static void on_reload(void *userdata)
{
	struct helio_vm *vm = userdata;
	char error[512];

	if (fleet_load(&vm->fleet, vm->options.machines, error, sizeof(error)) <
	    0)
		log_error("reload: %s", error);
	else
		log_info("reloaded");
}

static void on_turn(void *userdata)
{
	struct helio_vm *vm = userdata;

	service_turn(&vm->service);
}

static const struct loop_hooks hooks = { .reload = on_reload, .turn = on_turn };

static void on_state(struct helio *bus, enum helio_state state, void *userdata)
{
	if (state == HELIO_CONNECTED)
		log_info("connected as %s", helio_principal(bus));
	else if (*helio_error(bus))
		log_warning("no connection: %s", helio_error(bus));
}

static void on_refused(struct helio *bus, unsigned status, const char *reason,
		       void *userdata)
{
	log_warning("publish: %s: %s", helio_status_name(status), reason);
}

static void on_ready(void *userdata)
{
	static const char word[] = "READY\n";
	const struct helio_vm *vm = userdata;
	int fd = vm->options.ready_fd;

	log_info("serving");
	if (fd < 0)
		return;
	if (write(fd, word, sizeof(word) - 1) < 0)
		log_warning("--ready-fd: %s", strerror(errno));
	close(fd);
}

static int complain(const char *what, int r)
{
	log_error("%s: %s", what, strerror(-r));
	return r;
}

static int open_driver(struct helio_vm *vm)
{
	struct driver_context context = {
		.uv = &vm->loop.uv,
		.run_fd = vm->run_fd,
		.program = vm->options.qemu,
	};
	struct driver *driver;
	int r = qemu_driver.open(&context, &driver);

	return r < 0 ? r : fleet_add_driver(&vm->fleet, driver);
}

/* Machines are looked after whether there is a bus or not. */
static int open_fleet(struct helio_vm *vm)
{
	char error[512];
	int r = open_driver(vm);

	if (r < 0)
		return complain("start", r);
	r = fleet_load(&vm->fleet, vm->options.machines, error, sizeof(error));
	if (r < 0) {
		log_error("%s", error);
		return -EINVAL;
	}
	r = fleet_adopt(&vm->fleet);
	return r < 0 ? complain(vm->options.run, r) : 0;
}

static int open_bus(struct helio_vm *vm)
{
	struct helio_options options = {
		.program = "helio-vm",
		.key_file = vm->options.key_file,
		.server_key = vm->options.server_key,
		.on_state = on_state,
		.on_refused = on_refused,
		.userdata = vm,
	};
	int r = helio_open(vm->options.connect, &options, &vm->bus);

	if (r < 0)
		return complain(vm->options.connect, r);
	vm->announcer = (struct announcer){ .bus = vm->bus };
	r = loop_set_bus(&vm->loop, vm->bus);
	if (r >= 0)
		r = service_init(&vm->service, vm->bus, &vm->fleet, on_ready,
				 vm);
	return r < 0 ? complain("start", r) : 0;
}

static int exit_status(int r)
{
	switch (r) {
	case 0:
		return EXIT_SUCCESS;
	case -EINVAL:
		return EXIT_USAGE;
	case -ENOMEM:
		return EXIT_INTERNAL;
	default:
		return EXIT_UNAVAILABLE;
	}
}

static int run(struct helio_vm *vm)
{
	int r = loop_init(&vm->loop, &hooks, vm);

	if (r == 0)
		r = open_fleet(vm);
	if (r == 0)
		r = open_bus(vm);
	if (r == 0)
		r = loop_run(&vm->loop);
	if (r < 0 && vm->bus && *helio_error(vm->bus))
		log_error("the connection is closed: %s", helio_error(vm->bus));
	vm->announcer.bus = NULL;
	service_deinit(&vm->service);
	helio_close(vm->bus);
	fleet_deinit(&vm->fleet);
	loop_deinit(&vm->loop);
	return exit_status(r);
}

/* It may have been killed already, which nobody would tell. */
static int end_with(pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0)
		return -errno;
	return getppid() == parent ? 0 : -ESRCH;
}

int main(int argc, char **argv)
{
	static struct helio_vm vm;
	struct options *options = &vm.options;
	int r;

	diag_init("helio-vm", DIAG_INFO);
	r = options_parse(argc, argv, options);
	if (r) {
		fputs(options_usage, r < 0 ? stderr : stdout);
		return r < 0 ? EXIT_USAGE : EXIT_SUCCESS;
	}
	diag_init("helio-vm", options->log_level);
	signal(SIGPIPE, SIG_IGN);
	/* Machines outlive us, and what we inherited is not for them. */
	uv_disable_stdio_inheritance();
	if (options->parent && end_with(options->parent) < 0) {
		log_error("the parent, process %d, is gone", options->parent);
		return EXIT_UNAVAILABLE;
	}
	vm.run_fd = run_folder_open(options->run);
	if (vm.run_fd < 0) {
		complain(options->run, vm.run_fd);
		return EXIT_UNAVAILABLE;
	}
	fleet_init(&vm.fleet, options->machines_per_principal, on_changed, &vm);
	return run(&vm);
}
