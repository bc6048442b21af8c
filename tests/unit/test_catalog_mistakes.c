/* What is wrong or odd in a company file, and how it is told. */
#include "catalog_fixture.h"

static void test_mistakes(void **state) {
    (void)state;
    static const mistake rows[] = {
        {"\nErrorDetail = 4\n", 2, "ErrorDetail"},
        {"AllowDirectAccess = include:XYZ\n", 1, "AllowDirectAccess"},
        {"AllowDirectAccess = only:IS\n", 1, "AllowDirectAccess"},
        {"ClientAddressFilter = 10.0.0.0/33\n", 1, "ClientAddressFilter"},
        {"ClientAddressFilter = somewhere\n", 1, "ClientAddressFilter"},
        {"LocaleMap = de\n", 1, "LocaleMap"},
        {"RequestLockKey = short\n", 1, "16 characters"},
        {"RootPath = ../up\n", 1, "RootPath"},
        {"RootPath = a//b\n", 1, "RootPath"},
        {"StaticContentRootPath = /static\n", 1, "StaticContentRootPath"},
        {"DefaultExt = tif\n", 1, "DefaultExt"},
        {"TimeStamp = yesterday\n", 1, "TimeStamp"},
        {"ThumbType = 0\n", 1, "ThumbType"},
        {"ThumbRes = 0\n", 1, "ThumbRes"},
        {"[object a]\nPath = ../x\n", 2, "relative to RootPath"},
        {"[object a]\nPath = x\nColour = red\n", 3, "unknown field"},
        {"[object a]\nVideoSize = 1,2\n", 2, "unknown field"}, /* a field of static records */
        {"[object a]\nAnchor = middle\n", 2, "Anchor"},
        {"[object a]\nAssetType = SET\n", 2, "AssetType"},
        {"[object a]\nExpiration = -3\n", 2, "Expiration"},
        {"[object a,b]\nPath = x\n", 2, "record id"},
        {"[objects]\na = \n", 2, "without a file"},
        {"[fonts]\nArial = arial.ttf,heavy\n", 2, "bold"},
        {"[fonts]\nArial = /etc/passwd\n", 2, "RootPath"},
        {"[profiles]\na,b = x.icc\n", 2, "profile names"},
        {"[crops]\nLarge = 1600\n", 2, "WIDTHxHEIGHT"},
        {"[crops]\nLarge = 0x900\n", 2, "WIDTHxHEIGHT"},
        {"[crops]\nSwatch = 16x9\n", 2, "Swatch"},
        {"[crop shoe]\nLarge = 0,0,1.5,1\n", 2, "fractions"},
        {"[crop shoe]\nLarge = 0,0,1\n", 2, "fractions"},
        {"CatalogFile = missing.txt\n", 1, "missing.txt"},
        {"CatalogFile = ../../root/x.txt\n", 1, "outside"},
        {"MacroFile = /etc/passwd\n", 1, "outside"},
        {"[object a]\nPostModifier = wid=1&Template=x\n", 2, "template="},
        {"[object a]\nPath = x\nImageSet = {b,c\n", 2, "brackets"},
        {"[presets]\na = $b$\n", 2, "$b$ is not defined"},
        {"[presets]\na = %24b%24\n", 2, "$b$ is not defined"},
    };
    check_mistakes("acme.ini", ROWS(rows));
}

/* A text with NUL in it is a mistake, wherever it stands. */
static void test_nul(void **state) {
    (void)state;
    static const char *const rows[] = {"[object a]\nPath = x~y\nModifier = a~b\n",
        "[objects]\na = x~?wid=1\n", "DefaultImage = a~b\n", "[presets]\na = wid=1~2\n",
        "[fonts]\nA = a~b\n", "[crops]\nA~B = 16x9\n", "[static a]\nUserData = a~=b\n",
        "[object a~b]\nPath = x\n", "CatalogFile = a,b~c\n", "RootPath = a~\n"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[100];
        size_t len = strlen(rows[i]);
        for (size_t k = 0; k < len; k++) {
            text[k] = rows[i][k] == '~' ? '\0' : rows[i][k];
        }
        write_bytes("conf/companies/acme.ini", text, len);
        if (try_load() != NULL) {
            fail_msg("%s", rows[i]);
        }
    }
}

/* What is odd, and used all the same. */
static void test_warnings(void **state) {
    (void)state;
    static const struct {
        const char *text, *says; /* NULL = nothing */
    } rows[] = {
        {"[objects]\na = a.tif?wid=1&$gone$\n", "Modifier of \"a\": there is no preset $gone$"},
        {"[objects]\na = a.tif?wid=1&$THERE$&$shadow$&$x=$gone$\n[presets]\nthere = wid=1\n", NULL},
        {"[objects]\na = a.tif?src=is(b/c?$gone$)\n", NULL},
        {"IccProfileRgb = Mine\n", "\"Mine\" is not registered"},
        {"IccProfileRgb = Mine\nIccProfileSrcRgb = AdobeRGB\n[profiles]\nMine = m.icc\n", NULL},
        {"RequestLock = 1\n", "without RequestLockKey"},
        {"RequestLock = 1\nRequestLockKey = 0123456789abcdef\n", NULL},
        {"AllowDirectUrls = 1\n", "allows no server"},
        {"[presets]\nbare =\n", "preset \"bare\" has no commands"},
        {"[presets]\nbare =\nmore = $bare$&wid=1&$bare$=\n", "preset \"bare\" has no commands"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        write_company("acme", rows[i].text);
        si_catalog_free(load());
        if (warning_count != (rows[i].says != NULL) ||
            (rows[i].says != NULL && strstr(reports, rows[i].says) == NULL)) {
            fail_msg("%s: %s", rows[i].text, reports);
        }
    }
}

/* All mistakes are told, not only the first; attributes and sections are read in two passes. */
static void test_every_mistake_is_told(void **state) {
    (void)state;
    write_company("acme", "Bfc = maybe\n[objects]\na =\nnonsense\n[attributes]\nMaxPix = 1\n");
    write_company("other", "Bfc = perhaps\n");
    assert_null(try_load());
    assert_int_equal(mistake_count, 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_mistakes, clean),
        cmocka_unit_test_setup(test_nul, clean),
        cmocka_unit_test_setup(test_warnings, clean),
        cmocka_unit_test_setup(test_every_mistake_is_told, clean),
    };
    return cmocka_run_group_tests(tests, set_up, remove_config_folder);
}
