/* How a plan came about: each step, where it is written, and which commands count. */
#include "shared_catalog.h"

#include "base/steps.h"
#include "command_samples.h"

static int set_up(void **state) {
    (void)state;
    make_folders();
    write_file("root/acme/shoe.jpg", "x");
    write_file("root/acme/logo.png", "x");
    write_file("root/plain/box.jpg", "x");
    write_file("conf/companies/acme.ini",
        "RuleSetFile = rules.xml\nMacroFile = macros.tab\nDefaultImage = shoe\n" /* 1 to 3 */
        "[presets]\nthumb = wid=100&hei=80\nouter = $thumb$&qlt=7\n"             /* 4 to 6 */
        "[objects]\nred = shoe?wid=300&size=7,7\n"                               /* 7, 8 */
        "[object poster]\nPath = shoe\nModifier = layer=1&src=red&pos=$x$,2\n"   /* 9 to 11 */
        "PostModifier = fmt=png\n");
    write_file("conf/companies/macros.tab", "Name\tDefinition\n\nmacro\twid=55\n");
    write_file("conf/companies/rules.xml",
        "<?xml version=\"1.0\"?>\n<ruleset>\n"
        "<rule Name=\"old\" OnMatch=\"continue\" "
        "MaxPix=\"500,400\"><expression>^acme/old/</expression>"
        "<substitution>acme/</substitution></rule>\n"
        "<rule><expression>^acme/last/</expression><substitution>acme/</substitution></rule>\n"
        "<rule OnMatch=\"error\"><expression>never</expression></rule>\n</ruleset>\n");
    return share_catalog();
}

/* The steps of a request as lines "kind: text [from file:line]", with a "-" in front of what is
 * overridden and blanks of the depth. */
static const char *steps_of(const char *url) {
    static char out[16384];
    si_arena arena = {0};
    si_steps steps = {.arena = &arena};
    const char *path = si_arena_printf(&arena, "/is/image/%s", url);
    size_t len = strcspn(path, "?"), used = 0;
    si_request request = {.path = {path, len},
        .query = {path[len] == '?' ? path + len + 1 : NULL,
            path[len] == '?' ? strlen(path + len + 1) : 0},
        .headers.accept = si_str_of(chrome),
        .steps = &steps};
    si_plan plan;
    si_diag diag = {0};
    (void)!si_plan_make(catalog, NULL, &request, &arena, &plan, &diag);
    assert_false(steps.incomplete);
    assert_int_equal(steps.depth, 0);
    out[0] = '\0';
    for (const si_step *s = steps.first; s != NULL; s = s->next) {
        used += (size_t)snprintf(out + used, sizeof out - used, "%*s%s%s: %s", s->depth, "",
            s->overridden ? "-" : "", si_step_kind_name(s->kind), s->text);
        if (s->from.name != NULL || s->from.file != NULL) {
            used += (size_t)snprintf(out + used, sizeof out - used, " [%s%s%s:%d]",
                s->from.name != NULL ? s->from.name : "", s->from.file != NULL ? " " : "",
                s->from.file != NULL ? s->from.file : "", s->from.line);
        }
        used += (size_t)snprintf(out + used, sizeof out - used, "\n");
    }
    si_arena_free(&arena);
    return out;
}

static void expect_lines(const char *url, const char *const *lines) {
    const char *text = steps_of(url), *at = text;
    for (; *lines != NULL; lines++) { /* in their order */
        at = strstr(at, *lines);
        if (at == NULL) {
            fail_msg("%s: no \"%s\" there in:\n%s", url, *lines, text);
        }
    }
}

static void test_rules(void **state) {
    (void)state;
    expect_lines("acme/old/shoe?wid=9",
        (const char *const[]){"request: acme/old/shoe?wid=9\n",
            "company: acme, files in \"acme\" [ companies/acme.ini:0]\n",
            "rule: old: matches, and makes it acme/shoe?wid=9 [ companies/rules.xml:3]\n",
            "attribute: MaxPix = 500,400 [ companies/rules.xml:3]\n",
            "rule: does not match [ companies/rules.xml:4]\n",
            "rule: does not match [ companies/rules.xml:5]\n",
            "object: \"acme/shoe\" is the path \"shoe\" of company acme\n",
            "file: acme/shoe.jpg, 1 bytes\n", NULL});
    expect_lines(
        "acme/last/shoe", (const char *const[]){"rule: matches, and makes it acme/shoe; it is the "
                                                "last one [ companies/rules.xml:4]\nobject:",
                              NULL});
    expect_lines(
        "acme/never", (const char *const[]){"rule: matches, and refuses the request [ "
                                            "companies/rules.xml:5]\nerror: request refused\n",
                          NULL});
    expect_lines("plain/box", (const char *const[]){"company: the default one", NULL});
}

