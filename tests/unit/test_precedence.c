/* Who wins (docs/protocol.md, Records, presets, templates: every pair of levels), presets and
 * variables. */
#include "shared_catalog.h"

#include "catalog/rules.h"

static int set_up(void **state) {
    (void)state;
    make_folders();
    write_file("root/acme/shoe.jpg", "shoe");
    write_file("root/acme/label.png", "label");
    write_file("root/acme/my$image$file.tif", "dollars");
    write_file("root/plain/pic.webp", "pic");
    /* levels 1 and 2, and one attribute for each pair with a higher level */
    write_file("conf/companies/default.ini", "FolderCompanies = true\nJpegQuality = 11\nResMode = "
                                             "bilin\nBkgColor = 010101\nExpiration = 1\n"
                                             "[presets]\ncommon = wid=77\nshared = qlt=70\n");
    write_file("conf/companies/acme.ini",
        "JpegQuality = 22\nBkgColor = 020202\nRuleSetFile = rules.xml\n"
        "[presets]\nshared = qlt=71\nsmall = wid=240\nsmallbefore = wid=240\nnested = "
        "$small$&hei=5\n"
        "two = wid=1&hei=2\nvars = $w=31&wid=$w$\nlayers = layer=1&src=label\n"
        "[object rec]\nPath = shoe.jpg\nModifier = "
        "qlt=33&wid=33&layer=1&src=label&rotate=33&$v=33\n"
        "[object post]\nPath = shoe.jpg\n"
        "Modifier = qlt=33&wid=33\nPostModifier = wid=66&$v=66&op_blur=6\n"
        "[object layerrec]\nPath = label.png\nModifier = rotate=12&opac=12&wid=12&$v=12&flip=lr\n"
        "PostModifier = rotate=99\n"
        "[object withmacro]\nPath = shoe.jpg\nModifier = $small$&hei=9\n"
        "[object withvar]\nPath = shoe.jpg\nModifier = $w=10&wid=$w$\n"
        "[object postvar]\nPath = shoe.jpg\nPostModifier = $w=90\nModifier = $w=10&wid=$w$\n");
    write_file("conf/companies/rules.xml",
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ruleset>\n"
        "<rule OnMatch=\"continue\" MaxPix=\"44,44\" Expiration=\"4\">"
        "<expression>ruled</expression></rule>\n"
        "<rule OnMatch=\"continue\" MaxPix=\"45,45\"><expression>twice</expression></rule>\n"
        "<rule><expression>shoe/virtual$</expression>"
        "<substitution>shoe?wid=55</substitution></rule>\n"
        "<rule><expression>appended</expression><substitution>$0&amp;qlt=54</substitution>"
        "<header Name=\"X-Robots-Tag\">noindex $w$</header></rule>\n"
        "<rule OnMatch=\"error\"><expression>forbidden</expression></rule>\n"
        "<rule><addressfilter>10.0.0.0/8</addressfilter><expression>inside</expression></rule>\n"
        "</ruleset>\n");
    return share_catalog();
}

/* ---- every pair of levels ---- */

static const meaning pairs[] = {
    {"plain/pic", "qlt", "11"},                       /* 1: default catalog */
    {"acme/shoe", "qlt", "22"},                       /* 2 beats 1 */
    {"acme/shoe", "V.resmode", "bilin"},              /* … and where it says nothing, 1 counts */
    {"acme/shoe?x=ruled", "V.maxpix", "44,44"},       /* 3 beats 2 and 1 */
    {"acme/shoe?x=ruled,twice", "V.maxpix", "45,45"}, /* the last matching rule */
    {"acme/rec", "qlt", "33"},                        /* 4 beats 2 and 1 */
    {"acme/rec", "V.wid", "33"},
    {"acme/rec?qlt=50", "qlt", "50"},                  /* 5 beats 4, 2, 1 */
    {"acme/rec?layer=1&rotate=50", "L1.rotate", "50"}, /* … per layer, wherever it stands */
    {"acme/rec?layer=2&src=label&rotate=50", "L1.rotate", "33"},
    {"acme/rec?layer=2&src=label&rotate=50", "L2.rotate", "50"},
    {"acme/shoe?qlt=50", "qlt", "50"},
    {"acme/post", "V.wid", "66"},        /* 6 beats 4 */
    {"acme/post?wid=50", "V.wid", "66"}, /* 6 beats 5 */
    {"acme/post?wid=50", "qlt", "33"},   /* … only what it says */
    {"acme/post?op_blur=1", "C.ops.blur", "6"},
    {"acme/shoe/virtual", "V.wid", "55"}, /* a rule that appends commands: as the query's */
    {"acme/shoe?wid=1&appended", "qlt", "54"},
    {"acme/rec?wid=1&appended", "qlt", "54"},
    {"acme/shoe?layer=1&src=is(acme/shoe/virtual)&x=1", "L1.src.is.view.wid", "55"}, /* nested */
    /* left to right, last occurrence wins; a list of options is replaced as a whole */
    {"acme/shoe?wid=3&hei=4&wid=5", "V.wid", "5"},
    {"acme/shoe?qlt=90,1&qlt=80", "chroma", "0"},
    {"acme/shoe?op_usm=1,2,3,1&op_usm=4,5", "V.usm.threshold", ""},
    {"acme/shoe?rotate=1&layer=0&rotate=2", "L0.rotate", "2"}, /* one slot */
    {"acme/shoe?layer=0&rotate=2&layer=comp&rotate=1", "L0.rotate", "1"},
    /* records that layers name: weaker than the request's own commands for that layer */
    {"acme/shoe?layer=1&src=layerrec", "L1.rotate", "12"},
    {"acme/shoe?layer=1&rotate=5&src=layerrec", "L1.rotate", "5"},
    {"acme/shoe?layer=1&src=layerrec", "L1.adjust.flip", "1"}, /* its comp is the layer */
    {"acme/shoe?layer=1&src=layerrec", "V.wid", "0"},          /* it says nothing of the view */
    {"acme/rec?src=layerrec", "L0.rotate", "99"}, /* PostModifier: layer 0's record counts, */
    {"acme/shoe?layer=1&src=layerrec", "L0.rotate", ""}, /* others' are dropped */
    {"acme/post?src=label", "V.wid", "33"}, /* … and the path's where it is not layer 0 */
    {"acme/post?src=label", "C.ops.blur", ""},
};

