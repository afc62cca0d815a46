/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_VM_FAKE_QEMU_H
#define TESTS_UNIT_VM_FAKE_QEMU_H

/**
 * A program that is started as QEMU is and misbehaves as it is told: the test
 * itself, started once more. Its last word is a script, in which each letter is
 * a step:
 *
 *     a  accept a connection on QEMU_MONITOR_FD
 *     g  greet
 *     r  read a line, a command
 *     o  answer it with {}
 *     p  answer it with the status "prelaunch"
 *     u  answer it with the status "running"
 *     n  answer it with an error
 *     R  tell RESUME
 *     S  tell SHUTDOWN by the guest
 *     P  tell SHUTDOWN by a panic
 *     x  say what is no QMP
 *     l  say a line that has no end
 *     e  say something on standard error
 *     c  close the connection
 *     h  hang, for ever
 *     f  end with status 3; without it the end of the script is status 0
 */

/** For main(): runs the script, and does not return, if there is one. */
void fake_qemu_main(int argc, char **argv);

/** The words that start it; they live as long as the script. */
char **fake_qemu_words(char *script);

#endif
