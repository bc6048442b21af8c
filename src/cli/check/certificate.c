#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>
#include <time.h>

#include "cli/check/parts.h"

enum { SOON_DAYS = 14 };

/* nginx cannot ask for a passphrase: standard input is /dev/null. */
static int no_passphrase(char *out, int size, int writing, void *encrypted) {
    (void)out, (void)size, (void)writing;
    *(bool *)encrypted = true;
    return -1;
}

/* The day of a date, "2026-11-26". */
static const char *day_of(const ASN1_TIME *time, char out[16]) {
    struct tm t;
    if (ASN1_TIME_to_tm(time, &t) != 1 || strftime(out, 16, "%Y-%m-%d", &t) == 0) {
        return "an unknown day";
    }
    return out;
}

/* Whether it counts today; `number` is its place in the chain. */
static void check_dates(
    const X509 *one, int number, const si_check_setting *s, si_messages *messages) {
    char day[16];
    const ASN1_TIME *from = X509_get0_notBefore(one), *until = X509_get0_notAfter(one);
    time_t soon = time(NULL) + SOON_DAYS * 24 * 3600;
    if (X509_cmp_time(until, NULL) < 0) {
        si_messages_mistake(
            messages, s, "certificate %d of it expired on %s", number, day_of(until, day));
    } else if (X509_cmp_time(from, NULL) > 0) {
        si_messages_mistake(messages, s, "certificate %d of it does not count before %s", number,
            day_of(from, day));
    } else if (X509_cmp_time(until, &soon) < 0) {
        si_messages_warning(
            messages, s, "certificate %d of it expires on %s", number, day_of(until, day));
    }
}

/* The first certificate of the chain, to be freed; NULL if there is none. */
static X509 *read_chain(const si_check_setting *s, si_messages *messages) {
    BIO *file = BIO_new_file(s->value, "r");
    X509 *first = NULL, *one;
    for (int n = 1; file != NULL && (one = PEM_read_bio_X509(file, NULL, NULL, NULL)) != NULL;
         n++) {
        check_dates(one, n, s, messages);
        if (n == 1) {
            first = one;
        } else {
            X509_free(one);
        }
    }
    BIO_free(file);
    if (first == NULL) {
        si_messages_mistake(messages, s, "there is no certificate in PEM in %s", s->value);
    }
    return first;
}

static EVP_PKEY *read_key(const si_check_setting *s, si_messages *messages) {
    BIO *file = BIO_new_file(s->value, "r");
    bool encrypted = false;
    EVP_PKEY *key =
        file != NULL ? PEM_read_bio_PrivateKey(file, NULL, no_passphrase, &encrypted) : NULL;
    BIO_free(file);
    if (key == NULL) {
        si_messages_mistake(messages, s,
            encrypted ? "the key in %s has a passphrase, for which nobody can be asked"
                      : "there is no private key in PEM in %s",
            s->value);
    }
    return key;
}

void si_check_certificate(
    const si_check_setting *certificate, const si_check_setting *key, si_messages *messages) {
    X509 *first = read_chain(certificate, messages);
    EVP_PKEY *private = read_key(key, messages);
    if (first != NULL && private != NULL && X509_check_private_key(first, private) != 1) {
        si_messages_mistake(messages, key, "the key in %s does not fit the first certificate of %s",
            key->value, certificate->value);
    }
    EVP_PKEY_free(private);
    X509_free(first);
    ERR_clear_error();
}
