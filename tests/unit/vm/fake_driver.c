/* SPDX-License-Identifier: MIT */

#include "tests/unit/vm/fake_driver.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct driver *close_driver(struct driver *driver)
{
	return NULL;
}

static int survey(struct driver *base, driver_found_fn on_found, void *userdata)
{
	struct fake_driver *driver = (struct fake_driver *)base;

	if (driver->alive)
		on_found(userdata, driver->alive);
	return 0;
}

static struct fake_guest *add_guest(struct fake_driver *driver,
				    const char *name,
				    const struct guest_watcher *watcher)
{
	struct fake_guest *guest = calloc(1, sizeof(*guest));
	size_t i = 0;

	assert_non_null(guest);
	while (i < FAKE_GUESTS_MAX && driver->guests[i])
		i++;
	assert_true(i < FAKE_GUESTS_MAX);
	driver->guests[i] = guest;
	guest->guest.ops = driver->driver.ops;
	guest->driver = driver;
	snprintf(guest->name, sizeof(guest->name), "%s", name);
	guest->watcher = *watcher;
	return guest;
}

static int start(struct driver *base, const struct definition *definition,
		 const struct birth *birth, const struct guest_watcher *watcher,
		 char *error, size_t n_error, struct guest **ret_guest)
{
	struct fake_driver *driver = (struct fake_driver *)base;
	struct fake_guest *guest;

	if (driver->start_error) {
		snprintf(error, n_error, "the fake says no");
		return driver->start_error;
	}
	guest = add_guest(driver, definition->name, watcher);
	guest->birth = *birth;
	*ret_guest = &guest->guest;
	return 0;
}

static int adopt(struct driver *base, const char *name,
		 const struct guest_watcher *watcher, struct birth *ret_birth,
		 struct guest **ret_guest)
{
	struct fake_driver *driver = (struct fake_driver *)base;
	struct fake_guest *guest;

	if (driver->adopt_error)
		return driver->adopt_error;
	guest = add_guest(driver, name, watcher);
	*ret_birth =
		(struct birth){ .incarnation = 7, .started_by = "vm:before" };
	guest->birth = *ret_birth;
	*ret_guest = &guest->guest;
	return 0;
}

static void stop(struct guest *base, uint32_t grace_ms)
{
	struct fake_guest *guest = (struct fake_guest *)base;

	guest->n_stops++;
	guest->grace_ms = grace_ms;
}

static struct guest *free_guest(struct guest *base)
{
	struct fake_guest *guest = (struct fake_guest *)base;

	for (size_t i = 0; i < FAKE_GUESTS_MAX; i++)
		if (guest->driver->guests[i] == guest)
			guest->driver->guests[i] = NULL;
	free(guest);
	return NULL;
}

static const struct driver_ops fake_ops = {
	.name = "qemu",
	.close = close_driver,
	.survey = survey,
	.start = start,
	.adopt = adopt,
	.stop = stop,
	.free = free_guest,
};

void fake_driver_init(struct fake_driver *driver)
{
	*driver = (struct fake_driver){ .driver.ops = &fake_ops };
}

struct fake_guest *fake_guest(struct fake_driver *driver, const char *name)
{
	for (size_t i = 0; i < FAKE_GUESTS_MAX; i++)
		if (driver->guests[i] &&
		    strcmp(driver->guests[i]->name, name) == 0)
			return driver->guests[i];
	fail_msg("no guest is called %s", name);
	return NULL;
}

void fake_guest_tell(struct fake_driver *driver, const char *name,
		     enum guest_event event, const char *reason)
{
	struct guest_watcher watcher = fake_guest(driver, name)->watcher;

	watcher.on_event(watcher.userdata, event, reason);
}
