/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenSSL, loaded by the processes that speak TLS or verify tokens and by no other: to load it takes 1.2 ms and 600 KB of a
 * process's own memory, and most of Writ's never need it. Its functions are found by name and
 * called through one table, which cannot be written to from then on.
 */
#ifndef CRYPTO_TLS_LIB_PRIV_H
#define CRYPTO_TLS_LIB_PRIV_H

#include "crypto/tls.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

/* Every function that crypto/ calls; one that is missing here does not link. */
/* clang-format off */
#define TLS_LIB_FUNCTIONS(X) \
	X(BIO_clear_flags) \
	X(BIO_ctrl) \
	X(BIO_free) \
	X(BIO_get_data) \
	X(BIO_meth_free) \
	X(BIO_meth_new) \
	X(BIO_meth_set_ctrl) \
	X(BIO_meth_set_read_ex) \
	X(BIO_meth_set_write_ex) \
	X(BIO_new) \
	X(BIO_new_mem_buf) \
	X(BIO_s_mem) \
	X(BIO_set_data) \
	X(BIO_set_flags) \
	X(BIO_set_init) \
	X(BIO_test_flags) \
	X(BN_bin2bn) \
	X(BN_bn2binpad) \
	X(BN_free) \
	X(BN_to_ASN1_INTEGER) \
	X(CRYPTO_memcmp) \
	X(ECDSA_SIG_free) \
	X(ECDSA_SIG_get0) \
	X(ECDSA_SIG_new) \
	X(ECDSA_SIG_set0) \
	X(ERR_clear_error) \
	X(ERR_peek_last_error) \
	X(ERR_reason_error_string) \
	X(EVP_DigestSign) \
	X(EVP_DigestSignInit) \
	X(EVP_DigestVerify) \
	X(EVP_DigestVerifyInit) \
	X(EVP_MD_CTX_free) \
	X(EVP_MD_CTX_new) \
	X(EVP_PKEY_CTX_free) \
	X(EVP_PKEY_CTX_new) \
	X(EVP_PKEY_CTX_new_from_name) \
	X(EVP_PKEY_CTX_set_rsa_mgf1_md) \
	X(EVP_PKEY_CTX_set_rsa_padding) \
	X(EVP_PKEY_CTX_set_rsa_pss_saltlen) \
	X(EVP_PKEY_Q_keygen) \
	X(EVP_PKEY_free) \
	X(EVP_PKEY_fromdata) \
	X(EVP_PKEY_fromdata_init) \
	X(EVP_PKEY_get_bits) \
	X(EVP_PKEY_get_group_name) \
	X(EVP_PKEY_is_a) \
	X(EVP_PKEY_public_check_quick) \
	X(EVP_sha256) \
	X(OPENSSL_init_ssl) \
	X(OSSL_PARAM_BLD_free) \
	X(OSSL_PARAM_BLD_new) \
	X(OSSL_PARAM_BLD_push_BN) \
	X(OSSL_PARAM_BLD_push_octet_string) \
	X(OSSL_PARAM_BLD_push_utf8_string) \
	X(OSSL_PARAM_BLD_to_param) \
	X(OSSL_PARAM_free) \
	X(PEM_read_bio_PrivateKey) \
	X(PEM_read_bio_X509) \
	X(PEM_read_bio_X509_AUX) \
	X(PEM_write_bio_PKCS8PrivateKey) \
	X(PEM_write_bio_X509) \
	X(SSL_CTX_add_client_CA) \
	X(SSL_CTX_callback_ctrl) \
	X(SSL_CTX_check_private_key) \
	X(SSL_CTX_ctrl) \
	X(SSL_CTX_free) \
	X(SSL_CTX_get_cert_store) \
	X(SSL_CTX_new) \
	X(SSL_CTX_set1_cert_store) \
	X(SSL_CTX_set_alpn_protos) \
	X(SSL_CTX_set_alpn_select_cb) \
	X(SSL_CTX_set_cipher_list) \
	X(SSL_CTX_set_num_tickets) \
	X(SSL_CTX_set_options) \
	X(SSL_CTX_set_verify) \
	X(SSL_CTX_use_PrivateKey) \
	X(SSL_CTX_use_certificate) \
	X(SSL_ctrl) \
	X(SSL_do_handshake) \
	X(SSL_free) \
	X(SSL_get0_alpn_selected) \
	X(SSL_get0_param) \
	X(SSL_get0_peer_certificate) \
	X(SSL_get_error) \
	X(SSL_get_servername) \
	X(SSL_get_verify_result) \
	X(SSL_has_pending) \
	X(SSL_new) \
	X(SSL_read_ex) \
	X(SSL_select_next_proto) \
	X(SSL_set1_host) \
	X(SSL_set_accept_state) \
	X(SSL_set_bio) \
	X(SSL_set_connect_state) \
	X(SSL_set_hostflags) \
	X(SSL_shutdown) \
	X(SSL_use_PrivateKey) \
	X(SSL_use_certificate) \
	X(SSL_write_ex) \
	X(TLS_client_method) \
	X(TLS_server_method) \
	X(X509V3_EXT_conf_nid) \
	X(X509V3_set_ctx) \
	X(X509_EXTENSION_free) \
	X(X509_NAME_add_entry_by_txt) \
	X(X509_NAME_print_ex) \
	X(X509_STORE_add_cert) \
	X(X509_VERIFY_PARAM_set1_ip_asc) \
	X(X509_add_ext) \
	X(X509_check_private_key) \
	X(X509_digest) \
	X(X509_free) \
	X(X509_get_serialNumber) \
	X(X509_get_subject_name) \
	X(X509_getm_notAfter) \
	X(X509_getm_notBefore) \
	X(X509_gmtime_adj) \
	X(X509_new) \
	X(X509_set_issuer_name) \
	X(X509_set_pubkey) \
	X(X509_set_version) \
	X(X509_sign) \
	X(X509_verify_cert_error_string) \
	X(d2i_ECDSA_SIG) \
	X(i2d_ECDSA_SIG)
/* clang-format on */

struct tls_lib {
#define X(function) __typeof__(function) *function;
	TLS_LIB_FUNCTIONS(X)
#undef X
};

/* All are NULL before tls_load(). */
const struct tls_lib *tls_lib(void);

#endif
