/* SPDX-License-Identifier: MIT */

#include "switch/settings.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

const struct settings settings_defaults = {
	.run_folder = "/run/heliograph",
	.log_level = DIAG_INFO,
	.ring_bytes = 0,
	.message_max = 8 << 20,
	.subscriptions_max = 1024,
	.calls_max = 16384,
	.open_messages_max = 64,
	.deadline_max_ms = 600000,
	.stream_idle_ms = 60000,
};

static const struct number_key {
	const char *name;
	size_t offset; /* of a uint64_t in struct settings */
	uint64_t min;
	uint64_t max;
	bool is_power_of_two;
} number_keys[] = {
	{ "ring-bytes", offsetof(struct settings, ring_bytes), 1 << 10, 1 << 20,
	  true },
	{ "message-max", offsetof(struct settings, message_max), 1 << 10,
	  1 << 30, false },
	{ "subscriptions-max", offsetof(struct settings, subscriptions_max), 1,
	  1 << 24, false },
	{ "calls-max", offsetof(struct settings, calls_max), 1, 1 << 24,
	  false },
	{ "open-messages-max", offsetof(struct settings, open_messages_max), 1,
	  1 << 16, false },
	{ "deadline-max-ms", offsetof(struct settings, deadline_max_ms), 1,
	  UINT32_MAX, false },
	{ "stream-idle-ms", offsetof(struct settings, stream_idle_ms), 1,
	  UINT32_MAX, false },
};

enum {
	N_NUMBER_KEYS = sizeof(number_keys) / sizeof(*number_keys),
	KEY_RUN_FOLDER = N_NUMBER_KEYS,
	KEY_LOG,
	KEY_SCHEMAS,
	KEY_UPLINK,
	N_KEYS
};

/* A text that is being read: which line has set each key; 0: none yet. */
struct reading {
	struct lines lines;
	struct settings settings;
	unsigned set_by[N_KEYS];
};

struct socket_access socket_access_default(void)
{
	return (struct socket_access){
		.mode = 0600,
		.uid = geteuid(),
		.gid = getegid(),
	};
}

static int parse_mode(const struct word *word, uint32_t *ret_mode)
{
	uint32_t mode = 0;

	if (!word->n || word->n > 4)
		return -EINVAL;
	for (size_t i = 0; i < word->n; i++) {
		unsigned digit = (unsigned char)word->text[i] - '0';

		if (digit > 7)
			return -EINVAL;
		mode = mode * 8 + digit;
	}
	if (!mode || mode > 0777)
		return -EINVAL;
	*ret_mode = mode;
	return 0;
}

/* UINT32_MAX would mean "leave it" to chown(). */
static int parse_id(const struct word *word, uint32_t *ret_id)
{
	uint64_t id;

	if (word_number(word, UINT32_MAX - 1, &id))
		return -EINVAL;
	*ret_id = (uint32_t)id;
	return 0;
}

int socket_access_set(struct socket_access *access, struct lines *lines,
		      const struct word words[2])
{
	int r;

	if (word_is(&words[0], "mode"))
		r = parse_mode(&words[1], &access->mode);
	else if (word_is(&words[0], "owner"))
		r = parse_id(&words[1], &access->uid);
	else if (word_is(&words[0], "group"))
		r = parse_id(&words[1], &access->gid);
	else
		return 1;
	if (r)
		return lines_fail(lines, "'%.*s' is no %.*s",
				  WORD_ARGS(&words[1]), WORD_ARGS(&words[0]));
	return 0;
}

static int copy_text(struct lines *lines, const struct word *word,
		     char text[SETTINGS_PATH_MAX_BYTES + 1])
{
	if (word->n > SETTINGS_PATH_MAX_BYTES)
		return lines_fail(lines, "'%.*s' is longer than %d bytes",
				  WORD_ARGS(word), SETTINGS_PATH_MAX_BYTES);
	if (memchr(word->text, 0, word->n))
		return lines_fail(lines, "a NUL in '%.*s'", WORD_ARGS(word));
	memcpy(text, word->text, word->n);
	text[word->n] = '\0';
	return 0;
}