static void test_presets_and_what_overrides_what(void **state) {
    (void)state;
    expect_lines("acme/shoe?hei=9&$outer$&wid=60&$macro$",
        (const char *const[]){"-command: hei=9, of the view [query:0]\n",
            "preset: $outer$ = wid=100&hei=80&qlt=7 [preset companies/acme.ini:6]\n",
            "-command: wid=100, of the view [preset companies/acme.ini:6]\n",
            "\ncommand: hei=80, of the view [preset companies/acme.ini:6]\n",
            "\ncommand: qlt=7, of the request [preset companies/acme.ini:6]\n",
            "-command: wid=60, of the view [query:0]\n",
            "preset: $macro$ = wid=55 [preset companies/macros.tab:3]\n",
            "\ncommand: wid=55, of the view [preset companies/macros.tab:3]\n", NULL});
    expect_lines("acme/shoe?layer=1&src=red&$shadow$",
        (const char *const[]){"preset: $shadow$ = color=0,0,0&opac=75", "[built in:0]", NULL});
}

/* What a layer's record says is weaker than what the request says of the layer, though it is read
 * later; other layers are none of its business. */
static void test_records(void **state) {
    (void)state;
    expect_lines("acme/poster?$x=1&layer=1&size=9,9",
        (const char *const[]){"object: \"acme/poster\" is the record \"poster\" of company acme "
                              "[record companies/acme.ini:10]\n",
            "command: layer=1 [Modifier companies/acme.ini:10]\n",
            "command: src=red, of layer 1 [Modifier companies/acme.ini:10]\n",
            "command: pos=$x$,2, of layer 1 [Modifier companies/acme.ini:10]\n",
            "variable: $x = 1 [query:0]\n", "\ncommand: size=9,9, of layer 1 [query:0]\n",
            "command: fmt=png, of the request [PostModifier companies/acme.ini:10]\n",
            "object: \"red\" is the record \"red\" of company acme [record companies/acme.ini:8]\n",
            "ignored: wid=300: does not count here [Modifier companies/acme.ini:8]\n",
            "-command: size=7,7, of layer 1 [Modifier companies/acme.ini:8]\n",
            "value: pos=$x$,2 is 1,2\n", NULL});
    expect_lines("acme/poster?layer=2&src=logo&size=9,9",
        (const char *const[]){
            "\ncommand: size=7,7, of layer 1 [Modifier companies/acme.ini:8]\n", NULL});
}

static void test_nested(void **state) {
    (void)state;
    expect_lines("acme/shoe?wid=5&layer=1&src=is(acme/logo?wid=7)",
        (const char *const[]){"\ncommand: wid=5, of the view [query:0]\n",
            "\n request: acme/logo?wid=7, nested\n", "\n object: \"acme/logo\"",
            "\n file: acme/logo.png, 1 bytes\n", "\n command: wid=7, of the view [query:0]\n",
            "\nformats: ", NULL});
}

static void test_what_is_ignored_and_what_fails(void **state) {
    (void)state;
    expect_lines("acme/shoe?cachebuster=1&wid=&crop",
        (const char *const[]){"ignored: cachebuster=1: no command has this name [query:0]\n",
            "ignored: wid=: it has no value [query:0]\n",
            "ignored: crop=: it has no value [query:0]\n", NULL});
    expect_lines("acme/none",
        (const char *const[]){"file: none: not there\n",
            "instead: of all of this the default image \"shoe\"\n", "file: acme/shoe.jpg", NULL});
    expect_lines("acme/shoe?wid=x",
        (const char *const[]){"command: wid=x, of the view", "error: wid: ", NULL});
    expect_lines("acme/shoe?$none$", (const char *const[]){"error: unknown preset", NULL});
}

