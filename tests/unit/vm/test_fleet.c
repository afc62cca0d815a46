/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/fault.h"
#include "tests/unit/vm/fake_driver.h"
#include "vm/fleet.h"

enum { PER_PRINCIPAL = 2 };

struct fixture {
	struct fleet fleet;
	struct fake_driver driver;
	char path[64];
	char error[256];
	char told[1024]; /* "web:running " and so on */
};

static void on_changed(void *userdata, const struct machine *machine,
		       const char *kind)
{
	struct fixture *fixture = userdata;
	size_t n = strlen(fixture->told);

	snprintf(fixture->told + n, sizeof(fixture->told) - n, "%s:%s ",
		 machine->name, kind);
}

static void assert_told(struct fixture *fixture, const char *told)
{
	assert_string_equal(fixture->told, told);
	fixture->told[0] = '\0';
}

static void write_file(const struct fixture *fixture, const char *name,
		       const char *text)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", fixture->path, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void remove_file(const struct fixture *fixture, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", fixture->path, name);
	unlink(path);
}

static int load(struct fixture *fixture)
{
	return fleet_load(&fixture->fleet, fixture->path, fixture->error,
			  sizeof(fixture->error));
}

static int setup(void **state)
{
	static struct fixture fixture;

	fixture = (struct fixture){ .path = "/tmp/helio-fleet-XXXXXX" };
	assert_non_null(mkdtemp(fixture.path));
	fleet_init(&fixture.fleet, PER_PRINCIPAL, on_changed, &fixture);
	fake_driver_init(&fixture.driver);
	assert_int_equal(
		fleet_add_driver(&fixture.fleet, &fixture.driver.driver), 0);
	write_file(&fixture, "web.vm", "memory 8M\n");
	write_file(&fixture, "db.vm", "memory 16M\n");
	*state = &fixture;
	return 0;
}

static int teardown(void **state)
{
	static const char *const files[] = { "web.vm", "db.vm", "mail.vm",
					     "a b.vm" };
	struct fixture *fixture = *state;

	fleet_deinit(&fixture->fleet);
	for (size_t i = 0; i < FAKE_GUESTS_MAX; i++)
		assert_null(fixture->driver.guests[i]);
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		remove_file(fixture, files[i]);
	return rmdir(fixture->path);
}

static struct machine *machine_of(struct fixture *fixture, const char *name)
{
	struct machine *machine = fleet_lookup(&fixture->fleet, name);

	assert_non_null(machine);
	return machine;
}

static int start_by(struct fixture *fixture, const char *name,
		    const char *principal, struct reason *ret_why)
{
	return fleet_start(&fixture->fleet, machine_of(fixture, name),
			   principal, ret_why);
}

static int start(struct fixture *fixture, const char *name)
{
	struct reason why;

	return start_by(fixture, name, "uid:0", &why);
}

static void tell(struct fixture *fixture, const char *name,
		 enum guest_event event, const char *reason)
{
	fake_guest_tell(&fixture->driver, name, event, reason);
}

static void a_folder_becomes_machines(void **state)
{
	struct fixture *fixture = *state;
	struct machine *machine;

	assert_int_equal(load(fixture), 0);
	assert_int_equal(fixture->fleet.n_machines, 2);
	machine = fleet_next(&fixture->fleet, NULL);
	assert_string_equal(machine->name, "db");
	assert_int_equal(machine->definition->memory_bytes, 16 << 20);
	machine = fleet_next(&fixture->fleet, "db");
	assert_string_equal(machine->name, "web");
	assert_int_equal(machine->state, MACHINE_DEFINED);
	assert_null(fleet_next(&fixture->fleet, "web"));
	assert_null(fleet_lookup(&fixture->fleet, "mail"));
}

static void a_wrong_file_changes_nothing(void **state)
{
	static const struct {
		const char *name;
		const char *text;
		const char *error;
	} faults[] = {
		{ "mail.vm", "memory 1M\nx y\n",
		  "mail.vm:2: 'x' is no key of a machine" },
		{ "mail.vm", "driver xl\n",
		  "mail.vm: there is no such driver" },
		{ "a b.vm", "", "a b.vm: no name of a machine" },
	};
	struct fixture *fixture = *state;

	assert_int_equal(load(fixture), 0);
	fixture->told[0] = '\0';
	write_file(fixture, "web.vm", "memory 32M\n");
	for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++) {
		write_file(fixture, faults[i].name, faults[i].text);
		assert_int_equal(load(fixture), -EINVAL);
		assert_string_equal(fixture->error, faults[i].error);
		remove_file(fixture, faults[i].name);
	}
	assert_int_equal(machine_of(fixture, "web")->definition->memory_bytes,
			 8 << 20);
	assert_told(fixture, "");
}