static void test_pairs(void **state) {
    (void)state;
    check_meanings(catalog, ROWS(pairs));
}

static double hours(const char *url) {
    si_arena arena = {0};
    si_plan plan;
    si_diag diag = {0};
    if (plan_url(catalog, url, chrome, &arena, &plan, &diag) != SI_OK) {
        fail_msg("%s: %s", url, diag.text);
    }
    double h = (double)plan.ttl / 3600;
    si_arena_free(&arena);
    return h;
}

static void test_rules(void **state) {
    (void)state;
    si_arena arena = {0};
    si_plan plan;
    si_diag diag = {0};
    assert_true(hours("acme/shoe") == 1);
    assert_true(hours("acme/shoe?x=ruled") == 4);
    assert_int_equal(
        plan_url(catalog, "acme/shoe?$w=7&appended", chrome, &arena, &plan, &diag), SI_OK);
    assert_int_equal(plan.header_count, 1);
    assert_string_equal(plan.headers[0].name, "X-Robots-Tag");
    assert_string_equal(plan.headers[0].value, "noindex 7"); /* variables of the request */
    assert_false(plan.by_address);
    assert_int_equal(
        plan_url(catalog, "acme/shoe?inside", chrome, &arena, &plan, &diag), SI_ERR_FORBIDDEN);
    assert_true(plan.by_address); /* another client may be let in */
    diag = (si_diag){0};
    assert_int_equal(plan_url(catalog, "plain/pic", chrome, &arena, &plan, &diag), SI_OK);
    assert_int_equal(plan.header_count, 0);
    static const refusal refused[] = {{"acme/shoe?forbidden", SI_ERR_FORBIDDEN, "refused"},
        {"acme/shoe?inside", SI_ERR_FORBIDDEN, "refused"}};
    check_refusals(catalog, ROWS(refused));
    si_arena_free(&arena);
}

/* ---- macros ---- */

static const meaning macros[] = {
    {"acme/shoe?$small$&wid=480", "V.wid", "480"},
    {"acme/shoe?wid=480&$small$", "V.wid", "240"},
    {"acme/shoe?$SMALL$", "V.wid", "240"},
    {"acme/shoe?%24small%24", "V.wid", "240"},
    {"acme/shoe?$nested$", "V.hei", "5"},
    {"acme/shoe?$common$", "V.wid", "77"}, /* the default company's */
    {"acme/shoe?$shared$", "qlt", "71"},   /* the main company's comes first */
    {"plain/pic?$shared$", "qlt", "70"},
    {"acme/withmacro", "V.wid", "240"}, /* in a Modifier */
    {"acme/withmacro?hei=1", "V.hei", "1"},
    {"acme/shoe?$vars$", "V.wid", "31"}, /* variables inside */
    {"acme/shoe?$vars$&$w=32", "V.wid", "32"},
    {"acme/shoe?$layers$&rotate=4", "L1.rotate", "4"}, /* the segment it opens stays open */
    {"acme/shoe?rotate=4&$layers$", "L0.rotate", "4"},
};

