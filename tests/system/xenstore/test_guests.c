/* SPDX-License-Identifier: MIT */

/* Guests that mean harm, what is told of the bridge, and who may what. */

#include <helio/service/v1/instance.pb-c.h>
#include <helio/xenstore/v1/xenstore.helio.h>
#include <heliograph-store.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xen/io/xs_wire.h>

#include "base/clock.h"
#include "tests/system/xenstore/stage.h"

enum {
	ORDERED = 400,
	FLOODED = 6,
	BURST = 30,
	LISTED = 400,
	CHANGERS = 2,
	PEAK_KIB_MAX = 64 * 1024
};

static const char *const trees[] = { "/local/domain/*/data", "/tool/lab",
				     NULL };
static const char *const tops[] = { "/local/domain/0/data",
				    "/local/domain/1/data",
				    "/local/domain/2/data", "/tool/lab", NULL };

static struct stage stage;
static struct helio_client *asking;

static void ask_about_the_bridge(void)
{
	assert_int_equal(helio_client_new(stage.scene.bus,
					  &helio__xenstore__v1__bridge__type,
					  NULL, &asking),
			 0);
}

static int setup(void **state)
{
	(void)state;
	stage_open(&stage, NULL, trees);
	ask_about_the_bridge();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	helio_client_free(asking);
	stage_close(&stage);
	return 0;
}

/* Until the next call. */
static const Helio__Xenstore__V1__ShowReply *show(void)
{
	Helio__Xenstore__V1__ShowRequest request =
		HELIO__XENSTORE__V1__SHOW_REQUEST__INIT;
	const Helio__Xenstore__V1__ShowReply *reply = NULL;

	assert_int_equal(helio__xenstore__v1__bridge__show__wait(
				 asking, &request, &reply),
			 HELIO_OK);
	return reply;
}

static bool has_fault(const char *text)
{
	const char *fault = show()->fault;

	return text ? fault && strstr(fault, text) : !fault;
}

static bool has_note(const char *text)
{
	const char *note = show()->note;

	return text ? note && strstr(note, text) : !note;
}

static bool is_serving(void)
{
	Helio__Service__V1__Health *health;
	struct helio_reply reply;
	bool is;

	assert_int_equal(helio_call_wait(stage.scene.bus,
					 "helio.xenstore.v1.Bridge.$check",
					 NULL, 0, NULL, &reply),
			 0);
	assert_int_equal(reply.status, HELIO_OK);
	health = helio__service__v1__health__unpack(NULL, reply.message->n_body,
						    reply.message->body);
	assert_non_null(health);
	is = health->state == HELIO__SERVICE__V1__HEALTH__STATE__SERVING;
	helio__service__v1__health__free_unpacked(health, NULL);
	return is;
}

/* ---- order ---- */

struct seen {
	unsigned n;
	unsigned n_wrong;
	bool is_live;
};

static void on_live(struct helio_kv_watch *watch, void *userdata)
{
	struct seen *seen = userdata;

	(void)watch;
	seen->is_live = true;
}

static void on_entry(struct helio_kv_watch *watch,
		     const struct helio_kv_entry *entry, void *userdata)
{
	struct seen *seen = userdata;

	(void)watch;
	if (strncmp(entry->key, "/tool/lab/k", 11) != 0)
		return;
	seen->n_wrong += number_of(entry->key + 11) != seen->n;
	seen->n++;
}

static void test_in_order(void **state)
{
	const struct helio_kv_watch_options options = {
		.prefix = "/tool/lab/",
		.on_entry = on_entry,
		.on_live = on_live,
	};
	struct seen seen = { 0 };
	struct helio_kv_watch *watch;
	char path[32];

	(void)state;
	stage_await_equal(&stage, tops);
	assert_int_equal(helio_kv_watch(stage.scene.bus, "xenstore", &options,
					&seen, &watch),
			 0);
	wait_until(&stage.scene, seen.is_live);
	for (unsigned i = 0; i < ORDERED; i++) {
		snprintf(path, sizeof(path), "/tool/lab/k%u", i);
		stage_write(&stage, path, "1");
	}
	wait_until(&stage.scene, seen.n == ORDERED);
	assert_int_equal(seen.n_wrong, 0);
	helio_kv_watch_free(watch);
}

/* ---- a flood ---- */

/* Requests that are sent together. */
struct burst {
	char bytes[BURST * 128];
	size_t n;
	unsigned n_requests;
};

static void append(struct burst *burst, const void *bytes, size_t n)
{
	assert_true(burst->n + n <= sizeof(burst->bytes));
	memcpy(burst->bytes + burst->n, bytes, n);
	burst->n += n;
}

static void add_request(struct burst *burst, uint32_t type, const char *path,
			const char *value)
{
	const struct xsd_sockmsg header = {
		.type = type,
		.len = (uint32_t)(strlen(path) + 1 + strlen(value)),
	};

	append(burst, &header, sizeof(header));
	append(burst, path, strlen(path) + 1);
	append(burst, value, strlen(value));
	burst->n_requests++;
}

