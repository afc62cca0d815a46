/* SPDX-License-Identifier: MIT */
#ifndef CLI_FOLDER_H
#define CLI_FOLDER_H

/**
 * Where things are when nobody says so.
 *
 *     run    $XDG_RUNTIME_DIR/heliograph, or /run/heliograph
 *     state  /var/lib/heliograph for root; for others
 *            $XDG_STATE_HOME/heliograph, or ~/.local/state/heliograph
 *
 * In run are the sockets, bus.sock for all users, domains/NAME.sock for each
 * domain; and state, a link to the state folder. In state is what heliod reads:
 * policy/, domains/, keys/, quotas.
 */

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { FOLDER_PATH_BYTES = PATH_MAX, FOLDER_NAME_MAX = 63 };

/** `told` if it is not NULL. Both return 0, or -ENAMETOOLONG. */
int folder_run(const char *told, char ret_path[FOLDER_PATH_BYTES]);
int folder_state(const char *told, char ret_path[FOLDER_PATH_BYTES]);

/**
 * The bus that is meant: `told`, $HELIOGRAPH_ADDRESS, or `shm:` and bus.sock
 * in the run folder of the user, or, when there is none, of the system.
 */
int folder_address(const char *told, char ret_address[FOLDER_PATH_BYTES]);

/**
 * The run folder of that bus: `told`; where its bus.sock is, if
 * folder_address() of `connect` names one; or the one of folder_run().
 */
int folder_run_of(const char *told, const char *connect,
		  char ret_path[FOLDER_PATH_BYTES]);

/**
 * The state folder of the bus of a run folder: `told`; the one that `helio up`
 * has left word of there, if that is our own user's word; or the one of
 * folder_state().
 */
int folder_state_of(const char *told, const char *run,
		    char ret_path[FOLDER_PATH_BYTES]);

/** Leave that word: both are there. Returns 0 or a negative errno. */
int folder_link_state(const char *run, const char *state);

/** `folder`/`name`. Returns 0, or -ENAMETOOLONG. */
int folder_join(const char *folder, const char *name,
		char ret_path[FOLDER_PATH_BYTES]);

/** Make the folder and those above it. Returns 0 or a negative errno. */
int folder_make(const char *path, mode_t mode);

/**
 * Write a new file in one step: it is whole, or it is not there. Returns 0,
 * -EEXIST when there is one, or another negative errno.
 */
int folder_write_new(const char *path, const char *text, mode_t mode);

/**
 * Whether `name` may name a domain or a key: letters, digits, `_` and `-`, up
 * to FOLDER_NAME_MAX of them, and first a letter or a digit. It becomes a file
 * name and a token of subjects.
 */
bool folder_is_name(const char *name);

#endif
