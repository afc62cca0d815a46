/* SPDX-License-Identifier: MIT */

#include "transports/vchan/domains.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "transports/poller.h"
#include "transports/vchan/address.h"
#include "transports/vchan/explain.h"
#include "transports/vchan/identity.h"
#include "transports/vchan/nodes.h"

/* How often the agent may change its nodes while we read them. */
enum { READS_MAX = 8 };

struct domains {
	struct list link; /* in `in_use` or `idle` */
	struct poller *poller;
	struct store store;
	struct poll_source news;
	bool is_by_agent;
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

static int note_found(struct domains *domains, uint32_t domid,
		      struct list *found)
{
	struct known_domain *known = lookup(&domains->known, domid);
	struct known_domain *mine;
	int r;

	mine = calloc(1, sizeof(*mine));
	if (!mine)
		return -ENOMEM;
	list_init(&mine->link);
	r = identity_read(&domains->store, domains->is_by_agent, domid,
			  known ? &known->domain : NULL, &mine->domain);
	if (r < 0) {
		free(mine);
		return r;
	}
	list_push_back(found, &mine->link);
	return 0;
}

/*
 * All that are up. One that goes meanwhile is not; one that may not be read
 * is none of ours, unless `options` are asking whether we can do our work.
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
		if (options)
			vchan_explain(options, "xenstore: %s: %s", folder,
				      strerror(-r));
		return r;
	}
	for (unsigned i = 0; i < n && !r; i++) {
		uint32_t domid;

		if (vchan_number_parse(names[i], ADDRESS_DOMID_MAX, &domid) < 0)
			continue;
		r = note_found(domains, domid, found);
		if (r == -EACCES && options)
			vchan_explain(options, "xenstore: %s/%u: %s", folder,
				      domid, strerror(-r));
		if (r == -ENOENT || (r == -EACCES && !options))
			r = 0;
	}
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

static void adopt_new(struct domains *domains, struct list *found)
{
	struct list *link;

	while ((link = list_pop_front(found))) {
		struct known_domain *known =
			container_of(link, struct known_domain, link);

		if (lookup(&domains->known, known->domain.domid) ||
		    !draw_incarnation(&known->domain)) {
			free(known);
			continue;
		}
		list_push_back(&domains->known, &known->link);
		tell(domains, known, true);
	}
}

/*
 * When the store cannot be asked nothing is concluded from that; and while
 * there is no agent, from what it left.
 */
static void refresh(struct domains *domains)
{
	struct list found = LIST_INIT(found);

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
	if (errno != EAGAIN)
		stop_news(domains);
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
