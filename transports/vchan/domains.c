/* SPDX-License-Identifier: MIT */

#include "transports/vchan/domains.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "transports/poller.h"
#include "transports/vchan/address.h"
#include "transports/vchan/explain.h"
#include "transports/vchan/identity.h"
#include "transports/vchan/names.h"
#include "transports/vchan/nodes.h"

/* How often the agent may change its nodes while we read them. */
enum { READS_MAX = 8 };

struct domains {
	struct list link; /* in `in_use` or `idle` */
	struct poller *poller;
	struct store store;
	struct poll_source news;
	bool is_by_agent;
	bool is_agent_away;
	struct names names; /* not by the agent, whose number tells of names */
	struct list known;
	struct list followers;
};

/*
 * One that nobody follows any more stays where it is, closed, and is used
 * again: an event of its descriptor may still be under way.
 */
static struct list in_use = LIST_INIT(in_use);
static struct list idle = LIST_INIT(idle);

static void free_known(struct list *list)
{
	struct list *link;

	while ((link = list_pop_front(list)))
		free(container_of(link, struct known_domain, link));
}

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

/* We are in another domain than dom0, and it could help. */
static void explain_denied(const struct domains *domains,
			   const struct transport_options *options,
			   const char *node)
{
	uint32_t domid = domains->store.domid;

	vchan_explain(options,
		      "xenstore: %s: %s (in dom0: helio xen-agent %u, or helio "
		      "xen-grant %u)",
		      node, strerror(EACCES), domid, domid);
}

static int note_found(struct domains *domains, uint32_t domid,
		      struct list *found)
{
	struct known_domain *mine;
	int r;

	mine = calloc(1, sizeof(*mine));
	if (!mine)
		return -ENOMEM;
	list_init(&mine->link);
	r = identity_read(&domains->store, domains->is_by_agent, domid,
			  &mine->domain);
	if (r < 0) {
		free(mine);
		return r;
	}
	list_push_back(found, &mine->link);
	return 0;
}

/* One that may not be read is none of ours; it is told of once. */
static void note_secret(struct domains *domains, uint32_t domid, bool is_secret)
{
	char text[128];

	if (!names_note_secret(&domains->names, domid, is_secret))
		return;
	(void)snprintf(text, sizeof(text),
		       "domain %u may not be read, and is not served (in dom0: "
		       "helio xen-grant %u)",
		       domid, domains->store.domid);
	say(domains, text);
}

static int read_one(struct domains *domains,
		    const struct transport_options *options, uint32_t domid,
		    struct list *found)
{
	char node[STORE_PATH_BYTES];
	int r;

	if (!domains->is_by_agent)
		names_see(&domains->names, &domains->store, domid);
	r = note_found(domains, domid, found);
	if (r == -EACCES && options) {
		(void)snprintf(node, sizeof(node), NODE_DOMAINS "/%u/name, vm",
			       domid);
		explain_denied(domains, options, node);
		return r;
	}
	note_secret(domains, domid, r == -EACCES);
	return r == -ENOENT || r == -EACCES ? 0 : r;
}

/*
 * All that are up. One that goes meanwhile is not, nor is one that may not be
 * read, unless `options` are asking whether we can do our work.
 */
static int read_all(struct domains *domains,
		    const struct transport_options *options, struct list *found)
{
	const char *folder =
		domains->is_by_agent ? NODE_AGENT_DOMAINS : NODE_DOMAINS;
	unsigned n = 0;
	char **names;
	int r = 0;

	names = xs_directory(domains->store.handle, XBT_NULL, folder, &n);
	if (!names) {
		r = store_errno();
		if (options && r == -EACCES)
			explain_denied(domains, options, folder);
		else if (options)
			vchan_explain(options, "xenstore: %s: %s", folder,
				      strerror(-r));
		return r;
	}
	names_begin(&domains->names);
	for (unsigned i = 0; i < n && !r; i++) {
		uint32_t domid;

		if (vchan_number_parse(names[i], ADDRESS_DOMID_MAX, &domid) < 0)
			continue;
		r = read_one(domains, options, domid, found);
	}
	names_end(&domains->names, &domains->store);
	free(names);
	return r;
}

/* What the agent was changing while it was read is read again. */
static int read_consistently(struct domains *domains,
			     const struct transport_options *options,
			     struct list *found)
{
	uint32_t before = 0;
	uint32_t after = 0;
	int r;

	for (int i = 0; i < READS_MAX; i++) {
		free_known(found);
		r = store_read_number(&domains->store, NODE_AGENT, UINT32_MAX,
				      &before);
		if (!r)
			r = read_all(domains, options, found);
		if (!r)
			r = store_read_number(&domains->store, NODE_AGENT,
					      UINT32_MAX, &after);
		if (r < 0 || before == after)
			return r;
	}
	return -EAGAIN;
}

static int look(struct domains *domains,
		const struct transport_options *options, struct list *found)
{
	return domains->is_by_agent ? read_consistently(domains, options, found)
				    : read_all(domains, options, found);
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
	uint32_t number;
	bool is_away = store_read_number(&domains->store, NODE_AGENT,
					 NODE_NUMBER_MAX, &number) < 0;

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

	if (domains->is_by_agent)
		note_agent(domains);
	if (look(domains, NULL, &found) == 0) {
		forget_lost(domains, &found);
		adopt_new(domains, &found);
	}
	free_known(&found);
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
	while ((event = xs_check_watch(domains->store.handle)))
		free(event);
	if (errno != EAGAIN) {
		stop_news(domains);
		say(domains, "xenstore is gone: no domain comes or goes");
	}
	refresh(domains);
}

/* A watch on what may not be read is set, and never fires. */
static int watch(struct domains *domains, const char *path,
		 const struct transport_options *options)
{
	uint32_t owner;
	int r;

	r = store_read_owner(&domains->store, path, &owner);
	if (r != -EACCES) {
		if (xs_watch(domains->store.handle, path, path))
			return 0;
		r = store_errno();
	}
	if (r == -EACCES)
		explain_denied(domains, options, path);
	else
		vchan_explain(options, "xenstore: %s: %s", path, strerror(-r));
	return r;
}

/* Watches before the first look, so that nothing comes between. */
static int start(struct domains *domains,
		 const struct transport_options *options)
{
	uint32_t number;
	int r;

	r = store_open(&domains->store, options);
	if (r < 0)
		return r;
	domains->is_by_agent = store_read_number(&domains->store, NODE_AGENT,
						 UINT32_MAX, &number) == 0;
	if (domains->is_by_agent) {
		r = watch(domains, NODE_AGENT, options);
	} else {
		r = watch(domains, "@introduceDomain", options);
		if (!r)
			r = watch(domains, "@releaseDomain", options);
	}
	if (!r)
		r = look(domains, options, &domains->known);
	if (r < 0)
		return r;
	domains->news.fd = xs_fileno(domains->store.handle);
	return poller_add(domains->poller, &domains->news, EPOLLIN);
}

static void close_domains(struct domains *domains)
{
	stop_news(domains);
	free_known(&domains->known);
	names_forget(&domains->names);
	domains->is_agent_away = false;
	store_close(&domains->store);
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
	names_init(&domains->names);
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
	return &domains->store;
}
