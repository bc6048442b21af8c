/* SCGI requests: well formed, malformed, cut off at every byte, and slow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/lane.h"
#include "base/wire.h"
#include "renderer/scgi.h"

#define HEAD(headers) headers, sizeof(headers) - 1

/* Wraps headers (which hold NULs) into a netstring on the heap, sized exactly so that the address
 * sanitizer sees any step beyond it. */
static char *netstring(const char *headers, size_t len, size_t *total) {
    char digits[16];
    int n = snprintf(digits, sizeof digits, "%zu:", len);
    char *text = malloc((size_t)n + len + 1);
    assert_non_null(text);
    memcpy(text, digits, (size_t)n);
    memcpy(text + n, headers, len);
    text[(size_t)n + len] = ',';
    *total = (size_t)n + len + 1;
    return text;
}

static si_result parse(const char *headers, size_t len, si_tier *tier, char *recipe, size_t room) {
    size_t total;
    char *text = netstring(headers, len, &total);
    si_scgi_request request;
    si_diag diag = {0};
    si_result r = si_scgi_parse(text, total, &request, &diag);
    assert_int_equal(r, diag.code);
    if (r == SI_OK) {
        snprintf(recipe, room, "%.*s", SI_STR_ARG(request.recipe));
        *tier = request.tier;
    }
    free(text);
    return r;
}

static void test_good_requests(void **state) {
    (void)state;
    char recipe[64];
    si_tier tier;
    assert_int_equal(parse(HEAD("CONTENT_LENGTH\0000\0SCGI\0001\0" SI_PARAM_RECIPE "\0a=b\0"),
                         &tier, recipe, sizeof recipe),
        SI_OK);
    assert_string_equal(recipe, "a=b");
    assert_int_equal(tier, SI_TIER_DEFAULT);
    /* any order, foreign headers, empty values */
    assert_int_equal(parse(HEAD(SI_PARAM_TIER "\0better\0HTTP_X\0\0" SI_PARAM_RECIPE "\0r\0"),
                         &tier, recipe, sizeof recipe),
        SI_OK);
    assert_string_equal(recipe, "r");
    assert_int_equal(tier, SI_TIER_BETTER);
    assert_int_equal(
        parse(HEAD(SI_PARAM_TIER "\0best\0" SI_PARAM_RECIPE "\0\0"), &tier, recipe, sizeof recipe),
        SI_OK);
    assert_string_equal(recipe, "");
    assert_int_equal(tier, SI_TIER_BEST);
    /* no tier of refined answers */
    assert_int_equal(parse(HEAD(SI_PARAM_TIER "\0quick\0" SI_PARAM_RECIPE "\0r\0"), &tier, recipe,
                         sizeof recipe),
        SI_OK);
    assert_int_equal(tier, SI_TIER_DEFAULT);
}

