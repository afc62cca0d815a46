/* SPDX-License-Identifier: MIT */
#ifndef TESTS_TORTURE_COMPLAINT_H
#define TESTS_TORTURE_COMPLAINT_H

/** What is being tried, for complain(). */
__attribute__((format(printf, 1, 2))) void complaint_case(const char *format,
							  ...);

/** Is called before the program ends: to say more, or to end what it began. */
void complaint_hook(void (*hook)(void));

/**
 * Something is wrong: print it, and what was tried, and end the program as it
 * stands, so that what it leaves can be looked at.
 */
__attribute__((format(printf, 1, 2), noreturn)) void complain(
	const char *format, ...);

#endif
