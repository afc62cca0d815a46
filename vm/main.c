/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <stdlib.h>

#include "base/diag.h"
#include "daemon/loop.h"
#include "rpc/heliograph.h"
#include "vm/announcer.h"
#include "vm/fleet.h"
#include "vm/options.h"
#include "vm/qemu.h"
#include "vm/run_folder.h"
#include "vm/service.h"

struct helio_vm {
	struct options options;
	struct loop loop;
	struct fleet fleet;
	struct announcer announcer;
	struct service service;
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

static bool on_turn(void *userdata)
{
	struct helio_vm *vm = userdata;

	service_turn(&vm->service);
	return false;
}

static void on_refused(void *userdata, unsigned status, const char *reason)
{
	log_warning("publish: %s: %s", helio_status_name(status), reason);
}

static const struct loop_hooks hooks = {
	.turn = on_turn,
	.reload = on_reload,
	.refused = on_refused,
};

static void on_ready(void *userdata)
{
	struct helio_vm *vm = userdata;

	program_say_answered(&vm->options.program, true);
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
		return program_complain("start", r);
	r = fleet_load(&vm->fleet, vm->options.machines, error, sizeof(error));
	if (r < 0) {
		log_error("%s", error);
		return -EINVAL;
	}
	r = fleet_adopt(&vm->fleet);
	return r < 0 ? program_complain(vm->options.run, r) : 0;
}

static int open_bus(struct helio_vm *vm)
{
	int r = loop_connect(&vm->loop, "helio-vm", &vm->options.program);

	if (r < 0)
		return r;
	vm->announcer = (struct announcer){ .bus = vm->loop.bus };
	r = service_init(&vm->service, vm->loop.bus, &vm->fleet, on_ready, vm);
	return r < 0 ? program_complain("start", r) : 0;
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
	vm->announcer.bus = NULL;
	service_deinit(&vm->service);
	fleet_deinit(&vm->fleet);
	loop_deinit(&vm->loop);
	return exit_status(r);
}

int main(int argc, char **argv)
{
	static struct helio_vm vm;
	struct options *options = &vm.options;
	int status;

	if (!program_begin("helio-vm", &options_table, argc, argv, options,
			   &options->program.supervised, &status))
		return status;
	/* Machines outlive us, and what we inherited is not for them. */
	uv_disable_stdio_inheritance();
	vm.run_fd = run_folder_open(options->run);
	if (vm.run_fd < 0) {
		program_complain(options->run, vm.run_fd);
		return EXIT_UNAVAILABLE;
	}
	fleet_init(&vm.fleet, (uint32_t)options->machines_per_principal,
		   on_changed, &vm);
	return run(&vm);
}
