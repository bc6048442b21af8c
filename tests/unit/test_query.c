/* What each command says in a recipe, and what is wrong with a value; numbers are of
 * docs/decisions.md. */
#include "shared_catalog.h"

#include "base/color.h"
#include "request/command.h"

static int set_up(void **state) {
    (void)state;
    make_folders();
    write_file("root/acme/shoe.jpg", "shoe");
    write_file("root/acme/mask.png", "mask");
    write_file("root/acme/label.png", "label");
    write_file("root/acme/font.ttf", "font");
    write_file("root/acme/press.icc", "no profile");
    write_file("conf/companies/acme.ini",
        "Resolution = 150\nDefaultFont = Sans\nMaxPix = 0,0\nDefaultPix = 0,0\nDefaultThumbPix = "
        "64,48\n"
        "ThumbType = 1\nThumbHorizAlign = 3\nThumbBkgColor = 00ff00\n"
        "[fonts]\nSans = font.ttf\n[presets]\nshade = color=0,0,0,128&op_blur=3&pos=2,2\n"
        "[crops]\nWide = 1600x400\nTall = 4x9\n[crop shoe]\nWide = .1,.2,.3,.4\n"
        "[crop pin]\nWide = .5,.5,.5,.5\n[object pin]\nPath = shoe.jpg\nModifier = "
        "rotate=5\nAnchor = 7,8\n"
        "[object pin:Tall]\nPath = label.png\n"
        "[object card]\nModifier = size=9,9&color=1,2,3&layer=1&src=$object$\n"
        "[object map]\nPath = shoe.jpg\nMap = <AREA coords=\"1,2,3,4\">\n");
    return share_catalog();
}

/* ---- values ---- */

