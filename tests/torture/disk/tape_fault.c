/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <string.h>

#include "tests/torture/disk/tape_inside.h"

static struct {
	bool is_armed;
	bool is_lasting;
	enum tape_fault kind;
	uint64_t k;
	int error;
	uint64_t n_hits;
} fault;
static uint64_t n_calls[N_FAULTS];

bool tape_is_failing(enum tape_fault kind)
{
	uint64_t k = n_calls[kind]++;

	if (!fault.is_armed || fault.kind != kind)
		return false;
	if (k < fault.k || (k > fault.k && !fault.is_lasting))
		return false;
	fault.n_hits++;
	errno = fault.error;
	return true;
}

void tape_fault_reset(void)
{
	memset(n_calls, 0, sizeof(n_calls));
	memset(&fault, 0, sizeof(fault));
}

void tape_fault_arm(enum tape_fault kind, uint64_t k, int error,
		    bool is_lasting)
{
	tape_lock();
	fault.is_armed = true;
	fault.is_lasting = is_lasting;
	fault.kind = kind;
	fault.k = n_calls[kind] + k;
	fault.error = error;
	fault.n_hits = 0;
	tape_unlock();
}

void tape_fault_disarm(void)
{
	tape_lock();
	fault.is_armed = false;
	tape_unlock();
}

uint64_t tape_fault_hits(void)
{
	return fault.n_hits;
}

uint64_t tape_fault_calls(enum tape_fault kind)
{
	return n_calls[kind];
}
