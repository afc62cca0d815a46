/* SPDX-License-Identifier: MIT */

#include "switch/listen.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/diag.h"
#include "switch/bus.h"
#include "switch/config.h"
#include "transports/transport.h"

/* An address that is listened to. */
struct place {
	struct list link;
	struct listening *listening;
	struct listener *listener;
	bool is_wanted;  /* by the configuration as it is now */
	bool is_teller;  /* of domains */
	unsigned teller; /* its number among those */
	char name[PRINCIPAL_MAX_BYTES + 1];
	char address[SETTINGS_PATH_MAX_BYTES + 1];
};

static struct place *place_free(struct place *place)
{
	if (!place)
		return NULL;
	list_unlink(&place->link);
	listener_free(place->listener);
	if (place->is_teller)
		domains_remove_teller(place->listening->bus, place->teller);
	free(place);
	return NULL;
}

DEFINE_CLEANUP(struct place *, place_free);

static bool is_enrolled(void *userdata, const char *name)
{
	const struct listening *listening = userdata;
	const struct enrolment *enrolment = &listening->config->enrolment;

	for (size_t i = 0; i < enrolment->n_domains; i++)
		if (!strcmp(enrolment->domains[i].name, name))
			return true;
	return false;
}

void listening_init(struct listening *listening, struct bus *bus,
		    struct config *config)
{
	*listening = (struct listening){ .bus = bus, .config = config };
	list_init(&listening->places);
	bus->domains.is_enrolled = is_enrolled;
	bus->domains.userdata = listening;
}

void listening_deinit(struct listening *listening)
{
	while (!list_is_empty(&listening->places))
		place_free(container_of(listening->places.next, struct place,
					link));
	config_free(listening->config);
}

static int on_channel(struct listener *listener, struct channel *channel)
{
	struct place *place = listener->owner;

	return bus_add_channel(place->listening->bus, channel);
}

static void on_silent(struct listener *listener)
{
	struct place *place = listener->owner;

	bus_count_reason(place->listening->bus,
			 "it connected and said nothing");
}

static void on_broken(struct listener *listener, const char *reason)
{
	struct place *place = listener->owner;

	bus_count_reason(place->listening->bus, reason);
}

static void on_domain(struct listener *listener,
		      const struct transport_domain *domain, bool is_up)
{
	struct place *place = listener->owner;

	domains_tell(place->listening->bus, place->teller, domain, is_up);
}

static bool is_served(struct listener *listener,
		      const struct transport_domain *domain)
{
	struct place *place = listener->owner;
	const struct bus *bus = place->listening->bus;
	const struct domain *known =
		domains_lookup(&bus->domains, domain->incarnation);

	return known && domain_is_served(bus, known);
}

static void on_news(struct listener *listener, const char *text)
{
	struct place *place = listener->owner;

	log_warning("%s: %s", place->address, text);
}

static int lookup_key(void *userdata, const uint8_t key[TRANSPORT_KEY_BYTES],
		      char ret_name[256])
{
	struct listening *listening = userdata;
	const struct enrolled_key *enrolled =
		enrolment_lookup_key(&listening->config->enrolment, key);

	if (!enrolled)
		return -ENOENT;
	snprintf(ret_name, 256, "%s", enrolled->name);
	return 0;
}

static struct place *place_lookup(const struct listening *listening,
				  const char *address)
{
	struct list *link;

	list_for_each (link, &listening->places) {
		struct place *place = container_of(link, struct place, link);

		if (!strcmp(place->address, address))
			return place;
	}
	return NULL;
}

/* Before the first turn, in which its listener begins to tell. */
static int watch_domains(struct place *place)
{
	int r;

	if (!place->listener->ops->judge_again)
		return 0;
	r = domains_add_teller(&place->listening->bus->domains, &place->teller);
	if (r < 0)
		return r;
	place->is_teller = true;
	place->listener->on_domain = on_domain;
	place->listener->is_served = is_served;
	return 0;
}

static int place_new(struct listening *listening, const char *address,
		     const struct transport_options *options, char *why,
		     size_t n_why)
{
	_cleanup_(place_freep) struct place *place = NULL;
	struct transport_options mine = *options;
	const struct transport *transport;
	const char *rest;
	int r;

	r = transport_lookup(address, &transport, &rest);
	if (r < 0) {
		transport_explain(address, why, n_why);
		return r;
	}
	place = calloc(1, sizeof(*place));
	if (!place)
		return -ENOMEM;
	list_init(&place->link);
	place->listening = listening;
	place->is_wanted = true;
	snprintf(place->address, sizeof(place->address), "%s", address);
	if (options->name)
		snprintf(place->name, sizeof(place->name), "%s", options->name);
	mine.name = place->name;
	mine.error = why;
	mine.n_error = n_why;

	r = transport->listen(&listening->bus->poller, rest, &mine,
			      &place->listener);
	if (r < 0)
		return r;
	r = watch_domains(place);
	if (r < 0)
		return r;
	place->listener->owner = place;
	place->listener->on_channel = on_channel;
	place->listener->on_silent = on_silent;
	place->listener->on_broken = on_broken;
	place->listener->on_news = on_news;
	log_info("listening on %s",
		 place->listener->address ? place->listener->address : address);
	list_push_back(&listening->places, &place->link);
	take_ptr(place);
	return 0;
}

