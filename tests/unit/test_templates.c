/* Templates, nested requests, records, default images, watermarks (docs/protocol.md,
 * Records, presets, templates), pictures made of several, and how replies are kept. */
#include "shared_catalog.h"

#include "catalog/generations.h"

static int set_up(void **state) {
    (void)state;
    make_folders();
    write_file("root/acme/shoe.jpg", "shoe");
    write_file("root/acme/label.png", "label");
    write_file("root/acme/bg.png", "background");
    write_file("root/acme/none.jpg", "no image");
    write_file("root/acme/m1.png", "mask");
    write_file("root/plain/pic.webp", "pic");
    write_file("conf/companies/default.ini", "CacheCommandAddresses = 127.0.0.1\nFolderCompanies = "
                                             "true\n[object shared]\nPath = top.jpg\n");
    write_file("root/top.jpg", "top");
    write_file("conf/companies/acme.ini",
        "Expiration = 24\nDefaultExpiration = 2\nAllowDirectUrls = 1\nForeignHosts = img.example,"
        "*.cdn.example:8443\nRootUrl = https://origin.example/base/\n"
        "[presets]\np = wid=240\ntpl = template=card\n"
        "[object card]\nModifier = size=400,300&color=250,250,250&$img=label&$t=10&"
        "layer=1&src=$img$&rotate=$t$&layer=2&src=$object$&size=50,50\nPostModifier = wid=77\n"
        "[object plaincard]\nModifier = size=400,300&color=250,250,250&$img=label&$t=10&"
        "layer=1&src=$img$&rotate=$t$\nPostModifier = wid=77\n"
        "[object bgcard]\nPath = bg.png\nModifier = layer=1&src=$object$&opac=40\n"
        "[object masked]\nPath = shoe.jpg\nMaskPath = m1.png\nAnchor = 7,8\nResolution = 300\n"
        "IccProfile = AdobeRGB\nExpiration = 3\n"
        "[object nests]\nPath = shoe.jpg\nModifier = layer=1&src=label\n"
        "[object hassrc]\nPath = shoe.jpg\nModifier = src=label\n"
        "[object loops]\nPath = shoe.jpg\nModifier = layer=1&src=is(acme/loops)\n"
        "[object forever]\nPath = shoe.jpg\nExpiration = -1\n"
        "[object short]\nPath = label.png\nExpiration = 0.5\n"
        "[object gone]\nPath = gone.jpg\nModifier = rotate=9\n"
        "[object inpost]\nPath = shoe.jpg\nPostModifier = $tpl$\n");
    write_file("conf/companies/marked.ini",
        "RootPath = acme\nWatermark = mark\nDefaultImage = none\nDefaultImageMode = 1\n"
        "ErrorImage = sorry\n"
        "[object mark]\nPath = label.png\nModifier = sizeN=.2,.2&align=1,1&blendMode=screen&"
        "opac=50&wid=9&qlt=3\n"
        "[object sorry]\nModifier = size=200,50&color=1,1,1&layer=1&src=label&op_hue=3\n"
        "[object oldnone]\nPath = none.jpg\nExpiration = 5\n");
    return share_catalog();
}

/* ---- templates ---- */

static const meaning templates[] = {
    {"acme/shoe?template=card", "L0.kind", "solid"},
    {"acme/shoe?template=card", "L1.src.file", "acme/label.png"}, /* default of its variable */
    {"acme/shoe?template=card&$img=bg", "L1.src.file", "acme/bg.png"},
    {"acme/shoe?template=card", "L2.src.file", "acme/shoe.jpg"}, /* $object$ */
    {"acme/shoe?template=card&$t=20", "L1.rotate", "20"},
    {"acme/shoe?template=card&layer=1&rotate=30", "L1.rotate", "30"},
    {"acme/shoe?template=card", "V.wid", "0"},           /* its PostModifier is ignored */
    {"acme/plaincard", "L1.src.file", "acme/label.png"}, /* by its path */
    {"acme/plaincard", "V.wid", "77"},
    {"acme/shoe?template=bgcard", "L0.src.file", "acme/bg.png"},
    {"acme/masked?template=bgcard", "L1.mask.file", "acme/m1.png"}, /* $object$ with its record */
    {"acme/masked?template=card&layer=0&scale=3", "L2.anchor", "7,8"},
    {"acme/plaincard?$p$", "V.wid", "77"},
};

