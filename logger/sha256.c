/* SPDX-License-Identifier: MIT */

#include "logger/sha256.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "base/cleanup.h"

struct sha256 {
	EVP_MD *kind; /* fetched once: that takes longer than a small sum */
	EVP_MD_CTX *context;
};

DEFINE_CLEANUP(struct sha256 *, sha256_free);

int sha256_new(struct sha256 **ret_sha256)
{
	_cleanup_(sha256_freep) struct sha256 *sha256 = NULL;

	sha256 = calloc(1, sizeof(*sha256));
	if (!sha256)
		return -ENOMEM;
	sha256->kind = EVP_MD_fetch(NULL, "SHA256", NULL);
	sha256->context = EVP_MD_CTX_new();
	if (!sha256->kind || !sha256->context)
		return -ENOMEM;
	*ret_sha256 = take_ptr(sha256);
	return 0;
}

struct sha256 *sha256_free(struct sha256 *sha256)
{
	if (!sha256)
		return NULL;
	EVP_MD_free(sha256->kind);
	EVP_MD_CTX_free(sha256->context);
	free(sha256);
	return NULL;
}

int sha256_of(struct sha256 *sha256, const struct sha256_piece *pieces,
	      size_t n_pieces, uint8_t ret_sum[SHA256_BYTES])
{
	if (!EVP_DigestInit_ex2(sha256->context, sha256->kind, NULL))
		return -ENOMEM;
	for (size_t i = 0; i < n_pieces; i++)
		if (!EVP_DigestUpdate(sha256->context, pieces[i].bytes,
				      pieces[i].n))
			return -ENOMEM;
	if (!EVP_DigestFinal_ex(sha256->context, ret_sum, NULL))
		return -ENOMEM;
	return 0;
}
