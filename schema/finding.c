/* SPDX-License-Identifier: MIT */

#include "schema/finding.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

/* Names and defaults are whatever somebody wrote, and may have been cut. */
static void replace_harmful(char *text)
{
	size_t n = strlen(text);
	uint32_t character;

	while (n > 0) {
		size_t length = utf8_decode((uint8_t *)text, n, &character);
		bool is_harmless = length > 0 && utf8_is_harmless(character);

		length += length == 0;
		if (!is_harmless)
			memset(text, '?', length);
		text += length;
		n -= length;
	}
}

void findings_add(struct findings *findings, const char *rule,
		  struct finding_place place, const char *format, ...)
{
	struct finding *finding;
	va_list arguments;

	if (findings->total++ >= FINDINGS_MAX)
		return;
	finding = &findings->at[findings->total - 1];
	finding->rule = rule;
	snprintf(finding->file, sizeof(finding->file), "%s", place.file);
	snprintf(finding->where, sizeof(finding->where), "%s%s%s",
		 place.item ? place.item : "",
		 place.item && place.member ? "." : "",
		 place.member ? place.member : "");
	va_start(arguments, format);
	vsnprintf(finding->text, sizeof(finding->text), format, arguments);
	va_end(arguments);
	replace_harmful(finding->file);
	replace_harmful(finding->where);
	replace_harmful(finding->text);
}

size_t findings_count(const struct findings *findings)
{
	return findings->total < FINDINGS_MAX ? findings->total : FINDINGS_MAX;
}

bool findings_has(const struct findings *findings, const char *rule)
{
	for (size_t i = 0; i < findings_count(findings); i++)
		if (!strcmp(findings->at[i].rule, rule))
			return true;
	return false;
}

void finding_print(const struct finding *finding, char *text, size_t n_text)
{
	snprintf(text, n_text, "%s in %s: %s%s%s", finding->rule, finding->file,
		 finding->where, *finding->where ? " " : "", finding->text);
}