static void test_templates(void **state) {
    (void)state;
    static const refusal refused[] = {{"acme/shoe?template=shoe", SI_ERR_NOT_FOUND, "template"},
        {"acme/shoe?layer=1&src=card", SI_ERR_SYNTAX, "template"},
        {"acme/shoe?layer=1&src=nests", SI_ERR_SYNTAX, "template"},
        {"acme/shoe?layer=1&src=hassrc", SI_ERR_SYNTAX, "must not"},
        {"acme/inpost", SI_ERR_SYNTAX, "template="},
        {"acme/shoe?layer=1&mask=card", SI_ERR_SYNTAX, "no mask"}};
    check_meanings(catalog, ROWS(templates));
    check_refusals(catalog, ROWS(refused));
}

/* ---- records ---- */

static const meaning records[] = {
    {"acme/masked", "L0.mask.file", "acme/m1.png"},
    {"acme/masked?mask=label", "L0.mask.file", "acme/label.png"},
    {"acme/masked", "L0.anchor", "7,8"},
    {"acme/masked?anchor=1,1", "L0.anchor", "1,1"},
    {"acme/masked?anchorN=.5,.5", "L0.anchorunit", "n"},
    {"acme/masked?res=150", "L0.scale", "0.5"},
    {"acme/masked", "L0.src.profile", "/AdobeRGB"},
    {"acme/shoe?layer=1&src=label&mask=masked", "L1.mask.file", "acme/m1.png"}, /* its MaskPath */
    {"acme/shared", "L0.src.file", "top.jpg"}, /* of the default catalog */
    {"acme/shoe?layer=1&src=shared", "L1.src.file", "top.jpg"},
    {"acme/shoe?layer=1&src=/plain/pic", "L1.src.file", "plain/pic.webp"},
    {"acme/shoe?layer=1&src=plain/pic", "L1.src.file", "plain/pic.webp"},
};

static void test_records(void **state) {
    (void)state;
    check_meanings(catalog, ROWS(records));
}

/* ---- nested and foreign requests ---- */

#define IN "L1.src.is.layer#0."