/* Which commands count is said right: without those that are overridden, the recipe is the same. */
static void test_overridden_commands_do_nothing(void **state) {
    (void)state;
    static const char *const pairs[][2] = {
        {"acme/shoe?wid=5&hei=6&wid=7&qlt=3&qlt=4&fmt=png&fmt=jpg",
            "acme/shoe?hei=6&wid=7&qlt=4&fmt=jpg"},
        {"acme/shoe?layer=1&src=logo&opac=5&layer=0&opac=6&layer=1&opac=7&pos=1,1",
            "acme/shoe?layer=1&src=logo&layer=0&opac=6&layer=1&opac=7&pos=1,1"},
        {"acme/shoe?layer=1&src=logo&src=red&effect=1&color=0,0,0&op_blur=3&op_blur=4",
            "acme/shoe?layer=1&src=red&effect=1&color=0,0,0&op_blur=4"},
        {"acme/shoe?op_brightness=5&op_sharpen=1&op_brightness=-5",
            "acme/shoe?op_sharpen=1&op_brightness=-5"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        si_arena arena = {0};
        si_plan with, without;
        si_diag diag = {0};
        assert_int_equal(plan_url(catalog, pairs[i][0], "", &arena, &with, &diag), SI_OK);
        assert_int_equal(plan_url(catalog, pairs[i][1], "", &arena, &without, &diag), SI_OK);
        assert_string_equal(with.recipe_text, without.recipe_text);
        int overridden = 0;
        for (const char *at = steps_of(pairs[i][0]); (at = strstr(at, "\n-command")) != NULL;
             at++) {
            overridden++;
        }
        assert_int_equal(overridden, i == 0 ? 3 : i == 2 ? 2 : 1);
        assert_null(strstr(steps_of(pairs[i][1]), "-command"));
        si_arena_free(&arena);
    }
}

enum { ITEMS = 10, KINDS = 5, TRIES = 5000 };

static uint32_t dice = 1;

static int roll(int sides) {
    dice = dice * 1664525 + 1013904223;
    return (int)((dice >> 16) % (uint32_t)sides);
}

/* Makes a plan of items, with steps if they are wanted. */
static si_result plan_items(const char *const *items, const bool *left_out, si_steps *steps,
    si_arena *arena, si_plan *plan) {
    char query[2000];
    size_t used = 0;
    for (int i = 0; i < ITEMS; i++) {
        if (left_out == NULL || !left_out[i]) {
            used += (size_t)snprintf(query + used, sizeof query - used, "%s&", items[i]);
        }
    }
    si_request request = {.path = SI_STR("/is/image/acme/shoe"),
        .query = si_str_of(si_arena_copy(arena, query, used)),
        .headers.accept = si_str_of(chrome),
        .steps = steps};
    si_diag diag = {0};
    return si_plan_make(catalog, NULL, &request, arena, plan, &diag);
}

/* The same for any commands: those that are said to be overridden, and those that are said to be
 * ignored, can be left out. And to note steps changes nothing. */
static void test_any_commands(void **state) {
    (void)state;
    int plans = 0, out = 0;
    for (int n = 0; n < TRIES; n++) {
        si_arena arena = {0};
        si_steps steps = {.arena = &arena};
        si_plan watched, unwatched, without;
        const char *items[ITEMS];
        bool left_out[ITEMS] = {false};
        int kinds[KINDS];
        for (int i = 0; i < KINDS; i++) {
            do {
                kinds[i] = roll((int)(sizeof samples / sizeof *samples));
            } while (!samples[kinds[i]].loose);
        }
        for (int i = 0; i < ITEMS; i++) {
            const struct sample *s = &samples[kinds[roll(KINDS)]];
            items[i] = si_arena_printf(&arena, "%s=%s", s->name, s->value);
        }
        si_result result = plan_items(items, NULL, &steps, &arena, &watched);
        assert_int_equal(plan_items(items, NULL, NULL, &arena, &unwatched), result);
        int at = 0;
        for (const si_step *s = steps.first; s != NULL; s = s->next) {
            bool item = s->kind == SI_STEP_COMMAND || s->kind == SI_STEP_IGNORED;
            if (item && s->from.name != NULL && strcmp(s->from.name, "query") == 0 && at < ITEMS) {
                assert_int_equal(strncmp(s->text, items[at], strcspn(items[at], "=")), 0);
                left_out[at++] = s->overridden || s->kind == SI_STEP_IGNORED;
                out += left_out[at - 1];
            }
        }
        if (result == SI_OK) {
            assert_string_equal(watched.recipe_text, unwatched.recipe_text);
            assert_int_equal(plan_items(items, left_out, NULL, &arena, &without), SI_OK);
            if (strcmp(watched.recipe_text, without.recipe_text) != 0) {
                for (int i = 0; i < ITEMS; i++) {
                    print_message("%s%s\n", left_out[i] ? "-" : " ", items[i]);
                }
                fail_msg("%s\n%s", watched.recipe_text, without.recipe_text);
            }
            plans++;
        }
        si_arena_free(&arena);
    }
    assert_true(plans > TRIES / 4 && out > TRIES);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_presets_and_what_overrides_what),
        cmocka_unit_test(test_records),
        cmocka_unit_test(test_nested),
        cmocka_unit_test(test_what_is_ignored_and_what_fails),
        cmocka_unit_test(test_overridden_commands_do_nothing),
        cmocka_unit_test(test_any_commands),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
