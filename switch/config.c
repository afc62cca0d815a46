/* SPDX-License-Identifier: MIT */

#include "switch/config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/folder.h"
#include "base/lines.h"

/* A folder that is being read. */
struct reading {
	struct config *config;
	const char *folder;
	char *error;
	size_t n_error;
};

static void path_of(const struct reading *reading, const char *name,
		    char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/%s", reading->folder, name);
}

static int load_settings(struct reading *reading)
{
	_cleanup_(freep) char *text = NULL;
	char path[PATH_MAX];
	size_t n_text;
	int r;

	reading->config->settings = settings_defaults;
	path_of(reading, "heliod.conf", path);
	r = folder_read(AT_FDCWD, path, &text, &n_text);
	if (r == -ENOENT)
		return 0;
	if (r)
		return lines_fail_errno(path, r, reading->error,
					reading->n_error);
	return settings_parse("heliod.conf", text, n_text, reading->error,
			      reading->n_error, &reading->config->settings);
}

static int load_key_pair(struct reading *reading)
{
	struct config *config = reading->config;
	char path[PATH_MAX];
	int r;

	path_of(reading, "heliod.key", path);
	r = keyfile_load_pair(path, &config->key_pair);
	config->has_key_pair = !r;
	if (!r || r == -ENOENT)
		return 0;
	if (r == -EINVAL)
		snprintf(reading->error, reading->n_error,
			 "%s: not a pair of keys", path);
	else if (r == -EACCES)
		snprintf(reading->error, reading->n_error,
			 "%s: others than its owner may read it", path);
	else
		lines_fail_errno(path, r, reading->error, reading->n_error);
	return r;
}

static int load_host_key(struct reading *reading)
{
	struct config *config = reading->config;
	char path[PATH_MAX];
	int r;

	path_of(reading, "uplink.pub", path);
	r = keyfile_load_public(path, config->host_key);
	config->has_host_key = !r;
	if (!r || r == -ENOENT)
		return 0;
	if (r == -EINVAL)
		snprintf(reading->error, reading->n_error,
			 "%s: not a public key", path);
	else
		lines_fail_errno(path, r, reading->error, reading->n_error);
	return r;
}

static int load_policy(struct reading *reading)
{
	char path[PATH_MAX];

	path_of(reading, "policy", path);
	return policy_load(path, reading->error, reading->n_error,
			   &reading->config->policy);
}

static int load_quotas(struct reading *reading)
{
	char path[PATH_MAX];
	int r;

	path_of(reading, "quotas", path);
	r = quota_rules_load(path, reading->error, reading->n_error,
			     &reading->config->quota_rules);
	return r == -ENOENT ? 0 : r;
}

static int load_enrolment(struct reading *reading)
{
	return enrolment_load(reading->folder, reading->error, reading->n_error,
			      &reading->config->enrolment);
}

/* CURVE is the rule on tcp, and it takes a key. */
static int check_listen(const struct config *config,
			const struct settings_listen *listen, char *error,
			size_t n_error)
{
	if (strncmp(listen->address, "tcp://", 6) || listen->is_plain ||
	    config->has_key_pair)
		return 0;
	snprintf(error, n_error, "%s needs heliod.key, or the word plain",
		 listen->address);
	return -EINVAL;
}

static int check_uplink(const struct config *config, char *error,
			size_t n_error)
{
	const struct settings *settings = &config->settings;

	if (strncmp(settings->uplink, "tcp://", 6) ||
	    settings->uplink_is_plain ||
	    (config->has_key_pair && config->has_host_key))
		return 0;
	snprintf(error, n_error, "uplink %s needs %s, or the word plain",
		 settings->uplink,
		 config->has_key_pair ? "the host's public key in uplink.pub"
				      : "heliod.key");
	return -EINVAL;
}

int config_check(const struct config *config, char *error, size_t n_error)
{
	const struct settings *settings = &config->settings;

	for (size_t i = 0; i < settings->n_listens; i++) {
		int r = check_listen(config, &settings->listens[i], error,
				     n_error);

		if (r)
			return r;
	}
	if (check_uplink(config, error, n_error))
		return -EINVAL;
	for (size_t i = 0; i < config->enrolment.n_domains; i++) {
		const struct enrolled_domain *domain =
			&config->enrolment.domains[i];
		char path[CONFIG_SOCKET_BYTES];

		if (!config_domain_socket(config, domain, path))
			continue;
		snprintf(error, n_error,
			 "domains/%s.domain: the path of its socket has more "
			 "than %d bytes",
			 domain->name, CONFIG_SOCKET_BYTES - 1);
		return -EINVAL;
	}
	return 0;
}

int config_load(const char *folder, char *error, size_t n_error,
		struct config **ret_config)
{
	static int (*const steps[])(struct reading * reading) = {
		load_settings, load_key_pair, load_host_key,
		load_policy,   load_quotas,   load_enrolment,
	};
	_cleanup_(config_freep) struct config *config = NULL;
	struct reading reading = {
		.folder = folder,
		.error = error,
		.n_error = n_error,
	};
	int r;

	if (strlen(folder) > PATH_MAX - sizeof("/heliod.conf"))
		return lines_fail_errno(folder, -ENAMETOOLONG, error, n_error);
	config = calloc(1, sizeof(*config));
	if (!config)
		return lines_fail_errno(folder, -ENOMEM, error, n_error);
	reading.config = config;
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		r = steps[i](&reading);
		if (r)
			return r;
	}
	r = config_check(config, error, n_error);
	if (r)
		return r;
	*ret_config = take_ptr(config);
	return 0;
}

struct config *config_free(struct config *config)
{
	if (!config)
		return NULL;
	policy_free(config->policy);
	quota_rules_free(config->quota_rules);
	enrolment_deinit(&config->enrolment);
	explicit_bzero(&config->key_pair, sizeof(config->key_pair));
	free(config);
	return NULL;
}

int config_domain_socket(const struct config *config,
			 const struct enrolled_domain *domain,
			 char ret_path[CONFIG_SOCKET_BYTES])
{
	char path[CONFIG_SOCKET_BYTES];
	int n;

	n = snprintf(path, sizeof(path), "%s/domains/%s.sock",
		     config->settings.run_folder, domain->name);
	if (n < 0 || n >= CONFIG_SOCKET_BYTES)
		return -ENAMETOOLONG;
	memcpy(ret_path, path, (size_t)n + 1);
	return 0;
}