static void a_life_is_told_step_by_step(void **state)
{
	struct fixture *fixture = *state;
	struct machine *web;

	assert_int_equal(load(fixture), 0);
	fixture->told[0] = '\0';
	web = machine_of(fixture, "web");
	assert_int_equal(start(fixture, "web"), 0);
	assert_int_equal(start(fixture, "web"), MACHINE_WAS_RUNNING);
	assert_true(web->birth.incarnation != 0);
	assert_string_equal(web->birth.started_by, "uid:0");
	tell(fixture, "web", GUEST_RUNNING, "");
	tell(fixture, "web", GUEST_PAUSED, "io-error");
	assert_string_equal(web->reason.text, "io-error");
	tell(fixture, "web", GUEST_RUNNING, "");
	tell(fixture, "web", GUEST_RESET, "guest-reset");
	assert_int_equal(web->state, MACHINE_RUNNING);
	assert_int_equal(web->n_resets, 1);
	assert_int_equal(machine_stop(web, 500), 0);
	assert_int_equal(fake_guest(&fixture->driver, "web")->grace_ms, 500);
	assert_int_equal(start(fixture, "web"), -EBUSY);
	tell(fixture, "web", GUEST_POWERDOWN, "");
	tell(fixture, "web", GUEST_PAUSED, "");
	assert_int_equal(web->state, MACHINE_STOPPING);
	tell(fixture, "web", GUEST_ENDED, "the guest has shut down");
	assert_int_equal(web->state, MACHINE_STOPPED);
	assert_null(web->guest);
	assert_int_equal(web->birth.incarnation, 0);
	assert_int_equal(machine_stop(web, 500), MACHINE_WAS_STOPPED);
	assert_told(fixture, "web:starting web:running web:paused web:running "
			     "web:reset web:stopping web:powerdown "
			     "web:stopped ");
	assert_int_equal(web->n_changes, 9);
}

static void a_second_stop_may_be_harder(void **state)
{
	struct fixture *fixture = *state;
	struct machine *web;

	assert_int_equal(load(fixture), 0);
	web = machine_of(fixture, "web");
	assert_int_equal(start(fixture, "web"), 0);
	fixture->told[0] = '\0';
	assert_int_equal(machine_stop(web, 60000), 0);
	assert_int_equal(machine_stop(web, 0), 0);
	assert_int_equal(fake_guest(&fixture->driver, "web")->n_stops, 2);
	assert_int_equal(fake_guest(&fixture->driver, "web")->grace_ms, 0);
	assert_told(fixture, "web:stopping ");
}

static void failures_say_why_and_can_be_started_again(void **state)
{
	struct fixture *fixture = *state;
	struct machine *web;

	assert_int_equal(load(fixture), 0);
	web = machine_of(fixture, "web");
	fixture->driver.start_error = -ENOENT;
	assert_int_equal(start(fixture, "web"), -ENOENT);
	assert_int_equal(web->state, MACHINE_FAILED);
	assert_string_equal(web->reason.text, "the fake says no");
	fixture->driver.start_error = 0;
	assert_int_equal(start(fixture, "web"), 0);
	tell(fixture, "web", GUEST_FAILED, "bad\x01\xff bytes");
	assert_int_equal(web->state, MACHINE_FAILED);
	assert_string_equal(web->reason.text, "bad?? bytes");
	assert_int_equal(start(fixture, "web"), 0);
}

static void a_definition_that_goes_lets_its_guest_live(void **state)
{
	struct fixture *fixture = *state;
	struct machine *web;

	assert_int_equal(load(fixture), 0);
	assert_int_equal(start(fixture, "web"), 0);
	web = machine_of(fixture, "web");
	fixture->told[0] = '\0';
	remove_file(fixture, "web.vm");
	remove_file(fixture, "db.vm");
	assert_int_equal(load(fixture), 0);
	assert_told(fixture, "db:undefined ");
	assert_string_equal(fleet_next(&fixture->fleet, NULL)->name, "web");
	tell(fixture, "web", GUEST_RUNNING, "");
	tell(fixture, "web", GUEST_ENDED, "");
	assert_told(fixture, "web:running web:stopped web:undefined ");
	assert_int_equal(start(fixture, "web"), -ENOENT);
	assert_null(fleet_next(&fixture->fleet, NULL));
	write_file(fixture, "web.vm", "");
	assert_int_equal(load(fixture), 0);
	assert_told(fixture, "web:defined ");
	assert_int_equal(web->state, MACHINE_DEFINED);
}

