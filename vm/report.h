/* SPDX-License-Identifier: MIT */
#ifndef VM_REPORT_H
#define VM_REPORT_H

/** Machines as the messages of helio.vm.v1. */

#include "helio/vm/v1/vm.pb-c.h"
#include "vm/machine.h"

/** What is said of `machine`, for as long as it does not change. */
void report_machine(const struct machine *machine,
		    Helio__Vm__V1__Machine *ret_message);

#endif
