/* SPDX-License-Identifier: MIT */

#include "switch/leaf.h"

#include <errno.h>
#include <stdlib.h>

#include "helio/bus/v1/control.pb-c.h"
#include "switch/bus.h"
#include "switch/control.h"
#include "switch/crossing.h"
#include "switch/event.h"
#include "switch/inbound.h"
#include "switch/peer.h"
#include "switch/policy.h"
#include "switch/quota.h"

/* Leaves choose their handles, and would choose them all alike. */
static uint64_t hash_handle(const struct leaf *leaf, uint32_t handle)
{
	return hash_number(&leaf->peer->bus->routes.key, handle);
}

struct speaker *leaf_lookup(const struct leaf *leaf, uint32_t handle)
{
	struct map_node *node;

	if (!leaf)
		return NULL;
	node = map_lookup(&leaf->by_handle, hash_handle(leaf, handle));
	for (; node; node = map_next(node)) {
		struct speaker *speaker =
			container_of(node, struct speaker, node);

		if (speaker->handle == handle)
			return speaker;
	}
	return NULL;
}

static struct speaker *announced_free(struct speaker *speaker)
{
	struct peer *peer;

	if (!speaker)
		return NULL;
	peer = speaker->peer;
	if (speaker->account)
		account_discharge(peer->self.account, RESOURCE_PRINCIPALS, 1);
	speaker_leave(speaker);
	account_unref(speaker->account);
	source_unref(&peer->bus->sources, speaker->source);
	free(speaker);
	return NULL;
}

/* Charged and with a handle of our own, but in no table yet. */
static int announced_new(struct peer *peer, const struct principal *who,
			 struct speaker **ret_speaker)
{
	struct speaker *speaker;
	struct account *account;
	int r;

	r = account_get_below(peer->self.account, &peer->self.source->principal,
			      who, &account);
	if (r < 0)
		return r;
	if (account_charge(peer->self.account, RESOURCE_PRINCIPALS, 1)) {
		account_unref(account);
		return -EDQUOT;
	}
	speaker = malloc(sizeof(*speaker));
	if (!speaker) {
		account_discharge(peer->self.account, RESOURCE_PRINCIPALS, 1);
		account_unref(account);
		return -ENOMEM;
	}
	speaker_init(speaker, peer);
	speaker->account = account;
	r = source_new(&peer->bus->sources, who, &speaker->source);
	if (r < 0) {
		announced_free(speaker);
		return r;
	}
	/* Invented principals must not make for more shares of a backlog. */
	speaker->source->owner = peer->self.source->owner;
	*ret_speaker = speaker;
	return 0;
}

static bool may_be_leaf(const struct peer *peer)
{
	static const char name[] = "leaf";
	struct policy_verdict verdict;

	verdict = policy_judge(peer->bus->policy, peer_path(peer), VERB_UPLINK,
			       name, sizeof(name) - 1);
	return verdict.is_allowed;
}

/* From its first PEER on. Returns 0, -EOPNOTSUPP, -EACCES or -ENOMEM. */
static int become_leaf(struct peer *peer)
{
	struct leaf *leaf;

	if (peer->leaf)
		return 0;
	if (peer->bus->uplink)
		return -EOPNOTSUPP;
	if (!may_be_leaf(peer))
		return -EACCES;
	leaf = calloc(1, sizeof(*leaf));
	if (!leaf)
		return -ENOMEM;
	leaf->peer = peer;
	list_init(&leaf->crossings);
	if (map_init(&leaf->by_handle) < 0) {
		free(leaf);
		return -ENOMEM;
	}
	peer->leaf = leaf;
	peer->n_hops = 1;
	return 0;
}

struct leaf *leaf_free(struct leaf *leaf)
{
	struct map_node *node;

	if (!leaf)
		return NULL;
	while ((node = map_pop(&leaf->by_handle)))
		announced_free(container_of(node, struct speaker, node));
	map_deinit(&leaf->by_handle);
	free(leaf);
	return NULL;
}

/* Returns 0, or 1 and what is wrong with the announcement. */
static int check(const struct peer *peer, const Helio__Bus__V1__Peer *announced,
		 struct principal *ret_who, const char **ret_fault)
{
	struct principal_claim claim = {
		.path = announced->principal,
		.durable_id = announced->durable_id,
		.incarnation = announced->incarnation,
	};

