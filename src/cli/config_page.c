#include "cli/config_page.h"

#include <stdio.h>
#include <string.h>

#include "catalog/catalog.h"
#include "catalog/origins.h"
#include "cli/cli.h"
#include "cli/environment.h"

static const char head[] =
    "# Company files: attributes and records\n"
    "\n"
    "*Made by `smartimg config attributes` from the tables of the source; a test says when it is "
    "out of date.*\n"
    "\n"
    "A company is a file `companies/NAME.ini` in the configuration folder; `NAME` is the first "
    "part "
    "of its addresses,\n"
    "`/is/image/NAME/...`. `companies/default.ini` has what holds for all of them. After a change, "
    "`smartimg config check DIR`\n"
    "tells every mistake with its file and line, and `SIGHUP` to `smartimg serve` puts the new "
    "files "
    "in use, if there is none.\n"
    "\n"
    "```ini\n"
    "# attributes come first: Name = value, any case\n"
    "Bfc = true\n"
    "RuleSetFile = rules.xml\n"
    "\n"
    "[presets]                          # image presets, called as $product$\n"
    "product = hei=500&fmt=jpg&qlt=85\n"
    "zoom = $product$&hei=2000          # may use what is defined above, or in default.ini\n"
    "\n"
    "[objects]                          # record id = file?Modifier\n"
    "hero = landscape.jpg?wid=1600&qlt=88\n"
    "\n"
    "[object banner]                    # a record, one field a line\n"
    "Path = deep/banner.tif\n"
    "PostModifier = qlt=70\n"
    "\n"
    "[static manual]                    # a record of /is/content\n"
    "Path = manual.pdf\n"
    "\n"
    "[fonts]                            # name = file[,bold][,italic]\n"
    "Lato = fonts/Lato-Bold.ttf,bold\n"
    "\n"
    "[profiles]                         # name = file\n"
    "AdobeRGB = icc/AdobeRGB1998.icc\n"
    "\n"
    "[crops]                            # smart crops, addressed as object:Large\n"
    "Large = 1600x900\n"
    "\n"
    "[source assets]                    # where originals come from (sources.md)\n"
    "Bucket = pictures\n"
    "\n"
    "[crop banner]                      # by hand: x,y,width,height in fractions of the original\n"
    "Large = 0,0.1,1,0.5\n"
    "```\n"
    "\n"
    "A value may be in quotes, `'` or `\"`, doubled where they are inside. A line that begins with "
    "a "
    "blank goes on with the\n"
    "one above. The vendor's own data files work too: attributes name them, relative to the folder "
    "of the company file and\n"
    "never outside of it. What is in them comes before the sections of the company file, which may "
    "replace it.\n"
    "\n"
    "## Attributes\n"
    "\n"
    "What holds where a company does not define an attribute, or defines it as empty (`Name =`):\n"
    "\n"
    "| class | not defined | empty |\n"
    "|---|---|---|\n"
    "| inherits | default company's value | default company's value |\n"
    "| off | default company's value | nothing: the feature is off |\n"
    "| own | the default below | the default below |\n"
    "\n"
    "| attribute | type | class | default | meaning |\n"
    "|---|---|---|---|---|\n";

static const char unconfigured[] =
    "\n"
    "A server without a configuration folder has other defaults, of these attributes:";

static const char types[] =
    "\n"
    "| type | is written as |\n"
    "|---|---|\n"
    "| bool | `true`, `false`, `yes`, `no`, `on`, `off`, `1`, `0`, in any case |\n"
    "| int, real | a number |\n"
    "| pair | two ints, `1280,1280` |\n"
    "| quality | `1` to `100`, then perhaps `,0` or `,1` |\n"
    "| color | as in the commands: `FFFFFF`, `0xFFFFFF`, `255,255,255` |\n"
    "| resmode | `bilin`, `bicub`, `sharp2`, `bisharp`, or a number of the vendor's, 1 to 4 |\n"
    "| text | anything |\n"
    "| header | name of a header field of HTTP |\n"
    "| list | texts parted by commas |\n"
    "| date | milliseconds since 1970, or `mm/dd/yyyy hh:mm:ss ZONE` |\n"
    "| addresses | IPv4 or IPv6 addresses or networks, `10.0.0.0/8,2001:db8::/32` |\n"
    "| locales | `de,_D,\\|fr,_F,\\|,_E`: for each locale what to try, in its order |\n"
    "| classes | `include:` or `exclude:` and a list of SVG, IS, STATIC, FXG, FLA, IR_VNT, IR_MAT "
    "|\n"
    "| properties | `name=value` parted by `??` |\n"
    "| asset | `MEDIASET`, `SPINSET`, `SPINSET2D`, `VIDEOSET`, `IMAGESET`, `ECATALOG` |\n"
    "\n"
    "## Fields of records\n"
    "\n"
    "In sections `[object ID]` and `[static ID]`, and as columns of `CatalogFile`, "
    "`SvgCatalogFile` and\n"
    "`StaticContentCatalogFile` (with a column `Id`).\n"
    "\n"
    "| field | type | of | meaning |\n"
    "|---|---|---|---|\n";

/* Prints a type's name in lower case. */
static void print_type(const char *type) {
    for (; *type != '\0'; type++) {
        putchar(*type >= 'A' && *type <= 'Z' ? *type + 32 : *type);
    }
}

/* Prints text into a table's cell. */
static void print_cell(const char *text) {
    for (; *text != '\0'; text++) {
        if (*text == '|') {
            putchar('\\');
        }
        putchar(*text);
    }
}

