/* SPDX-License-Identifier: MIT */
#ifndef VM_QEMU_H
#define VM_QEMU_H

/**
 * The driver for QEMU: one process for each machine, a monitor on a socket of
 * the run folder, and no library in between.
 *
 * In the run folder are NAME.qmp, the monitor, and NAME.birth, which is written
 * before the process is started and removed when it has ended. The machine
 * stands still until its monitor is told to go on, so a helio-vm that dies
 * half way leaves what the next one can take over.
 */

#include "vm/driver.h"

extern const struct driver_ops qemu_driver;

#endif
