/* SPDX-License-Identifier: MIT */

#include "presence.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

enum { MS = 1000, NS_PER_MS = 1000000 };

uint64_t presence_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * MS + (uint64_t)now.tv_nsec / NS_PER_MS;
}

int presence_open(struct presence *presence)
{
	struct sigevent kill = {
		.sigev_notify = SIGEV_SIGNAL,
		.sigev_signo = SIGKILL,
	};
	Fleet__V1__Presence key = FLEET__V1__PRESENCE__INIT;

	if (getrandom(&presence->life, sizeof(presence->life), 0) < 0)
		return -errno;
	presence->life |= 1;
	key.has_life = 1;
	key.life = presence->life;
	presence->value = store_pack(&key.base);
	return timer_create(CLOCK_BOOTTIME, &kill, &presence->deadline) < 0
		       ? -errno
		       : 0;
}

void presence_close(struct presence *presence)
{
	timer_delete(presence->deadline);
	free(presence->value.bytes);
}

/*
 * The store counts from when it was asked or later; a third of the time is for
 * the kernel, to end all that ran here.
 */
static void put_off_death(struct presence *presence)
{
	uint64_t at_ms = presence->sent_ms + presence->ttl_ms / 3 * 2;
	struct itimerspec at = {
		.it_value.tv_sec = (time_t)(at_ms / MS),
		.it_value.tv_nsec = (long)(at_ms % MS) * NS_PER_MS,
	};

	timer_settime(presence->deadline, TIMER_ABSTIME, &at, NULL);
}

static void on_refused(struct presence *presence)
{
	unsigned status = helio_client_reply(presence->store->buckets)->status;

	if (status == HELIO_ABORTED && presence->is_there) {
		fprintf(stderr, "fleet: %s was given up\n", presence->host);
		exit(EXIT_FAILURE);
	}
	if (status != HELIO_ABORTED || presence->has_complained)
		return;
	presence->has_complained = true;
	fprintf(stderr, "fleet: waiting until who was %s before is gone\n",
		presence->host);
}

static void on_committed(const Helio__Store__V1__CommitReply *reply,
			 void *userdata)
{
	struct presence *presence = userdata;
	bool is_first = !presence->is_there;

	presence->is_asking = false;
	if (!reply) {
		on_refused(presence);
		return;
	}
	put_off_death(presence);
	presence->is_there = true;
	if (is_first)
		presence->on_there(presence->userdata);
}

void presence_renew(struct presence *presence)
{
	Helio__Store__V1__CommitRequest request =
		HELIO__STORE__V1__COMMIT_REQUEST__INIT;
	Helio__Store__V1__Transaction transaction =
		HELIO__STORE__V1__TRANSACTION__INIT;
	Helio__Store__V1__Condition condition =
		HELIO__STORE__V1__CONDITION__INIT;
	Helio__Store__V1__Condition *conditions[] = { &condition };
	Helio__Store__V1__Write write = HELIO__STORE__V1__WRITE__INIT;
	Helio__Store__V1__Write *writes[] = { &write };
	const struct helio_invoke_options options = {
		.timeout_ms = presence->ttl_ms / 4,
		.is_waiting = true,
	};
	char bucket[] = STORE_BUCKET, key[STORE_KEY_BYTES];

	if (presence->is_asking)
		return;
	store_key(key, "host", presence->host);
	condition.bucket = write.bucket = bucket;
	condition.key = write.key = key;
	write.has_value = write.has_ttl_ms = 1;
	write.value.data = presence->value.bytes;
	write.value.len = presence->value.n;
	write.ttl_ms = presence->ttl_ms;
	/* It is ours, or at first nobody's. */
	condition.has_value = presence->is_there;
	condition.value = write.value;
	condition.has_revision = !presence->is_there;
	request.transaction = &transaction;
	transaction.n_conditions = transaction.n_writes = 1;
	transaction.conditions = conditions;
	transaction.writes = writes;
	presence->is_asking = true;
	presence->sent_ms = presence_now_ms();
	helio_client_next(presence->store->buckets, &options);
	helio__store__v1__buckets__commit(
		helio_client_service(presence->store->buckets), &request,
		on_committed, presence);
}
