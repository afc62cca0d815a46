/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "switch/config.h"
#include "tests/fault.h"
#include "tests/unit/switch/folder_of.h"

/* From ZeroMQ's RFC 32 and from its manual of curve. */
#define KEY_A "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
#define KEY_B "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"

static struct folder_of *new_folder(void)
{
	struct folder_of *folder = folder_of_new();

	folder_of_add(folder, "policy/1.policy", "allow ** any >\n");
	return folder;
}

static struct folder_of *full_folder(void)
{
	struct folder_of *folder = new_folder();
	char path[128];

	folder_of_add(folder, "heliod.conf", "listen shm:/run/x\n");
	folder_of_add(folder, "quotas", "** slots 3\n");
	folder_of_add(folder, "domains/web.domain", "");
	folder_of_add(folder, "domains/db.domain",
		      "owner 7\ngroup 8\nmode 0660\n");
	folder_of_add(folder, "domains/notes.txt", "not a domain");
	folder_of_add(folder, "keys/laptop.pub", KEY_A "\n");
	folder_of_add(folder, "heliod.key",
		      "public " KEY_A "\nsecret " KEY_B "\n");
	snprintf(path, sizeof(path), "%s/heliod.key", folder_of_path(folder));
	chmod(path, 0600);
	return folder;
}

/* What is wrong with the folder, which is then removed. */
static const char *fault_of(struct folder_of *folder)
{
	static char error[512];
	struct config *config = NULL;
	int r;

	error[0] = '\0';
	r = config_load(folder_of_path(folder), error, sizeof(error), &config);
	assert_true(r < 0);
	assert_null(config);
	folder_of_free(folder);
	return error;
}

static void a_small_folder_is_enough(void **state)
{
	struct folder_of *folder = new_folder();
	_cleanup_(config_freep) struct config *config = NULL;
	char error[256];

	assert_int_equal(config_load(folder_of_path(folder), error,
				     sizeof(error), &config),
			 0);
	assert_memory_equal(&config->settings, &settings_defaults,
			    sizeof(settings_defaults));
	assert_true(policy_judge(config->policy, "uid:1", VERB_CALL, "a", 1)
			    .is_allowed);
	assert_null(config->quota_rules);
	assert_int_equal(config->enrolment.n_domains, 0);
	assert_int_equal(config->enrolment.n_keys, 0);
	assert_false(config->has_key_pair);
	folder_of_free(folder);
}

static void all_of_a_folder_is_read(void **state)
{
	struct folder_of *folder = full_folder();
	_cleanup_(config_freep) struct config *config = NULL;
	const struct enrolled_domain *domain;
	const struct enrolled_key *key;
	struct quota_limits limits;
	char path[CONFIG_SOCKET_BYTES];
	char error[256];

	assert_int_equal(config_load(folder_of_path(folder), error,
				     sizeof(error), &config),
			 0);
	folder_of_free(folder);

	assert_int_equal(config->settings.n_listens, 1);
	quota_rules_limits(config->quota_rules, "vm:x", &limits);
	assert_int_equal(limits.of[RESOURCE_SLOTS], 3);
	assert_int_equal(config->enrolment.n_domains, 2);
	domain = &config->enrolment.domains[0];
	assert_string_equal(domain->name, "db");
	assert_int_equal(domain->access.uid, 7);
	assert_int_equal(domain->access.gid, 8);
	assert_int_equal(domain->access.mode, 0660);
	assert_int_equal(config_domain_socket(config, domain, path), 0);
	assert_string_equal(path, "/run/heliograph/domains/db.sock");
	assert_int_equal(config->enrolment.domains[1].access.mode, 0600);
	assert_int_equal(config->enrolment.domains[1].access.uid, geteuid());

	assert_true(config->has_key_pair);
	key = enrolment_lookup_key(&config->enrolment,
				   config->key_pair.public_key);
	assert_string_equal(key->name, "laptop");
	assert_null(enrolment_lookup_key(&config->enrolment,
					 config->key_pair.secret_key));
}

static void what_is_missing_or_wrong_is_named(void **state)
{
	struct folder_of *folder = folder_of_new();

	assert_non_null(strstr(fault_of(folder), "/policy: No such file"));

	folder = new_folder();
	folder_of_add(folder, "heliod.conf", "\nlog loud\n");
	assert_string_equal(fault_of(folder),
			    "heliod.conf:2: 'loud' is none of error, warning, "
			    "info, debug");

	folder = new_folder();
	folder_of_add(folder, "policy/2.policy", "allow\n");
	assert_non_null(strstr(fault_of(folder), "2.policy:1: a line is"));

	folder = new_folder();
	folder_of_add(folder, "quotas", "all of it\n");
	assert_non_null(strstr(fault_of(folder), "/quotas:1: 'all':"));

	folder = new_folder();
	folder_of_add(folder, "heliod.key", "public\n");
	assert_non_null(strstr(fault_of(folder), "heliod.key: "));
}

