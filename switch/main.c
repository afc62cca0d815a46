/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/diag.h"
#include "switch/bus.h"
#include "switch/config.h"
#include "switch/judge.h"
#include "switch/listen.h"
#include "switch/loop.h"
#include "switch/options.h"
#include "switch/registry.h"
#include "switch/service.h"
#include "switch/uplink.h"

struct heliod {
	struct options options;
	struct bus bus;
	struct listening listening;
	struct service service;
	struct loop loop;
	struct uplink uplink; /* of a leaf */
	bool is_serving;
	int exit_status;
};

/* Everybody's socket: who comes in by it is `uid:N`, and policy decides. */
static int listen_in_common(struct settings *settings, char *error,
			    size_t n_error)
{
	char listen[SETTINGS_PATH_MAX_BYTES + 32];

	snprintf(listen, sizeof(listen), "shm:%s/bus.sock mode 0666",
		 settings->run_folder);
	return settings_add_listen("run-folder", listen, error, n_error,
				   settings);
}

/* What the command line says more than the folder. */
static int complete(const struct options *options, struct config *config,
		    char *error, size_t n_error)
{
	struct settings *settings = &config->settings;
	int r;

	if (options->run &&
	    snprintf(settings->run_folder, sizeof(settings->run_folder), "%s",
		     options->run) >= (int)sizeof(settings->run_folder)) {
		snprintf(error, n_error, "--run: the path is too long");
		return -ENAMETOOLONG;
	}
	r = listen_in_common(settings, error, n_error);
	if (r >= 0 && options->uplink)
		r = settings_set_uplink("--uplink", options->uplink, error,
					n_error, settings);
	if (r < 0)
		return r;
	for (size_t i = 0; i < options->listens.n; i++) {
		r = settings_add_listen("--listen", options->listens.at[i],
					error, n_error, settings);

		if (r < 0)
			return r;
	}
	return config_check(config, error, n_error);
}

static int load(const struct options *options, char *error, size_t n_error,
		struct config **ret_config)
{
	_cleanup_(config_freep) struct config *config = NULL;
	int r;

	r = config_load(options->config, error, n_error, &config);
	if (r < 0)
		return r;
	r = complete(options, config, error, n_error);
	if (r < 0)
		return r;
	*ret_config = take_ptr(config);
	return 0;
}

static struct bus_limits limits_of(const struct settings *settings)
{
	struct bus_limits limits = bus_default_limits;

	limits.message_max_bytes = settings->message_max;
	limits.subscriptions_max = (uint32_t)settings->subscriptions_max;
	limits.calls_max = (uint32_t)settings->calls_max;
	limits.open_messages_max = (uint32_t)settings->open_messages_max;
	limits.deadline_max_ms = (uint32_t)settings->deadline_max_ms;
	limits.stream_idle_ms = (uint32_t)settings->stream_idle_ms;
	return limits;
}

static int reload(void *userdata, char *error, size_t n_error)
{
	struct heliod *heliod = userdata;
	struct config *config;
	int r;

	r = load(&heliod->options, error, n_error, &config);
	if (r >= 0 && !heliod->is_serving) {
		config_free(config);
		snprintf(error, n_error, "the host has not let us in yet");
		r = -EAGAIN;
	}
	if (r >= 0)
		verdicts_set_equal_only(&heliod->bus.verdicts,
					config->settings.schemas_are_equal);
	if (r >= 0)
		r = listening_set_config(&heliod->listening, config, error,
					 n_error);
	if (r < 0)
		log_error("reload: %s", error);
	else
		log_info("reloaded");
	return r;
}

static void on_hangup(void *userdata)
{
	char error[512];

	(void)reload(userdata, error, sizeof(error));
}

static bool on_turn(void *userdata)
{
	struct heliod *heliod = userdata;

	return heliod->is_serving && service_turn(&heliod->service);
}

static const struct loop_hooks hooks = { .reload = on_hangup, .turn = on_turn };