static void exchange(const struct burst *burst, FILE *in)
{
	struct xsd_sockmsg header;
	char answer[XENSTORE_PAYLOAD_MAX];

	if (send(fileno(in), burst->bytes, burst->n, MSG_NOSIGNAL) !=
	    (ssize_t)burst->n)
		_exit(1);
	for (unsigned i = 0; i < burst->n_requests; i++)
		if (fread(&header, sizeof(header), 1, in) != 1 ||
		    header.len > sizeof(answer) ||
		    fread(answer, 1, header.len, in) != header.len)
			_exit(1);
}

static FILE *connect_to_xenstored(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s",
		 getenv("XENSTORED_PATH"));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		_exit(1);
	return fdopen(fd, "r");
}

/* Without the library, which would wait for each answer. */
static void write_without_end(void)
{
	char path[32];
	FILE *in;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	xen_world_enter(&stage.world, 1);
	in = connect_to_xenstored();
	for (unsigned i = 0; i < UINT32_MAX;) {
		struct burst burst = { .n = 0 };

		while (burst.n_requests < BURST) {
			snprintf(path, sizeof(path), "data/f/%u", i++ % 3000);
			add_request(&burst, XS_WRITE, path, "1");
			add_request(&burst, XS_WRITE, "data/hot", path);
			add_request(&burst, XS_RM, path, "");
		}
		exchange(&burst, in);
	}
	_exit(1);
}

static unsigned long peak_kib(pid_t pid)
{
	struct scene scene = { .store.pid = pid };

	return scene_peak_kib(&scene);
}

static void test_a_flood(void **state)
{
	uint64_t begun_ms, requests;
	pid_t pid;

	(void)state;
	stage_await_equal(&stage, tops);
	fflush(NULL);
	pid = fork();
	if (!pid)
		write_without_end();
	begun_ms = scene_now_ms();
	requests = show()->requests;
	for (unsigned i = 0; i < FLOODED; i++) {
		char text[16];

		snprintf(text, sizeof(text), "%u", i);
		stage_write(&stage, "/local/domain/2/data/x", text);
		stage_await(&stage, "/local/domain/2/data/x", text);
		stage_write(&stage, "/tool/lab/x", text);
		stage_await(&stage, "/tool/lab/x", text);
	}
	wait_until(&stage.scene, show()->events > 30000);
	/* Two for a look; what the guest may, and what is the host's. */
	requests = show()->requests - requests;
	assert_true(requests <=
		    2 * (2000 + 500 * (scene_now_ms() - begun_ms) / 1000) +
			    10 * FLOODED);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	stage_await_equal(&stage, tops);
	assert_int_equal(show()->loads, 1);
	if (!getenv("ASAN_OPTIONS") && !getenv("TSAN_OPTIONS"))
		assert_true(peak_kib(stage.bridge.pid) < PEAK_KIB_MAX);
}

/* ---- a long list that is never the same ---- */

/* Longer than an answer, so that it is asked for in parts. */
static void change_a_long_list(void)
{
	struct xs_handle *handle;
	char path[240];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	xen_world_enter(&stage.world, 1);
	handle = xs_open(0);
	for (unsigned i = 0; i < LISTED; i++) {
		snprintf(path, sizeof(path), "data/long/%0200u", i);
		xs_write(handle, XBT_NULL, path, "1", 1);
	}
	xs_write(handle, XBT_NULL, "data/is-long", "1", 1);
	for (;;)
		xs_write(handle, XBT_NULL, "data/long", "1", 1);
}

static pid_t start_changing(void)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid)
		change_a_long_list();
	return pid;
}

