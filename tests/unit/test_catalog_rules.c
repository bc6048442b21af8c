/* Rule sets (catalog/rules.h). */
#include "base/clock.h"
#include "catalog/rules.h"
#include "catalog_fixture.h"

#define HEAD "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ruleset>\n"
#define TAIL "\n</ruleset>\n"

/* The rules of company acme. */
static si_catalog *with_rules(const char *rules) {
    char text[8192];
    snprintf(text, sizeof text, HEAD "%s" TAIL, rules);
    write_file("conf/companies/rules.xml", text);
    write_company("acme", "RuleSetFile = rules.xml\nMaxPix = 100,100\n");
    return load();
}

static si_result apply_to(const si_catalog *c, const char *company, si_rule_context context,
    const char *request, const char *client, si_arena *arena, si_rule_output *out) {
    si_rule_input in = {.context = context, .query = {NULL, 0}, .client = si_str_of(client)};
    si_str rest = si_str_of(request);
    (void)si_str_next(&rest, '?', &in.path);
    in.query = rest;
    si_diag diag = {0};
    const si_company *of = company[0] != '\0' ? company_of(c, company) : si_catalog_default(c);
    si_result result = si_rules_apply(c, of, &in, arena, out, &diag);
    assert_int_equal(diag.code, result);
    return result;
}

/* The request after the rules, or "error". */
static const char *after(const si_catalog *c, const char *request) {
    static char text[1000];
    si_arena arena = {0};
    si_rule_output out;
    if (apply_to(c, "acme", SI_CONTEXT_IS, request, "1.2.3.4", &arena, &out) != SI_OK) {
        snprintf(text, sizeof text, "error");
    } else {
        snprintf(text, sizeof text, "%.*s%s%.*s", SI_STR_ARG(out.path),
            out.query.p != NULL ? "?" : "", SI_STR_ARG(out.query));
    }
    si_arena_free(&arena);
    return text;
}