static const meaning nested[] = {
    {"acme/shoe?layer=1&src=is(acme/label?wid=9)", "L1.src.is.view.wid", "9"},
    {"acme/shoe?layer=1&src=is{acme/label?wid=9&rotate=3}&rotate=4", IN "rotate", "3"},
    {"acme/shoe?layer=1&src=is{acme/label?wid=9&rotate=3}&rotate=4", "L1.rotate", "4"},
    {"acme/shoe?layer=1&src=is%28acme/label?wid=9%29&wid=3", "L1.src.is.view.wid", "9"},
    {"acme/shoe?layer=1&src=is(label?$p$)", "L1.src.is.view.wid",
        "240"}, /* the outer main company */
    {"acme/shoe?layer=1&src=is(acme/label)", "L1.src.is.view.maxpix", ""}, /* neither limit */
    {"acme/shoe?layer=1&src=is(acme/label)", "L1.src.is.view.defpix", ""},
    {"acme/shoe?layer=1&src=is(acme/label?fmt=png&qlt=3&req=mask&bgc=1,1,1)", "qlt", "80"},
    {"acme/shoe?layer=1&src=is(acme/label?fmt=png)", "fmt", "jpeg"},
    {"acme/shoe?layer=1&src=is(acme/shoe?layer=1&src=is(acme/label?rotate=7))",
        "L1.src.is.layer#1.src.is.layer#0.rotate", "7"},
    {"acme/shoe?mask=IS(acme/m1?wid=4)", "L0.mask.is.view.wid", "4"}, /* any case there */
    {"acme/shoe?$o=label&layer=1&src=is(acme/$o$?wid=9)", IN "src.file", "acme/label.png"},
    {"acme/shoe?$w=9&layer=1&src=is(acme/label?wid=$w$)", "L1.src.is.view.wid", "9"},
    {"acme/shoe?$w=9%26hei=8&layer=1&src=is(acme/label?wid=5&id=$w$)", "L1.src.is.view.hei", "0"},
    {"acme/shoe?$t=55&layer=1&src=is(acme/plaincard)", "L1.src.is.layer#1.rotate",
        "55"}, /* forwarded */
    {"acme/shoe?$t=55&layer=1&src=is(acme/plaincard?$t=56)", "L1.src.is.layer#1.rotate", "56"},
    {"acme/shoe?layer=1&src=is(acme/label?template=bgcard)", IN "src.file", "acme/bg.png"},
    {"acme/shoe?src=is(?size=9,9&color=1,2,3)", "L0.src.is.layer#0.kind", "solid"},
    /* in a variable: as if it were written where the reference is */
    {"acme/shoe?$p=is{acme/label}&layer=1&src=$p$", IN "src.file", "acme/label.png"},
    {"acme/shoe?$p=is{acme/label?wid=9&rotate=3}&layer=1&src=$p$&rotate=4", IN "rotate", "3"},
    {"acme/shoe?$p=is{acme/label?wid=9&rotate=3}&layer=1&src=$p$&rotate=4", "L1.rotate", "4"},
    {"acme/shoe?$p=is(acme/label?$p$)&layer=1&src=$p$", "L1.src.is.view.wid", "240"},
    {"acme/shoe?$p=is{label?wid=$w$}&$w=9&layer=1&src=$p$", "L1.src.is.view.wid", "9"},
    {"acme/shoe?%24p=is%7bacme%2flabel%3fwid=9%7d&layer=1&src=%24p%24", "L1.src.is.view.wid", "9"},
    {"acme/shoe?$p=is{acme/label?wid=9}&layer=1&src=is{acme/shoe?src=$p$}", IN "src.is.view.wid",
        "9"},
    {"acme/shoe?$p=is{acme/label?wid=9&rotate=3}&mask=$p$", "L0.mask.is.view.wid", "9"},
    {"acme/shoe?template=card&$img=is{acme/bg?wid=9&hei=8}", "L1.src.is.view.hei", "8"},
    {"acme/shoe?$f=(http://img.example/x?a=1&b=2)&layer=1&src=$f$", "L1.src.url",
        "http://img.example/x%3Fa%3D1%26b%3D2"},
    {"acme/shoe?$t=(50%25 off&wid=9", "V.wid", "9"}, /* brackets of a text need no partner */
    {"acme/shoe?$t=is(the end&wid=9", "V.wid", "9"},
    /* encoded as a whole, as values are */
    {"acme/shoe?layer=1&src=is%7Bacme%2Flabel%3Fwid%3D9%26rotate%3D3%7D", IN "rotate", "3"},
    {"acme/shoe?layer=1&src=is{acme%2Flabel}", IN "src.file", "acme/label.png"},
    {"acme/shoe?$w=9%26hei=8&layer=1&src=is%7Bacme%2Flabel%3Fid%3D$w$%7D", "L1.src.is.view.hei",
        "0"},
    /* doubled and trailing slashes are one */
    {"acme/shoe?layer=1&src=is{acme//label/?wid=9}", IN "src.file", "acme/label.png"},
    {"acme/shoe?layer=1&src=acme//label/", "L1.src.file", "acme/label.png"},
    {"acme/shoe?template=card/", "L0.kind", "solid"},
    {"acme/shoe?layer=1&src=(https://IMG.example/a%20b.png?x=1%26y=2)", "L1.src.url",
        "https://img.example/a%2520b.png%3Fx%3D1%2526y%3D2"},
    {"acme/shoe?layer=1&src={http://a.cdn.example:8443/x}", "L1.src.url",
        "http://a.cdn.example:8443/x"},
    {"acme/shoe?layer=1&src=(x/y.png)", "L1.src.url", "https://origin.example/base/x/y.png"},
    {"acme/shoe?$f=a%2520b&layer=1&src=(http://img.example/$f$)", "L1.src.url",
        "http://img.example/a%2520b"}, /* double-encoded */
};