static bool begins_with(const char *text, const char *start)
{
	return !strncmp(text, start, strlen(start));
}

static bool is_socket(const struct settings_listen *listen)
{
	return begins_with(listen->address, "shm:") ||
	       begins_with(listen->address, "unix:");
}

/* What may follow an address, from the word `i` on, depends on its kind. */
static int parse_listen_options(struct lines *lines, size_t i,
				struct settings_listen *listen)
{
	while (i < lines->n_words) {
		const struct word *word = &lines->words[i];
		int r = 1;

		if (word_is(word, "plain") &&
		    begins_with(listen->address, "tcp://")) {
			listen->is_plain = true;
			i++;
			continue;
		}
		if (is_socket(listen) && i + 1 < lines->n_words)
			r = socket_access_set(&listen->access, lines, word);
		if (r < 0)
			return r;
		if (r)
			return lines_fail(lines, "'%.*s' is no option of %s",
					  WORD_ARGS(word), listen->address);
		i += 2;
	}
	return 0;
}

/* The address is the word `i`. */
static int parse_listen(struct lines *lines, size_t i,
			struct settings *settings)
{
	struct settings_listen listen = { .access = socket_access_default() };
	const char *colon;
	int r;

	if (i >= lines->n_words)
		return lines_fail(lines, "an address is missing");
	if (settings->n_listens == SETTINGS_LISTENS_MAX)
		return lines_fail(lines, "more than %d addresses",
				  SETTINGS_LISTENS_MAX);
	r = copy_text(lines, &lines->words[i], listen.address);
	if (r)
		return r;
	colon = strchr(listen.address, ':');
	if (!colon || colon == listen.address || !colon[1])
		return lines_fail(lines, "'%s' is no address", listen.address);
	r = parse_listen_options(lines, i + 1, &listen);
	if (r)
		return r;
	settings->listens[settings->n_listens++] = listen;
	return 0;
}

int settings_add_listen(const char *name, const char *text, char *error,
			size_t n_error, struct settings *settings)
{
	struct lines lines;

	lines_init(&lines, name, text, strlen(text), error, n_error);
	if (lines_next(&lines) < 0)
		return -EINVAL;
	lines.number = 0;
	return parse_listen(&lines, 0, settings);
}

static int parse_run_folder(struct reading *reading)
{
	struct lines *lines = &reading->lines;

	if (lines->words[1].text[0] != '/')
		return lines_fail(lines, "'%.*s' does not begin with '/'",
				  WORD_ARGS(&lines->words[1]));
	return copy_text(lines, &lines->words[1], reading->settings.run_folder);
}

/* ADDRESS is SCHEME:REST. */
static int check_address(struct lines *lines, const char *address)
{
	const char *colon = strchr(address, ':');

	if (!colon || colon == address || !colon[1])
		return lines_fail(lines, "'%s' is no address", address);
	return 0;
}

/* The address is the word `i`. */
static int parse_uplink(struct lines *lines, size_t i,
			struct settings *settings)
{
	const struct word *word = &lines->words[i + 1];
	char *address = settings->uplink;
	int r;

	if (i >= lines->n_words)
		return lines_fail(lines, "an address is missing");
	r = copy_text(lines, &lines->words[i], address);
	if (!r)
		r = check_address(lines, address);
	if (r || i + 1 == lines->n_words)
		return r;
	settings->uplink_is_plain =
		begins_with(address, "tcp://") && word_is(word, "plain");
	if (!settings->uplink_is_plain || i + 2 < lines->n_words)
		return lines_fail(
			lines, "'%.*s' is no option of %s",
			WORD_ARGS(settings->uplink_is_plain ? word + 1 : word),
			address);
	return 0;
}

int settings_set_uplink(const char *name, const char *text, char *error,
			size_t n_error, struct settings *settings)
{
	struct lines lines;

	lines_init(&lines, name, text, strlen(text), error, n_error);
	if (lines_next(&lines) < 0)
		return -EINVAL;
	lines.number = 0;
	settings->uplink_is_plain = false;
	return parse_uplink(&lines, 0, settings);
}