static void test_numbers(void **state) {
    (void)state;
    static const struct {
        const char *headers;
        size_t len;
        int64_t queued_at_ns;
    } rows[] = {
        {HEAD("SMARTIMG_RECIPE\0r\0"), 0},
        {HEAD(SI_PARAM_RECIPE "\0r\0" SI_PARAM_QUEUED_AT "\000123456789012345\0"), 123456789012345},
        {HEAD(SI_PARAM_RECIPE "\0r\0" SI_PARAM_QUEUED_AT "\0-5\0"), 0},
        {HEAD(SI_PARAM_RECIPE "\0r\0" SI_PARAM_QUEUED_AT "\0\0"), 0},
        {HEAD(SI_PARAM_RECIPE "\0r\0" SI_PARAM_QUEUED_AT "\00099999999999999999999\0"), 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t total;
        char *text = netstring(rows[i].headers, rows[i].len, &total);
        si_scgi_request request;
        assert_int_equal(si_scgi_parse(text, total, &request, NULL), SI_OK);
        assert_int_equal(request.queued_at_ns, rows[i].queued_at_ns);
        free(text);
    }
}

static void test_malformed_requests(void **state) {
    (void)state;
    static const struct {
        const char *headers;
        size_t len;
    } rows[] = {
        {HEAD("")},                                              /* no recipe */
        {HEAD("CONTENT_LENGTH\0000\0")},                         /* no recipe */
        {HEAD(SI_PARAM_RECIPE)},                                 /* name without end */
        {HEAD(SI_PARAM_RECIPE "\0")},                            /* no value */
        {HEAD(SI_PARAM_RECIPE "\0x")},                           /* value without end */
        {HEAD(SI_PARAM_RECIPE "\0x\0\0y\0")},                    /* empty name */
        {HEAD(SI_PARAM_RECIPE "\0x\0" SI_PARAM_RECIPE "\0x\0")}, /* twice */
        {HEAD(SI_PARAM_RECIPE "\0x\0SCGI\0002\0")},              /* other version */
        {HEAD(SI_PARAM_RECIPE "\0x\0A\0")},                      /* odd number of texts */
        {HEAD("smartimg_recipe\0x\0")},                          /* names are case-sensitive */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char recipe[64];
        si_tier tier;
        assert_int_equal(
            parse(rows[i].headers, rows[i].len, &tier, recipe, sizeof recipe), SI_ERR_SYNTAX);
    }
}

static void test_bad_netstrings(void **state) {
    (void)state;
    static const struct {
        const char *text;
        si_result expected;
    } rows[] = {
        {"", SI_ERR_SYNTAX},
        {":", SI_ERR_SYNTAX},
        {":,", SI_ERR_SYNTAX},
        {"x", SI_ERR_SYNTAX},
        {"-1:,", SI_ERR_SYNTAX},
        {"3", SI_ERR_SYNTAX},
        {"3 :abc,", SI_ERR_SYNTAX},
        {"3:abc;", SI_ERR_SYNTAX},
        {"3:ab,", SI_ERR_SYNTAX},
        {"3:abcd,", SI_ERR_SYNTAX},
        {"0:,", SI_ERR_SYNTAX},
        {"GET / HTTP/1.1\r\n", SI_ERR_SYNTAX},
        {"65536:x,", SI_ERR_LIMIT},
        {"999999:x,", SI_ERR_LIMIT},
        {"99999999999999999999999999:x,", SI_ERR_LIMIT},
        {"0000000000", SI_ERR_LIMIT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t len = strlen(rows[i].text);
        char *exact = malloc(len + 1); /* +1: malloc(0) may be NULL */
        assert_non_null(exact);
        memcpy(exact, rows[i].text, len);
        si_scgi_request request;
        si_diag diag = {0};
        assert_int_equal(si_scgi_parse(exact, len, &request, &diag), rows[i].expected);
        assert_true(diag.text[0] != '\0');
        free(exact);
    }
}

/* Every cut of a good request: the length is told from the digits alone, and no cut parses. */
static void test_truncated_requests(void **state) {
    (void)state;
    size_t total, need;
    char *text = netstring(HEAD("CONTENT_LENGTH\0000\0" SI_PARAM_RECIPE "\0abc\0"), &total);
    si_scgi_request request;
    si_diag none = {0};
    for (size_t len = 0; len < total; len++) {
        char *cut = malloc(len + 1);
        assert_non_null(cut);
        memcpy(cut, text, len);
        si_diag diag = {0};
        assert_int_equal(si_scgi_measure(cut, len, &need, &diag), SI_OK);
        assert_int_equal(need, len < 3 ? 0 : total); /* two digits and the colon */
        assert_int_equal(si_scgi_parse(cut, len, &request, &diag), SI_ERR_SYNTAX);
        free(cut);
    }
    assert_int_equal(si_scgi_parse(text, total, &request, &none), SI_OK);
    free(text);
}

/* Random damage must never crash nor read beyond the end (the sanitizers watch). */
static void test_damaged_requests(void **state) {
    (void)state;
    size_t total;
    char *text =
        netstring(HEAD("CONTENT_LENGTH\0000\0SCGI\0001\0" SI_PARAM_RECIPE "\0abc\0"), &total);
    char *damaged = malloc(total);
    assert_non_null(damaged);
    uint32_t seed = 1;
    for (int round = 0; round < 20000; round++) {
        memcpy(damaged, text, total);
        for (int k = 0; k < 3; k++) {
            seed = seed * 1664525 + 1013904223;
            damaged[(seed >> 8) % total] = (char)(seed >> 24);
        }
        si_scgi_request request;
        if (si_scgi_parse(damaged, total, &request, NULL) == SI_OK) {
            assert_true(request.recipe.p >= damaged);
            assert_true(request.recipe.p + request.recipe.len < damaged + total);
        }
    }
    free(damaged);
    free(text);
}

static void test_reading_in_pieces(void **state) {
    (void)state;
    static char buffer[SI_SCGI_LIMIT];
    size_t total;
    char *text = netstring(HEAD("CONTENT_LENGTH\0003\0" SI_PARAM_RECIPE "\0abc\0"), &total);
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    pid_t child = fork();
    if (child == 0) {
        for (size_t i = 0; i < total; i++) {
            usleep(500);
            if (write(pair[1], text + i, 1) != 1) {
                _exit(1);
            }
        }
        _exit(write(pair[1], "xyz", 3) == 3 ? 0 : 1); /* the body, which nobody reads */
    }
    si_scgi_request request;
    si_diag diag = {0};
    assert_int_equal(
        si_scgi_read(pair[0], si_now_ns() + 60 * SI_SECOND, buffer, &request, &diag), SI_OK);
    assert_true(si_str_eq(request.recipe, SI_STR("abc")));
    close(pair[1]);
    si_scgi_close(pair[0], true);
    free(text);
}

static void test_short_head_with_body(void **state) {
    (void)state;
    static char buffer[SI_SCGI_LIMIT];
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(write(pair[1], "0:,0:,0:,", 9), 9); /* shorter than the first read */
    si_scgi_request request;
    si_diag diag = {0};
    assert_int_equal(si_scgi_read(pair[0], si_now_ns() + 60 * SI_SECOND, buffer, &request, &diag),
        SI_ERR_SYNTAX);
    assert_string_equal(diag.text, "SCGI request without " SI_PARAM_RECIPE);
    close(pair[0]);
    close(pair[1]);
}

static void test_silence_and_early_end(void **state) {
    (void)state;
    static char buffer[SI_SCGI_LIMIT];
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(write(pair[1], "20:SMART", 8), 8);
    si_scgi_request request;
    si_diag diag = {0};
    int64_t start = si_now_ns();
    assert_int_equal(si_scgi_read(pair[0], start + 50 * SI_MILLISECOND, buffer, &request, &diag),
        SI_ERR_TIMEOUT); /* which nothing but time can end: the other side stays open */
    assert_true(si_now_ns() - start >= 50 * SI_MILLISECOND);
    close(pair[1]);
    diag = (si_diag){0};
    assert_int_equal(
        si_scgi_read(pair[0], si_now_ns() + 60 * SI_SECOND, buffer, &request, &diag), SI_ERR_IO);
    close(pair[0]);
}

/* The names in the configuration of nginx, which is no C. */
static void test_names_of_the_nginx_template(void **state) {
    (void)state;
    static const char *const lines[] = {
#define X(name, suffix, text) "@SERVERS_" #name "@",
        SI_LANES(X)
#undef X
            "scgi_param " SI_PARAM_RECIPE " $smartimg_recipe;",
        "scgi_param " SI_PARAM_SEAL " $smartimg_seal;",
        "scgi_param " SI_PARAM_RENDER_SEAL " $smartimg_render_seal;",
        "scgi_param " SI_PARAM_RENDER " $smartimg_render;",
        "scgi_param " SI_PARAM_TIER " $smartimg_tier;",
        "scgi_param " SI_PARAM_HEAD_AT " $smartimg_head_at;", "scgi_param " SI_PARAM_PING " 1;",
        "scgi_param " SI_PARAM_QUEUED_AT " $smartimg_queued_at;",
        "scgi_param " SI_PARAM_SHOW " $smartimg_show if_not_empty;",
        "scgi_param " SI_PARAM_CHEAP " $smartimg_cheap if_not_empty;",
        "scgi_param " SI_PARAM_CLASS " $smartimg_class if_not_empty;",
        "scgi_param " SI_PARAM_ID " $smartimg_id;",
        "scgi_param " SI_PARAM_TRACE " $smartimg_trace if_not_empty;",
        "scgi_hide_header " SI_HEADER_SERVICE ";", "scgi_hide_header " SI_HEADER_LOAD ";",
        "scgi_hide_header " SI_HEADER_OUT_OF_TIME ";", "scgi_hide_header " SI_HEADER_PADDING ";",
        "scgi_hide_header " SI_HEADER_SUM ";", "scgi_hide_header " SI_HEADER_STAGES ";"};
    static char text[64 * 1024], path[4096];
    const char *root = getenv("SMARTIMG_SOURCE_ROOT");
    snprintf(path, sizeof path, "%s/conf/nginx.conf.in", root != NULL ? root : ".");
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    int parameters = 0;
    for (const char *at = text; (at = strstr(at, "SMARTIMG_")) != NULL; at++) {
        parameters += at > text && at[-1] == ' ' && strncmp(at - 11, "scgi_param ", 11) == 0;
    }
    assert_int_equal(parameters, 13);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        if (strstr(text, lines[i]) == NULL) {
            fail_msg("nginx.conf.in has no line \"%s\"", lines[i]);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_requests),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_malformed_requests),
        cmocka_unit_test(test_bad_netstrings),
        cmocka_unit_test(test_truncated_requests),
        cmocka_unit_test(test_damaged_requests),
        cmocka_unit_test(test_reading_in_pieces),
        cmocka_unit_test(test_short_head_with_body),
        cmocka_unit_test(test_silence_and_early_end),
        cmocka_unit_test(test_names_of_the_nginx_template),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
