/* SPDX-License-Identifier: MIT */

/* What a log captures, and how it comes to capture something else. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "logger/capture.h"
#include "logger/keeper.h"
#include "logger/logger.h"
#include "rpc/heliograph.h"

static const Helio__Log__V1__Config empty = HELIO__LOG__V1__CONFIG__INIT;

/* ---- captures ---- */

static bool has_text(char *const *texts, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(texts[i], text))
			return true;
	return false;
}

static bool is_wanted(const struct capture *capture,
		      const Helio__Log__V1__Config *proto)
{
	return capture->is_observer
		       ? has_text(proto->services, proto->n_services,
				  capture->pattern)
		       : has_text(proto->patterns, proto->n_patterns,
				  capture->pattern);
}

static bool is_captured(const struct keeper *keeper, const char *pattern,
			bool is_observer)
{
	struct list *link;

	list_for_each (link, &keeper->captures) {
		struct capture *capture =
			container_of(link, struct capture, link);

		if (capture->is_observer == is_observer &&
		    !strcmp(capture->pattern, pattern))
			return true;
	}
	return false;
}

static int add_captures(struct keeper *keeper, char *const *patterns, size_t n,
			bool is_observer)
{
	for (size_t i = 0; i < n; i++) {
		struct capture *capture;
		int r;

		if (is_captured(keeper, patterns[i], is_observer))
			continue;
		r = capture_new(keeper, patterns[i], is_observer, &capture);
		if (r < 0)
			return r;
		list_push_back(&keeper->captures, &capture->link);
	}
	return 0;
}

/* What is not wanted any more goes first: what is new may overlap it. */
int keeper_set_captures(struct keeper *keeper,
			const Helio__Log__V1__Config *proto)
{
	struct list *link, *after;
	int r;

	list_for_each_safe (link, after, &keeper->captures) {
		struct capture *capture =
			container_of(link, struct capture, link);

		if (is_wanted(capture, proto))
			continue;
		capture_end(capture);
		list_unlink(&capture->link);
		list_push_back(&keeper->old_captures, &capture->link);
	}
	r = add_captures(keeper, proto->patterns, proto->n_patterns, false);
	if (r == 0)
		r = add_captures(keeper, proto->services, proto->n_services,
				 true);
	return r;
}

/* ---- settling: it captures all that it should, or cannot ---- */

void keeper_settle(struct keeper *keeper, unsigned status, const char *reason)
{
	keeper_fn on_settled = keeper->on_settled;

	keeper->on_settled = NULL;
	keeper->is_configuring = false;
	keeper_tell_fault(keeper);
	if (on_settled)
		on_settled(keeper, status, reason, keeper->settled_userdata);
}

/* The configuration before holds again. */
static void revert(struct keeper *keeper, unsigned status, const char *reason)
{
	const Helio__Log__V1__Config *before =
		keeper->config.proto ? keeper->config.proto : &empty;
	char text[256];

	snprintf(text, sizeof(text), "%s", reason);
	config_deinit(&keeper->next);
	(void)keeper_set_captures(keeper, before);
	keeper_settle(keeper, status, text);
}

static void on_config_kept(struct keeping *keeping, int r)
{
	struct keeper *keeper = keeping->userdata;

	if (r < 0) {
		revert(keeper, HELIO_UNAVAILABLE,
		       "the configuration cannot be written");
		return;
	}
	config_deinit(&keeper->config);
	keeper->config = keeper->next;
	keeper->next = (struct config){ 0 };
	keeper->has_config = true;
	keeper->n_configs++;
	keeper->has_new_limits = true;
	keeper->wants_expiry = true;
	keeper_stir(keeper);
	keeper_settle(keeper, HELIO_OK, "");
}

static int keep_config(struct keeper *keeper)
{
	const ProtobufCMessage *proto = &keeper->next.proto->base;
	_cleanup_(keeping_freep) struct keeping *keeping = keeping_new();

	if (!keeping ||
	    !keeping_add_value(keeping,
			       protobuf_c_message_get_packed_size(proto)))
		return -ENOMEM;
	protobuf_c_message_pack(proto, keeping->value);
	snprintf(keeping->key, sizeof(keeping->key), "config");
	keeping->on_kept = on_config_kept;
	keeping->userdata = keeper;
	keeper_keep(keeper, take_ptr(keeping));
	return 0;
}

static bool are_captures_answered(const struct keeper *keeper)
{
	struct list *link;

	list_for_each (link, &keeper->captures)
		if (!container_of(link, struct capture, link)->is_answered)
			return false;
	return true;
}

void keeper_settle_if_answered(struct keeper *keeper)
{
	const struct capture *refused = keeper_first_refused(keeper);
	char text[700];

	if (keeper->state != KEEPER_OPEN || !are_captures_answered(keeper))
		return;
	if (!keeper->is_configuring) {
		keeper_settle(keeper, HELIO_OK, "");
		return;
	}
	if (keeper->is_config_asked)
		return;
	if (refused) {
		snprintf(text, sizeof(text), "%s: %s", refused->pattern,
			 refused->refusal);
		revert(keeper, refused->status, text);
		return;
	}
	keeper->is_config_asked = true;
	if (keep_config(keeper) < 0)
		revert(keeper, HELIO_RESOURCE_EXHAUSTED, "no memory");
}

void keeper_capture_ready(struct keeper *keeper, struct capture *capture)
{
	if (capture->status != HELIO_OK && !keeper->retry_ns)
		keeper->retry_ns = clock_now_ns() + KEEPER_RETRY_NS;
	keeper_tell_fault(keeper);
	keeper_settle_if_answered(keeper);
}

void keeper_configure(struct keeper *keeper, struct config *config,
		      keeper_fn on_done, void *userdata)
{
	keeper->next = *config;
	*config = (struct config){ 0 };
	keeper->is_configuring = true;
	keeper->is_config_asked = false;
	keeper->on_settled = on_done;
	keeper->settled_userdata = userdata;
	if (keeper_set_captures(keeper, keeper->next.proto) < 0)
		revert(keeper, HELIO_RESOURCE_EXHAUSTED, "no memory");
	else
		keeper_settle_if_answered(keeper);
}

/* ---- what was refused ---- */

const struct capture *keeper_first_refused(const struct keeper *keeper)
{
	struct list *link;

	list_for_each (link, &keeper->captures) {
		struct capture *capture =
			container_of(link, struct capture, link);

		if (capture->is_answered && capture->status != HELIO_OK)
			return capture;
	}
	return NULL;
}

void keeper_renew_refused(struct keeper *keeper)
{
	struct list *link;

	list_for_each (link, &keeper->captures) {
		struct capture *capture =
			container_of(link, struct capture, link);

		if (capture->status != HELIO_OK && capture->is_answered)
			(void)capture_renew(capture);
	}
}