static int parse_log(struct reading *reading)
{
	static const char *const levels[] = { "error", "warning", "info",
					      "debug" };
	struct lines *lines = &reading->lines;

	for (int level = DIAG_ERROR; level <= DIAG_DEBUG; level++) {
		if (word_is(&lines->words[1], levels[level])) {
			reading->settings.log_level = (enum diag_level)level;
			return 0;
		}
	}
	return lines_fail(lines,
			  "'%.*s' is none of error, warning, info, "
			  "debug",
			  WORD_ARGS(&lines->words[1]));
}

static int parse_schemas(struct reading *reading)
{
	struct lines *lines = &reading->lines;
	const struct word *word = &lines->words[1];

	reading->settings.schemas_are_equal = word_is(word, "equal");
	if (word_is(word, "equal") || word_is(word, "registry"))
		return 0;
	return lines_fail(lines, "'%.*s' is neither registry nor equal",
			  WORD_ARGS(word));
}

static int parse_number(struct reading *reading, const struct number_key *key)
{
	struct lines *lines = &reading->lines;
	uint64_t number = 0;

	if (word_number(&lines->words[1], key->max, &number) ||
	    number < key->min)
		return lines_fail(lines,
				  "'%.*s' is no number from %llu to %llu",
				  WORD_ARGS(&lines->words[1]),
				  (unsigned long long)key->min,
				  (unsigned long long)key->max);
	if (key->is_power_of_two && number & (number - 1))
		return lines_fail(lines, "'%.*s' is no power of two",
				  WORD_ARGS(&lines->words[1]));
	memcpy((char *)&reading->settings + key->offset, &number,
	       sizeof(number));
	return 0;
}

static int lookup_key(const struct word *word)
{
	for (int key = 0; key < N_NUMBER_KEYS; key++)
		if (word_is(word, number_keys[key].name))
			return key;
	if (word_is(word, "run-folder"))
		return KEY_RUN_FOLDER;
	if (word_is(word, "uplink"))
		return KEY_UPLINK;
	if (word_is(word, "schemas"))
		return KEY_SCHEMAS;
	return word_is(word, "log") ? KEY_LOG : -1;
}

static int parse_key(struct reading *reading)
{
	struct lines *lines = &reading->lines;
	const struct word *word = &lines->words[0];
	int key = lookup_key(word);

	if (key < 0)
		return lines_fail(lines, "'%.*s' is no setting",
				  WORD_ARGS(word));
	if (lines->n_words != 2 && key != KEY_UPLINK)
		return lines_fail(lines, "a line is '%.*s VALUE'",
				  WORD_ARGS(word));
	if (reading->set_by[key])
		return lines_fail(lines, "'%.*s' was set in line %u",
				  WORD_ARGS(word), reading->set_by[key]);
	reading->set_by[key] = lines->number;
	if (key == KEY_RUN_FOLDER)
		return parse_run_folder(reading);
	if (key == KEY_LOG)
		return parse_log(reading);
	if (key == KEY_SCHEMAS)
		return parse_schemas(reading);
	if (key == KEY_UPLINK)
		return parse_uplink(lines, 1, &reading->settings);
	return parse_number(reading, &number_keys[key]);
}

static int parse_line(struct reading *reading)
{
	struct lines *lines = &reading->lines;

	if (word_is(&lines->words[0], "listen"))
		return parse_listen(lines, 1, &reading->settings);
	return parse_key(reading);
}

int settings_parse(const char *name, const char *text, size_t n_text,
		   char *error, size_t n_error, struct settings *ret_settings)
{
	struct reading reading = { .settings = settings_defaults };
	int r;

	lines_init(&reading.lines, name, text, n_text, error, n_error);
	while ((r = lines_next(&reading.lines)) > 0) {
		r = parse_line(&reading);
		if (r)
			return r;
	}
	if (r)
		return r;
	*ret_settings = reading.settings;
	return 0;
}
