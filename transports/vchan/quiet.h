/* SPDX-License-Identifier: MIT */
#ifndef TRANSPORTS_VCHAN_QUIET_H
#define TRANSPORTS_VCHAN_QUIET_H

#include <xentoollog.h>

/** Xen's libraries write to stderr unless they are given something else. */
extern struct xentoollog_logger vchan_quiet;

#endif
