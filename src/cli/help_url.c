#include "cli/help_url.h"

#include <stdio.h>
#include <string.h>

#include "base/format.h"
#include "request/command.h"
#include "base/json.h"

enum { CLASSES = SI_CLASS_VENDOR + 1 };

static const char *const class_helps[CLASSES] = {
    [SI_CLASS_CORE] = "in nearly every URL and image preset",
    [SI_CLASS_COMMON] = "layers, effects, colours, facts",
    [SI_CLASS_RARE] = "text, paths, print",
    [SI_CLASS_VENDOR] = "read, but what they ask for is switched off",
};

static const char *const scope_helps[] = {
    [SI_SCOPE_REQUEST] = "the request: one value wherever it stands, the last one counts",
    [SI_SCOPE_VIEW] = "the view of the whole picture: one value wherever it stands",
    [SI_SCOPE_LAYER] = "the layer whose layer= stands before it",
    [SI_SCOPE_SOURCE] = "the layer whose layer= stands before it, if it has an image",
};

/* Before any layer=, and after layer=comp. */
static const char *const comp_helps[] = {
    [SI_COMP_NONE] = NULL,
    [SI_COMP_LAYER0] = "It goes to layer 0.",
    [SI_COMP_COMPOSITE] = "It goes to the composite of all layers.",
    [SI_COMP_VIEW] = "It goes to the finished view.",
    [SI_COMP_IGNORED] = "It is ignored.",
    [SI_COMP_ERROR] = "It is an error.",
};

/* The values of req=, request.h. */
static const struct {
    const char *name;
    enum { RENDER, CATALOG, OFF } reply;
    char ttl;
    const char *bodies; /* letters t j x J */
} types[] = {
#define X(id, name, reply, ttl, bodies) {name, reply, ttl, bodies},
    SI_REQUEST_TYPES(X)
#undef X
};

enum { TYPES = sizeof types / sizeof types[0] };

static void print_bodies(const char *bodies) {
    static const char letters[] = "tjxJ";
    static const char *const names[] = {"text", "javascript", "xml", "json"};
    for (const char *p = bodies; *p != '\0'; p++) {
        printf("%s%s", p == bodies ? "" : "|", names[strchr(letters, *p) - letters]);
    }
}

/* ---- for people ---- */

static void print_class(si_class rank) {
    printf("\n%s: %s\n", si_class_name(rank), class_helps[rank]);
    for (int i = 0; i < si_command_count; i++) {
        const si_command_row *row = &si_command_rows[i];
        if (row->rank == rank) {
            printf("  %-15.*s %s\n", SI_STR_ARG(row->name), row->help);
        }
    }
}

void si_help_url_commands(void) {
    printf("Commands of URLs: /is/image/COMPANY/OBJECT?COMMAND=VALUE&COMMAND=VALUE...\n");
    for (int rank = 0; rank < CLASSES; rank++) {
        print_class((si_class)rank);
    }
    printf("\nMore on one: smartimg help COMMAND, such as smartimg help wid\n");
}

static void print_types(void) {
    printf("\nTYPES\n");
    for (int i = 0; i < TYPES; i++) {
        if (types[i].name[0] != '\0') {
            printf("    %-13s ", types[i].name);
            print_bodies(types[i].bodies);
            printf("%s\n", types[i].reply == OFF ? "  (switched off)" : "");
        }
    }
}

static void print_formats(void) {
    printf("\nFORMATS\n");
    for (int i = 0; i < si_output_count; i++) {
        printf("    %-15s %s\n", si_outputs[i].name, si_format_mime(si_outputs[i].format));
    }
}

/* "0…100 pixels, held to that", as far as there are bounds and a unit. */
static void print_range(const si_part *p) {
    bool open = (p->flags & (SI_PART_LOW_OPEN | SI_PART_HIGH_OPEN)) != 0;
    const char *from = (p->flags & SI_PART_LOW_OPEN) != 0 ? "above" : "at least";
    const char *to = (p->flags & SI_PART_HIGH_OPEN) != 0 ? "below" : "at most";
    bool low_held = (p->flags & SI_PART_LOW_HELD) != 0;
    bool high_held = (p->flags & SI_PART_HIGH_HELD) != 0;
    char low[32], high[32];
    si_real_print(p->min, low);
    si_real_print(p->max, high);
    if (si_part_has_max(p) && !open) {
        printf(" %s…%s", low, high);
    } else if (si_part_has_max(p)) {
        printf(" %s %s, %s %s", from, low, to, high);
    } else if (si_part_has_min(p)) {
        printf(" %s %s", from, low);
    }
    printf("%s%s", p->unit[0] != '\0' ? " " : "", p->unit);
    printf("%s\n", !high_held ? "" : low_held ? ", held to that" : "; more is held to that");
}

/* What the grammar leaves out: bounds, units, and words that go by a name. */
static void print_parts(const si_command_row *row) {
    for (int i = 0; i < SI_MAX_PARTS && row->parts[i].kind != SI_PART_NONE; i++) {
        const si_part *p = &row->parts[i];
        bool number = p->kind == SI_PART_INT || p->kind == SI_PART_REAL;
        bool more = number ? p->unit[0] != '\0' || (p->flags & SI_PART_HIGH_HELD) != 0 ||
                                 (p->label != NULL && si_part_has_min(p))
                           : p->kind == SI_PART_WORDS && p->label != NULL &&
                                 strncmp(p->label, p->words, strlen(p->words)) != 0;
        if (!more) {
            continue;
        }
        if (p->label != NULL) {
            printf("    %s:", p->label);
        } else if (row->parts[1].kind != SI_PART_NONE) {
            printf("    part %d:", i + 1);
        } else {
            printf("   ");
        }
        if (number) {
            print_range(p);
        } else {
            printf(" %s\n", p->words);
        }
    }
}

