/* SPDX-License-Identifier: MIT */
#ifndef REGISTRY_METHODS_H
#define REGISTRY_METHODS_H

/**
 * The methods of helio.registry.v1.Registry.
 *
 * Who may call one at all, the switch decides. Beyond that:
 *
 *     Put               serve PACKAGE.>; or else, for clients only, visibility
 *     Get, List, Diff   visibility
 *     Judge, Admit      the switch, which is asked nothing; else visibility
 *     Pin, Forget       admin PACKAGE
 *
 * A package is visible to who may serve PACKAGE.>, call PACKAGE.>, or call one
 * of its services, or methods, of which the first 64 are looked at.
 */

#include "registry/question.h"

/** Up to one without a name. */
extern const struct method methods[];

/* In registry/keeping.c: what changes the store. */
void method_put(struct question *question);
void method_put_proceed(struct question *question, enum rights_verdict verdict,
			const char *text);
void method_pin(struct question *question);
void method_pin_proceed(struct question *question, enum rights_verdict verdict,
			const char *text);
void method_forget(struct question *question);
void method_forget_proceed(struct question *question,
			   enum rights_verdict verdict, const char *text);

/* In registry/telling.c: what is told of it. */
void method_get(struct question *question);
void method_get_proceed(struct question *question, enum rights_verdict verdict,
			const char *text);
void method_list(struct question *question);
void method_list_proceed(struct question *question, enum rights_verdict verdict,
			 const char *text);

/* In registry/judging.c. */
void method_admit(struct question *question);
void method_admit_proceed(struct question *question,
			  enum rights_verdict verdict, const char *text);
void method_judge(struct question *question);
void method_judge_proceed(struct question *question,
			  enum rights_verdict verdict, const char *text);
void method_diff(struct question *question);
void method_diff_proceed(struct question *question, enum rights_verdict verdict,
			 const char *text);

#endif