static void test_nested(void **state) {
    (void)state;
    static const refusal refused[] = {{"acme/loops", SI_ERR_LIMIT, "deep"},
        {"acme/shoe?layer=1&src=is(acme/gone?wid=3)", SI_ERR_NOT_FOUND, "gone"},
        {"acme/shoe?layer=1&src=is(acme/label?wid=x)", SI_ERR_RANGE, "wid"},
        {"acme/shoe?layer=1&src=IS(acme/label)", SI_ERR_SYNTAX, "small letters"}, /* case counts */
        {"acme/shoe?$p=is{acme/label&layer=1&src=$p$&defaultImage=none", SI_ERR_SYNTAX, "brackets"},
        {"acme/shoe?$p=is{acme/label}x&layer=1&src=$p$", SI_ERR_SYNTAX, "brackets"},
        {"acme/shoe?$p=ir{acme/label}&layer=1&src=$p$", SI_ERR_UNSUPPORTED, "ir("},
        {"acme/shoe?$p=is{acme/label?wid=x}&layer=1&src=$p$", SI_ERR_RANGE, "wid"},
        {"acme/shoe?$p=is{acme/label?src=$p$}&layer=1&src=$p$", SI_ERR_LIMIT, "deep"},
        {"acme/shoe?$o=label&$p=is{acme/$o$}&layer=1&src=$p$", SI_ERR_NOT_FOUND,
            "$o$"}, /* one pass */
        {"acme/shoe?$p=is{acme/gone}&layer=1&src=$p$", SI_ERR_NOT_FOUND, "gone"},
        {"acme/shoe?layer=1&src=is(..%2f..%2fx)", SI_ERR_FORBIDDEN, NULL},
        {"acme/shoe?layer=1&src=(http://img.example.evil/x)", SI_ERR_FORBIDDEN, "not allowed"},
        {"acme/shoe?layer=1&src=(http://a.cdn.example/x)", SI_ERR_FORBIDDEN, "not allowed"},
        {"acme/shoe?layer=1&src=(http://user@img.example/x)", SI_ERR_SYNTAX, "address"},
        {"acme/shoe?layer=1&src=(file:///etc/passwd)", SI_ERR_SYNTAX, "address"},
        {"acme/shoe?layer=1&src=(ftp://img.example/x)", SI_ERR_SYNTAX, "address"},
        {"plain/pic?layer=1&src=(http://img.example/x)", SI_ERR_FORBIDDEN, "not allowed"}};
    check_meanings(catalog, ROWS(nested));
    check_refusals(catalog, ROWS(refused));
}

/* ---- default images, error images, watermarks ---- */

static const meaning substitutes[] = {
    /* mode 0: the whole request, but for wid hei fmt qlt and the switches */
    {"acme/gone?defaultImage=none&wid=9&rotate=3&qlt=7&fmt=png", "L0.src.file", "acme/none.jpg"},
    {"acme/gone?defaultImage=none&wid=9&rotate=3&qlt=7&fmt=png", "L0.rotate", ""},
    {"acme/gone?defaultImage=none&wid=9&rotate=3&qlt=7&fmt=png", "fmt", "png"},
    {"acme/shoe?layer=1&src=gone&defaultImage=none", "L0.src.file", "acme/none.jpg"},
    {"acme/shoe?layer=1&src=is(acme/gone)&defaultImage=none", "pic.layer#1", ""},
    {"acme/gone?req=tmb&defaultImage=none", "V.thumb", "fit"},
    /* mode 1: the missing source only */
    {"marked/gone?rotate=3", "L0.src.file", "acme/none.jpg"},
    {"marked/gone?rotate=3", "L0.rotate", "3"},
    {"marked/shoe?layer=1&src=gone&rotate=4", "L1.rotate", "4"},
    {"marked/shoe?layer=1&src=is(gone?hei=4)", "L1.src.is.layer#0.src.file", "acme/none.jpg"},
    /* any other error, and a missing image without a substitute: ErrorImage */
    {"marked/shoe?wid=x", "L0.kind", "solid"},
    {"marked/gone?defaultImage=", "L0.color", "010101FF"},
    /* watermark: req=img only */
    {"marked/shoe", "mark.sizen", "0.2,0.2"},
    {"marked/shoe", "mark.align", "1,1"},
    {"marked/shoe", "mark.blend", "screen"},
    {"marked/shoe", "mark.opac", "50"},
    {"marked/shoe", "mark.pic.view.wid", "0"}, /* other view commands are ignored */
    {"marked/shoe", "mark.pic.layer#0.adjust.opac", ""},
    {"marked/shoe", "qlt", "80"},
    {"marked/shoe?req=tmb", "mark", ""},
    {"marked/shoe?req=mask", "mark", ""},
    {"acme/shoe", "mark", ""},
};

