/* SPDX-License-Identifier: MIT */

#include "transports/vchan/domains.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "transports/poller.h"
#include "transports/vchan/nodes.h"

struct domains {
	struct list link; /* in `in_use` or `idle` */
	struct poller *poller;
	struct survey survey;
	struct poll_source news;
	bool is_agent_away;
	struct list known;
	struct list followers;
};

/*
 * One that nobody follows any more stays where it is, closed, and is used
 * again: an event of its descriptor may still be under way.
 */
static struct list in_use = LIST_INIT(in_use);
static struct list idle = LIST_INIT(idle);

static struct known_domain *lookup(const struct list *list, uint32_t domid)
{
	struct list *link;

	list_for_each (link, list) {
		struct known_domain *known =
			container_of(link, struct known_domain, link);

		if (known->domain.domid == domid)
			return known;
	}
	return NULL;
}

/* For the log of whoever listens. */
static void say(struct domains *domains, const char *text)
{
	struct list *link;

	list_for_each (link, &domains->followers) {
		struct vchan_follower *follower =
			container_of(link, struct vchan_follower, link);

		follower->on_news(follower, text);
	}
}

static void on_survey_news(struct survey *survey, const char *text)
{
	say(container_of(survey, struct domains, survey), text);
}

static void tell(struct domains *domains, const struct known_domain *known,
		 bool is_up)
{
	struct list *link;
	struct list *after;

	list_for_each_safe (link, after, &domains->followers) {
		struct vchan_follower *follower =
			container_of(link, struct vchan_follower, link);

		follower->on_domain(follower, &known->domain, is_up);
	}
}

static void forget_lost(struct domains *domains, const struct list *found)
{
	struct list *link;
	struct list *after;

	list_for_each_safe (link, after, &domains->known) {
		struct known_domain *known =
			container_of(link, struct known_domain, link);
		const struct known_domain *now =
			lookup(found, known->domain.domid);

		if (now && memcmp(now->domain.uuid, known->domain.uuid,
				  sizeof(known->domain.uuid)) == 0)
			continue;
		list_unlink(&known->link);
		tell(domains, known, false);
		free(known);
	}
}

/* 0 names no life. */
static bool draw_incarnation(struct transport_domain *domain)
{
	ssize_t n = (ssize_t)sizeof(domain->incarnation);

	do {
		if (getrandom(&domain->incarnation, (size_t)n, 0) != n)
			return false;
	} while (!domain->incarnation);
	return true;
}

static void note_name(struct domains *domains, struct known_domain *known,
		      const char *name)
{
	if (strcmp(known->domain.name, name) == 0)
		return;
	memcpy(known->domain.name, name, sizeof(known->domain.name));
	tell(domains, known, true);
}

static void adopt_new(struct domains *domains, struct list *found)
{
	struct list *link;

	while ((link = list_pop_front(found))) {
		struct known_domain *mine =
			container_of(link, struct known_domain, link);
		struct known_domain *known =
			lookup(&domains->known, mine->domain.domid);

		if (known)
			note_name(domains, known, mine->domain.name);
		if (known || !draw_incarnation(&mine->domain)) {
			free(mine);
			continue;
		}
		list_push_back(&domains->known, &mine->link);
		tell(domains, mine, true);
	}
}

static void note_agent(struct domains *domains)
{
	bool is_away = !survey_has_agent(&domains->survey);

	if (is_away == domains->is_agent_away)
		return;
	domains->is_agent_away = is_away;
	say(domains, is_away ? "xenstore: " NODE_AGENT " is gone: until helio "
			       "xen-agent is back, no domain comes or goes"
			     : "xenstore: " NODE_AGENT " is back");
}

/*
 * When the store cannot be asked nothing is concluded from that; and while
 * there is no agent, from what it left.
 */
