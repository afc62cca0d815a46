/* SPDX-License-Identifier: MIT */
#ifndef CLI_RELOAD_H
#define CLI_RELOAD_H

struct common;

/**
 * Have the running switch read its state folder anew. That none is running is
 * told and no error, for it will read it when it starts. Returns an exit code;
 * EXIT_USAGE when the switch found fault with the folder and goes on with what
 * it had.
 */
int reload_switch(const struct common *common);

#endif
