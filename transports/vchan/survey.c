/* SPDX-License-Identifier: MIT */

#include "transports/vchan/survey.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "transports/vchan/address.h"
#include "transports/vchan/explain.h"
#include "transports/vchan/identity.h"
#include "transports/vchan/keys.h"
#include "transports/vchan/nodes.h"

/* How often the agent may change its nodes while we read them. */
enum { READS_MAX = 8 };

void survey_init(struct survey *survey)
{
	*survey = (struct survey){ .is_by_agent = false };
	names_init(&survey->names);
}

static const char *folder_of(const struct survey *survey)
{
	return survey->is_by_agent ? NODE_AGENT_DOMAINS : NODE_DOMAINS;
}

void known_domains_free(struct list *list)
{
	struct list *link;

	while ((link = list_pop_front(list)))
		free(container_of(link, struct known_domain, link));
}

/* We are in another domain than dom0, and it could help. */
static void explain_denied(const struct survey *survey,
			   const struct transport_options *options,
			   const char *node)
{
	uint32_t domid = survey->store.domid;

	vchan_explain(options,
		      "xenstore: %s: %s (in dom0: helio xen-agent %u, or helio "
		      "xen-grant %u)",
		      node, strerror(EACCES), domid, domid);
}

static int note_found(struct survey *survey, uint32_t domid, struct list *found)
{
	struct known_domain *mine;
	int r;

	mine = calloc(1, sizeof(*mine));
	if (!mine)
		return -ENOMEM;
	list_init(&mine->link);
	r = identity_read(&survey->store, survey->is_by_agent, domid,
			  &mine->domain);
	if (r < 0) {
		free(mine);
		return r;
	}
	list_push_back(found, &mine->link);
	return 0;
}

/* One that may not be read is none of ours; it is told of once. */
static void note_secret(struct survey *survey, uint32_t domid, bool is_secret)
{
	char text[128];

	if (!names_note_secret(&survey->names, domid, is_secret))
		return;
	(void)snprintf(text, sizeof(text),
		       "domain %u may not be read, and is not served (in dom0: "
		       "helio xen-grant %u)",
		       domid, survey->store.domid);
	survey->on_news(survey, text);
}

static int read_one(struct survey *survey,
		    const struct transport_options *options, uint32_t domid,
		    struct list *found)
{
	char node[STORE_PATH_BYTES];
	int r;

	if (!survey->is_by_agent)
		names_see(&survey->names, &survey->store, domid);
	r = note_found(survey, domid, found);
	if (r == -EACCES && options) {
		(void)snprintf(node, sizeof(node), NODE_DOMAINS "/%u/name, vm",
			       domid);
		explain_denied(survey, options, node);
		return r;
	}
	note_secret(survey, domid, r == -EACCES);
	return r == -ENOENT || r == -EACCES ? 0 : r;
}

/*
 * All that are up. One that goes meanwhile is not, nor is one that may not be
 * read, unless `options` are asking whether we can do our work.
 */
static int read_all(struct survey *survey,
		    const struct transport_options *options, struct list *found)
{
	const char *folder = folder_of(survey);
	unsigned n = 0;
	char **names;
	int r = 0;

	names = xs_directory(survey->store.handle, XBT_NULL, folder, &n);
	if (!names) {
		r = store_errno();
		if (options && r == -EACCES)
			explain_denied(survey, options, folder);
		else if (options)
			vchan_explain(options, "xenstore: %s: %s", folder,
				      strerror(-r));
		return r;
	}
	names_begin(&survey->names);
	for (unsigned i = 0; i < n && !r; i++) {
		uint32_t domid;

		if (vchan_number_parse(names[i], ADDRESS_DOMID_MAX, &domid) < 0)
			continue;
		r = read_one(survey, options, domid, found);
	}
	/* Who was not come to is not gone. */
	if (!r)
		names_end(&survey->names, &survey->store);
	free(names);
	return r;
}

/* What the agent was changing while it was read is read again. */
static int read_consistently(struct survey *survey,
			     const struct transport_options *options,
			     struct list *found)
{
	uint32_t before = 0;
	uint32_t after = 0;
	int r;

	for (int i = 0; i < READS_MAX; i++) {
		known_domains_free(found);
		r = store_read_number(&survey->store, NODE_AGENT, UINT32_MAX,
				      &before);
		if (!r)
			r = read_all(survey, options, found);
		if (!r)
			r = store_read_number(&survey->store, NODE_AGENT,
					      UINT32_MAX, &after);
		if (r < 0 || before == after)
			return r;
	}
	return -EAGAIN;
}

int survey_read(struct survey *survey, const struct transport_options *options,
		struct list *found)
{
	return survey->is_by_agent ? read_consistently(survey, options, found)
				   : read_all(survey, options, found);
}

bool survey_has_agent(const struct survey *survey)
{
	uint32_t number;

	return store_read_number(&survey->store, NODE_AGENT, NODE_NUMBER_MAX,
				 &number) == 0;
}

/* A watch on what may not be read is set, and never fires. */
static int watch(struct survey *survey, const char *path,
		 const struct transport_options *options)
{
	uint32_t owner;
	int r;

	r = store_read_owner(&survey->store, path, &owner);
	if (r != -EACCES) {
		if (xs_watch(survey->store.handle, path, path))
			return 0;
		r = store_errno();
	}
	if (r == -EACCES)
		explain_denied(survey, options, path);
	else
		vchan_explain(options, "xenstore: %s: %s", path, strerror(-r));
	return r;
}

/* Watches before the first look, so that nothing comes between. */
int survey_open(struct survey *survey, const struct transport_options *options)
{
	int r;

	r = store_open(&survey->store, options);
	if (r < 0)
		return r;
	survey->is_by_agent = survey_has_agent(survey);
	if (survey->is_by_agent)
		return watch(survey, NODE_AGENT, options);
	r = watch(survey, "@introduceDomain", options);
	return r < 0 ? r : watch(survey, "@releaseDomain", options);
}

void survey_close(struct survey *survey)
{
	names_forget(&survey->names);
	store_close(&survey->store);
}

/* One that may not be read is there all the same. */
static bool is_there(const struct survey *survey, uint32_t domid)
{
	char path[STORE_PATH_BYTES];
	char text[1];

	(void)snprintf(path, sizeof(path), "%s/%u", folder_of(survey), domid);
	return store_read(&survey->store, path, text, sizeof(text)) != -ENOENT;
}

void survey_clear_keys(const struct survey *survey)
{
	struct vchan_meeting meeting = { .server = survey->store.domid };
	char path[STORE_PATH_BYTES];
	unsigned n = 0;
	char **names;

	vchan_keys_root(meeting.server, path);
	names = xs_directory(survey->store.handle, XBT_NULL, path, &n);
	for (unsigned i = 0; names && i < n; i++) {
		if (vchan_number_parse(names[i], ADDRESS_DOMID_MAX,
				       &meeting.client) < 0 ||
		    is_there(survey, meeting.client))
			continue;
		vchan_keys_folder(&meeting, path);
		(void)xs_rm(survey->store.handle, XBT_NULL, path);
	}
	free(names);
}