static void test_rewriting(void **state) {
    (void)state;
    static const struct {
        const char *rules, *request, *is;
    } rows[] = {
        /* the samples of the reference */
        {"<rule><expression>(?i)_hg$</expression>"
         "<substitution>\\?&amp;qlt=95,1&amp;resmode=bicub</substitution></rule>",
            "acme/shoe_HG", "acme/shoe?&qlt=95,1&resmode=bicub"},
        {"<rule><expression>([^/]+)/(small|medium|large)$</expression>"
         "<substitution>$2Template?src=sample/$1</substitution></rule>",
            "myCat/myImage/small", "myCat/smallTemplate?src=sample/myImage"},
        /* the text begins without a "/" and holds the query */
        {"<rule><expression>^acme/</expression><substitution>x/</substitution></rule>",
            "acme/a?wid=1", "x/a?wid=1"},
        {"<rule><expression>\\?wid=1$</expression><substitution>?wid=2</substitution></rule>",
            "acme/a?wid=1", "acme/a?wid=2"},
        {"<rule><expression>%20</expression><substitution>_</substitution></rule>", "acme/a%20b",
            "acme/a_b"},
        /* no match, no substitution, empty ones */
        {"<rule><expression>zzz</expression><substitution>x</substitution></rule>", "acme/a?b",
            "acme/a?b"},
        {"<rule><expression>a</expression></rule>", "acme/a", "acme/a"},
        {"<rule><expression>me</expression><substitution/></rule>", "acme/me", "ac/me"},
        {"<rule><expression>me</expression><substitution></substitution></rule>", "acme/me",
            "ac/me"},
        {"<rule><substitution>&amp;qlt=9</substitution></rule>", "acme/a?wid=1",
            "acme/a?wid=1&qlt=9"},
        {"<rule><expression/><substitution>?qlt=9</substitution></rule>", "acme/a", "acme/a?qlt=9"},
        /* first and all */
        {"<rule><expression>a</expression><substitution>b</substitution></rule>", "aaa", "baa"},
        {"<rule Replace=\"all\"><expression>a</expression><substitution>bb</substitution></rule>",
            "axa", "bbxbb"},
        {"<rule Replace=\"all\"><expression>x*</expression><substitution>-</substitution></rule>",
            "axb", "-a--b-"}, /* as Java's replaceAll() */
        {"<rule Replace=\"all\"><expression>(?&lt;=a)</expression>"
         "<substitution>!</substitution></rule>",
            "aab", "a!a!b"},
        /* Matcher.appendReplacement() */
        {"<rule><expression>(a)(b)?</expression><substitution>[$1$2]</substitution></rule>", "ax",
            "[a]x"}, /* a group that took no part is empty */
        {"<rule><expression>(a)</expression><substitution>$12</substitution></rule>", "a", "a2"},
        {"<rule><expression>(a)</expression><substitution>\\$1\\\\\\x</substitution></rule>", "a",
            "$1\\x"},
        {"<rule><expression>(?&lt;n>a)</expression><substitution>${n}${n}</substitution></rule>",
            "ab", "aab"},
        {"<rule><expression>a.c</expression><substitution>$0$0</substitution></rule>", "abc",
            "abcabc"},
        /* XML: CDATA, and whitespace that counts */
        {"<rule><expression><![CDATA[&fmt=custom]]></expression>"
         "<substitution><![CDATA[&qlt=1<2]]></substitution></rule>",
            "a?b&fmt=custom", "a?b&qlt=1<2"},
        {"<rule><expression> a</expression><substitution>b</substitution></rule>", "a", "a"},
        {"<rule><expression>a</expression><substitution> b</substitution></rule>", "a", " b"},
        /* order, and what comes after a match */
        {"<rule><expression>a</expression><substitution>b</substitution></rule>"
         "<rule><expression>b</expression><substitution>c</substitution></rule>",
            "a", "b"},
        {"<rule "
         "OnMatch=\"continue\"><expression>a</expression><substitution>b</substitution></rule>"
         "<rule><expression>b</expression><substitution>c</substitution></rule>",
            "a", "c"},
        {"<rule OnMatch=\"error\"><expression>rotate=</expression></rule>", "a?rotate=5", "error"},
        {"<rule OnMatch=\"error\"><expression>rotate=</expression></rule>", "a?wid=5", "a?wid=5"},
        {"<rule><expression>ok</expression></rule><rule OnMatch=\"error\"/>", "ok", "ok"},
        {"<rule><expression>ok</expression></rule><rule OnMatch=\"error\"/>", "no", "error"},
        /* contexts */
        {"<rule RequestType=\"static\"><substitution>x</substitution></rule>", "a", "a"},
        {"<rule RequestType=\"static, is\"><substitution>x</substitution></rule>", "a", "ax"},
        {"<rule RequestType=\"ir\"><substitution>x</substitution></rule>", "a", "a"},
        /* Java's expressions */
        {"<rule><expression>\\Qa.b\\E</expression><substitution>x</substitution></rule>", "acba.b",
            "acbx"},
        {"<rule><expression>a+?b(?!c)</expression><substitution>x</substitution></rule>", "aabcaab",
            "aabcx"},
        {"<rule><expression>\\u0061\\x62</expression><substitution>x</substitution></rule>", "ab",
            "x"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        si_catalog *c = with_rules(rows[i].rules);
        const char *have = after(c, rows[i].request);
        if (strcmp(have, rows[i].is) != 0) {
            fail_msg("%s on %s: %s", rows[i].rules, rows[i].request, have);
        }
        si_catalog_free(c);
    }
}

static void test_which_rules(void **state) {
    (void)state;
    make_dir("root/folder");
    si_catalog *c;
    si_arena arena = {0};
    si_rule_output out;
    write_file(
        "conf/companies/own.xml", HEAD "<rule><substitution>+own</substitution></rule>" TAIL);
    write_file(
        "conf/companies/std.xml", HEAD "<rule><substitution>+std</substitution></rule>" TAIL);
    write_company("default", "RuleSetFile = std.xml\nFolderCompanies = true\n");
    write_company("acme", "RuleSetFile = own.xml\n");
    write_company("plain", "");
    c = load();
    static const struct {
        const char *company, *is;
    } rows[] = {{"acme", "a+own"}, {"plain", "a"}, {"", "a+std"}, {"folder", "a+std"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        /* a company has its own rules or none; the default ones are for requests that match none */
        const si_company *of = rows[i].company[0] != '\0'
                                   ? si_catalog_find_company(c, si_str_of(rows[i].company), &arena)
                                   : si_catalog_default(c);
        const si_rule_input in = {.context = SI_CONTEXT_STATIC, .path = SI_STR("a")};
        assert_int_equal(si_rules_apply(c, of, &in, &arena, &out, NULL), SI_OK);
        assert_true(si_str_eq(out.path, si_str_of(rows[i].is)));
        assert_null(out.query.p);
    }
    si_arena_free(&arena);
    si_catalog_free(c);
}

static void test_overrides(void **state) {
    (void)state;
    si_catalog *c = with_rules(
        "<rule OnMatch=\"continue\" MaxPix=\"7,8\" Expiration=\"-1\" WaterMark=\"w\" RootUrl=\"\"/>"
        "<rule OnMatch=\"continue\" MaxPix=\"9,9\" RequestLock=\"1\" RequestObfuscation=\"1\""
        " DefaultImageMode=\"1\" ErrorImage=\"e\" "
        "SavePath=\"s\"><expression>big</expression></rule>");
    si_arena arena = {0};
    si_rule_output out;
    assert_int_equal(apply_to(c, "acme", SI_CONTEXT_IS, "a", "1.2.3.4", &arena, &out), SI_OK);
    assert_int_equal(out.attributes->max_pix.w, 7);
    assert_int_equal(out.attributes->max_pix.h, 8);
    assert_true(out.attributes->expiration == -1);
    assert_string_equal(out.attributes->watermark, "w");
    assert_false(out.attributes->request_lock);
    assert_int_equal(out.attributes->jpeg_quality.quality, 80); /* the others stay */
    assert_int_equal(apply_to(c, "acme", SI_CONTEXT_IS, "big", "1.2.3.4", &arena, &out), SI_OK);
    assert_int_equal(out.attributes->max_pix.w, 9); /* the last match wins */
    assert_true(out.attributes->request_lock && out.attributes->request_obfuscation == 1);
    assert_int_equal(out.attributes->default_image_mode, 1);
    assert_string_equal(out.attributes->error_image, "e");
    assert_int_equal(company_of(c, "acme")->attributes.max_pix.w, 100); /* for this request only */
    si_arena_free(&arena);
    si_catalog_free(c);
}

static void test_headers(void **state) {
    (void)state;
    si_catalog *c =
        with_rules("<rule OnMatch=\"continue\"><expression>\\$Edge-Control=</expression>"
                   "<header Name=\"Edge-Control\">$Edge-Control$</header></rule>"
                   "<rule><header Name=\"Timing-Allow-Origin\" Action=\"set\"> * </header>"
                   "<header Name=\"X-Robots-Tag\" Action=\"add\">noindex</header></rule>");
    si_arena arena = {0};
    si_rule_output out;
    assert_int_equal(apply_to(c, "acme", SI_CONTEXT_IS, "a", "1.2.3.4", &arena, &out), SI_OK);
    assert_int_equal(out.header_count, 2);
    assert_string_equal(out.headers[0]->name, "Timing-Allow-Origin");
    assert_string_equal(out.headers[0]->value, "*");
    assert_true(!out.headers[0]->add && out.headers[1]->add);
    assert_int_equal(
        apply_to(c, "acme", SI_CONTEXT_IS, "a?$Edge-Control=no-store", "1.2.3.4", &arena, &out),
        SI_OK);
    assert_int_equal(out.header_count, 3);
    assert_string_equal(out.headers[0]->value, "$Edge-Control$");
    si_arena_free(&arena);
    si_catalog_free(c);
    assert_true(si_rule_header_ok(SI_STR("X-A"), SI_STR("any \xc3\xa4 value")));
    assert_false(si_rule_header_ok(SI_STR("X-A"), SI_STR("a\r\nSet-Cookie: b")));
    assert_false(si_rule_header_ok(SI_STR("X A"), SI_STR("a")));
    assert_false(si_rule_header_ok(SI_STR("X:A"), SI_STR("a")));
    assert_false(si_rule_header_ok(SI_STR(""), SI_STR("a")));
    assert_false(si_rule_header_ok(SI_STR("content-length"), SI_STR("1")));
}

static void test_address_filter(void **state) {
    (void)state;
    static const struct {
        const char *attribute, *rules, *request, *client;
        bool served;
    } rows[] = {
        {"10.0.0.0/8", "", "a", "10.1.1.1", true},
        {"10.0.0.0/8", "", "a", "11.1.1.1", false},
        /* a matched rule's filter replaces the attribute */
        {"10.0.0.0/8",
            "<rule><expression>p</expression><addressfilter>11.0.0.0/8</addressfilter></rule>", "p",
            "11.1.1.1", true},
        {"10.0.0.0/8",
            "<rule><expression>p</expression><addressfilter>11.0.0.0/8</addressfilter></rule>", "p",
            "10.1.1.1", false},
        {"10.0.0.0/8",
            "<rule><expression>p</expression><addressfilter>11.0.0.0/8</addressfilter></rule>", "q",
            "11.1.1.1", false},
        /* an empty one opens; a rule without one leaves the attribute */
        {"10.0.0.0/8", "<rule><expression>p</expression><addressfilter/></rule>", "p", "1.1.1.1",
            true},
        {"10.0.0.0/8", "<rule><expression>p</expression></rule>", "p", "1.1.1.1", false},
        {"", "<rule><addressfilter>11.0.0.0/8</addressfilter></rule>", "a", "10.1.1.1", false},
        {"", "<rule><addressfilter>2001:db8::/32</addressfilter></rule>", "a", "2001:db8::5", true},
        /* it is looked at before the request is rewritten, and each on its match */
        {"",
            "<rule OnMatch=\"continue\"><addressfilter>11.0.0.0/8</addressfilter></rule>"
            "<rule><addressfilter/></rule>",
            "a", "10.1.1.1", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[1000];
        si_arena arena = {0};
        si_rule_output out;
        snprintf(text, sizeof text, HEAD "%s" TAIL, rows[i].rules);
        write_file("conf/companies/rules.xml", text);
        snprintf(text, sizeof text, "RuleSetFile = rules.xml\nClientAddressFilter = %s\n",
            rows[i].attribute);
        write_company("acme", text);
        si_catalog *c = load();
        si_result r =
            apply_to(c, "acme", SI_CONTEXT_IS, rows[i].request, rows[i].client, &arena, &out);
        if (r != (rows[i].served ? SI_OK : SI_ERR_FORBIDDEN)) {
            fail_msg("row %zu: %d", i, r);
        }
        si_arena_free(&arena);
        si_catalog_free(c);
    }
}

static void test_mistakes(void **state) {
    (void)state;
    static const mistake rows[] = {
        {"<ruleset/>", 1, "<?xml"},
        {"<?xml version=\"1.0\"?>", 1, "no element"},
        {"<?xml version=\"1.0\"?><rules/>", 1, "unknown element <rules>"},
        {HEAD "<rule>" TAIL, 4, "mismatched"},
        {HEAD "<Rule/>" TAIL, 3, "unknown element <Rule>"}, /* case counts */
        {HEAD "<rule><expr/></rule>" TAIL, 3, "unknown element <expr>"},
        {HEAD "<rule><expression><b/></expression></rule>" TAIL, 3, "unknown element <b>"},
        {HEAD "<rule onmatch=\"break\"/>" TAIL, 3, "no attribute \"onmatch\""},
        {HEAD "<rule JpegQuality=\"9\"/>" TAIL, 3, "no attribute"},
        {HEAD "<rule OnMatch=\"Break\"/>" TAIL, 3, "unknown value"},
        {HEAD "<rule Replace=\"last\"/>" TAIL, 3, "unknown value"},
        {HEAD "<rule RequestType=\"is,fxg\"/>" TAIL, 3, "unknown value"},
        {HEAD "<rule MaxPix=\"big\"/>" TAIL, 3, "unknown value"},
        {HEAD "<rule>text</rule>" TAIL, 3, "text where"},
        {HEAD "<rule><expression>a</expression>\n<expression>b</expression></rule>" TAIL, 4,
            "one <exp"},
        {HEAD "\n<rule><expression>(a</expression></rule>" TAIL, 4, "parenthesis"},
        {HEAD "<rule><expression>[a-z&amp;&amp;[^b]]</expression></rule>" TAIL, 3,
            "set operations"},
        {HEAD "<rule><expression>[a[bc]]</expression></rule>" TAIL, 3, "set operations"},
        {HEAD "<rule><expression a=\"b\">x</expression></rule>" TAIL, 3, "no attributes"},
        {HEAD "<rule><expression>(a)</expression><substitution>$2</substitution></rule>" TAIL, 3,
            "no group"},
        {HEAD "<rule><expression>a</expression><substitution>$x$</substitution></rule>" TAIL, 3,
            "no group"},
        {HEAD "<rule><expression>a</expression><substitution>\\</substitution></rule>" TAIL, 3,
            "single"},
        {HEAD "<rule><substitution>$1</substitution><expression>a</expression></rule>" TAIL, 3,
            "no group"},
        {HEAD "<rule><addressfilter>1.2.3</addressfilter></rule>" TAIL, 3, "addressfilter"},
        {HEAD "<rule><header>x</header></rule>" TAIL, 3, "needs a Name"},
        {HEAD "<rule><header Name=\"Content-Length\">1</header></rule>" TAIL, 3,
            "server sets itself"},
        {HEAD "<rule><header Name=\"X\" Action=\"remove\">1</header></rule>" TAIL, 3,
            "unknown value"},
        {"<?xml version=\"1.0\"?><!DOCTYPE ruleset [<!ENTITY a \"b\">]><ruleset/>", 1, "entities"},
    };
    write_company("acme", "RuleSetFile = rules.xml\n");
    check_mistakes("rules.xml", ROWS(rows));
    /* what the vendor's files may have */
    write_file("conf/companies/rules.xml",
        "<?xml version=\"1.0\"?>\n<!DOCTYPE ruleset SYSTEM \"RuleSet.dtd\">\n<ruleset>\n<!-- c "
        "-->\n"
        "<rule Name=\"n\"><expression>[[:alpha:]&amp;]\\Q[a[b\\E</expression></rule></ruleset>");
    si_catalog_free(load());
    write_company("acme", "RuleSetFile = nowhere.xml\n");
    assert_null(try_load());
    assert_non_null(strstr(reports, "companies/acme.ini:1: nowhere.xml"));
}

/* Expressions that would take longer than anybody can wait end, and count as no match or, if they
 * protect, as a refusal. */
static void test_no_hang(void **state) {
    (void)state;
    /* the end of the request has what they end with, or PCRE2 would not even begin */
    static const char tail[] = "!b!z!/small!9!";
    static const char *const expressions[] = {"(a+)+$", "(a|aa)+$", "(a*)*b", "([a-z]+)*[0-9]a",
        "(?:a?){50}a{50}z", "(?:(a)|(aa))*\\2b", "[^/]+/(small|medium|large)$", "a*a*a*a*z",
        "(?=(a+))\\1b"};
    enum { LEN = 30000 };
    char *request = malloc(LEN + 1);
    assert_non_null(request);
    memset(request, 'a', LEN);
    memcpy(request + LEN + 1 - sizeof tail, tail, sizeof tail);
    for (size_t i = 0; i < sizeof expressions / sizeof *expressions; i++) {
        char rules[500];
        si_arena arena = {0};
        si_rule_output out;
        snprintf(rules, sizeof rules,
            "<rule OnMatch=\"continue\"><expression>%s</expression><substitution>x</substitution>"
            "</rule><rule><expression>^a</expression><substitution>b</substitution></rule>",
            expressions[i]);
        si_catalog *c = with_rules(rules);
        assert_int_equal(
            apply_to(c, "acme", SI_CONTEXT_IS, request, "1.2.3.4", &arena, &out), SI_OK);
        assert_true(out.path.p[0] == 'b' || out.path.p[0] == 'a');
        si_arena_free(&arena);
        si_catalog_free(c);
    }
    static const char *const protecting[] = {
        "<rule OnMatch=\"error\"><expression>(a+)+$</expression></rule>",
        "<rule><expression>(a+)+$</expression><addressfilter>1.2.3.4</addressfilter></rule>"};
    for (size_t i = 0; i < 2; i++) {
        si_arena arena = {0};
        si_rule_output out;
        si_catalog *c = with_rules(protecting[i]);
        assert_int_equal(
            apply_to(c, "acme", SI_CONTEXT_IS, request, "1.2.3.4", &arena, &out), SI_ERR_LIMIT);
        si_arena_free(&arena);
        si_catalog_free(c);
    }
    free(request);
}

/* A long request is searched to its end; a rewritten one does not grow without bounds. */
static void test_long_requests(void **state) {
    (void)state;
    enum { LEN = 20000 };
    char *request = malloc(LEN + 1);
    assert_non_null(request);
    memset(request, 'a', LEN);
    memcpy(request + LEN - 3, "end", 4);
    si_arena arena = {0};
    si_rule_output out;
    si_catalog *c =
        with_rules("<rule><expression>e(n)d</expression><substitution>$1</substitution></rule>");
    assert_int_equal(apply_to(c, "acme", SI_CONTEXT_IS, request, "1.2.3.4", &arena, &out), SI_OK);
    assert_int_equal(out.path.len, LEN - 2);
    assert_true(out.path.p[LEN - 3] == 'n');
    si_catalog_free(c);
    c = with_rules("<rule Replace=\"all\"><expression>a</expression>"
                   "<substitution>0123456789</substitution></rule>");
    assert_int_equal(
        apply_to(c, "acme", SI_CONTEXT_IS, request, "1.2.3.4", &arena, &out), SI_ERR_LIMIT);
    si_catalog_free(c);
    si_arena_free(&arena);
    free(request);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_rewriting, clean),
        cmocka_unit_test_setup(test_which_rules, clean),
        cmocka_unit_test_setup(test_overrides, clean),
        cmocka_unit_test_setup(test_headers, clean),
        cmocka_unit_test_setup(test_address_filter, clean),
        cmocka_unit_test_setup(test_mistakes, clean),
        cmocka_unit_test_setup(test_no_hang, clean),
        cmocka_unit_test_setup(test_long_requests, clean),
    };
    return cmocka_run_group_tests(tests, set_up, remove_config_folder);
}