bool si_help_url_command(const char *name) {
    const si_command_row *row = si_command_find(si_str_of(name));
    if (row == NULL) {
        return false;
    }
    char grammar[SI_GRAMMAR_MAX];
    printf("NAME\n    %.*s= - %s\n\nVALUE\n    %s\n", SI_STR_ARG(row->name), row->help,
        si_command_grammar(row, grammar));
    print_parts(row);
    printf("\nDEFAULT\n    %s\n", row->initial[0] != '\0' ? row->initial : "none");
    printf("\nSCOPE\n    %s\n", scope_helps[row->scope]);
    if (comp_helps[row->comp] != NULL) {
        printf("    Before any layer=: %s\n", comp_helps[row->comp]);
    }
    if ((row->flags & SI_EFFECTS) != 0) {
        printf("    After effect=, it is about that effect.\n");
    }
    if ((row->flags & SI_NOT_NESTED) != 0) {
        printf("    Ignored inside is(...).\n");
    }
    if (strcmp(row->handler, "req") == 0) {
        print_types();
    }
    if (strcmp(row->handler, "fmt") == 0) {
        print_formats();
    }
    printf("\nCLASS\n    %s: %s\n\nMore: docs/protocol.md, \"%s\"\n", si_class_name(row->rank),
        class_helps[row->rank], row->section);
    return true;
}

/* ---- for programs ---- */

static void put_text(const char *name, const char *text) {
    putchar(',');
    si_json_text(stdout, name, text);
}

static void put_flag(const char *name, bool value) {
    printf(",\"%s\":%s", name, value ? "true" : "false");
}

static void put_part(const si_part *p) {
    static const char *const kinds[] = {[SI_PART_TEXT] = "text",
        [SI_PART_FLAG] = "flag",
        [SI_PART_WORDS] = "words",
        [SI_PART_INT] = "int",
        [SI_PART_REAL] = "real"};
    printf("{");
    si_json_text(stdout, "kind", kinds[p->kind]);
    if (p->kind == SI_PART_INT || p->kind == SI_PART_REAL) {
        char low[32], high[32];
        printf(",\"count\":%d,\"min\":%s,\"max\":%s", p->count, si_real_print(p->min, low),
            si_real_print(p->max, high));
        put_text("unit", p->unit);
        put_flag("min_held", (p->flags & SI_PART_LOW_HELD) != 0);
        put_flag("max_held", (p->flags & SI_PART_HIGH_HELD) != 0);
        put_flag("min_refused", (p->flags & SI_PART_LOW_OPEN) != 0);
        put_flag("max_refused", (p->flags & SI_PART_HIGH_OPEN) != 0);
    }
    if (p->kind == SI_PART_WORDS) {
        put_text("words", p->words);
    }
    put_flag("needed", (p->flags & SI_PART_NEEDED) != 0);
    printf("}");
}

static void put_command(const si_command_row *row) {
    char grammar[SI_GRAMMAR_MAX];
    printf("{");
    si_json_text(stdout, "name", row->name.p);
    put_text("class", si_class_name(row->rank));
    put_text("scope", si_scope_name(row->scope));
    put_text("comp", si_comp_name(row->comp));
    put_text("section", row->section);
    put_text("values", si_command_grammar(row, grammar));
    printf(",\"parts\":[");
    for (int i = 0; i < SI_MAX_PARTS && row->parts[i].kind != SI_PART_NONE; i++) {
        printf("%s", i > 0 ? "," : "");
        put_part(&row->parts[i]);
    }
    printf("]");
    put_text("initial", row->initial);
    put_text("help", row->help);
    put_flag("effects", (row->flags & SI_EFFECTS) != 0);
    put_flag("nested", (row->flags & SI_NOT_NESTED) == 0);
    printf("}");
}

static void put_type(int i) {
    static const char *const lives[] = {"image", "properties", "never"};
    printf("{");
    si_json_text(stdout, "name", types[i].name);
    putchar(',');
    printf("\"bodies\":\"");
    print_bodies(types[i].bodies);
    putchar('"');
    put_text("kept", lives[types[i].ttl == 'E' ? 0 : types[i].ttl == 'N' ? 1 : 2]);
    put_flag("off", types[i].reply == OFF);
    printf("}");
}

static void put_output(const si_output *o) {
    printf("{");
    si_json_text(stdout, "name", o->name);
    put_text("type", si_format_mime(o->format));
    put_flag("gray", si_format_holds(o->format, SI_PIXEL_GRAY));
    put_flag("cmyk", si_format_holds(o->format, SI_PIXEL_CMYK));
    put_flag("icc", si_format_carries(o->format, SI_CARRIES_ICC));
    put_flag("xmp", si_format_carries(o->format, SI_CARRIES_XMP));
    put_flag("paths", si_format_carries(o->format, SI_CARRIES_PATHS));
    put_flag("dpi", si_format_carries(o->format, SI_CARRIES_DPI));
    printf("}");
}

void si_help_url_json(void) {
    printf("{\"commands\":[");
    for (int i = 0; i < si_command_count; i++) {
        printf("%s", i > 0 ? ",\n" : "\n");
        put_command(&si_command_rows[i]);
    }
    printf("],\n\"types\":[");
    for (int i = 0; i < TYPES; i++) {
        printf("%s", i > 0 ? ",\n" : "\n");
        put_type(i);
    }
    printf("],\n\"formats\":[");
    for (int i = 0; i < si_output_count; i++) {
        printf("%s", i > 0 ? ",\n" : "\n");
        put_output(&si_outputs[i]);
    }
    printf("]}\n");
}