static void test_substitutes(void **state) {
    (void)state;
    static const refusal refused[] = {{"acme/gone", SI_ERR_NOT_FOUND, "gone"},
        {"acme/gone?defaultImage=gone", SI_ERR_NOT_FOUND, "gone"},
        {"acme/gone.svg?defaultImage=none", SI_ERR_NOT_FOUND, NULL}, /* not for SVG */
        {"acme/gone?defaultImage=none&req=imageprops", SI_ERR_NOT_FOUND, NULL},
        {"marked/shoe?req=imageprops,yaml", SI_ERR_RANGE, NULL}};
    check_meanings(catalog, ROWS(substitutes));
    check_refusals(catalog, ROWS(refused));
}

/* ---- pictures made of several, as far as they are facts of the recipe ---- */

static const meaning recipes[] = {
    {"acme/shoe?rotate=45&wid=300", "L0.rotate", "45"},
    {"acme/shoe?crop=0,0,1000,1500&wid=200", "L0.crop", "0,0,1000,1500"},
    {"acme/shoe?flip=lr&extend=50,0,0,0&bgColor=255,0,0", "C.flip", "1"}, /* after extend */
    {"acme/shoe?flip=lr&extend=50,0,0,0&bgColor=255,0,0", "L0.extend", "50,0,0,0"},
    {"acme/shoe?layer=0&flip=lr&extend=50,0,0,0&bgColor=255,0,0", "L0.adjust.flip", "1"},
    {"acme/shoe?size=800,0&extend=0,100,200,100", "L0.size", "800,0"},
    {"acme/shoe?size=300,300&scl=1&originN=-.5,-.5&layer=1&src=label&originN=-.5,-.5&rotate=-30"
     "&color=ffffff40",
        "L1.rotate", "330"},
    {"acme/shoe?size=300,300&scl=1&originN=-.5,-.5&layer=1&src=label&originN=-.5,-.5&rotate=-30"
     "&color=ffffff40",
        "L1.color", "FFFFFF40"},
    {"acme/shoe?wid=400&layer=0&op_blur=15&maskUse=invert&layer=1&src=shoe", "L0.adjust.ops.blur",
        "15"},
    {"acme/shoe?wid=400&layer=0&op_blur=15&maskUse=invert&layer=1&src=shoe", "C.ops.blur", ""},
    {"acme/shoe?layer=1&src=shoe&mask=m1&op_colorize=200,0,0&layer=2&src=shoe&mask=m1"
     "&op_colorize=0,200,0",
        "L2.adjust.ops.colorizergb", "00C800"},
    {"acme/shoe?size=240,240&extend=0,0,12,12&effect=-1&$shadow$&color=20,90,200", "C.effect.color",
        "145AC8FF"},
    {"acme/shoe?op_sharpen=1&wid=240&layer=comp&op_sharpen=0", "V.sharpen", ""},
    {"acme/shoe?req=mask&scale=0.25", "L0.scale", "0.25"},
};

static void test_recipes(void **state) {
    (void)state;
    check_meanings(catalog, ROWS(recipes));
}

/* ---- how replies are kept (docs/protocol.md, Caching) ---- */

static void test_caching(void **state) {
    (void)state;
    static const struct {
        const char *url;
        int64_t ttl;
        bool client, server, unmodified;
    } rows[] = {{"acme/shoe", 24 * 3600, true, true, false},
        {"acme/masked", 3 * 3600, true, true, false},
        {"acme/shoe?layer=1&src=short", 1800, true, true, false}, /* the smallest of all layers */
        {"acme/shoe?layer=1&src=is(acme/short)", 1800, true, true, false},
        {"acme/forever", -1, true, true, true},
        {"acme/forever?layer=1&src=label", 24 * 3600, true, true, false},
        {"acme/forever?cache=off", -1, true, false, true}, /* client part ignored */
        {"acme/shoe?cache=off", 24 * 3600, false, false, false},
        {"acme/shoe?cache=off,on", 24 * 3600, false, true, false},
        {"acme/shoe?cache=validate", 24 * 3600, true, true, false},
        {"acme/shoe?layer=1&src=is(acme/label?cache=off)", 24 * 3600, true, true, false},
        {"acme/shoe?req=props", 360, true, true, false},
        {"acme/shoe?req=props&cache=off", 360, true, true, false}, /* images only */
        {"acme/shoe?req=exists", 360, true, true, false},
        {"acme/shoe?req=validate", 0, false, true, false},
        {"acme/gone?defaultImage=none", 2 * 3600, true, true, false},
        {"marked/gone", 3600, true, true, false},
        {"marked/gone?defaultImage=oldnone", 5 * 3600, true, true, false}, /* its own */
        {"marked/shoe?wid=x", 0, false, true, false}}; /* an error image is kept by nobody */
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        si_arena arena = {0};
        si_plan plan;
        si_diag diag = {0};
        if (plan_url(catalog, rows[i].url, chrome, &arena, &plan, &diag) != SI_OK) {
            fail_msg("%s: %s", rows[i].url, diag.text);
        }
        if (plan.ttl != rows[i].ttl || plan.client_cache != rows[i].client ||
            plan.server_cache != rows[i].server || plan.always_unmodified != rows[i].unmodified) {
            fail_msg("%s: ttl %ld, client %d, server %d", rows[i].url, (long)plan.ttl,
                plan.client_cache, plan.server_cache);
        }
        si_arena_free(&arena);
    }
}

