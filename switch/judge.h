/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_JUDGE_H
#define SWITCH_JUDGE_H

/** What policy says, asked of files and not of a running switch. */

/**
 * Read a policy file or folder and say what is wrong with it. Returns an exit
 * status: 0, or 2.
 */
int judge_check(const char *path);

/**
 * Say whether `question`, a principal, a verb and a resource, is allowed by
 * the configuration in the folder. Returns 0 for yes, 1 for no, 2 when the
 * policy or the question is wrong.
 */
int judge_say(const char *folder, char *const question[3]);

#endif
