/* SPDX-License-Identifier: MIT */

#include "command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fleet.h"
#include "presence.h"

/* ---- what is wanted ---- */

/* Returns as helio_client_wait(). */
static int put(struct store *store, const char *name,
	       const Fleet__V1__Wanted *wanted, bool is_new)
{
	Helio__Store__V1__PutRequest request =
		HELIO__STORE__V1__PUT_REQUEST__INIT;
	const Helio__Store__V1__PutReply *reply;
	struct store_value value = store_pack(&wanted->base);
	char bucket[] = STORE_BUCKET, key[STORE_KEY_BYTES];
	int r;

	store_key(key, "wanted", name);
	request.bucket = bucket;
	request.key = key;
	request.has_value = 1;
	request.value.data = value.bytes;
	request.value.len = value.n;
	request.has_if_revision = is_new; /* It is 0. */
	r = helio__store__v1__buckets__put__wait(store->buckets, &request,
						 &reply);
	free(value.bytes);
	return r;
}

static int put_running(struct store *store, const char *name,
		       const struct command_words *command, bool is_new)
{
	Fleet__V1__Wanted wanted = FLEET__V1__WANTED__INIT;

	wanted.has_is_running = wanted.is_running = 1;
	wanted.n_command = command->n;
	wanted.command = command->words;
	return put(store, name, &wanted, is_new);
}

int command_start(struct store *store, const char *name,
		  const struct command_words *command)
{
	return store_complain(store->buckets, name,
			      put_running(store, name, command, false));
}

int command_stop(struct store *store, const char *name)
{
	Fleet__V1__Wanted wanted = FLEET__V1__WANTED__INIT;

	return store_complain(store->buckets, name,
			      put(store, name, &wanted, false));
}

static int delete_key(struct store *store, char *key)
{
	Helio__Store__V1__DeleteRequest request =
		HELIO__STORE__V1__DELETE_REQUEST__INIT;
	const Helio__Store__V1__DeleteReply *reply;
	char bucket[] = STORE_BUCKET;

	request.bucket = bucket;
	request.key = key;
	return store_complain(store->buckets, key,
			      helio__store__v1__buckets__delete__wait(
				      store->buckets, &request, &reply));
}

int command_rm(struct store *store, const char *name)
{
	char key[STORE_KEY_BYTES];

	store_key(key, "wanted", name);
	return delete_key(store, key);
}

/* A number and nothing else: of web-2-1, which is another's, it is none. */
static bool is_beyond(const char *number, unsigned n)
{
	char *end;

	return *number >= '1' && *number <= '9' &&
	       strtoul(number, &end, 10) > n && !*end;
}

/* Those that begin with `prefix` and have a number beyond n. */
static int shrink(struct store *store, char *prefix, unsigned n)
{
	Helio__Store__V1__ListRequest request =
		HELIO__STORE__V1__LIST_REQUEST__INIT;
	const Helio__Store__V1__ListReply *reply;
	char bucket[] = STORE_BUCKET, keys[STORE_KEYS_MAX][STORE_KEY_BYTES];
	size_t n_keys = 0;
	int r;

	request.bucket = bucket;
	request.prefix = prefix;
	request.has_limit = request.has_keys_only = request.keys_only = 1;
	request.limit = STORE_KEYS_MAX;
	r = helio__store__v1__buckets__list__wait(store->buckets, &request,
						  &reply);
	if (r != HELIO_OK)
		return store_complain(store->buckets, prefix, r);
	/* The reply lives until the next call. */
	for (; n_keys < reply->n_entries; n_keys++)
		snprintf(keys[n_keys], STORE_KEY_BYTES, "%s",
			 reply->entries[n_keys]->key);
	while (r == 0 && n_keys-- > 0)
		if (is_beyond(keys[n_keys] + strlen(prefix), n))
			r = delete_key(store, keys[n_keys]);
	return r;
}