/* Purging any object involved makes a reply unreachable. */
static void test_purge(void **state) {
    (void)state;
    static const char *const objects[] = {"shoe", "label", "m1", "masked", "bgcard", "bg"};
    char path[300];
    snprintf(path, sizeof path, "%s/generations", folder);
    si_generations *g = NULL;
    si_arena arena = {0};
    si_plan plan;
    si_diag diag = {0};
    assert_int_equal(si_generations_open(path, &g, &diag), SI_OK);
    assert_int_equal(
        plan_url(catalog, "acme/masked?template=bgcard&layer=3&src=is(acme/shoe?layer=1&src=label)",
            chrome, &arena, &plan, &diag),
        SI_OK);
    for (size_t i = 0; i < sizeof objects / sizeof *objects; i++) {
        uint64_t before = si_plan_generation(&plan, g);
        assert_int_equal(
            si_generation_purge_object(g, SI_STR("acme"), si_str_of(objects[i]), &diag), SI_OK);
        if (strcmp(objects[i], "m1") != 0) { /* a MaskPath is no object that was asked for */
            assert_true(si_plan_generation(&plan, g) > before);
        }
    }
    assert_true(si_plan_generation(&plan, g) < UINT64_C(1) << 62); /* however many take part */
    uint64_t before = si_plan_generation(&plan, g);
    assert_int_equal(
        si_generation_purge_object(g, SI_STR("acme"), SI_STR("another"), &diag), SI_OK);
    assert_true(si_plan_generation(&plan, g) == before);
    si_generations_close(g);
    si_arena_free(&arena);
}

/* ---- errors in the encoding that was asked for ---- */

static void test_errors(void **state) {
    (void)state;
    static const struct {
        const char *url, *type, *begin;
    } rows[] = {{"acme/gone", "text/plain", "image not found: "},
        {"acme/gone?req=imageprops,json&id=7&handler=mine", "text/javascript",
            "/*jsonp*/s7jsonError({\"message\":\""},
        {"acme/gone?req=imageprops,json&id=7&handler=mine&wid=x", "text/javascript",
            "/*jsonp*/s7jsonError({\"message\":\""},
        {"acme/gone?req=imageprops,xml", "text/xml", "<?xml"},
        {"acme/shoe?req=nonsense,json", "text/plain", "value out of range"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        si_arena arena = {0};
        si_plan plan;
        si_diag diag = {0};
        const char *type;
        assert_int_not_equal(plan_url(catalog, rows[i].url, chrome, &arena, &plan, &diag), SI_OK);
        si_str body = si_plan_error(&plan, &diag, &arena, &type);
        if (strncmp(type, rows[i].type, strlen(rows[i].type)) != 0 ||
            strncmp(body.p, rows[i].begin, strlen(rows[i].begin)) != 0) {
            fail_msg("%s: %s, %.*s", rows[i].url, type, (int)body.len, body.p);
        }
        plan.error_detail = 0; /* titles only */
        body = si_plan_error(&plan, &diag, &arena, &type);
        assert_null(memmem(body.p, body.len, diag.text, strlen(diag.text)));
        si_arena_free(&arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_templates),
        cmocka_unit_test(test_records),
        cmocka_unit_test(test_nested),
        cmocka_unit_test(test_substitutes),
        cmocka_unit_test(test_recipes),
        cmocka_unit_test(test_caching),
        cmocka_unit_test(test_purge),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