static void a_wrong_enrolment_is_named(void **state)
{
	struct folder_of *folder = new_folder();

	folder_of_add(folder, "domains/a.b.domain", "");
	assert_string_equal(fault_of(folder),
			    "domains/a.b.domain: its name is not one token of "
			    "a subject of at most 64 bytes");

	folder = new_folder();
	folder_of_add(folder,
		      "domains/3f6c0c1e-8a53-4c1b-9a43-0d6f6f4b2a10.domain",
		      "");
	assert_string_equal(
		fault_of(folder),
		"domains/3f6c0c1e-8a53-4c1b-9a43-0d6f6f4b2a10.domain: a name "
		"in the form of a uuid is for domains of the hypervisor");

	folder = new_folder();
	folder_of_add(folder, "domains/a.domain", "owner 1\nowner\n");
	assert_string_equal(fault_of(folder),
			    "domains/a.domain:2: a line is 'KEY VALUE'");

	folder = new_folder();
	folder_of_add(folder, "domains/a.domain", "user 1\n");
	assert_string_equal(fault_of(folder),
			    "domains/a.domain:1: 'user' is none of owner, "
			    "group, mode");

	folder = new_folder();
	folder_of_add(folder, "keys/a.pub", "secret");
	assert_string_equal(fault_of(folder),
			    "keys/a.pub: not one line of 40 characters of Z85");

	folder = new_folder();
	folder_of_add(folder, "keys/a.pub", KEY_A);
	folder_of_add(folder, "keys/b.pub", KEY_B);
	folder_of_add(folder, "keys/c.pub", KEY_A);
	assert_string_equal(fault_of(folder),
			    "keys/c.pub: the key of 'a' once more");

	folder = new_folder();
	folder_of_add_fifo(folder, "keys");
	assert_non_null(strstr(fault_of(folder), "/keys: Not a directory"));
}

static void tcp_needs_a_key_or_the_word_plain(void **state)
{
	struct folder_of *folder = new_folder();
	_cleanup_(config_freep) struct config *config = NULL;
	char error[256];

	folder_of_add(folder, "heliod.conf", "\nlisten tcp://127.0.0.1:0\n");
	assert_string_equal(fault_of(folder),
			    "tcp://127.0.0.1:0 needs heliod.key, or the word "
			    "plain");
	folder = new_folder();
	folder_of_add(folder, "heliod.conf", "listen tcp://127.0.0.1:0 plain");
	assert_int_equal(config_load(folder_of_path(folder), error,
				     sizeof(error), &config),
			 0);
	folder_of_free(folder);
}

static void an_uplink_by_tcp_needs_both_keys(void **state)
{
	static const char text[] = "uplink tcp://127.0.0.1:7400\n";
	static const char own[] = "public " KEY_A "\nsecret " KEY_B "\n";
	struct folder_of *folder = new_folder();
	_cleanup_(config_freep) struct config *config = NULL;
	char path[128];
	char error[256];

	folder_of_add(folder, "heliod.conf", text);
	assert_string_equal(fault_of(folder),
			    "uplink tcp://127.0.0.1:7400 needs heliod.key, or "
			    "the word plain");
	folder = new_folder();
	folder_of_add(folder, "uplink.pub", "short\n");
	assert_non_null(strstr(fault_of(folder), "uplink.pub: not a public"));

	folder = new_folder();
	folder_of_add(folder, "heliod.conf", text);
	folder_of_add(folder, "heliod.key", own);
	snprintf(path, sizeof(path), "%s/heliod.key", folder_of_path(folder));
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(config_load(folder_of_path(folder), error,
				     sizeof(error), &config),
			 -EINVAL);
	assert_string_equal(error, "uplink tcp://127.0.0.1:7400 needs the "
				   "host's public key in uplink.pub, or the "
				   "word plain");
	folder_of_add(folder, "uplink.pub", KEY_A "\n");
	assert_int_equal(config_load(folder_of_path(folder), error,
				     sizeof(error), &config),
			 0);
	assert_memory_equal(config->host_key, config->key_pair.public_key,
			    TRANSPORT_KEY_BYTES);
	folder_of_free(folder);
}

/* A Unix socket's path is at most 107 bytes. */
static void a_socket_that_cannot_be_is_refused(void **state)
{
	struct folder_of *folder = new_folder();
	char text[128];

	snprintf(text, sizeof(text), "run-folder /%090d\n", 0);
	folder_of_add(folder, "heliod.conf", text);
	folder_of_add(folder, "domains/abc.domain", "");
	assert_string_equal(fault_of(folder),
			    "domains/abc.domain: the path of its socket has "
			    "more than 107 bytes");
}

static void survives_failed_allocations(void **state)
{
	struct folder_of *folder = full_folder();

	for (unsigned n = 0; n == 0 || fault_hit(); n++) {
		_cleanup_(config_freep) struct config *config = NULL;
		char error[256] = "";
		int r;

		fault_arm(n);
		r = config_load(folder_of_path(folder), error, sizeof(error),
				&config);
		fault_disarm();
		assert_int_equal(r, fault_hit() ? -ENOMEM : 0);
		assert_int_equal(!config, fault_hit());
		assert_int_equal(!error[0], !fault_hit());
	}
	folder_of_free(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_small_folder_is_enough),
		cmocka_unit_test(all_of_a_folder_is_read),
		cmocka_unit_test(what_is_missing_or_wrong_is_named),
		cmocka_unit_test(a_wrong_enrolment_is_named),
		cmocka_unit_test(tcp_needs_a_key_or_the_word_plain),
		cmocka_unit_test(an_uplink_by_tcp_needs_both_keys),
		cmocka_unit_test(a_socket_that_cannot_be_is_refused),
		cmocka_unit_test(survives_failed_allocations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
