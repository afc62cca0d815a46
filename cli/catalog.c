/* SPDX-License-Identifier: MIT */

#include "cli/catalog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/control.h"
#include "cli/exit.h"
#include "cli/input.h"
#include "cli/output.h"
#include "cli/registry.h"
#include "cli/session.h"
#include "schema/body.h"
#include "schema/builtin.h"

enum { PAGE_ROWS = 64 };

static int open_bytes(struct catalog *catalog, const uint8_t *bytes, size_t n,
		      const char *from)
{
	char error[POOL_ERROR_BYTES];
	int r = pool_read(bytes, n, &catalog->pool, error);

	if (r == 0)
		return EXIT_OK;
	talk("%s: no set of descriptors: %s", from, error);
	return r == -ENOMEM ? EXIT_INTERNAL : EXIT_USAGE;
}

int catalog_open_file(struct catalog *catalog, const char *path)
{
	_cleanup_(input_deinit) struct input input;
	_cleanup_(close_fdp) int fd = open(path, O_RDONLY | O_CLOEXEC);
	int r;

	*catalog = (struct catalog){ 0 };
	input_init(&input, fd);
	r = fd < 0 ? -errno : input_all(&input);
	if (r < 0) {
		talk("%s: %s", path, strerror(-r));
		return EXIT_USAGE;
	}
	return open_bytes(catalog, (const uint8_t *)input.bytes, input.n, path);
}

int catalog_open_builtin(struct catalog *catalog)
{
	const uint8_t *bytes;
	size_t n;

	*catalog = (struct catalog){ 0 };
	bytes = builtin_set(&n);
	return open_bytes(catalog, bytes, n, "helio itself") == EXIT_OK
		       ? EXIT_OK
		       : EXIT_INTERNAL;
}

bool catalog_is_builtin(const char *name)
{
	return builtin_has_name(name, strlen(name));
}

void catalog_close(struct catalog *catalog)
{
	catalog->pool = pool_free(catalog->pool);
}

/* Of the instances that have a schema the first one listed counts. */
static bool find_hash(struct catalog *catalog,
		      const Helio__Switch__V1__ListServicesReply *page,
		      const char *service)
{
	for (size_t i = 0; i < page->n_services; i++) {
		const Helio__Switch__V1__Service *one = page->services[i];

		if (!one->name || strcmp(one->name, service) != 0 ||
		    !one->has_schema_hash ||
		    one->schema_hash.len != CATALOG_HASH_BYTES)
			continue;
		memcpy(catalog->hash, one->schema_hash.data,
		       CATALOG_HASH_BYTES);
		catalog->has_hash = true;
		return true;
	}
	return false;
}

/* Who may not list the services is told nothing: there is another way. */
static void look_for_hash(struct catalog *catalog, struct control *control,
			  const char *service)
{
	Helio__Switch__V1__ListServicesRequest request =
		HELIO__SWITCH__V1__LIST_SERVICES_REQUEST__INIT;
	const Helio__Switch__V1__ListServicesReply *page;
	struct helio_reply status;
	ProtobufCMessage *reply;

	request.has_limit = true;
	request.limit = PAGE_ROWS;
	do {
		if (control_ask(
			    control, "helio.switch.v1.Switch.ListServices",
			    &request.base,
			    &helio__switch__v1__list_services_reply__descriptor,
			    &reply, &status) != EXIT_OK)
			return;
		page = (const Helio__Switch__V1__ListServicesReply *)reply;
		if (find_hash(catalog, page, service))
			return;
		request.has_cursor = true;
		request.cursor = page->next;
	} while (page->has_next && page->next);
}

static int open_reply(struct catalog *catalog,
		      const Helio__Registry__V1__GetReply *reply)
{
	return open_bytes(catalog, reply->set.data, reply->set.len,
			  "the registry's answer");
}

/*
 * By the package that it may be in: helio.vm.v1.Machine.Spec is in helio.vm.v1,
 * but nobody says so, and it is found by asking from the longest on.
 */
static int open_newest(struct catalog *catalog, struct control *control,
		       const char *name)
{
	const Helio__Registry__V1__GetReply *reply;
	char package[CATALOG_NAME_BYTES];
	char *dot;

	snprintf(package, sizeof(package), "%s", name);
	while ((dot = strrchr(package, '.'))) {
		int r;

		*dot = '\0';
		r = registry_get(control, NULL, package, &reply);
		if (r == EXIT_OK)
			return open_reply(catalog, reply);
		if (r != EXIT_NOT_FOUND)
			return r;
	}
	talk("%s: the registry has no schema for it", name);
	return EXIT_NOT_FOUND;
}

int catalog_open_service(struct catalog *catalog, struct control *control,
			 const char *service)
{
	const Helio__Registry__V1__GetReply *reply;
	int r;

	*catalog = (struct catalog){ 0 };
	look_for_hash(catalog, control, service);
	if (!catalog->has_hash)
		return open_newest(catalog, control, service);
	r = registry_get(control, catalog->hash, NULL, &reply);
	if (r == EXIT_NOT_FOUND)
		talk("%s: the registry does not have the schema that it is "
		     "served with",
		     service);
	return r == EXIT_OK ? open_reply(catalog, reply) : r;
}

int catalog_open_name(struct catalog *catalog, struct control *control,
		      const char *name)
{
	if (catalog_is_builtin(name))
		return catalog_open_builtin(catalog);
	return catalog_open_service(catalog, control, name);
}

const char *catalog_service_of(const char *name)
{
	size_t n;

	return body_service_of(name, strlen(name), &n);
}

const char *catalog_split(const char *target, char name[CATALOG_NAME_BYTES])
{
	char *separator;

	if (strlen(target) >= CATALOG_NAME_BYTES)
		return NULL;
	snprintf(name, CATALOG_NAME_BYTES, "%s", target);
	separator = strrchr(name, '/');
	if (!separator)
		separator = strrchr(name, '.');
	if (!separator || separator == name || !separator[1])
		return NULL;
	*separator = '\0';
	return separator + 1;
}
