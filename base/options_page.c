/* SPDX-License-Identifier: MIT */

/*
 * main() of what is linked with the table of a program, and prints its manual
 * page. It runs when the programs are built, and is not installed.
 */

#include <stdlib.h>

#include "base/options_manual.h"

extern const struct options_table options_table;

int main(void)
{
	options_manual(&options_table, stdout);
	return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