	if (!announced->handle || announced->handle > LEAF_HANDLE_MAX) {
		*ret_fault = "a leaf's handle is from 1 to 1048575";
		return 1;
	}
	if (leaf_lookup(peer->leaf, announced->handle)) {
		*ret_fault = "a leaf announces a handle twice";
		return 1;
	}
	return principal_below(&peer->self.source->principal, &claim, ret_who,
			       ret_fault);
}

static void enter(struct peer *peer, uint32_t handle, struct speaker *speaker)
{
	speaker->handle = handle;
	speaker_enter(speaker);
	map_add(&peer->leaf->by_handle, &speaker->node,
		hash_handle(peer->leaf, handle));
	event_speaker(speaker, "up", "");
}

static void end_for(struct peer *peer, int r)
{
	if (r == -EACCES)
		peer_end(peer, STATUS_PERMISSION_DENIED,
			 "a peer without the right uplink announces others");
	else if (r == -EOPNOTSUPP)
		peer_end(peer, STATUS_FAILED_PRECONDITION,
			 "a leaf takes no leaves: does an uplink lead back?");
	else if (r == -EDQUOT)
		peer_end(peer, STATUS_RESOURCE_EXHAUSTED,
			 "a leaf announces more principals than its quota");
	else
		peer_end(peer, STATUS_RESOURCE_EXHAUSTED,
			 "out of memory for a principal");
}

void leaf_announce(struct peer *peer, const struct inbound *inbound)
{
	const Helio__Bus__V1__Peer *announced;
	ProtobufCMessage *unpacked;
	struct speaker *speaker;
	struct principal who;
	const char *fault;
	int r;

	r = become_leaf(peer);
	if (r < 0) {
		end_for(peer, r);
		return;
	}
	if (control_unpack(peer, inbound, &helio__bus__v1__peer__descriptor,
			   &unpacked))
		return;
	announced = (const Helio__Bus__V1__Peer *)unpacked;
	if (check(peer, announced, &who, &fault)) {
		peer_end(peer, STATUS_INVALID_ARGUMENT, fault);
		return;
	}
	r = announced_new(peer, &who, &speaker);
	if (r < 0)
		end_for(peer, r);
	else
		enter(peer, announced->handle, speaker);
}

void leaf_forget(struct peer *peer, const struct inbound *inbound)
{
	const Helio__Bus__V1__Forget *forget;
	ProtobufCMessage *unpacked;
	struct speaker *speaker;

	if (!peer->leaf) {
		end_for(peer, -EACCES);
		return;
	}
	if (control_unpack(peer, inbound, &helio__bus__v1__forget__descriptor,
			   &unpacked))
		return;
	forget = (const Helio__Bus__V1__Forget *)unpacked;
	speaker = leaf_lookup(peer->leaf, forget->handle);
	if (!speaker) {
		peer_end(peer, STATUS_INVALID_ARGUMENT,
			 "a FORGET of whom nobody announced");
		return;
	}
	map_remove(&peer->leaf->by_handle, &speaker->node);
	speaker_drop_all(speaker);
	event_speaker(speaker, "down", "its leaf has forgotten it");
	announced_free(speaker);
}

void leaf_tell_down(const struct leaf *leaf, const char *reason)
{
	struct map_node *node = NULL;

	if (!leaf)
		return;
	while ((node = map_walk(&leaf->by_handle, node)))
		event_speaker(container_of(node, struct speaker, node), "down",
			      reason);
}

void leaf_judge(struct peer *peer)
{
	if (!peer->leaf)
		return;
	if (may_be_leaf(peer))
		crossings_judge(peer->leaf);
	else
		peer_end(peer, STATUS_PERMISSION_DENIED,
			 "the leaf has lost the right uplink");
}

uint32_t leaf_principals_max(const struct peer *peer)
{
	uint64_t limit = peer->self.account->limits.of[RESOURCE_PRINCIPALS];

	if (!may_be_leaf(peer))
		return 0;
	return limit < LEAF_HANDLE_MAX ? (uint32_t)limit : LEAF_HANDLE_MAX;
}
