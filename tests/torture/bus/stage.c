/* SPDX-License-Identifier: MIT */

#include "tests/torture/bus/stage.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "rpc/heliograph.h"
#include "tests/torture/complaint.h"
#include "tests/torture/stall.h"

#define LOG "torture"

enum {
	PATIENCE_MS = 10000,
	SPEAK_MAX = 12, /* of a voice in a turn */
	FDS = WORLD_VOICES + 2,
};

static const enum voice_kind KINDS[WORLD_VOICES] = {
	VOICE_PLAIN, VOICE_STORED, VOICE_KEYED, VOICE_PRODUCER, VOICE_MIXED,
};

static int min_timeout_ms(int a, int b)
{
	if (a < 0)
		return b;
	return b < 0 || a < b ? a : b;
}

static void sleep_until_due(struct stage *stage, uint64_t timeout_us)
{
	struct pollfd polled[FDS];
	struct timespec left;
	int due_ms = helio_timeout_ms(stage->ear.bus);
	int n = 0;

	for (unsigned i = 0; i < WORLD_VOICES; i++) {
		struct helio *bus = stage->voices[i].bus;

		due_ms = min_timeout_ms(due_ms, helio_timeout_ms(bus));
		polled[n++] = (struct pollfd){ helio_fd(bus), POLLIN, 0 };
	}
	polled[n++] = (struct pollfd){ helio_fd(stage->ear.bus), POLLIN, 0 };
	if (stage->world.ready_fd >= 0)
		polled[n++] =
			(struct pollfd){ stage->world.ready_fd, POLLIN, 0 };
	if (due_ms >= 0 && (uint64_t)due_ms * 1000 < timeout_us)
		timeout_us = (uint64_t)due_ms * 1000;
	left.tv_sec = (time_t)(timeout_us / 1000000);
	left.tv_nsec = (long)(timeout_us % 1000000) * 1000;
	ppoll(polled, (nfds_t)n, &left, NULL);
}

/* What has ended is not in the sum any more, which is less then. */
static void look_at_stalls(struct stage *stage)
{
	uint64_t sum_ns = stall_ns(getpid()) + stall_ns(stage->world.heliod) +
			  stall_ns(stage->world.logger);

	if (sum_ns > stage->stall_seen_ns)
		stage->stalled_ns += sum_ns - stage->stall_seen_ns;
	stage->stall_seen_ns = sum_ns;
}

void stage_time(struct stage *stage)
{
	stage->is_timed = true;
	for (unsigned i = 0; i < WORLD_VOICES; i++)
		stage->voices[i].stalled_ns = &stage->stalled_ns;
}

void stage_turn(struct stage *stage, uint64_t timeout_us)
{
	/* While the logger is away hardly anything can be stored. */
	bool is_away = stage->world.ready_fd >= 0 || !stage->world.logger;

	sleep_until_due(stage, timeout_us);
	if (stage->is_timed)
		look_at_stalls(stage);
	for (unsigned i = 0; i < WORLD_VOICES; i++) {
		voice_listen(&stage->voices[i]);
		if (!stage->is_silent && (!is_away || dice_is(&stage->dice, 5)))
			voice_speak(
				&stage->voices[i],
				(unsigned)dice_below(&stage->dice, SPEAK_MAX));
	}
	ear_turn(&stage->ear);
}

void stage_play(struct stage *stage, uint64_t us)
{
	uint64_t now_ns = clock_now_ns(), end_ns = now_ns + us * NS_PER_US;

	for (; now_ns < end_ns; now_ns = clock_now_ns())
		stage_turn(stage, (end_ns - now_ns) / NS_PER_US + 1);
}

void stage_kill(struct stage *stage, int signal)
{
	world_end_logger(&stage->world, signal);
	stage->life++;
	for (unsigned i = 0; i < WORLD_VOICES; i++)
		voice_set_life(&stage->voices[i], stage->life);
	world_start_logger(&stage->world);
}

void stage_await_ready(struct stage *stage)
{
	uint64_t end_ns = clock_now_ns() + PATIENCE_MS * NS_PER_MS;

	while (!world_is_logger_ready(&stage->world)) {
		if (clock_now_ns() > end_ns)
			complain("the logger does not get ready");
		stage_turn(stage, 2000);
	}
}

static uint64_t last_acknowledged(const struct stage *stage)
{
	uint64_t last = 0;

	for (unsigned i = 0; i < WORLD_VOICES; i++)
		if (stage->voices[i].last_sequence > last)
			last = stage->voices[i].last_sequence;
	return last;
}

void stage_check(struct stage *stage)
{
	uint64_t end_ns = clock_now_ns() + PATIENCE_MS * NS_PER_MS;
	uint64_t last = last_acknowledged(stage);

	while (stage->ear.next <= last) {
		if (clock_now_ns() > end_ns)
			complain("%llu was acknowledged, and %llu is not heard",
				 (unsigned long long)last,
				 (unsigned long long)stage->ear.next);
		stage_turn(stage, 2000);
	}
	for (unsigned i = 0; i < WORLD_VOICES; i++)
		voice_check(&stage->voices[i], stage->ear.next - 1);
}

uint64_t stage_n_stored(const struct stage *stage)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < WORLD_VOICES; i++)
		n += stage->voices[i].n_stored;
	return n;
}

bool stage_is_waiting(const struct stage *stage)
{
	for (unsigned i = 0; i < WORLD_VOICES; i++)
		if (stage->voices[i].n_waiting)
			return true;
	return false;
}

void stage_open(struct stage *stage, const struct stage_options *options)
{
	*stage = (struct stage){ .dice = dice_new(options->seed, 0) };
	world_open(&stage->world, options->has_clock, options->n_disk_bytes);
	world_start_logger(&stage->world);
	for (unsigned i = 0; i < WORLD_VOICES; i++)
		voice_init(&stage->voices[i], &stage->world, i, KINDS[i],
			   options->seed);
	while (!world_is_logger_ready(&stage->world))
		poll(NULL, 0, 1);
	ear_make_log(&stage->world, LOG, "torture.>", &options->limits);
	ear_init(&stage->ear, &stage->world, LOG, stage->voices, WORLD_VOICES);
	stage->ear.may_expire =
		options->limits.records_max || options->limits.bytes_max;
	stage_await_ready(stage);
}

void stage_close(struct stage *stage)
{
	ear_deinit(&stage->ear);
	for (unsigned i = 0; i < WORLD_VOICES; i++)
		voice_deinit(&stage->voices[i]);
	world_close(&stage->world);
}
