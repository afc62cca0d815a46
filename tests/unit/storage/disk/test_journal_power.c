/* SPDX-License-Identifier: MIT */

/* Power goes at any moment: what was acked is there, and nothing else is. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/storage/disk/life.h"
#include "tests/unit/storage/faulty_disk.h"

enum { COMMITS = 80, IMAGES = 200, LARGE_IMAGES = 30 };

static size_t made_at; /* events until it was there */
static struct {
	size_t at;
	uint64_t revision;
} acked[COMMITS];

static void live(struct life *life)
{
	assert_int_equal(life_open(life, NULL), 0);
	made_at = faulty_disk_n_events();
	for (unsigned i = 0; i < COMMITS; i++) {
		uint64_t chance = slate_chance(i);

		assert_int_equal(life_commit(life, (unsigned)(chance % 9)), 0);
		acked[i].at = faulty_disk_n_events();
		acked[i].revision = life->slate.state.revision;
		if (chance >> 32 < UINT32_MAX / 15)
			life_check(life, acked[i].revision);
	}
	assert_true(life->n_snapshots > 2);
	life_close(life);
}

static void check_image(struct world *world, size_t at)
{
	struct life image;
	uint64_t revision;
	unsigned n = 0;

	life_init(&image, world->backend, world->image_path, 0);
	while (n < COMMITS && acked[n].at <= at)
		n++;
	/* Before it was there it may be made anew. */
	assert_int_equal(life_open(&image, NULL), 0);
	revision = image.slate.state.revision;
	assert_true(revision == (n ? acked[n - 1].revision : 0) ||
		    (n < COMMITS && revision == acked[n].revision));
	slate_check(&image.slate, revision);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(life_commit(&image, 3), 0);
	life_check(&image, revision + 12);
	life_deinit(&image);
}

static void cut_power_often(struct world *world, unsigned flags,
			    unsigned n_images)
{
	struct life life;
	size_t n_events;

	assert_int_equal(faulty_disk_record(world->folder), 0);
	life_init(&life, world->backend, world->path, flags);
	live(&life);
	life_deinit(&life);
	n_events = faulty_disk_n_events();
	for (unsigned i = 0; i < n_images; i++) {
		size_t at = slate_chance(i) % (n_events + 1);

		assert_int_equal(faulty_disk_image(at, i, world->image_folder),
				 0);
		check_image(world, at);
		world_clear_image(world);
	}
	faulty_disk_forget();
}

static void nothing_acked_is_lost_and_nothing_invented(void **state)
{
	cut_power_often(*state, 0, IMAGES);
}

static void a_large_log_is_as_good(void **state)
{
	cut_power_often(*state, STORE_LARGE, LARGE_IMAGES);
}

#define ON_FAULTY(test)                                            \
	cmocka_unit_test_setup_teardown(test, world_set_up_faulty, \
					world_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_FAULTY(nothing_acked_is_lost_and_nothing_invented),
		ON_FAULTY(a_large_log_is_as_good),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
