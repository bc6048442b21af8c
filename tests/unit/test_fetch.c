/* Foreign images: which addresses are refused, how long answers are kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <arpa/inet.h>
#include <unistd.h>
#include <cmocka.h>

#include "source/fetch.h"

static void addresses(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool special;
    } rows[] = {
        {"127.0.0.1", true}, {"127.255.3.4", true}, {"10.1.2.3", true}, {"172.15.0.1", false},
        {"172.16.0.1", true}, {"172.31.255.255", true}, {"172.32.0.1", false},
        {"192.168.1.1", true}, {"192.167.1.1", false}, {"169.254.169.254", true},
        {"100.64.0.1", true}, {"100.128.0.1", false}, {"0.0.0.0", true}, {"224.0.0.1", true},
        {"255.255.255.255", true}, {"8.8.8.8", false}, {"198.19.0.1", true}, {"198.20.0.1", false},
        {"::1", true}, {"::", true}, {"fe80::1", true}, {"fc00::1", true}, {"fd12::1", true},
        {"ff02::1", true}, {"::ffff:127.0.0.1", true}, {"::ffff:10.0.0.1", true},
        {"::ffff:8.8.8.8", false}, {"64:ff9b::7f00:1", true}, {"64:ff9b::808:808", false},
        {"2001:db8::1", true}, {"2001::1", true}, {"2002:7f00:1::", true},
        {"2606:4700::1111", false}, {"2a00:1450::1", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t bytes[16];
        int family = strchr(rows[i].text, ':') != NULL ? AF_INET6 : AF_INET;
        assert_int_equal(inet_pton(family, rows[i].text, bytes), 1);
        if (si_fetch_is_special(family, bytes) != rows[i].special) {
            fail_msg("%s", rows[i].text);
        }
    }
    assert_true(si_fetch_is_special(AF_UNIX, "x"));
}

static void lifetimes(void **state) {
    (void)state;
    static const struct {
        const char *lines[4];
        long seconds;
    } rows[] = {
        {{NULL}, 0},
        {{"Cache-Control: max-age=600"}, 0}, /* neither ETag nor Last-Modified */
        {{"ETag: \"a\""}, SI_FETCH_KEEP},
        {{"etag: \"a\"\r\n", "cache-control: Max-Age=600\r\n"}, 600},
        {{"Last-Modified: x", "Cache-Control: public, max-age=600, s-maxage=70"}, 70},
        {{"Last-Modified: x", "Cache-Control: s-maxage=70, max-age=600"}, 70},
        {{"ETag: a", "Cache-Control: max-age=600", "Age: 100"}, 500},
        {{"ETag: a", "Cache-Control: max-age=600", "Age: 1000"}, 0},
        {{"ETag: a", "Cache-Control: no-store"}, 0},
        {{"ETag: a", "Cache-Control: max-age=9, private"}, 0},
        {{"ETag: a", "Expires: Thu, 01 Jan 1970 00:20:00 GMT"}, 200},
        {{"ETag: a", "Expires: 0"}, 0},
        {{"ETag: a", "Expires: 0", "Cache-Control: max-age=5"}, 5},
        {{"ETag: a", "Cache-Control: max-age=99999999999999999999"}, 31536000},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        si_fetch_life life = {0};
        for (int k = 0; k < 4 && rows[i].lines[k] != NULL; k++) {
            si_fetch_life_add(&life, rows[i].lines[k], strlen(rows[i].lines[k]), 1000);
        }
        if (si_fetch_life_seconds(&life) != rows[i].seconds) {
            fail_msg("row %zu: %ld", i, si_fetch_life_seconds(&life));
        }
    }
}

static void refused(void **state) {
    (void)state;
    static const struct {
        const char *url;
        si_result code;
    } rows[] = {
        {"ftp://192.0.2.1/a.png", SI_ERR_SYNTAX},
        {"file:///etc/hostname", SI_ERR_SYNTAX},
        {"http://user:secret@127.0.0.1:1/a.png", SI_ERR_SYNTAX},
        {"http://localhost:1/a.png", SI_ERR_FORBIDDEN}, /* a name for a local address */
        {"http://127.0.0.1:1/a.png", SI_ERR_SOURCE},    /* written out: asked, nobody there */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        si_diag diag = {0};
        long keep;
        if (si_fetch(rows[i].url, &keep, &diag) != -1 || diag.code != rows[i].code) {
            fail_msg("%s: %d, %s", rows[i].url, diag.code, diag.text);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses),
        cmocka_unit_test(lifetimes),
        cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
