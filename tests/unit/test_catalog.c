/* Attributes and company files (docs/attributes.md). */
#include "catalog_fixture.h"

/* ---- inheritance, attribute by attribute ---- */

/* Attributes whose empty value switches something off, and those that are never inherited; every
 * other one takes the default company's. ForeignHosts, RequestLockKey and Sources are ours. */
static const char *const empty_is_off[] = {"AccessControlAllowOrigin", "TimingAllowOrigin",
    "CrossOriginResourcePolicy", "DefaultExt", "DefaultImage", "ErrorImage", "RootPath", "RootUrl",
    "SavePath", "StaticContentRootPath", "Watermark", "TrustedDomains", "AllowDirectAccess",
    "ForeignHosts", "CacheCommandAddresses", "RequestLockKey", "NetworkHeader", "Sources", NULL};
static const char *const never_inherited[] = {"CatalogFile", "SvgCatalogFile",
    "StaticContentCatalogFile", "MacroFile", "FontMapFile", "IccProfileMapFile", "RuleSetFile",
    "TimeStamp", "AudioBitRate", "VideoBitRate", "TotalStreamBitRate", "VideoSize",
    "HttpAppleStreamingContext", "HttpFlashStreamingContext", "FolderCompanies", NULL};

static bool listed(const char *name, const char *const *list) {
    for (int i = 0; list[i] != NULL; i++) {
        if (strcmp(name, list[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* Two values of a type that are neither equal nor the default. */
static const char *sample(const si_attribute *row, bool second) {
    static const struct {
        const char *name, *first, *second;
    } rows[] = {{"INT", "1", "0"}, {"REAL", "2.5", "7"}, {"PAIR", "300,200", "7,9"},
        {"QUALITY", "55,1", "66,0"}, {"COLOR", "102030", "0xA0B0C0"}, {"RESMODE", "bicub", "2"},
        {"TEXT", "some-longer-text1", "another-long-text"}, {"LIST", "a,b", "c"},
        {"DATE", "1000", "01/02/2020 03:04:05 GMT"}, {"ADDRESSES", "10.0.0.0/8", "::1"},
        {"HEADER", "X-Some-Line", "X-Other"}, {"RATIOS", "1,2.5", "3"},
        {"LOCALES", "de,_D,|,", "fr,_F"}, {"CLASSES", "include:IS", "exclude:SVG,FLA"}};
    if (strcmp(row->type, "BOOL") == 0) {
        return (strcmp(row->initial, "true") == 0) == second ? "true" : "false";
    }
    if (strcmp(row->type, "INT") == 0 && strcmp(row->initial, "1") == 0) {
        return second ? "3" : "2"; /* enums from 1 on, and the intent */
    }
    if (strcmp(row->type, "INT") == 0 && row->value.limits.min >= 1) {
        return second ? "3" : "1";
    }
    if (strcmp(row->name, "DefaultExt") == 0) {
        return second ? ".png" : ".tif";
    }
    if (strstr(row->name, "Origin") != NULL && strcmp(row->type, "LIST") == 0) {
        return second ? "http://b.example:81" : "https://a.example,https://b.example";
    }
    if (strcmp(row->name, "Sources") == 0) { /* others are sections that there are not */
        return second ? "folder" : "folder,folder";
    }
    if (strcmp(row->name, "CrossOriginResourcePolicy") == 0) {
        return second ? "same-origin" : "same-site";
    }
    if (strcmp(row->name, "RuleSetFile") == 0) {
        return second ? "rules2.xml" : "rules1.xml";
    }
    if (strstr(row->name, "MapFile") != NULL || strstr(row->name, "CatalogFile") != NULL ||
        strcmp(row->name, "MacroFile") == 0) {
        return second ? "empty2.txt" : "empty1.txt";
    }
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(row->type, rows[i].name) == 0) {
            return second ? rows[i].second : rows[i].first;
        }
    }
    fail_msg("no sample of %s", row->type);
    return NULL;
}

/* A value as text, to compare by. */
static void describe(const si_attribute *row, const si_attributes *a, char out[200]) {
    const void *v = (const char *)a + row->value.offset;
    out[0] = '\0';
    if (strcmp(row->type, "TEXT") == 0 || strcmp(row->type, "HEADER") == 0) {
        snprintf(out, 200, "%s", *(const char *const *)v);
    } else if (strcmp(row->type, "LIST") == 0) {
        const si_value_LIST *list = v;
        for (int i = 0; i < list->count; i++) {
            snprintf(out + strlen(out), 200 - strlen(out), "%s;", list->items[i]);
        }
    } else if (strcmp(row->type, "ADDRESSES") == 0) {
        const si_address_filter *list = *(const si_address_filter *const *)v;
        snprintf(out, 200, "%d:%d", list != NULL ? list->count : 0,
            list != NULL ? list->networks[0].bits : 0);
    } else if (strcmp(row->type, "LOCALES") == 0) {
        const si_locale_map *map = *(const si_locale_map *const *)v;
        snprintf(out, 200, "%d:%s", map != NULL ? map->count : 0,
            map != NULL ? map->rules[0].locale : "");
    } else if (strcmp(row->type, "RATIOS") == 0) {
        const si_value_RATIOS *list = v;
        snprintf(out, 200, "%d:%g,%g", list->count, list->at[0], list->at[1]);
    } else if (strcmp(row->type, "PAIR") == 0) {
        const si_value_PAIR *p = v;
        snprintf(out, 200, "%d,%d", p->w, p->h);
    } else if (strcmp(row->type, "QUALITY") == 0) {
        const si_value_QUALITY *q = v;
        snprintf(out, 200, "%d,%d", q->quality, q->chroma_full);
    } else if (strcmp(row->type, "REAL") == 0) {
        snprintf(out, 200, "%g", *(const double *)v);
    } else if (strcmp(row->type, "DATE") == 0) {
        snprintf(out, 200, "%lld", (long long)*(const int64_t *)v);
    } else if (strcmp(row->type, "BOOL") == 0) {
        snprintf(out, 200, "%d", *(const bool *)v);
    } else {
        assert_int_equal(row->value.size, sizeof(int));
        snprintf(out, 200, "%d", *(const int *)v);
    }
}

/* What company acme has for an attribute, with these two company files. */
static void value_with(
    const si_attribute *row, const char *standard, const char *own, char out[200]) {
    write_company("default", standard);
    write_company("acme", own);
    si_catalog *c = load();
    describe(row, &company_of(c, "acme")->attributes, out);
    si_catalog_free(c);
}

static void test_inheritance(void **state) {
    (void)state;
    write_file("conf/companies/empty1.txt", "Id\tName\tDefinition\tFontPath\tProfilePath\n");
    write_file("conf/companies/empty2.txt", "Id\tName\tDefinition\tFontPath\tProfilePath\n");
    write_file("conf/companies/rules1.xml", "<?xml version=\"1.0\"?><ruleset/>");
    write_file("conf/companies/rules2.xml", "<?xml version=\"1.0\"?><ruleset></ruleset>");
    for (int i = 0; i < si_attribute_count; i++) {
        const si_attribute *row = &si_attribute_rows[i];
        bool off = listed(row->name, empty_is_off), own = listed(row->name, never_inherited);
        char standard[200], first[200], second[200], empty[200], both_empty[200];
        char initial[200], undefined[200], defined[200], emptied[200];
        snprintf(first, sizeof first, "%s = %s\n", row->name, sample(row, false));
        snprintf(second, sizeof second, "%s = %s\n", row->name, sample(row, true));
        snprintf(empty, sizeof empty, "%s =\n", row->name);
        value_with(row, "", "", initial);
        value_with(row, "", first, standard);
        value_with(row, first, "", undefined);
        value_with(row, first, empty, emptied);
        value_with(row, first, second, defined);
        value_with(row, first, "", undefined);
        value_with(row, "", empty, both_empty);
        assert_string_not_equal(initial, standard);
        assert_string_not_equal(defined, standard);
        assert_string_equal(undefined, own ? initial : standard);
        if (off) {
            assert_string_not_equal(emptied, standard);
            assert_true(strcmp(emptied, "") == 0 || strcmp(emptied, "0") == 0 ||
                        strcmp(emptied, "0:0") == 0);
            assert_string_equal(both_empty, emptied);
        } else {
            assert_string_equal(emptied, own ? initial : standard);
            assert_string_equal(both_empty, initial);
        }
        /* the table says the same */
        assert_int_equal(row->inherits, off   ? SI_INHERITS_OFF
                                        : own ? SI_INHERITS_OWN
                                              : SI_INHERITS_INHERIT);
    }
}

static void test_root_path(void **state) {
    (void)state;
    static const struct {
        const char *standard, *own, *path;
    } rows[] = {
        {"", "", "acme"}, /* defined nowhere: the company's name */
        {"", "RootPath = pictures/all\n", "pictures/all"},
        {"RootPath = shared\n", "", "shared"},       /* not defined: the default company's */
        {"RootPath = shared\n", "RootPath =\n", ""}, /* empty: contributes nothing */
        {"RootPath =\n", "", ""},
    };
    make_dir("root/folder");
    make_dir("root/shared");
    make_dir("root/shared/below");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char standard[100];
        snprintf(standard, sizeof standard, "FolderCompanies = true\n%s", rows[i].standard);
        write_company("default", standard);
        write_company("acme", rows[i].own);
        si_catalog *c = load();
        si_arena arena = {0};
        assert_string_equal(company_of(c, "acme")->attributes.root_path, rows[i].path);
        /* a folder is a company below the default company's RootPath */
        bool shared = strstr(rows[i].standard, "shared") != NULL;
        const si_company *f = si_catalog_find_company(c, SI_STR("folder"), &arena);
        const si_company *b = si_catalog_find_company(c, SI_STR("below"), &arena);
        assert_true((f != NULL) == !shared && (b != NULL) == shared);
        assert_string_equal(shared ? b->attributes.root_path : f->attributes.root_path,
            shared ? "shared/below" : "folder");
        si_arena_free(&arena);
        si_catalog_free(c);
    }
}

/* ---- company files ---- */

static void test_ini_syntax(void **state) {
    (void)state;
    write_company("acme", "# comment \\\r\n"
                          "maxpix=100 , 200\r"
                          "DefaultFont = Ari\\\n  al \\\r\n#1\n\\\n"
                          "DEFAULTIMAGE = \"no \"\"image\"\".jpg\"\n"
                          "PublishInfo = 'it''s'\n"
                          "TrustedDomains = 'a','b'\n"
                          "JpegQuality = 10\nJpegQuality = 20\n"
                          "BkgColor = 0x00ff00\n"
                          "Expiration = 3\nExpiration =\n");
    si_catalog *c = load();
    const si_attributes *a = &company_of(c, "acme")->attributes;
    assert_int_equal(a->max_pix.w, 100);
    assert_int_equal(a->max_pix.h, 200);
    assert_string_equal(a->default_image, "no \"image\".jpg");
    assert_string_equal(a->default_font, "Arial#1"); /* a backslash goes on, whatever follows */
    assert_string_equal(a->publish_info, "it's");
    assert_int_equal(a->trusted_domains.count, 2);
    assert_int_equal(a->jpeg_quality.quality, 20); /* the last one wins */
    assert_int_equal(a->bkg_color, 0x00ff00);
    assert_true(a->expiration == 10); /* the last one, empty, inherits */
    si_catalog_free(c);
}

static void test_time(void **state) {
    (void)state;
    static const struct {
        const char *text;
        long long ms;
    } dates[] = {
        {"86400000", 86400000},
        {"01/02/1970 00:00:00 GMT", 86400000},
        {"01/02/1970 00:00:01 UTC", 86401000},
        {"01/01/1970 17:00:00 MST", 86400000},
        {"01/01/1970 17:00:00 GMT -7", 86400000},
        {"01/02/1970 05:30:00 GMT+05:30", 86400000},
        {"01/02/1970 01:00:00 +0100", 86400000},
        {"02/29/2024 12:00:00 GMT", 1709208000000},
    };
    for (size_t i = 0; i < sizeof dates / sizeof *dates; i++) {
        char text[100];
        snprintf(text, sizeof text, "TimeStamp = %s\n", dates[i].text);
        write_company("acme", text);
        si_catalog *c = load();
        assert_int_equal(company_of(c, "acme")->time_ms, dates[i].ms);
        si_catalog_free(c);
    }
    /* without one: when the file was changed */
    struct timespec times[2] = {{1000, 0}, {1234567, 500000000}};
    write_company("acme", "");
    assert_int_equal(utimensat(AT_FDCWD, in_folder("conf/companies/acme.ini"), times, 0), 0);
    si_catalog *c = load();
    assert_int_equal(company_of(c, "acme")->time_ms, 1234567500);
    si_catalog_free(c);
}

/* ---- records from company files ---- */

static void test_records(void **state) {
    (void)state;
    write_company("default", "[objects]\nshared = all/shared.tif\nboth = default.jpg\n");
    write_company("acme",
        "[objects]\nhero = deep/hat.tif?wid=1600&qlt=88\nboth = own.jpg\n"
        "[object shoe]\nPath = shoe.tif\nMaskPath = shoe-mask.tif\nModifier = wid=5\n"
        "PostModifier = qlt=9\nAnchor = 0,0\nResolution = 150.5\nPrintResolution = 300\n"
        "Size = 400,300\nIccProfile = AdobeRGB\nExpiration = -1\nTimeStamp = 5000\nThumbType = 3\n"
        "ThumbRes = 36\nAssetType = mediaset\nImageSet = a,b\nMap = <AREA>\n"
        "Targets = Target.1.rect=0,0,5,5??Target.1.label=x\nUserData = a=1??b=2\nUserType = t\n"
        "[object empty]\nModifier = size=10,20&color=255,0,0\nAnchor =\n"
        "[static film]\nPath = film.mp4\nVideoSize = 640,480\nVideoBitRate = 900000\n"
        "[static shoe]\nPath = shoe.pdf\n");
    si_catalog *c = load();
    const si_company *acme = company_of(c, "acme"), *owner = NULL;
    const si_record *r = si_catalog_record(c, acme, SI_STR("shoe"), SI_TABLE_IMAGE, &owner);
    assert_non_null(r);
    assert_ptr_equal(owner, acme);
    assert_string_equal(r->path, "shoe.tif");
    assert_string_equal(r->mask_path, "shoe-mask.tif");
    assert_string_equal(r->modifier, "wid=5");
    assert_string_equal(r->post_modifier, "qlt=9");
    assert_true(SI_RECORD_HAS(r, anchor) && r->anchor.w == 0 && r->anchor.h == 0);
    assert_true(r->resolution == 150.5 && r->print_resolution == 300);
    assert_true(r->size.w == 400 && r->size.h == 300);
    assert_string_equal(r->icc_profile, "AdobeRGB");
    assert_true(r->expiration == -1 && r->time_stamp == 5000);
    assert_true(r->thumb_type == 3 && r->thumb_res == 36);
    assert_int_equal(r->asset_type, SI_ASSET_MEDIASET);
    assert_string_equal(r->targets, "Target.1.rect=0,0,5,5\r\nTarget.1.label=x");
    assert_string_equal(r->user_data, "a=1\r\nb=2");
    r = si_catalog_record(c, acme, SI_STR("hero"), SI_TABLE_IMAGE, NULL);
    assert_string_equal(r->path, "deep/hat.tif");
    assert_string_equal(r->modifier, "wid=1600&qlt=88");
    assert_true(r->expiration == SI_EXPIRATION_INHERIT);
    r = si_catalog_record(c, acme, SI_STR("empty"), SI_TABLE_IMAGE, NULL);
    assert_string_equal(r->path, "");
    assert_false(SI_RECORD_HAS(r, anchor));
    /* a name space of its own for static content */
    r = si_catalog_record(c, acme, SI_STR("shoe"), SI_TABLE_STATIC, NULL);
    assert_string_equal(r->path, "shoe.pdf");
    r = si_catalog_record(c, acme, SI_STR("film"), SI_TABLE_STATIC, NULL);
    assert_true(r->video_size.w == 640 && r->video_bit_rate == 900000);
    assert_null(si_catalog_record(c, acme, SI_STR("film"), SI_TABLE_IMAGE, NULL));
    /* missing records come from the default company; case counts */
    r = si_catalog_record(c, acme, SI_STR("shared"), SI_TABLE_IMAGE, &owner);
    assert_string_equal(r->path, "all/shared.tif");
    assert_ptr_equal(owner, si_catalog_default(c));
    r = si_catalog_record(c, acme, SI_STR("both"), SI_TABLE_IMAGE, NULL);
    assert_string_equal(r->path, "own.jpg");
    assert_null(si_catalog_record(c, acme, SI_STR("SHOE"), SI_TABLE_IMAGE, NULL));
    si_catalog_free(c);
}

/* ---- macros ---- */

static void assert_preset(const si_catalog *c, const char *id, const char *name, const char *body) {
    const si_company *company = id[0] != '\0' ? company_of(c, id) : si_catalog_default(c);
    const char *have = si_company_preset(c, company, si_str_of(name));
    assert_non_null(have);
    assert_string_equal(have, body);
}

static void test_macros(void **state) {
    (void)state;
    write_company("default", "[presets]\nbase = qlt=70\nlow = $base$&wid=9\n");
    write_company("acme",
        "[presets]\n"
        "up = $low$&hei=3\n"                       /* from the default company */
        "base = qlt=90\n"                          /* hides the default company's from here on */
        "Mixed = wid=1&$BASE$&hei=2\n"             /* any case, anywhere */
        "nested = src=is(acme/x?$later$)&wid=2\n"  /* read when the nested request is */
        "again = $base$\nbase = $again$&fmt=png\n" /* no recursion: as it stood above */
        "var = $x=1&text=$x$y\n"
        "low = $low$&rect=1,2,3,4\n");
    si_catalog *c = load();
    assert_preset(c, "acme", "up", "qlt=70&wid=9&hei=3");
    assert_preset(c, "acme", "mixed", "wid=1&qlt=90&hei=2");
    assert_preset(c, "acme", "NESTED", "src=is(acme/x?$later$)&wid=2");
    assert_preset(c, "acme", "base", "qlt=90&fmt=png");
    assert_preset(c, "acme", "var", "$x=1&text=$x$y");
    assert_preset(c, "acme", "low", "qlt=70&wid=9&rect=1,2,3,4");
    assert_preset(c, "", "low", "qlt=70&wid=9");
    assert_preset(c, "acme", "shadow", "color=0,0,0&opac=75&op_blur=4&pos=4,4&blendMode=mult");
    assert_null(si_company_preset(c, company_of(c, "acme"), SI_STR("nothing")));
    si_catalog_free(c);
    write_company("default", "[presets]\nglow = opac=1\n");
    write_company("acme", "[presets]\nmine = $glow$&wid=1\n");
    c = load();
    assert_preset(c, "acme", "glow", "opac=1"); /* built in, unless redefined */
    assert_preset(c, "acme", "mine", "opac=1&wid=1");
    si_catalog_free(c);
}

/* Macros that double each time end at the limit, not in gigabytes. */
static void test_macro_bomb(void **state) {
    (void)state;
    char text[4000];
    size_t n = (size_t)snprintf(text, sizeof text, "[presets]\nm0 = wid=100&hei=100\n");
    for (int i = 1; i < 40; i++) {
        n += (size_t)snprintf(text + n, sizeof text - n, "m%d = $m%d$&$m%d$\n", i, i - 1, i - 1);
    }
    write_company("acme", text);
    assert_null(try_load());
    assert_non_null(strstr(reports, "expands to more than"));
}

/* ---- hosts and addresses ---- */

static void test_hosts(void **state) {
    (void)state;
    write_company("acme",
        "AllowDirectUrls = 1\nForeignHosts = pics.example.com, *.cdn.example, local:8080\n"
        "RootUrl = http://root.example/base/\n");
    write_company("closed", "ForeignHosts = pics.example.com\n");
    si_catalog *c = load();
    const si_attributes *a = &company_of(c, "acme")->attributes;
    assert_true(si_attributes_allow_host(a, SI_STR("pics.example.com"), 443));
    assert_true(si_attributes_allow_host(a, SI_STR("PICS.example.com"), 80));
    assert_true(si_attributes_allow_host(a, SI_STR("a.cdn.example"), 80));
    assert_true(si_attributes_allow_host(a, SI_STR("local"), 8080));
    assert_true(si_attributes_allow_host(a, SI_STR("root.example"), 80));
    assert_false(si_attributes_allow_host(a, SI_STR("local"), 80));
    assert_false(si_attributes_allow_host(a, SI_STR("cdn.example"), 80));
    assert_false(si_attributes_allow_host(a, SI_STR("evilcdn.example"), 80));
    assert_false(si_attributes_allow_host(a, SI_STR("pics.example.com.evil.org"), 80));
    assert_false(si_attributes_allow_host(a, SI_STR(""), 80));
    /* the list alone opens nothing */
    assert_false(si_attributes_allow_host(
        &company_of(c, "closed")->attributes, SI_STR("pics.example.com"), 80));
    si_catalog_free(c);
}

static void test_addresses(void **state) {
    (void)state;
    static const struct {
        const char *list, *client;
        bool allowed;
    } rows[] = {
        {"", "1.2.3.4", true},
        {"", "nonsense", true},
        {"0.0.0.0/0", "1.2.3.4", true},
        {"192.0.0.0/8", "192.255.1.1", true},
        {"192.0.0.0/8", "193.0.0.1", false},
        {"192.168.12.0/23", "192.168.13.255", true},
        {"192.168.12.0/23", "192.168.14.0", false},
        {"192.168.2.117", "192.168.2.117", true},
        {"192.168.2.117/32", "192.168.2.118", false},
        {"10.0.0.1, 10.0.0.3", "10.0.0.3", true},
        {"10.0.0.1,10.0.0.3", "10.0.0.2", false},
        {"10.0.0.0/8", "::ffff:10.1.2.3", true},
        {"2001:db8::/33", "2001:db8:7fff::1", true},
        {"2001:db8::/33", "2001:db8:8000::1", false},
        {"::/0", "1.2.3.4", true},
        {"0.0.0.0/0", "2001:db8::1", false},
        {"10.0.0.0/8", "127.0.0.1", false},
        {"10.0.0.0/8", "", false},
        {"10.0.0.0/8", "10.0.0.1x", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        si_arena arena = {0};
        const si_address_filter *list;
        assert_true(si_address_filter_read(si_str_of(rows[i].list), &arena, &list));
        if (si_address_filter_allows(list, si_str_of(rows[i].client)) != rows[i].allowed) {
            fail_msg("%s %s", rows[i].list, rows[i].client);
        }
        si_arena_free(&arena);
    }
}

/* ---- fonts, profiles, crops ---- */

static void test_fonts(void **state) {
    (void)state;
    write_company(
        "default", "[fonts]\nArial = std/arial.ttf\nArial = std/arialbi.ttf,bold,italic\n");
    write_company("acme", "[fonts]\nArial = own/arial.ttf\nArial = own/arialb.ttf, bold\n");
    si_catalog *c = load();
    const si_font *f[4];
    assert_int_equal(si_catalog_font(c, company_of(c, "acme"), SI_STR("Arial"), f), 3);
    assert_string_equal(f[0]->path, "own/arial.ttf");
    assert_true(f[1]->bold && !f[1]->italic && strcmp(f[1]->path, "own/arialb.ttf") == 0);
    assert_true(f[2]->bold && f[2]->italic && f[2]->owner == si_catalog_default(c));
    assert_int_equal(si_catalog_font(c, company_of(c, "acme"), SI_STR("arial"), f), 0);
    si_catalog_free(c);
}

static void test_profiles(void **state) {
    (void)state;
    write_company("default", "[profiles]\nsRGB = icc/srgb.icc\nWebCoated = icc/std.icc\n");
    write_company("acme",
        "[profiles]\nAdobe RGB (1998) = icc/adobe.icc\nWebCoated = icc/own.icc\nhouse = h.icc\n");
    si_catalog *c = load();
    static const struct {
        const char *name, *path;
    } rows[] = {{"AdobeRGB", "icc/adobe.icc"}, {"adobe rgb (1998)", "icc/adobe.icc"},
        {"WebCoated", "icc/own.icc"}, {"U.S. Web Coated (SWOP) v2", "icc/own.icc"},
        {"sRGB IEC61966-2.1", "icc/srgb.icc"}, {"house", "h.icc"}, {"ProPhoto", NULL},
        {"nothing", NULL}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const si_profile *p = si_catalog_profile(c, company_of(c, "acme"), si_str_of(rows[i].name));
        assert_true((p != NULL) == (rows[i].path != NULL));
        if (p != NULL) {
            assert_string_equal(p->path, rows[i].path);
        }
    }
    assert_string_equal(
        si_profile_standard(SI_STR("coated fogra39 (iso 12647-2:2004)")), "CoatedFogra39");
    assert_null(si_profile_standard(SI_STR("house")));
    si_catalog_free(c);
}

static void test_crops(void **state) {
    (void)state;
    write_company("default", "[crops]\nLarge = 1000x500\nTiny = 10x10\n");
    write_company("acme",
        "[crops]\nLarge = 1600 x 900\nSmall = 400x225\n"
        "[crop shoe.tif]\nLarge = 0.1, 0.2, 0.5, 0.25\nLarge = 0,0,1,1\nSmall = .5,.5,.5,.5\n");
    write_company("plain", "");
    si_catalog *c = load();
    const si_company *acme = company_of(c, "acme");
    const si_crop *crop = si_company_crop(c, acme, SI_STR("Large"));
    assert_true(crop->width == 1600 && crop->height == 900);
    assert_int_equal(si_company_crop(c, acme, SI_STR("Tiny"))->width, 10);
    assert_null(si_company_crop(c, acme, SI_STR("large")));
    assert_null(si_company_crop(c, acme, SI_STR("Medium"))); /* none is predefined */
    crop = si_company_crops(c, acme);
    assert_string_equal(crop->name, "Large");
    assert_string_equal(crop->next->name, "Small");
    assert_null(crop->next->next);
    assert_int_equal(si_company_crops(c, company_of(c, "plain"))->width, 1000);
    double rect[4];
    assert_true(si_catalog_crop_override(c, acme, SI_STR("shoe"), SI_STR("Small"), rect));
    assert_true(rect[0] == 0.5 && rect[3] == 0.5);
    assert_true(si_catalog_crop_override(c, acme, SI_STR("shoe.jpg"), SI_STR("Large"), rect));
    assert_true(rect[2] == 1); /* the last one wins */
    assert_false(si_catalog_crop_override(c, acme, SI_STR("shoe"), SI_STR("Tiny"), rect));
    assert_false(si_catalog_crop_override(c, acme, SI_STR("hat"), SI_STR("Large"), rect));
    si_catalog_free(c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_inheritance, clean),
        cmocka_unit_test_setup(test_root_path, clean),
        cmocka_unit_test_setup(test_ini_syntax, clean),
        cmocka_unit_test_setup(test_time, clean),
        cmocka_unit_test_setup(test_records, clean),
        cmocka_unit_test_setup(test_macros, clean),
        cmocka_unit_test_setup(test_macro_bomb, clean),
        cmocka_unit_test_setup(test_hosts, clean),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test_setup(test_fonts, clean),
        cmocka_unit_test_setup(test_profiles, clean),
        cmocka_unit_test_setup(test_crops, clean),
    };
    return cmocka_run_group_tests(tests, set_up, remove_config_folder);
}
