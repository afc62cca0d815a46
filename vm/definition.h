/* SPDX-License-Identifier: MIT */
#ifndef VM_DEFINITION_H
#define VM_DEFINITION_H

/**
 * What a machine is made of: the file NAME.vm in the folder of machines, in
 * lines of `KEY VALUE`. Each key stands once, but for append, disk and extra.
 *
 *     driver qemu               the only one there is
 *     memory N                  bytes, a multiple of 1M; 64M
 *     cpus N                    1
 *     accel tcg|kvm             what runs its code; unless told, kvm if it
 *                               can be had, and tcg otherwise
 *     kernel PATH               without one it boots from its first disk
 *     initrd PATH
 *     append WORD...            to the kernel's command line; lines are joined
 *     disk PATH [OPTION]...     raw (unless told) or qcow2; virtio (unless
 *                               told) or ide; readonly; snapshot: what is
 *                               written is forgotten at its end
 *     extra WORD...             arguments for the driver, as they stand
 *     grace-ms N                how long it may take to shut down; 10,000
 *
 * Who writes these files decides what runs on the host: `extra` can do
 * anything. They are read with the rights of helio-vm and trusted, their
 * syntax is not.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

enum {
	DEFINITION_NAME_MAX_BYTES = 63,
	DEFINITION_DISKS_MAX = 8,
	DEFINITION_EXTRA_MAX = 64,
	DEFINITION_APPEND_MAX_BYTES = 2047, /* what Linux on x86 takes */
	DEFINITION_DRIVER_MAX_BYTES = 15,
};

enum definition_accel { ACCEL_ANY, ACCEL_TCG, ACCEL_KVM };

struct definition_disk {
	char *path;
	bool is_qcow2;
	bool is_ide;
	bool is_read_only;
	bool is_snapshot;
};

struct definition {
	char name[DEFINITION_NAME_MAX_BYTES + 1];
	char driver[DEFINITION_DRIVER_MAX_BYTES + 1];
	uint64_t memory_bytes;
	uint32_t cpus;
	uint32_t grace_ms;
	enum definition_accel accel;
	char *kernel; /* or NULL, as the next two */
	char *initrd;
	char *append;
	struct definition_disk disks[DEFINITION_DISKS_MAX];
	size_t n_disks;
	char *extra[DEFINITION_EXTRA_MAX];
	size_t n_extra;
};

/**
 * Whether a machine may be called so: letters, digits, `-` and `_`, of which
 * the first is a letter or a digit. So a name is one token of a subject, and
 * part of the name of a file.
 */
bool definition_name_is_valid(const char *name, size_t n);

/**
 * Read the definition of the machine `name`, which is valid, from a text that
 * is called `file` in errors. Returns 0, -ENOMEM, or -EINVAL and `error` names
 * file, line and fault.
 */
int definition_parse(const char *name, const char *file, const char *text,
		     size_t n_text, char *error, size_t n_error,
		     struct definition **ret_definition);

struct definition *definition_free(struct definition *definition);
DEFINE_CLEANUP(struct definition *, definition_free);

#endif