static void test_a_list_without_rest(void **state)
{
	pid_t pids[CHANGERS];

	(void)state;
	stage_await_equal(&stage, tops);
	for (unsigned i = 0; i < CHANGERS; i++)
		pids[i] = start_changing();
	stage_await(&stage, "/local/domain/1/data/is-long", "1");
	for (unsigned i = 0; i < FLOODED; i++) {
		char text[16];

		snprintf(text, sizeof(text), "%u", i);
		stage_write(&stage, "/local/domain/2/data/x", text);
		stage_await(&stage, "/local/domain/2/data/x", text);
	}
	for (unsigned i = 0; i < CHANGERS; i++) {
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
	stage_remove(&stage, "/local/domain/1/data/long");
	stage_await_equal(&stage, tops);
}

static int setup_without_parts(void **state)
{
	int r;

	setenv("XEN_WORLD_WITHOUT_PARTS", "1", 1);
	r = setup(state);
	unsetenv("XEN_WORLD_WITHOUT_PARTS");
	return r;
}

/* It is the guest's own loss. */
static void test_a_list_too_long(void **state)
{
	char path[300];

	(void)state;
	stage_await_equal(&stage, tops);
	for (unsigned i = 0; i < LISTED; i++) {
		snprintf(path, sizeof(path), "/local/domain/1/data/long/%0200u",
			 i);
		stage_write(&stage, path, "1");
	}
	stage_write(&stage, "/local/domain/1/data/long", "1");
	wait_until(&stage.scene, has_note("domain 1"));
	for (unsigned i = 0; i < FLOODED; i++) {
		snprintf(path, sizeof(path), "%u", i);
		stage_write(&stage, "/local/domain/2/data/x", path);
		stage_await(&stage, "/local/domain/2/data/x", path);
	}
	assert_true(has_note("domain 1"));
	assert_true(has_fault(NULL));
	assert_true(is_serving());
}

/* What is too long for a key is missed, and whose it is tells how that is. */
static void test_a_path_too_long(void **state)
{
	char path[700];

	(void)state;
	stage_await_equal(&stage, tops);
	snprintf(path, sizeof(path), "data/%0600u", 1U);
	assert_true(xs_write(stage.guest, XBT_NULL, path, "1", 1));
	wait_until(&stage.scene, has_note("1 of them are of domain 1"));
	assert_true(has_fault(NULL) && is_serving());
	snprintf(path, sizeof(path), "/tool/lab/%0600u", 1U);
	stage_write(&stage, path, "1");
	wait_until(&stage.scene, has_fault("1 nodes are too many"));
	wait_until(&stage.scene, !is_serving());
}

/* ---- what is told ---- */

static void test_what_is_told(void **state)
{
	const Helio__Xenstore__V1__ShowReply *reply;

	(void)state;
	stage_await_equal(&stage, tops);
	stage_write(&stage, "/tool/lab/x", "1");
	stage_await(&stage, "/tool/lab/x", "1");
	wait_until(&stage.scene, show()->is_in_step);
	reply = show();
	assert_string_equal(reply->bucket, "xenstore");
	assert_int_equal(reply->n_trees, 2);
	assert_string_equal(reply->trees[0], trees[0]);
	assert_int_equal(reply->watches, 2);
	assert_null(reply->fault);
	assert_true(reply->events >= 1 && reply->writes >= 1);
}

static void test_xenstored_is_away(void **state)
{
	(void)state;
	stage_await_equal(&stage, tops);
	stage_write(&stage, "/tool/lab/x", "1");
	stage_await(&stage, "/tool/lab/x", "1");
	stage_lose_xenstored(&stage);
	wait_until(&stage.scene, has_fault("xenstore: "));
	assert_false(show()->is_in_step);
	/* What was known stays. */
	expect(&stage.scene, "xenstore", "/tool/lab/x", "1");
	daemon_process_stop(&stage.bridge, SIGTERM);
	daemon_process_start(&stage.bridge);
	wait_until(&stage.scene, has_fault("xenstore: "));
	stage_find_xenstored(&stage);
	stage_await_equal(&stage, tops);
	wait_until(&stage.scene, has_fault(NULL));
}

static void test_xenstored_hangs(void **state)
{
	(void)state;
	stage_await_equal(&stage, tops);
	assert_int_equal(kill(stage.world.pid, SIGSTOP), 0);
	wait_until(&stage.scene, has_fault("does not answer"));
	assert_int_equal(kill(stage.world.pid, SIGCONT), 0);
	wait_until(&stage.scene, has_fault(NULL));
	stage_write(&stage, "/tool/lab/x", "1");
	stage_await(&stage, "/tool/lab/x", "1");
}

/* Who asks it when it begins ends all the same. */
static void test_xenstored_hangs_from_the_beginning(void **state)
{
	(void)state;
	daemon_process_stop(&stage.bridge, SIGTERM);
	assert_int_equal(kill(stage.world.pid, SIGSTOP), 0);
	daemon_process_start(&stage.bridge);
	daemon_process_stop(&stage.bridge, SIGTERM);
	assert_int_equal(kill(stage.world.pid, SIGCONT), 0);
}

/* ---- rights ---- */

static const char half_policy[] = "allow ** any,group >\n"
				  "allow ** subscribe $sys.>\n"
				  "allow ** kv-read >\n"
				  "allow ** kv-write lab\n";

static int setup_half(void **state)
{
	(void)state;
	stage_open(&stage, half_policy, trees);
	ask_about_the_bridge();
	return 0;
}

static void test_without_a_right(void **state)
{
	(void)state;
	wait_until(&stage.scene, has_fault("PERMISSION_DENIED"));
	assert_false(show()->is_in_step);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_flood, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_list_without_rest, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_a_list_too_long,
						setup_without_parts, teardown),
		cmocka_unit_test_setup_teardown(test_a_path_too_long, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_what_is_told, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_xenstored_is_away, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_xenstored_hangs, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			test_xenstored_hangs_from_the_beginning, setup,
			teardown),
		cmocka_unit_test_setup_teardown(test_without_a_right,
						setup_half, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