static void print_attribute(const si_attribute *row) {
    static const char *const classes[] = {
        [SI_INHERITS_INHERIT] = "inherits", [SI_INHERITS_OFF] = "off", [SI_INHERITS_OWN] = "own"};
    printf("| `%s` | ", row->name);
    print_type(row->type);
    printf(" | %s | ", classes[row->inherits]);
    if (row->initial[0] != '\0') {
        printf("`%s`%s%s", row->initial, row->unit[0] != '\0' ? " " : "", row->unit);
    }
    printf(" | ");
    print_cell(row->help);
    if (row->value.limits.max > 1 && row->value.limits.max < 1e6) {
        printf(" (%g to %g)",
            row->value.limits.min < 0.001 && row->value.limits.min > 0 ? 0 : row->value.limits.min,
            row->value.limits.max);
    }
    printf(" |\n");
}

/* The defaults without a configuration folder, in one sentence. */
static void print_unconfigured(void) {
    static const char *const rows[] = {
#define X(name, value) "`" #name " = " value "`",
        SI_UNCONFIGURED_ATTRIBUTES(X)
#undef X
    };
    fputs(unconfigured, stdout);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        printf("%s %s", i > 0 ? "," : "", rows[i]);
    }
    puts(".");
}

static const char sources[] =
    "\n"
    "## Settings of sources\n"
    "\n"
    "In sections `[source NAME]`, which the attribute `Sources` names ([sources.md](sources.md)).\n"
    "\n"
    "| setting | type | default | meaning |\n"
    "|---|---|---|---|\n";

static void print_source_setting(const si_origin_setting *row) {
    printf("| `%s` | ", row->name);
    print_type(row->type);
    printf(" | ");
    if (row->initial[0] != '\0') {
        printf("`%s`%s%s", row->initial, row->unit[0] != '\0' ? " " : "", row->unit);
    }
    printf(" | ");
    print_cell(row->help);
    if (row->value.limits.max > 1) {
        printf(" (%.0f to %.0f)", row->value.limits.min, row->value.limits.max);
    }
    printf(" |\n");
}

void si_config_page(void) {
    fputs(head, stdout);
    for (int i = 0; i < si_attribute_count; i++) {
        print_attribute(&si_attribute_rows[i]);
    }
    print_unconfigured();
    fputs(types, stdout);
    for (int i = 0; i < SI_FIELD_COUNT; i++) {
        const si_record_field *f = &si_record_fields[i];
        printf("| `%s` | ", f->name);
        print_type(f->type);
        printf(" | %s | ", f->tables == SI_TABLE_IMAGE    ? "images"
                           : f->tables == SI_TABLE_STATIC ? "static content"
                                                          : "both");
        print_cell(f->help);
        printf(" |\n");
    }
    fputs(sources, stdout);
    for (int i = 0; i < si_origin_setting_count; i++) {
        print_source_setting(&si_origin_settings[i]);
    }
}

/* ---- options of the servers ---- */

static const char options_head[] =
    "# Options of the servers\n"
    "\n"
    "*Made by `smartimg config options` from the table of the source; a test says when it is out "
    "of "
    "date.*\n"
    "\n"
    "`smartimg serve` takes them on the command line, `--name VALUE`, from the environment, or "
    "from "
    "the file `smartimg.ini` of its configuration\n"
    "folder, whose lines are `name = value` and which alone it cannot name. `smartimg renderer` "
    "takes its options on the command line or from the\n"
    "environment. " SI_ENVIRONMENT_HELP "\n"
    "\n"
    "A variable `SMARTIMG_...` that is no option gives a warning at the start, a value that cannot "
    "be ends it. `smartimg config check DIR`\n"
    "tells every mistake in the file; it is read at the start only.\n"
    "\n"
    "What companies may set is in [attributes.md](attributes.md).\n";

static bool same_option(const si_option *a, const si_option *b) {
    return strcmp(a->name, b->name) == 0 && strcmp(a->help, b->help) == 0;
}

static bool has_option(const si_command *command, const si_option *option) {
    for (const si_option *o = command->options; o->name != NULL; o++) {
        if (same_option(o, option)) {
            return true;
        }
    }
    return false;
}

static void print_server_option(const si_option *o, const si_initial *initial) {
    char text[SI_OPTION_WORDS];
    printf("| `%s` | %s | ", o->name, o->argument);
    print_cell(si_option_range(o, initial, text));
    printf(initial->words != NULL ? " | %s | " : " | `%s` | ", si_option_default(o, initial, text));
    print_cell(o->help);
    printf(" |\n");
}

/* The options of `command` that `other` has, or has not. */
static void print_server_options(
    const char *title, const si_command *command, const si_command *other, bool shared) {
    printf("\n## %s\n\n| option | value | range | default | meaning |\n|---|---|---|---|---|\n",
        title);
    for (int i = 0; command->options[i].name != NULL; i++) {
        if (has_option(other, &command->options[i]) == shared) {
            print_server_option(&command->options[i], &command->initial[i]);
        }
    }
}

void si_config_options_page(void) {
    fputs(options_head, stdout);
    print_server_options("Of `smartimg serve`", &si_command_serve, &si_command_renderer, false);
    print_server_options("Of both commands", &si_command_serve, &si_command_renderer, true);
    print_server_options("Of `smartimg renderer`", &si_command_renderer, &si_command_serve, false);
}