/* Listen, and answer. A leaf does so when its host has let it in. */
static int serve(struct heliod *heliod, char *error, size_t n_error)
{
	int r;

	r = listening_apply(&heliod->listening, error, n_error);
	if (r >= 0)
		r = service_init(&heliod->service, &heliod->bus,
				 &heliod->listening, reload, heliod);
	if (r < 0)
		return r;
	registry_ask_by(&heliod->bus, heliod->service.client);
	heliod->is_serving = true;
	supervised_say_ready(&heliod->options.supervised);
	return 0;
}

static void stop(struct heliod *heliod, int exit_status)
{
	heliod->exit_status = exit_status;
	loop_stop(&heliod->loop);
}

static void on_uplink_there(void *userdata)
{
	struct heliod *heliod = userdata;
	char error[512] = "";

	if (!heliod->is_serving && serve(heliod, error, sizeof(error)) < 0)
		stop(heliod, EXIT_INTERNAL);
}

static void on_uplink_failed(void *userdata, const char *why)
{
	log_error("%s", why);
	stop(userdata, EXIT_UNAVAILABLE);
}

static int open_uplink(struct heliod *heliod, const struct config *config)
{
	struct uplink_options options = {
		.address = config->settings.uplink,
		.transport.ring_bytes = (uint32_t)config->settings.ring_bytes,
		.transport.is_plain = config->settings.uplink_is_plain,
		.on_there = on_uplink_there,
		.on_failed = on_uplink_failed,
		.userdata = heliod,
	};
	int r;

	memcpy(options.transport.public_key, config->key_pair.public_key,
	       TRANSPORT_KEY_BYTES);
	memcpy(options.transport.secret_key, config->key_pair.secret_key,
	       TRANSPORT_KEY_BYTES);
	memcpy(options.transport.server_key, config->host_key,
	       TRANSPORT_KEY_BYTES);
	r = uplink_init(&heliod->uplink, &heliod->bus, &options);
	if (r >= 0)
		uplink_open(&heliod->uplink);
	return r;
}

/* `config` is that of the listening. */
static int run_bus(struct heliod *heliod, const struct config *config)
{
	char error[512] = "";
	int r;

	r = loop_init(&heliod->loop, &heliod->bus, &hooks, heliod);
	if (r < 0)
		return r;
	if (config->settings.uplink[0])
		r = open_uplink(heliod, config);
	else
		r = serve(heliod, error, sizeof(error));
	if (r >= 0)
		loop_run(&heliod->loop);
	loop_deinit(&heliod->loop);
	return r;
}

static int run(struct heliod *heliod)
{
	int log_level = heliod->options.supervised.log_level;
	struct config *config;
	struct bus_limits limits;
	char error[512] = "";
	int r;

	r = load(&heliod->options, error, sizeof(error), &config);
	if (r < 0) {
		log_error("%s", error);
		return EXIT_USAGE;
	}
	diag_init("heliod", log_level >= 0 ? (enum diag_level)log_level
					   : config->settings.log_level);
	limits = limits_of(&config->settings);
	r = bus_init(&heliod->bus, take_ptr(config->policy), &limits);
	if (r < 0) {
		config_free(config);
		log_error("start: %s", strerror(-r));
		return EXIT_INTERNAL;
	}
	heliod->bus.verdicts.is_equal_only = config->settings.schemas_are_equal;
	accounts_set_rules(&heliod->bus.accounts, config->quota_rules);
	listening_init(&heliod->listening, &heliod->bus, config);
	r = run_bus(heliod, config);
	service_deinit(&heliod->service);
	bus_deinit(&heliod->bus);
	uplink_deinit(&heliod->uplink);
	listening_deinit(&heliod->listening);
	return r < 0 ? EXIT_INTERNAL : heliod->exit_status;
}

int main(int argc, char **argv)
{
	static struct heliod heliod;
	struct options *options = &heliod.options;
	int r;

	diag_init("heliod", DIAG_INFO);
	r = options_read(argc, argv, options);
	if (r) {
		options_print(&options_table, r < 0 ? stderr : stdout);
		return r < 0 ? EXIT_USAGE : EXIT_SUCCESS;
	}
	if (options->check_policy)
		return judge_check(options->check_policy);
	if (options->question)
		return judge_say(options->config, options->question);
	signal(SIGPIPE, SIG_IGN);
	if (supervised_end_with_parent(&options->supervised) < 0)
		return EXIT_UNAVAILABLE;
	return run(&heliod);
}
