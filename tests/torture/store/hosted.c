/* SPDX-License-Identifier: MIT */

#include "tests/torture/store/hosted.h"

#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "daemon/program.h"
#include "storage/backend/backend.h"
#include "tests/torture/complaint.h"

enum {
	TURN_MS = 1,
	READY_MS = 20000,
	/* So little that there are snapshots all the time. */
	SNAPSHOT_BYTES = 1500,
	PIECE_BYTES = 700,
};

static bool on_turn(void *userdata)
{
	struct hosted *hosted = userdata;

	return hosted->service.bus && service_turn(&hosted->service);
}

static void on_state(void *userdata, enum helio_state state)
{
	struct hosted *hosted = userdata;

	if (hosted->service.bus)
		service_connection(&hosted->service, state == HELIO_CONNECTED);
}

static const struct loop_hooks hooks = { .turn = on_turn, .state = on_state };

static void on_ready(void *userdata)
{
	struct hosted *hosted = userdata;

	hosted->is_ready = true;
}

static void must(int r, const char *what)
{
	if (r < 0)
		complain("%s: %s", what, strerror(-r));
}

static void serve(struct hosted *hosted, const struct world *world)
{
	struct program_options options = { .address = NULL };
	char address[256];

	world_address(world, "store", address);
	options.address = address;
	must(loop_init(&hosted->loop, &hooks, hosted), "a loop");
	must(loop_connect(&hosted->loop, "helio-store", &options), "a bus");
	hosted->service.on_ready = on_ready;
	hosted->service.userdata = hosted;
	must(service_start(&hosted->service, &hosted->loop.uv,
			   hosted->loop.bus),
	     "a service");
}

void hosted_open(struct hosted *hosted, const struct world *world,
		 const char *folder, struct helio *client)
{
	const struct service_options options = {
		.snapshot_bytes = SNAPSHOT_BYTES,
	};
	uint64_t end_ns = clock_now_ns() + READY_MS * NS_PER_MS;

	*hosted = (struct hosted){ .client = client };
	must(service_open(&hosted->service, backend_sqlite(), folder, &options),
	     "opening the store");
	hosted->service.commits.snapshot.times = 0;
	hosted->service.commits.snapshot.piece_bytes = PIECE_BYTES;
	serve(hosted, world);
	while (!hosted->is_ready) {
		if (clock_now_ns() > end_ns)
			complain("the store does not get ready");
		hosted_turn(hosted);
	}
}

void hosted_close(struct hosted *hosted)
{
	service_deinit(&hosted->service);
	loop_deinit(&hosted->loop);
}

void hosted_turn(struct hosted *hosted)
{
	struct pollfd polled[] = {
		{ uv_backend_fd(&hosted->loop.uv), POLLIN, 0 },
		{ helio_fd(hosted->client), POLLIN, 0 },
	};
	int r;

	uv_run(&hosted->loop.uv, UV_RUN_NOWAIT);
	r = helio_dispatch(hosted->client);
	if (r == 0) {
		poll(polled, 2, TURN_MS);
		r = helio_dispatch(hosted->client);
	}
	must(r, "the client");
	must(hosted->loop.r, "the store's bus");
}

void hosted_drop_care(struct hosted *hosted)
{
	struct care *care = &hosted->service.care;

	while (care->is_busy)
		hosted_turn(hosted);
	care_deinit(care);
	care->is_busy = true;
}

void hosted_hurry(struct hosted *hosted)
{
	commit_retry(&hosted->service);
	while (hosted->service.commits.n_busy)
		hosted_turn(hosted);
}
