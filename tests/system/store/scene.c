/* SPDX-License-Identifier: MIT */

#include "tests/system/store/scene.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"

const char open_policy[] = "allow ** any,group,capture,observe >\n"
			   "allow ** subscribe $sys.>\n"
			   "allow ** admin,log-read,log-admin >\n"
			   "allow ** kv-read,kv-write >\n"
			   "allow ** job-submit,job-work >\n";

unsigned long scene_peak_kib(const struct scene *scene)
{
	char path[32], line[128];
	unsigned long kib = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", scene->store.pid);
	file = fopen(path, "re");
	assert_non_null(file);
	while (!kib && fgets(line, sizeof(line), file))
		sscanf(line, "VmHWM: %lu", &kib);
	fclose(file);
	assert_int_not_equal(kib, 0);
	return kib;
}

uint64_t scene_now_ms(void)
{
	return clock_now_ns() / NS_PER_MS;
}

/* ---- programs ---- */

static void write_file(const char *folder, const char *name, const char *text)
{
	char path[160];
	FILE *file;

	snprintf(path, sizeof(path), "%s/config/%s", folder, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

/*
 * Schemas are judged by being equal, so that no registry has to run; and there
 * is a domain of its own socket, so that there is another principal.
 */
static void configure(const struct switch_process *process)
{
	char path[128];

	write_file(process->folder, "heliod.conf", "schemas equal\n");
	snprintf(path, sizeof(path), "%s/config/domains", process->folder);
	assert_int_equal(mkdir(path, 0700), 0);
	write_file(process->folder, "domains/guest.domain", "");
}

static void connect_to(struct scene *scene, const char *address)
{
	const struct helio_options options = { .program = "test" };

	assert_int_equal(helio_open(address, &options, &scene->bus), 0);
	assert_int_equal(helio_connect_wait(scene->bus, WAIT_MS), 0);
	assert_int_equal(helio_client_new(scene->bus,
					  &helio__store__v1__buckets__type,
					  NULL, &scene->buckets),
			 0);
	assert_int_equal(helio_client_new(scene->bus,
					  &helio__store__v1__queues__type, NULL,
					  &scene->queues),
			 0);
}

void scene_open_bus(struct scene *scene, const char *policy)
{
	const char *folder = scene->bus_process.folder;
	char state[128];

	*scene = (struct scene){ .bus = NULL };
	switch_process_open(&scene->bus_process, policy ? policy : open_policy);
	configure(&scene->bus_process);
	switch_process_stop(&scene->bus_process, SIGTERM);
	switch_process_start(&scene->bus_process);
	snprintf(state, sizeof(state), "%s/store", folder);
	daemon_process_init(&scene->store, STORE_PATH, state,
			    scene->bus_process.shm);
	snprintf(state, sizeof(state), "%s/logs", folder);
	daemon_process_init(&scene->logger, LOGGER_PATH, state,
			    scene->bus_process.shm);
}

void scene_start(struct scene *scene)
{
	daemon_process_start(&scene->store);
	connect_to(scene, scene->bus_process.shm);
}

void scene_open(struct scene *scene, const char *policy)
{
	scene_open_bus(scene, policy);
	scene_start(scene);
}

void scene_leave(struct scene *guest)
{
	helio_client_free(guest->buckets);
	helio_client_free(guest->queues);
	helio_close(guest->bus);
	guest->bus = NULL;
}

void scene_close(struct scene *scene)
{
	scene_leave(scene);
	daemon_process_stop(&scene->logger, SIGTERM);
	daemon_process_stop(&scene->store, SIGTERM);
	switch_process_close(&scene->bus_process);
}

void scene_kill_store(struct scene *scene)
{
	daemon_process_stop(&scene->store, SIGKILL);
	daemon_process_start(&scene->store);
}

static bool is_served(struct scene *scene)
{
	Helio__Store__V1__ListBucketsRequest request =
		HELIO__STORE__V1__LIST_BUCKETS_REQUEST__INIT;
	const Helio__Store__V1__ListBucketsReply *reply = NULL;

	return helio__store__v1__buckets__list_buckets__wait(
		       scene->buckets, &request, &reply) == HELIO_OK;
}

void scene_kill_switch(struct scene *scene)
{
	switch_process_stop(&scene->bus_process, SIGKILL);
	wait_until(scene, helio_state(scene->bus) != HELIO_CONNECTED);
	switch_process_start(&scene->bus_process);
	assert_int_equal(helio_connect_wait(scene->bus, WAIT_MS), 0);
	wait_until(scene, is_served(scene));
}

void scene_visit(const struct scene *scene, bool as_guest,
		 struct scene *ret_guest)
{
	char address[128];

	*ret_guest = (struct scene){ .bus = NULL };
	snprintf(address, sizeof(address), "shm:%s/run/domains/guest.sock",
		 scene->bus_process.folder);
	connect_to(ret_guest, as_guest ? address : scene->bus_process.shm);
}

/* ---- calls ---- */

int bucket_create(struct scene *scene, const char *name,
		  const Helio__Store__V1__BucketConfig *config)
{
	Helio__Store__V1__CreateBucketRequest request =
		HELIO__STORE__V1__CREATE_BUCKET_REQUEST__INIT;
	const Helio__Store__V1__CreateBucketReply *reply = NULL;

	request.name = field(name);
	request.config = (Helio__Store__V1__BucketConfig *)(uintptr_t)config;
	return helio__store__v1__buckets__create__wait(scene->buckets, &request,
						       &reply);
}

const Helio__Store__V1__Bucket *bucket_show(struct scene *scene,
					    const char *name)
{
	Helio__Store__V1__ShowBucketRequest request =
		HELIO__STORE__V1__SHOW_BUCKET_REQUEST__INIT;
	const Helio__Store__V1__ShowBucketReply *reply = NULL;

	request.name = field(name);
	assert_int_equal(helio__store__v1__buckets__show__wait(
				 scene->buckets, &request, &reply),
			 HELIO_OK);
	return reply->bucket;
}

int put(struct scene *scene, const char *bucket, const char *key,
	const char *value, uint64_t *revision)
{
	Helio__Store__V1__PutRequest request =
		HELIO__STORE__V1__PUT_REQUEST__INIT;
	const Helio__Store__V1__PutReply *reply = NULL;
	int r;

	request.bucket = field(bucket);
	request.key = field(key);
	request.has_value = 1;
	request.value = bytes_of(value);
	request.has_if_revision = *revision != NO_REVISION;
	request.if_revision = *revision;
	r = helio__store__v1__buckets__put__wait(scene->buckets, &request,
						 &reply);
	if (r == HELIO_OK)
		*revision = reply->revision;
	return r;
}

uint64_t put_ok(struct scene *scene, const char *bucket, const char *key,
		const char *value)
{
	uint64_t revision = NO_REVISION;
	int r = put(scene, bucket, key, value, &revision);

	if (r)
		print_error("put: %s\n", why(scene));
	assert_int_equal(r, HELIO_OK);
	return revision;
}

int delete_key(struct scene *scene, const char *bucket, const char *key,
	       uint64_t *ret_revision)
{
	Helio__Store__V1__DeleteRequest request =
		HELIO__STORE__V1__DELETE_REQUEST__INIT;
	const Helio__Store__V1__DeleteReply *reply = NULL;
	int r;

	request.bucket = field(bucket);
	request.key = field(key);
	r = helio__store__v1__buckets__delete__wait(scene->buckets, &request,
						    &reply);
	if (r == HELIO_OK)
		*ret_revision = reply->revision;
	return r;
}

struct got get(struct scene *scene, const char *bucket, const char *key,
	       uint64_t at)
{
	Helio__Store__V1__GetRequest request =
		HELIO__STORE__V1__GET_REQUEST__INIT;
	const Helio__Store__V1__GetReply *reply = NULL;
	struct got got = { 0 };

	request.bucket = field(bucket);
	request.key = field(key);
	request.has_at = at != 0;
	request.at = at;
	got.status = (unsigned)helio__store__v1__buckets__get__wait(
		scene->buckets, &request, &reply);
	if (got.status != HELIO_OK)
		return got;
	snprintf(got.value, sizeof(got.value), "%.*s",
		 (int)reply->entry->value.len,
		 (const char *)reply->entry->value.data);
	got.revision = reply->entry->revision;
	got.store_revision = reply->revision;
	return got;
}

void expect(struct scene *scene, const char *bucket, const char *key,
	    const char *value)
{
	struct got got = get(scene, bucket, key, 0);

	assert_int_equal(got.status, HELIO_OK);
	assert_string_equal(got.value, value);
}

unsigned number_of(const char *text)
{
	return (unsigned)strtoul(text, NULL, 10);
}

const char *why(struct scene *scene)
{
	const char *reason = helio_client_reply(scene->buckets)->reason;

	return *reason ? reason : helio_client_reply(scene->queues)->reason;
}