static void refresh(struct domains *domains)
{
	struct list found = LIST_INIT(found);

	if (domains->survey.is_by_agent)
		note_agent(domains);
	if (survey_read(&domains->survey, NULL, &found) == 0) {
		forget_lost(domains, &found);
		adopt_new(domains, &found);
	}
	known_domains_free(&found);
}

static void stop_news(struct domains *domains)
{
	if (domains->news.fd >= 0)
		poller_remove(domains->poller, &domains->news);
	domains->news.fd = -1;
}

/* Several events at a time are one reason to look. */
static void news_ready(struct poll_source *source, uint32_t events)
{
	struct domains *domains = container_of(source, struct domains, news);
	char **event;

	if (source->fd < 0)
		return;
	while ((event = xs_check_watch(domains->survey.store.handle)))
		free(event);
	if (errno != EAGAIN) {
		stop_news(domains);
		say(domains, "xenstore is gone: no domain comes or goes");
	}
	refresh(domains);
}

static int start(struct domains *domains,
		 const struct transport_options *options)
{
	int r;

	r = survey_open(&domains->survey, options);
	if (!r)
		r = survey_read(&domains->survey, options, &domains->known);
	if (r < 0)
		return r;
	survey_clear_keys(&domains->survey);
	domains->news.fd = xs_fileno(domains->survey.store.handle);
	return poller_add(domains->poller, &domains->news, EPOLLIN);
}

static void close_domains(struct domains *domains)
{
	stop_news(domains);
	known_domains_free(&domains->known);
	domains->is_agent_away = false;
	survey_close(&domains->survey);
	list_unlink(&domains->link);
	list_push_back(&idle, &domains->link);
}

static struct domains *take_idle(void)
{
	struct list *link = list_pop_front(&idle);
	struct domains *domains;

	if (link)
		return container_of(link, struct domains, link);
	domains = calloc(1, sizeof(*domains));
	if (!domains)
		return NULL;
	domains->news = (struct poll_source){ .fd = -1, .ready = news_ready };
	list_init(&domains->link);
	list_init(&domains->known);
	list_init(&domains->followers);
	survey_init(&domains->survey);
	domains->survey.on_news = on_survey_news;
	return domains;
}

static int draw_incarnations(struct list *list)
{
	struct list *link;

	list_for_each (link, list)
		if (!draw_incarnation(
			    &container_of(link, struct known_domain, link)
				     ->domain))
			return -EIO;
	return 0;
}

static int open_domains(struct poller *poller,
			const struct transport_options *options,
			struct domains **ret_domains)
{
	struct domains *domains = take_idle();
	int r;

	if (!domains)
		return -ENOMEM;
	domains->poller = poller;
	r = start(domains, options);
	if (!r)
		r = draw_incarnations(&domains->known);
	if (r < 0) {
		close_domains(domains);
		return r;
	}
	list_push_back(&in_use, &domains->link);
	*ret_domains = domains;
	return 0;
}

static struct domains *of_poller(const struct poller *poller)
{
	struct list *link;

	list_for_each (link, &in_use) {
		struct domains *domains =
			container_of(link, struct domains, link);

		if (domains->poller == poller)
			return domains;
	}
	return NULL;
}

int domains_ref(struct poller *poller, const struct transport_options *options,
		struct vchan_follower *follower, struct domains **ret_domains)
{
	struct domains *domains = of_poller(poller);
	int r;

	if (!domains) {
		r = open_domains(poller, options, &domains);
		if (r < 0)
			return r;
	}
	list_push_back(&domains->followers, &follower->link);
	*ret_domains = domains;
	return 0;
}

void domains_unref(struct domains *domains, struct vchan_follower *follower)
{
	list_unlink(&follower->link);
	if (list_is_empty(&domains->followers))
		close_domains(domains);
}

const struct list *domains_known(const struct domains *domains)
{
	return &domains->known;
}

const struct store *domains_store(const struct domains *domains)
{
	return &domains->survey.store;
}