static void test_macros(void **state) {
    (void)state;
    static const refusal refused[] = {{"acme/shoe?$nothing$", SI_ERR_NOT_FOUND, "nothing"},
        {"acme/shoe?wid=3&$x y$", SI_ERR_NOT_FOUND, "preset"}};
    check_meanings(catalog, ROWS(macros));
    check_refusals(catalog, ROWS(refused));
}

/* ---- variables ---- */

static const meaning variables[] = {
    {"acme/shoe?$w=12&wid=$w$", "V.wid", "12"},
    {"acme/shoe?wid=$w$&$w=12", "V.wid", "12"}, /* collected first, substituted second */
    {"acme/shoe?$W=12&wid=$w$", "V.wid", "12"},
    {"acme/shoe?$w=12&$w=13&wid=$w$", "V.wid", "13"},
    {"acme/shoe?$a=1&$b=2&wid=$a$$b$", "V.wid", "12"},
    {"acme/shoe?$a=1&crop=$a$,$a$,5,6", "L0.crop", "1,1,5,6"},
    {"acme/shoe?$w=12&wid=%24w%24", "V.wid", "12"},
    {"acme/shoe?%24w=12&wid=$w$", "V.wid", "12"},
    {"acme/shoe?$w=%31%32&wid=$w$", "V.wid", "12"}, /* encoded once */
    {"acme/shoe?layer=1&src=my$image$file.tif", "L1.src.file", "acme/my$image$file.tif"},
    /* one pass: what a value says is never looked at */
    {"acme/shoe?$tree=x&$image=z&$v=image&src=my$$v$$file.tif", "L0.src.file",
        "acme/my$image$file.tif"},
    {"acme/shoe?$b=$a$&$a=9&req=props,json&id=$b$", "id", "$a$"},
    {"acme/shoe?$var2=apple&$var1=my$var2$tree&req=props,json&id=$var1$", "id", "my$var2$tree"},
    {"acme/shoe?$o=$object$&layer=1&src=$object$", "L1.src.file", "acme/shoe.jpg"},
    {"acme/shoe?$object=label&layer=1&src=$object$", "L1.src.file", "acme/label.png"},
    /* definitions by precedence, wherever they stand */
    {"acme/withvar", "V.wid", "10"},
    {"acme/withvar?$w=20", "V.wid", "20"}, /* the query beats the Modifier */
    {"acme/postvar?$w=20", "V.wid", "90"}, /* the PostModifier beats both */
    {"acme/shoe?layer=1&src=layerrec&op_blur=$v$", "L1.adjust.ops.blur",
        "12"}, /* a layer's record */
    {"acme/rec?layer=1&src=layerrec&op_blur=$v$", "L1.adjust.ops.blur", "33"}, /* … is weaker */
    {"acme/post?$v=50&layer=0&op_blur=$v$", "L0.adjust.ops.blur", "66"},
};

static void test_variables(void **state) {
    (void)state;
    static const refusal refused[] = {{"acme/shoe?wid=$number$", SI_ERR_RANGE, "$number$"},
        {"acme/shoe?$n=1&layer=$n$&src=label", SI_ERR_SYNTAX, "$n$"}, /* not in layer= */
        {"acme/shoe?$n=1&effect=$n$", SI_ERR_RANGE, "effect"}};
    check_meanings(catalog, ROWS(variables));
    check_refusals(catalog, ROWS(refused));
}

/* ---- order that must not matter ---- */

static void test_order(void **state) {
    (void)state;
    assert_same(catalog, "acme/shoe?wid=5&hei=6", "acme/shoe?hei=6.0&x=1&.c&wid=5");
    assert_same(catalog, "acme/shoe?layer=2&src=label&layer=1&src=shoe",
        "acme/shoe?layer=1&src=shoe&layer=2&src=label");
    assert_same(catalog, "acme/shoe?effect=1&color=1,1,1&effect=-1&color=2,2,2",
        "acme/shoe?effect=-1&color=2,2,2&effect=1&color=1,1,1");
    assert_same(
        catalog, "acme/shoe?op_blur=2&op_hue=3&rotate=4", "acme/shoe?rotate=4&op_hue=3&op_blur=2");
    assert_same(catalog, "acme/shoe?layer=5,five&src=label&layer=comp&wid=3&layer=five&pos=1,1",
        "acme/shoe?wid=3&layer=5&pos=1,1&src=label");
    assert_same(catalog, "acme/shoe?$a=3&wid=$a$", "acme/shoe?wid=3");
    assert_same(catalog, "acme/shoe?icc=sRGB&wid=3", "acme/shoe?wid=3");
    assert_different(catalog, "acme/shoe?layer=1&src=label", "acme/shoe?layer=2&src=label");
    assert_different(catalog, "acme/shoe?$small$&wid=480", "acme/shoe?wid=480&$small$");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_macros),
        cmocka_unit_test(test_variables),
        cmocka_unit_test(test_order),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