/* Colours: text, type, first components in bytes, alpha, belongs to the source. */
static void test_colours(void **state) {
    (void)state;
    static const struct {
        const char *text;
        si_color_type type;
        int c[4], alpha;
        bool source;
    } rows[] = {{"0,100,200", SI_COLOR_RGB, {0, 100, 200}, 255, false},
        {"0,100,200,200rs", SI_COLOR_RGB, {0, 100, 200}, 200, true},
        {"0x010203S", SI_COLOR_RGB, {1, 2, 3}, 255, true},
        {"a0b1c2d3R", SI_COLOR_RGB, {160, 177, 194}, 211, false},
        {"100S", SI_COLOR_GRAY, {255}, 255, true}, {"50,75g", SI_COLOR_GRAY, {128}, 191, false},
        {"0X70G", SI_COLOR_GRAY, {112}, 255, false}, {"0xddeegs", SI_COLOR_GRAY, {221}, 238, true},
        {"94,11,50,33k", SI_COLOR_CMYK, {240, 28, 128, 84}, 255, false},
        {"22,23,24,25,26KS", SI_COLOR_CMYK, {56, 59, 61, 64}, 66, true},
        {"38393A3bK", SI_COLOR_CMYK, {143, 145, 148, 150}, 255, false}, /* 56,57,58,59 % */
        {"0x0a0b0C0d0eks", SI_COLOR_CMYK, {26, 28, 31, 33}, 36, true},  /* 10,11,12,13 %, 14 % */
        {"0x64006500FFk", SI_COLOR_CMYK, {255, 0, 255, 0}, 255, false}, /* at most 100 % */
        {"38393A3b", SI_COLOR_RGB, {56, 57, 58}, 59, false},            /* no k: RGB with alpha */
        {"100", SI_COLOR_GRAY, {255}, 255, false}, {"000000", SI_COLOR_RGB, {0}, 255, false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        si_color c;
        assert_true(si_color_parse(si_str_of(rows[i].text), &c));
        assert_int_equal(c.type, rows[i].type);
        assert_int_equal(c.source, rows[i].source);
        assert_int_equal((int)(c.alpha * 255 + 0.5), rows[i].alpha);
        for (int k = 0; k < 4; k++) {
            assert_int_equal((int)(c.c[k] * 255 + 0.5), rows[i].c[k]);
        }
    }
    static const char *const bad[] = {"fff", "", "1,2,3,4,5", "256,0,0", "101", "0x12345",
        "12345678901k", "gggggg", "1,2,3g", "50r", "1;2;3"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        si_color c;
        assert_false(si_color_parse(si_str_of(bad[i]), &c));
    }
}

static const meaning lexical[] = {
    {"acme/shoe?WID=300", "V.wid", "300"},
    {"acme/shoe?op_BlUr=2", "C.ops.blur", "2"},
    {"acme/shoe?wid=300.4", "V.wid", "300"},
    {"acme/shoe?wid=300.5", "V.wid", "301"}, /* P4 */
    {"acme/shoe?wid=+30", "V.wid", "30"},
    {"acme/shoe?&&wid=30&", "V.wid", "30"},
    {"acme/shoe?.hei=3&wid=30", "V.hei", "0"}, /* a comment */
    {"acme/shoe?wid=", "V.wid", "0"},          /* P3 */
    {"acme/shoe?wid", "V.wid", "0"},
    {"acme/shoe?wid=%33%30", "V.wid", "30"},
    {"acme/shoe?crop=1%2C2%2C3%2C4", "L0.crop", "1,2,3,4"},
    {"acme/shoe?%77id=5", "V.wid", "5"},
    {"acme/shoe?ts=4&rp=%&color_id=2&.v=1&wid=7", "V.wid", "7"}, /* P2 */
    {"acme/shoe?opac=.5", "C.opac", "1,100"},
    {"acme/shoe?iccEmbed=true", "iccembed", "1"},
    {"acme/shoe?fit=CROP&wid=1&hei=1", "V.fit", "crop"}, /* P1 */
    {"acme/shoe?wid=3&wid=4", "V.wid", "4"},
};

static void test_lexical_rules(void **state) {
    (void)state;
    check_meanings(catalog, ROWS(lexical));
}

/* ---- view ---- */

static const meaning view[] = {
    {"acme/shoe?rgn=1,-2,30,40", "V.rgn", "1,-2,30,40"},
    {"acme/shoe?rgn=1,-2,30,40", "V.hasrgn", "1"},
    {"acme/shoe?rect=-5,6,7,8", "V.rect", "-5,6,7,8"},
    {"acme/shoe?rect=5,6,7,8,2.5", "V.rectscale", "2.5"},
    {"acme/shoe?wid=3&hei=4&fit=stretch,1", "V.upscale", "1"},
    {"acme/shoe?wid=3&hei=4&align=-1,0.25", "V.align", "-1,0.25"},
    {"acme/shoe?wid=3&hei=4&align=-9,9", "V.align", "-1,1"}, /* clamped, P5 */
    {"acme/shoe?wid=3&align=1,1", "V.align", ""},            /* one side only: no effect */
    {"acme/shoe?wid=3&hei=4&fit=constrain&align=1,1", "V.align", ""},
    {"acme/shoe?scl=4&wid=3&align=1,1", "V.align", "1,1"},
    {"acme/shoe?wid=5&scl=.25", "V.scl", "0.25"},
    {"acme/shoe?bgc=10,20,30,40", "bgc", "0A141E"},            /* alpha means nothing */
    {"acme/shoe?bgc=10,20,30&fmt=png-alpha", "bgc", "FFFFFF"}, /* P13 */
    {"acme/shoe?resMode=sharp", "V.resmode", "sharp2"},
    {"acme/shoe?resMode=trilin", "V.resmode", "sharp2"}, /* P25 */
    {"acme/shoe?wid=3", "V.defpix", ""},
    {"acme/shoe?size=472,600&wid=512&hei=640&scl=1", "V.scl", "1"},
};

static void test_view(void **state) {
    (void)state;
    check_meanings(catalog, ROWS(view));
}

/* ---- layers ---- */

static const meaning layers[] = {
    /* routing at comp */
    {"acme/shoe?rotate=30", "L0.rotate", "30"}, {"acme/shoe?flip=lr", "C.flip", "1"},
    {"acme/shoe?layer=0&flip=lrud", "L0.adjust.flip", "3"},
    {"acme/shoe?op_hue=30", "C.ops.hue", "30"},
    {"acme/shoe?layer=0&op_hue=30", "L0.adjust.ops.hue", "30"},
    {"acme/shoe?op_growMask=2", "L0.adjust.ops.growmask", "2"},
    {"acme/shoe?opac=40,50", "C.opac", "40,50"}, {"acme/shoe?pos=3,4", "L0.pos", ""},
    {"acme/shoe?blendMode=mult", "L0.blend", ""},
    {"acme/shoe?layer=0&pos=3,4&blendMode=mult", "L0.blend", ""},
    {"acme/shoe?effect=-1&color=1,2,3", "C.effect.color", "010203FF"},
    {"acme/shoe?layer=0&effect=-1&color=1,2,3,4", "L0.adjust.effect.color", "01020304"},
    {"acme/shoe?layer=0&op_blur=2&layer=comp&op_blur=3", "L0.adjust.ops.blur", "2"},
    {"acme/shoe?layer=0&op_blur=2&layer=comp&op_blur=3", "C.ops.blur", "3"},
    {"acme/shoe?hide=1", "L0.hide", "1"},
    /* structure */
    {"acme/shoe?layer=7,a&src=label&layer=3,b&src=mask&layer=a&rotate=5", "pic.layer#7.rotate",
        "5"},
    {"acme/shoe?layer=2&src=label&pos=9,9&layer=1&src=mask&layer=2&pos=1,1", "L2.pos", "1,1"},
    {"acme/shoe?layer=1,x&layer=1,x&src=mask", "L1.src.file", "acme/mask.png"},
    {"acme/shoe?layer=1&layer=comp&wid=9", "pic.layer#1", ""}, /* opened, but empty */
    {"acme/shoe?layer=1&src=label&hide=1", "pic.layer#1", ""},
    {"acme/shoe?layer=comp,all&layer=all&flip=ud", "C.flip", "2"},
    {"acme/shoe?layer=1&src=label&wid=30&rotate=2", "V.wid", "30"}, /* view commands anywhere */
    /* content */
    {"acme/shoe?src=label", "L0.src.file", "acme/label.png"},
    {"acme/shoe?layer=1&src=/acme/label", "L1.src.file", "acme/label.png"},
    {"acme/shoe?layer=1&src=acme/label", "L1.src.file", "acme/label.png"},
    {"acme/shoe?layer=1&src=label&text=Hi", "L1.kind", "text"},
    {"acme/shoe?layer=1&text=Hi&src=label", "L1.kind", ""},
    {"acme/shoe?mask=mask", "L0.mask.file", "acme/mask.png"},
    {"acme/shoe?mask=mask&maskUse=invert", "L0.maskuse", "invert"},
    {"acme/shoe?layer=1&color=10,20,30,128&size=5,6", "L1.kind", "solid"},
    {"acme/shoe?layer=1&color=10,20,30,128&size=5,6", "L1.color", "0A141E80"},
    {"acme/shoe?color=ff000080", "L0.hascolor", "1"},
    {"acme/shoe?color=ff000000", "L0.hascolor", ""}, /* fills nothing */
    {"acme/shoe?bgColor=255,0,0", "L0.bgcolor", "FF0000FF"},
    {"?src=acme/label", "L0.src.file", "acme/label.png"}, /* no object in the path */
    {"acme?layer=0&color=1,2,3&size=9,9", "L0.kind", "solid"},
    /* geometry */
    {"acme/shoe?crop=1,2,3,4&cropN=0,0,.5,.5", "L0.cropunit", "n"},
    {"acme/shoe?cropN=0,0,.5,.5&crop=-1,2,3,4", "L0.crop", "-1,2,3,4"},
    {"acme/shoe?crop=5,5,0,9", "L0.crop", ""}, /* P7 */
    {"acme/shoe?cropN=0,0,0,0", "L0.crop", ""}, {"acme/shoe?cropN=0,0,1,1", "L0.crop", ""},
    {"acme/shoe?size=10", "L0.size", "10,0"}, {"acme/shoe?scale=.5", "L0.scale", "0.5"},
    {"acme/shoe?res=75", "L0.scale", "0.5"}, /* Resolution 150 */
    {"acme/shoe?res=75&scale=.25", "L0.scale", "0.25"},
    {"acme/shoe?scale=.25&res=75", "L0.scale", "0.25"},
    {"acme/shoe?scale=.25&size=9,9", "L0.scale", ""},
    {"acme/shoe?layer=1&src=label&sizeN=.5,.25", "L1.sizen", "0.5,0.25"},
    {"acme/shoe?rotate=-30", "L0.rotate", "330"}, {"acme/shoe?rotate=720", "L0.rotate", ""},
    {"acme/shoe?extend=1,-2,3,4", "L0.extend", "1,-2,3,4"},
    {"acme/shoe?extendN=.1,0,.2,0", "L0.extendunit", "n"},
    {"acme/shoe?anchor=5,6&rotate=1", "L0.anchor", "5,6"},
    {"acme/shoe?anchorN=-.5,.5", "L0.anchorunit", "n"},
    {"acme/shoe?origin=-0.5,-0.5", "L0.originunit", "px"},
    {"acme/shoe?origin=-0.5,2.5", "L0.origin", "0,3"}, /* P39 */
    {"acme/shoe?layer=1&src=label&posN=.5,.5&pos=3,4", "L1.posunit", "px"},
    {"acme/shoe?layer=1&src=label&perspective=0,0,9,0,9,9,0,9", "L1.perspective.mode", "R3"},
    {"acme/shoe?layer=1&src=label&perspectiveN=0,0,1,0,1,1,0,1,R3T50", "L1.perspective.jitter",
        "50"},
    {"acme/shoe?perspective=0,0,9,0,9,9,0,9,R1&rotate=5&extend=1,1,1,1", "L0.rotate", ""}, /* P37 */
    {"acme/shoe?layer=0&cropPathE=a,b", "L0.adjust.croppath", "a%2Cb"},
    /* adjustments */
    {"acme/shoe?layer=1&src=label&blendMode=Screen", "L1.blend", "screen"},
    {"acme/shoe?layer=1&src=label&opac=500", "L1.adjust.opac", ""},
    {"acme/shoe?clipPath=M0,0,L10,0,10,10Z", "C.clip", "M0%2C0L10%2C0L10%2C10Z"},
    {"acme/shoe?clipXPath=M0,0,L10,0,10,10Z", "C.clipx", ""}, /* needs clipPath */
    {"acme/shoe?layer=1&color=1,2,3&clipPath=M0,0,l10,0,0,10z", "L1.adjust.clip",
        "M0%2C0L10%2C0L10%2C10Z"},
    {"acme/shoe?layer=1&color=1,2,3&size=9,9&clipPathE=a", "L1.adjust.clipe", ""}, /* no image */
    {"acme/shoe?map=%3cAREA%3e", "C.map", ""}, /* means nothing to an image */
    {"acme/map?req=map&wid=9", "L0.adjust.mapa", "%3CAREA%20coords%3D%221%2C2%2C3%2C4%22%3E"},
    {"acme/map?req=map&layer=0&map=", "L0.adjust.mapa", ""}, /* empty: none */
};

static void test_layers(void **state) {
    (void)state;
    check_meanings(catalog, ROWS(layers));
}

/* ---- effects ---- */

static const meaning effects[] = {
    {"acme/shoe?layer=0&effect=2&color=1,1,1&effect=-3&color=2,2,2", "L0.adjust.effect#-3.color",
        "020202FF"},
    {"acme/shoe?layer=0&effect=2&color=1,1,1&effect=-3&color=2,2,2", "L0.adjust.effect.color",
        "020202FF"}, /* ascending */
    {"acme/shoe?effect=-1&$shade$&color=20,90,200", "C.effect.color", "145AC8FF"},
    {"acme/shoe?effect=-1&$shade$&color=20,90,200", "C.effect.blur", "3"},
    {"acme/shoe?effect=-1&$shadow$", "C.effect.opac", "75"}, /* built in, P31 */
    {"acme/shoe?effect=1&color=1,1,1&op_grow=-4&op_noise=7,gaussian,1&maskUse=off", "C.effect.grow",
        "-4"},
    {"acme/shoe?effect=1&color=1,1,1&op_noise=7,gaussian,1", "C.effect.noisegaussian", "1"},
    {"acme/shoe?effect=1&color=1,1,1&op_hue=7", "C.ops.hue", ""}, /* ignored by effects */
    {"acme/shoe?effect=1&color=1,1,1&crop=1,1,2,2", "L0.crop", ""},
    {"acme/shoe?effect=1&color=1,1,1&wid=44", "V.wid", "44"},
    {"acme/shoe?effect=1&color=1,1,1&effectMask=0", "pic.effectmask", "0"},
    {"acme/shoe?effectMask=0", "pic.effectmask", ""}, /* no effect to mask */
    {"acme/shoe?layer=1&src=label&effect=-1&color=0,0,0&layer=1&rotate=5", "L1.rotate", "5"},
    {"acme/shoe?layer=0&effect=-1&color=0,0,0&opac=33,44", "L0.adjust.effect.opac", "33"},
};

static void test_effects(void **state) {
    (void)state;
    check_meanings(catalog, ROWS(effects));
}

/* ---- operations ---- */

static const meaning operations[] = {
    {"acme/shoe?op_brightness=200", "C.ops.brightness", "100"},
    {"acme/shoe?op_contrast=-200", "C.ops.contrast", "-100"},
    {"acme/shoe?op_colorbalance=1,-2,300", "C.ops.balance", "1,-2,100"},
    {"acme/shoe?op_hue=-181", "C.ops.hue", "-180"},
    {"acme/shoe?op_saturation=-50", "C.ops.saturation", "-50"},
    {"acme/shoe?op_colorize=200,0,0", "C.ops.colorize", "norm"},
    {"acme/shoe?op_colorize=200,0,0,off,30", "C.ops.colorizecontrast", ""},
    {"acme/shoe?op_colorize=c80000,norm,30", "C.ops.colorizecontrast", "30"},
    {"acme/shoe?colorize=c80000", "C.ops.colorizergb", "C80000"},
    {"acme/shoe?op_invert=1", "C.ops.invert", "1"},
    {"acme/shoe?op_blur=900", "C.ops.blur", "100"},
    {"acme/shoe?op_grow=-3", "C.ops.grow", "-3"},
    {"acme/shoe?op_growMask=5&op_growMaskR=6", "L0.adjust.ops.growmaskraw", "1"},
    {"acme/shoe?op_growMaskR=6&op_growMask=5", "L0.adjust.ops.growmaskraw", ""},
    {"acme/shoe?op_noise=20,gaussian,1", "C.ops.noisemono", "1"},
    {"acme/shoe?op_noise=0,gaussian,1", "C.ops", ""},
    {"acme/shoe?op_usm=1,2,3,1&op_usmR=2,3", "V.usm.amount", "2"},
    {"acme/shoe?op_usmR=2,3", "V.usm.raw", ""}, /* at comp no radius is scaled, P19 */
    {"acme/shoe?layer=0&op_usmR=2,3", "L0.adjust.ops.usm.raw", "1"},
    {"acme/shoe?op_usm=0,3", "V.usm", ""},
    {"acme/shoe?op_usm=1.75,0.3,2,0,", "V.usm.threshold", "2"},
};

static void test_operations(void **state) {
    (void)state;
    check_meanings(catalog, ROWS(operations));
}

/* ---- text ---- */

static const meaning texts[] = {
    {"acme/shoe?layer=1&text=a%20b+c&textAttr=150,off,maxRes,nbWrap", "L1.text.dpi", "150"},
    {"acme/shoe?layer=1&text=%7b%5crtf1%7b%5cfonttbl%7b%5cf0+Sans;%7d%7d%5cf0+Hi%7d",
        "L1.text.font.file", "acme/font.ttf"},
    {"acme/shoe?layer=1&textPs=%7b%5crtf1%7b%5cfonttbl%7b%5cf0+Sans;%7d%7d%5cf0+Hi%7d&textAngle=30",
        "L1.text.angle", "30"},
    {"acme/"
     "shoe?layer=1&textPs=%7b%5crtf1%7b%5cfonttbl%7b%5cf0+Sans;%7d%7d%5cf0+Hi%7d&textPath=M0,0L9,9"
     "&pathAttr=reverse,.25,.5",
        "L1.text.start", "0.25"},
    {"acme/shoe?layer=1&text=%7b%5crtf1%7b%5cfonttbl%7b%5cf0+Sans;%7d%7d%5cf0+Hi%7d&textAngle=30",
        "L1.text.angle", ""}, /* textPs only */
};

static void test_text(void **state) {
    (void)state;
    check_meanings(catalog, ROWS(texts));
}

/* ---- output ---- */

static const meaning outputs[] = {
    {"acme/shoe?fmt=JPG", "fmt", "jpeg"},
    {"acme/shoe?fmt=pjpeg&pscan=4", "scans", "4"},
    {"acme/shoe?fmt=jpeg&pscan=4", "scans", ""}, /* another format's */
    {"acme/shoe?fmt=png8-alpha", "palette", "1"},
    {"acme/shoe?fmt=gif&quantize=adaptive,off,2,000000,ffFFff", "quantize.forced",
        "000000%2CFFFFFF"},
    {"acme/shoe?fmt=gif&quantize=web,off,7", "quantize.colors", ""},
    {"acme/shoe?fmt=jpeg&quantize=web", "quantize", ""},
    {"acme/shoe?fmt=tif,,jpeg", "pixelkeep", "1"}, /* P23 */
    {"acme/shoe?fmt=tif,,jpeg", "compression", "jpeg"},
    {"acme/shoe?fmt=tif-alpha,,jpeg", "compression", ""},
    {"acme/shoe?fmt=tif,cmyk", "pixel", "cmyk"},
    {"acme/shoe?fmt=pdf,,lzw", "compression", ""},
    {"acme/shoe?fmt=pdf,gray,zip", "compression", "zip"},
    {"acme/shoe?fmt=jpeg,gray", "pixel", "gray"},
    {"acme/shoe?req=mask", "pixel", "gray"},
    {"acme/shoe?req=mask&fmt=png,rgb", "pixel", ""},
    {"acme/shoe?fmt=heic", "lossless", "1"},
    {"acme/shoe?fmt=webp,,lossless", "lossless", "1"},
    {"acme/shoe?qlt=0", "qlt", "1"},
    {"acme/shoe?jpegSize=20", "jpegsize", "20"},
    {"acme/shoe?jpegSize=20&fmt=png", "jpegsize", ""},
    {"acme/shoe?icc=AdobeRGB,absolute,0,1", "icc", "/AdobeRGB,0,0"},
    {"acme/shoe?icc=AdobeRGB,absolute,0,1", "intent", "absolute"},
    {"acme/shoe?icc=AdobeRGB", "bpc", ""},
    {"acme/shoe?icc=sRGB,absolute", "intent", ""}, /* from sRGB to sRGB */
    {"acme/shoe?iccEmbed=1&fmt=gif", "iccembed", ""},
    {"acme/shoe?xmpEmbed=1&fmt=png", "xmpembed", ""},
    {"acme/shoe?pathEmbed=1", "pathembed", "1"},
    {"acme/shoe?printRes=300", "dpi", "300"},
    {"acme/shoe", "dpi", "-1"},
    {"acme/shoe?fmt=webp", "dpi", ""},
};

static void test_outputs(void **state) {
    (void)state;
    check_meanings(catalog, ROWS(outputs));
}

/* ---- requests without pixels, thumbnails ---- */

static const meaning requests[] = {
    {"acme/shoe?req=tile&rect=0,0,4,4", "req", ""},
    {"acme/shoe?req=MASK", "req", "mask"},
    {"acme/shoe?req=props,json&scl=1", "req", "props"},
    {"acme/shoe?req=props,json,UTF-8&handler=h1&id=r2", "handler", "h1"},
    {"acme/shoe?req=props&icc=AdobeRGB", "iccname", "AdobeRGB"},
    {"acme/shoe?req=imageprops,xml&wid=0", "body", "xml"}, /* alone */
    {"acme/shoe?req=set", "body", "xml"},
    {"acme/shoe?req=xmp", "req", "xmp"},
    {"acme/shoe?req=tmb", "V.thumb", "crop"},
    {"acme/shoe?req=tmb", "V.wid", "64"},
    {"acme/shoe?req=tmb&hei=9", "V.hei", "9"},
    {"acme/shoe?req=tmb", "V.align", "1,0"},               /* ThumbHorizAlign 3, ThumbVertAlign 2 */
    {"acme/shoe?req=tmb&align=-1,-1", "V.align", "-1,-1"}, /* P32 */
    {"acme/shoe?req=tmb", "bgc", "00FF00"},
    {"acme/shoe?req=tmb&bgc=1,2,3", "bgc", "010203"},
    {"acme/shoe?req=tmb&scl=3", "V.scl", ""},
    {"acme/shoe:Wide", "L0.src.smart", "1600,400"},
    {"acme/shoe:Wide?req=userdata", "req", "crop"},
    /* of records: the crop of the record, else of its file */
    {"acme/map:Wide", "L0.src.smart", "1600,400"},
    {"acme/map:Wide", "L0.src.part", "0.1,0.2,0.3,0.4"},
    {"acme/pin:Wide", "L0.src.part", "0.5,0.5,0.5,0.5"},
    {"acme/shoe:Wide", "L0.src.part", "0.1,0.2,0.3,0.4"},
    {"acme/shoe.jpg:Wide", "L0.src.part", "0.1,0.2,0.3,0.4"},
    {"acme/map:Swatch", "L0.src.smart", "200,200"},
    {"acme/map:Swatch", "L0.src.part", ""},
    {"acme/map:Wide?req=userdata", "req", "crop"},
    {"acme/map:Swatch?req=userdata", "req", "crop"},
    {"acme/pin:Wide", "L0.rotate", "5"}, /* the record's Modifier counts, … */
    {"acme/pin", "L0.anchor", "7,8"},
    {"acme/pin:Wide", "L0.anchor", ""}, /* … but not what is in pixels of the whole */
    {"acme/map?req=map&wid=9", "L0.adjust.mapa", "%3CAREA%20coords%3D%221%2C2%2C3%2C4%22%3E"},
    {"acme/map:Wide?req=map&wid=9", "L0.adjust.mapa", ""},
    {"acme/pin:Tall", "L0.src.file", "acme/label.png"}, /* a record of that name */
    {"acme/pin:Tall", "L0.src.smart", ""},
    {"acme/label?layer=1&src=pin:Wide", "L1.src.part", "0.5,0.5,0.5,0.5"},
    {"acme/label?layer=1&src=is{acme/pin:Wide}", "L1.src.is.layer#0.src.part", "0.5,0.5,0.5,0.5"},
    {"acme/label?mask=pin:Wide", "L0.mask.part", "0.5,0.5,0.5,0.5"},
    {"acme/pin:Wide?template=card", "L1.src.part", "0.5,0.5,0.5,0.5"},
    {"acme/label?template=card&$object=pin:Swatch", "L1.src.smart", "200,200"},
};

static void test_requests(void **state) {
    (void)state;
    check_meanings(catalog, ROWS(requests));
}

/* ---- errors ---- */

static const refusal refusals[] = {
    {"acme/shoe?req=tmb&fit=crop&wid=4", SI_ERR_SYNTAX, "fit"},
    {"acme/shoe?layer=1,a&src=label&layer=2,a&src=label", SI_ERR_SYNTAX, "named"},
    {"acme/shoe?layer=nobody", SI_ERR_SYNTAX, "unknown name"},
    {"acme/shoe?layer=1,comp", SI_ERR_SYNTAX, "comp"},
    {"acme/shoe?layer=-1", SI_ERR_RANGE, "below 0"},
    {"acme/shoe?effect=0", SI_ERR_SYNTAX, "effect"},
    {"acme/shoe?effect=-1&op_blur=3", SI_ERR_SYNTAX, "color"},
    {"acme?layer=1&src=label", SI_ERR_SYNTAX, "layer 0 is missing"},
    {"?wid=4", SI_ERR_SYNTAX, "layer 0 is missing"},
    {"acme/shoe?sizeN=.5,.5", SI_ERR_SYNTAX, "sizeN"},
    {"acme/shoe?layer=0&sizeN=.5,.5", SI_ERR_SYNTAX, "sizeN"},
    {"acme?layer=0&bgColor=1,2,3", SI_ERR_SYNTAX, "layer 0 is missing"},
    {"acme/shoe?rgn=0,0,1073741823,4", SI_ERR_RANGE, "rgn: numbers go to 1000000000"},
    {"acme/shoe?layer=1&src=is{acme/label?size=1000000001,4}", SI_ERR_RANGE, "size: numbers go to"},
    {"acme/shoe?layer=1&color=1,2,3", SI_ERR_SYNTAX, "size="},
    {"acme/shoe?layer=1&color=1,2,3&size=4,0", SI_ERR_SYNTAX, "size="},
    {"acme/shoe?layer=1&color=1,2,3&clipPath=M0,0L9,9,0,9&rotate=3", SI_ERR_SYNTAX, "clipPath"},
    {"acme/shoe?layer=1&color=1,2,3&clipPath=M0,0L9,9,0,9&anchor=3,3", SI_ERR_SYNTAX, "clipPath"},
    {"acme/shoe?jpegSize=-1", SI_ERR_RANGE, "jpegSize"},
    {"acme/shoe?fmt=webp,cmyk", SI_ERR_UNSUPPORTED, "CMYK"},
    {"acme/shoe?fmt=webp&icc=Gray22", SI_ERR_UNSUPPORTED, "profile"}, /* P26 */
    {"acme/shoe?icc=press.icc", SI_ERR_SOURCE, "profile"},
    {"acme/shoe?icc=../press.icc", SI_ERR_FORBIDDEN, "profile"},
    {"acme/shoe?fmt=gif-alpha&quantize=mac", SI_ERR_RANGE, "mac"},
    {"acme/shoe?quantize=adaptive,off,1", SI_ERR_RANGE, "quantize"},
    {"acme/shoe?quantize=adaptive,off,9,fff", SI_ERR_RANGE, "quantize"},
    {"acme/shoe?fmt=m3u8", SI_ERR_UNSUPPORTED, "mbrSet"},
    {"acme/shoe?fmt=tga", SI_ERR_SYNTAX, "unknown format \"tga\""},
    {"acme/shoe?fmt=jpge", SI_ERR_SYNTAX, "unknown format \"jpge\"; did you mean \"jpeg\"?"},
    {"acme/shoe?src=gone", SI_ERR_NOT_FOUND, "gone"},
    {"acme/shoe?layer=1&src=a,b", SI_ERR_SYNTAX, "object"},
    {"acme/shoe?layer=1&src=a%2cb", SI_ERR_SYNTAX, "object"},
    {"acme/shoe?layer=1&src=../x", SI_ERR_FORBIDDEN, NULL},
    {"acme/shoe?layer=1&src=ir(x)", SI_ERR_UNSUPPORTED, "ir("},
    {"acme/shoe?layer=1&src=fxg{x}", SI_ERR_UNSUPPORTED, "fxg("},
    {"acme/shoe?layer=1&src=is(acme/shoe&wid=3", SI_ERR_SYNTAX, "brackets"},
    {"acme/shoe?layer=1&src=(http://evil/x.jpg)", SI_ERR_FORBIDDEN, "not allowed"},
    {"acme/shoe?layer=1&src=(x.jpg)", SI_ERR_FORBIDDEN, "not allowed"},
    {"acme/shoe?perspective=1,2,3", SI_ERR_RANGE, "perspective"},
    {"acme/shoe?layer=1&src=label&perspective=0,0,9,0,9,9,0,9,r1", SI_ERR_RANGE, "perspective"},
    {"acme/shoe?pos=1&layer=1&src=label&pos=1", SI_ERR_RANGE, "pos"},
    {"acme/shoe?anchor=2147483649,0", SI_ERR_RANGE, "anchor"},
    {"acme/shoe?rgn=0,0,0,4", SI_ERR_RANGE, "rgn"},
    {"acme/shoe?hide=maybe", SI_ERR_RANGE, "hide"},
    {"acme/shoe?maskUse=some", SI_ERR_RANGE, "maskUse"},
    {"acme/shoe?flip=up", SI_ERR_RANGE, "flip"},
    {"acme/shoe?scale=0", SI_ERR_RANGE, "scale"},
    {"acme/shoe?res=-1", SI_ERR_RANGE, "res"},
    {"acme/shoe?clipPath=Q1,2", SI_ERR_SYNTAX, NULL},
    {"acme/shoe?op_colorize=50", SI_ERR_RANGE, "op_colorize"},
    {"acme/shoe?op_noise=4,pink", SI_ERR_RANGE, "op_noise"},
    {"acme/shoe?layer=1&src=label&blendMode=burn", SI_ERR_RANGE, "blendMode"},
    {"acme/shoe?textAttr=0", SI_ERR_RANGE, "textAttr"},
    {"acme/shoe?pathAttr=norm,.5,.2", SI_ERR_RANGE, "pathAttr"},
    {"acme/shoe?layer=1&text=%7b%5crtf1%7b%5cfonttbl%7b%5cf0+Serif;%7d%7d%5cf0+Hi%7d", SI_ERR_RANGE,
        "Serif"},
    {"acme/"
     "shoe?layer=1&textPs=%7b%5crtf1%7b%5cfonttbl%7b%5cf0+Sans;%7d%7d%5cf0+Hi%7d&textPath=M0,0L9,9"
     "&textFlowPath=M0,0L9,9,0,9",
        SI_ERR_RANGE, "textFlowPath"},
    {"acme/shoe?req=imageprops,yaml", SI_ERR_RANGE, "req"},
    {"acme/shoe?req=set,text", SI_ERR_RANGE, "req"},
    {"acme/shoe?req=saveToFile", SI_ERR_UNSUPPORTED, "switched off"},
    {"acme/shoe?req=props,xml,EBCDIC", SI_ERR_RANGE, "req"},
    {"acme/shoe?wid=1%00", SI_ERR_SYNTAX, "NUL"},
};

static void test_refusals(void **state) {
    (void)state;
    check_refusals(catalog, ROWS(refusals));
}

/* What is no error (docs/protocol.md, Errors). */
static const meaning forgiven[] = {
    {"acme/shoe?clipPathE=none,at,all", "C.clipe", "none%2Cat%2Call"},
    {"acme/shoe?fmt=png&qlt=3&quantize=web&pscan=5", "fmt", "png"},
    {"acme/shoe?layer=1&color=1,1,1&size=3,3&crop=1,1,2,2&res=72", "L1.crop", ""},
    {"acme/shoe?iccEmbed=1&fmt=webp", "iccembed", ""},
    {"acme/shoe?whatever=9", "V.wid", "0"},
    /* empty layers: nothing, but for a bgColor in a rectangle of some size */
    {"acme/shoe?layer=1&size=4,4", "pic.layer#1", ""},
    {"acme/shoe?layer=1&bgColor=f1f1f1&blendMode=mult", "pic.layer#1", ""},
    {"acme/shoe?layer=1&src=&size=4,4", "pic.layer#1", ""},
    {"acme/shoe?layer=1&size=4,4&bgColor=f1f1f1&blendMode=mult", "L1.bgcolor", "F1F1F1FF"},
    {"acme/shoe?layer=1&size=4,4&bgColor=f1f1f1&blendMode=mult", "L1.hascolor", ""},
    {"acme/shoe?layer=1&size=4,4&bgColor=f1f1f1&blendMode=mult", "L1.blend", "mult"},
    {"acme?layer=0&size=4,4", "L0.kind", "solid"},
    {"acme/shoe?layer=1&src=label&id=$nobody$", "L1.src.file", "acme/label.png"},
};

static void test_no_errors(void **state) {
    (void)state;
    check_meanings(catalog, ROWS(forgiven));
}

/* ---- the table ---- */

static void test_table(void **state) {
    (void)state;
    for (int i = 0; i < si_command_count; i++) {
        const si_command_row *row = &si_command_rows[i];
        char grammar[SI_GRAMMAR_MAX];
        assert_ptr_equal(si_command_find(row->name), row);
        assert_true(strlen(row->help) > 5 && strlen(si_command_grammar(row, grammar)) > 0);
        assert_true(strlen(row->section) > 3);
        bool of_layers = row->scope == SI_SCOPE_LAYER || row->scope == SI_SCOPE_SOURCE;
        assert_int_equal(of_layers, row->comp != SI_COMP_NONE);
        if (i > 0) {
            assert_true(strcasecmp(si_command_rows[i - 1].name.p, row->name.p) < 0);
        }
    }
    assert_null(si_command_find(SI_STR("widd")));
    assert_null(si_command_find(SI_STR("wi")));
    assert_null(si_command_find(SI_STR("")));
    assert_non_null(si_command_find(SI_STR("RESMODE")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_colours),
        cmocka_unit_test(test_lexical_rules),
        cmocka_unit_test(test_view),
        cmocka_unit_test(test_layers),
        cmocka_unit_test(test_effects),
        cmocka_unit_test(test_operations),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_outputs),
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_no_errors),
        cmocka_unit_test(test_table),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