static void what_lives_is_taken_over(void **state)
{
	struct fixture *fixture = *state;
	struct machine *old;

	assert_int_equal(load(fixture), 0);
	fixture->driver.alive = "old";
	assert_int_equal(fleet_adopt(&fixture->fleet), 0);
	old = machine_of(fixture, "old");
	assert_int_equal(old->birth.incarnation, 7);
	assert_int_equal(old->state, MACHINE_STARTING);
	tell(fixture, "old", GUEST_RUNNING, "");
	tell(fixture, "old", GUEST_ENDED, "");
	assert_int_equal(old->state, MACHINE_UNDEFINED);

	fixture->driver.adopt_error = -ENOENT;
	fixture->driver.alive = "web";
	assert_int_equal(fleet_adopt(&fixture->fleet), 0);
	assert_int_equal(machine_of(fixture, "web")->state, MACHINE_DEFINED);
}

static void a_principal_has_so_many_and_no_more(void **state)
{
	struct fixture *fixture = *state;
	struct reason why = { "" };

	write_file(fixture, "mail.vm", "");
	assert_int_equal(load(fixture), 0);
	assert_int_equal(start_by(fixture, "web", "vm:a/uid:1", &why), 0);
	assert_int_equal(start_by(fixture, "db", "vm:a/uid:2", &why), 0);
	assert_int_equal(start_by(fixture, "mail", "vm:a/uid:3", &why),
			 -EDQUOT);
	assert_string_equal(why.text, "vm:a has 2 machines, and may have 2");
	assert_int_equal(start_by(fixture, "web", "vm:a", &why),
			 MACHINE_WAS_RUNNING);
	assert_int_equal(start_by(fixture, "mail", "vm:ab", &why), 0);
	tell(fixture, "mail", GUEST_ENDED, "");
	tell(fixture, "web", GUEST_ENDED, "");
	assert_int_equal(start_by(fixture, "mail", "vm:a", &why), 0);
}

/* So who follows by revisions sees the newest of each, once. */
static void the_order_is_that_of_changes(void **state)
{
	struct fixture *fixture = *state;
	struct list *pos;
	uint64_t revision = 0;
	unsigned n = 0;

	assert_int_equal(load(fixture), 0);
	assert_int_equal(start(fixture, "web"), 0);
	assert_int_equal(start(fixture, "db"), 0);
	tell(fixture, "web", GUEST_RUNNING, "");
	list_for_each (pos, &fixture->fleet.order.machines) {
		struct machine *machine =
			container_of(pos, struct machine, link);

		assert_true(machine->revision > revision);
		revision = machine->revision;
		assert_string_equal(machine->name, n++ ? "web" : "db");
	}
	assert_int_equal(revision, fixture->fleet.order.revision);
}

static void no_memory_changes_nothing(void **state)
{
	struct fixture *fixture = *state;

	for (unsigned n = 0; n == 0 || fault_hit(); n++) {
		int r;

		fault_arm(n);
		r = load(fixture);
		fault_disarm();
		assert_int_equal(r, fault_hit() ? -ENOMEM : 0);
		if (fault_hit()) {
			assert_null(fleet_next(&fixture->fleet, NULL));
			assert_told(fixture, "");
		}
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_folder_becomes_machines,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_wrong_file_changes_nothing,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_life_is_told_step_by_step,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_second_stop_may_be_harder,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			failures_say_why_and_can_be_started_again, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			a_definition_that_goes_lets_its_guest_live, setup,
			teardown),
		cmocka_unit_test_setup_teardown(what_lives_is_taken_over, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			a_principal_has_so_many_and_no_more, setup, teardown),
		cmocka_unit_test_setup_teardown(the_order_is_that_of_changes,
						setup, teardown),
		cmocka_unit_test_setup_teardown(no_memory_changes_nothing,
						setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