/* Keeps the first error, for there may be more. */
static void want(struct listening *listening, const char *address,
		 const struct transport_options *options, char *error,
		 size_t n_error, int *r)
{
	struct place *place = place_lookup(listening, address);
	char why[256] = "";
	int failed;

	if (place) {
		place->is_wanted = true;
		return;
	}
	failed = place_new(listening, address, options, why, sizeof(why));
	if (failed == -EADDRINUSE && listening->may_try_again)
		listening->n_to_try_again++;
	if (failed >= 0 || (failed == -EADDRINUSE && listening->may_try_again))
		return;
	log_error("%s: %s", address, *why ? why : strerror(-failed));
	if (*r < 0)
		return;
	*r = failed;
	snprintf(error, n_error, "%s: %s", address,
		 *why ? why : strerror(-failed));
}

static void want_address(struct listening *listening,
			 const struct settings_listen *wanted, char *error,
			 size_t n_error, int *r)
{
	const struct config *config = listening->config;
	struct transport_options options = {
		.ring_bytes = (uint32_t)config->settings.ring_bytes,
		.name = "",
		.mode = wanted->access.mode,
		.uid = wanted->access.uid,
		.gid = wanted->access.gid,
		.is_plain = wanted->is_plain,
		.lookup_key = lookup_key,
		.userdata = listening,
	};

	memcpy(options.public_key, config->key_pair.public_key,
	       TRANSPORT_KEY_BYTES);
	memcpy(options.secret_key, config->key_pair.secret_key,
	       TRANSPORT_KEY_BYTES);
	want(listening, wanted->address, &options, error, n_error, r);
}

static void want_domain(struct listening *listening,
			const struct enrolled_domain *domain, char *error,
			size_t n_error, int *r)
{
	const struct config *config = listening->config;
	char path[CONFIG_SOCKET_BYTES];
	char address[CONFIG_SOCKET_BYTES + 8];
	char name[PRINCIPAL_MAX_BYTES + 1];
	struct transport_options options = {
		.ring_bytes = (uint32_t)config->settings.ring_bytes,
		.name = name,
		.mode = domain->access.mode,
		.uid = domain->access.uid,
		.gid = domain->access.gid,
	};

	if (config_domain_socket(config, domain, path) < 0)
		return; /* a configuration that was loaded has none such */
	snprintf(address, sizeof(address), "shm:%s", path);
	snprintf(name, sizeof(name), "vm:%s", domain->name);
	want(listening, address, &options, error, n_error, r);
}

static int make_domains_folder(const struct config *config)
{
	char path[SETTINGS_PATH_MAX_BYTES + sizeof("/domains")];

	if (!config->enrolment.n_domains)
		return 0;
	snprintf(path, sizeof(path), "%s/domains", config->settings.run_folder);
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return -errno;
	return 0;
}

static void end_unwanted(struct listening *listening)
{
	struct list *link;
	struct list *after;

	list_for_each_safe (link, after, &listening->places) {
		struct place *place = container_of(link, struct place, link);

		if (place->is_wanted)
			continue;
		log_info("no longer listening on %s", place->address);
		place_free(place);
	}
}

static void want_all(struct listening *listening, char *error, size_t n_error,
		     int *r)
{
	const struct config *config = listening->config;

	for (size_t i = 0; i < config->settings.n_listens; i++)
		want_address(listening, &config->settings.listens[i], error,
			     n_error, r);
	for (size_t i = 0; i < config->enrolment.n_domains; i++)
		want_domain(listening, &config->enrolment.domains[i], error,
			    n_error, r);
}

/*
 * The new before the old goes, so that who is told of domains by both sees no
 * gap; but what the old one held is there only afterwards.
 */
int listening_apply(struct listening *listening, char *error, size_t n_error)
{
	const struct config *config = listening->config;
	struct list *link;
	int r;

	list_for_each (link, &listening->places)
		container_of(link, struct place, link)->is_wanted = false;
	r = make_domains_folder(config);
	if (r < 0)
		snprintf(error, n_error, "%s/domains: %s",
			 config->settings.run_folder, strerror(-r));
	listening->n_to_try_again = 0;
	listening->may_try_again = true;
	want_all(listening, error, n_error, &r);
	end_unwanted(listening);
	listening->may_try_again = false;
	if (listening->n_to_try_again)
		want_all(listening, error, n_error, &r);
	return r;
}

static void judge_domains_again(struct listening *listening)
{
	struct list *link;

	domains_judge_again(listening->bus);
	list_for_each (link, &listening->places) {
		struct place *place = container_of(link, struct place, link);

		if (place->is_teller)
			place->listener->ops->judge_again(place->listener);
	}
}

int listening_set_config(struct listening *listening, struct config *config,
			 char *error, size_t n_error)
{
	int r;

	accounts_set_rules(&listening->bus->accounts, config->quota_rules);
	bus_set_policy(listening->bus, take_ptr(config->policy));
	config_free(listening->config);
	listening->config = config;
	r = listening_apply(listening, error, n_error);
	judge_domains_again(listening);
	return r;
}