int command_scale(struct store *store, const char *name, unsigned n,
		  const struct command_words *command)
{
	char one[STORE_KEY_BYTES], prefix[STORE_KEY_BYTES];
	int r;

	for (unsigned i = 1; i <= n; i++) {
		snprintf(one, sizeof(one), "%s-%u", name, i);
		if (!store_is_name(one))
			return store_complain(NULL, one, -ENAMETOOLONG);
		r = put_running(store, one, command, true);
		if (r != HELIO_ABORTED &&
		    store_complain(store->buckets, one, r) != 0)
			return 1;
	}
	snprintf(prefix, sizeof(prefix), "wanted/%s-", name);
	return shrink(store, prefix, n);
}

/* ---- what there is ---- */

struct look {
	struct fleet fleet;
	bool is_patient; /* until all is as it is wanted */
	bool is_over;
};

static void on_change(struct fleet *fleet)
{
	struct look *look = fleet->userdata;
	const struct fleet_machine *machine = fleet->machines;

	while (machine && fleet_is_settled(fleet, machine))
		machine = machine->next;
	look->is_over = !machine || !look->is_patient;
}

/*
 * Returns 0, also when the time is over, or a negative errno; close look->fleet
 * in any case.
 */
static int look_at(struct look *look, struct store *store, uint32_t timeout_ms)
{
	uint64_t now_ms = presence_now_ms();
	uint64_t end_ms = now_ms + timeout_ms;
	int r;

	look->fleet.on_change = on_change;
	look->fleet.userdata = look;
	r = fleet_open(&look->fleet, store->bus);
	while (r >= 0 && !look->is_over && now_ms < end_ms) {
		r = helio_run(store->bus, (int)(end_ms - now_ms));
		now_ms = presence_now_ms();
	}
	if (!look->fleet.is_live)
		fputs("fleet: the store does not answer\n", stderr);
	return r < 0 ? r : 0;
}

/* What others say is nothing that a terminal is to obey. */
static void print_plain(const char *text)
{
	for (; *text; text++)
		putchar(*text >= ' ' && *text <= '~' ? *text : '?');
}

static void print_machine(const struct fleet *fleet,
			  const struct fleet_machine *machine)
{
	const Fleet__V1__Actual *actual = machine->actual;
	const char *wanted = "gone";

	if (machine->wanted)
		wanted = fleet_is_wanted(machine) ? "running" : "stopped";
	printf("%-12s %-8s %-9s %-10s", machine->name, wanted,
	       fleet_state_name(actual),
	       actual && actual->host && fleet_has_host(fleet, actual)
		       ? actual->host
		       : "");
	if (actual && actual->has_pid) {
		printf(" %d", actual->pid);
	} else if (actual && actual->reason) {
		putchar(' ');
		print_plain(actual->reason);
	}
	putchar('\n');
}

int command_ls(struct store *store)
{
	struct look look = { 0 };
	int r = look_at(&look, store, STORE_WAIT_MS);
	bool is_known = look.fleet.is_live;

	printf("%-12s %-8s %-9s %-10s PID, OR WHY\n", "NAME", "WANTED",
	       "ACTUAL", "HOST");
	for (const struct fleet_machine *machine = look.fleet.machines; machine;
	     machine = machine->next)
		print_machine(&look.fleet, machine);
	fleet_close(&look.fleet);
	return store_complain(NULL, "ls", r) || !is_known;
}

int command_wait(struct store *store, unsigned timeout_s)
{
	struct look look = { .is_patient = true };
	int r = look_at(&look, store, timeout_s * 1000);
	int n = look.fleet.is_live ? 0 : 1;

	for (const struct fleet_machine *machine = look.fleet.machines; machine;
	     machine = machine->next) {
		if (fleet_is_settled(&look.fleet, machine))
			continue;
		print_machine(&look.fleet, machine);
		n++;
	}
	fleet_close(&look.fleet);
	return store_complain(NULL, "wait", r) || n > 0;
}
