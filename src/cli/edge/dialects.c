#include "cli/edge/dialects.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/format.h"

/* A text that grows; NULL once memory has run out. */
typedef struct writer {
    FILE *file;
    char *text;
    size_t len;
} writer;

static bool begin(writer *w) {
    *w = (writer){.text = NULL};
    w->file = open_memstream(&w->text, &w->len);
    return w->file != NULL;
}

/* The text without its last line end, in the arena. */
static const char *end(writer *w, si_arena *arena) {
    const char *copy = NULL;
    if (fclose(w->file) == 0) {
        if (w->len > 0 && w->text[w->len - 1] == '\n') {
            w->text[w->len - 1] = '\0';
        }
        copy = si_arena_printf(arena, "%s", w->text);
    }
    free(w->text);
    return copy;
}

/* ---- regular expressions ---- */

/* VCL's strings have no escapes, but two kinds of quotes. */
static void put_vcl_pattern(FILE *to, const char *pattern, bool any_case) {
    bool quotes = strchr(pattern, '"') != NULL;
    fprintf(to, "%s%s%s%s", quotes ? "{\"" : "\"", any_case ? "(?i)" : "", pattern,
        quotes ? "\"}" : "\"");
}

/* nginx takes a backslash for itself before quotes, backslashes and some letters. */
static void put_nginx_pattern(FILE *to, const char *pattern, bool any_case) {
    fprintf(to, "\"~%s", any_case ? "*" : "");
    for (const char *p = pattern; *p != '\0'; p++) {
        fprintf(to, "%s%c", *p == '"' || *p == '\\' ? "\\" : "", *p);
    }
    putc('"', to);
}

static void put_javascript_pattern(FILE *to, const char *pattern, bool any_case) {
    putc('/', to);
    for (const char *p = pattern; *p != '\0'; p++) {
        fprintf(to, "%s%c", *p == '/' ? "\\" : "", *p);
    }
    fprintf(to, "/%s", any_case ? "i" : "");
}

static void put_pattern(FILE *to, si_edge_dialect dialect, const char *pattern, bool any_case) {
    switch (dialect) {
    case SI_EDGE_VCL:
    case SI_EDGE_FASTLY:
        put_vcl_pattern(to, pattern, any_case);
        break;
    case SI_EDGE_NGINX:
        put_nginx_pattern(to, pattern, any_case);
        break;
    case SI_EDGE_JAVASCRIPT:
        put_javascript_pattern(to, pattern, any_case);
        break;
    }
}

/* ---- VCL ---- */

#define CLASS "req.http.X-Smartimg-Class"

typedef struct vcl {
    FILE *to;
    bool fastly;
    int depth; /* of blocks around */
} vcl;

static void put_line(const vcl *v, int depth, const char *fmt, ...) SI_PRINTF(3, 4);

static void put_line(const vcl *v, int depth, const char *fmt, ...) {
    va_list args;
    fprintf(v->to, "%*s", (v->fastly ? 2 : 4) * (v->depth + depth), "");
    va_start(args, fmt);
    vfprintf(v->to, fmt, args);
    va_end(args);
}

static void put_append(const vcl *v, int depth, const char *text) {
    put_line(v, depth, "set " CLASS " = " CLASS "%s\"%s\";\n", v->fastly ? " " : " + ", text);
}

/* A chain of conditions over one header, of which the first that holds appends its result or, if
 * that is a list of formats, becomes the class. The chain's last line is not ended. */
static void put_chain(const vcl *v, const char *header, const si_edge_list *list, bool append) {
    for (int i = 0; i < list->count; i++) {
        const si_edge_rule *rule = &list->rules[i];
        if (i == 0) {
            put_line(v, 0, "if (");
        } else {
            fprintf(v->to, " elseif (");
        }
        fprintf(v->to, "req.http.%s ~ ", header);
        put_vcl_pattern(v->to, rule->pattern, rule->any_case);
        fprintf(v->to, ") {\n");
        if (rule->result[0] == '\0') {
            put_line(v, 1, "# 1\n");
        } else if (append) {
            put_append(v, 1, rule->result);
        } else {
            put_line(v, 1, "set " CLASS " = \"%s\";\n", rule->result);
        }
        put_line(v, 0, "}");
    }
}

static void put_vcl_formats(const vcl *v, const si_edge_list *list) {
    for (int i = 0; i < list->count; i++) {
        put_chain(v, "Accept", &(si_edge_list){.rules = {list->rules[i]}, .count = 1}, true);
        putc('\n', v->to);
    }
}

static void put_vcl_ratios(const vcl *v, const si_edge_rules *rules) {
    if (rules->ratios.count == 0) {
        put_line(v, 0, "# none\n");
        return;
    }
    put_line(v, 0, "if (!req.http.Sec-CH-DPR && req.http.DPR) {\n");
    put_line(v, 1, "set req.http.Sec-CH-DPR = req.http.DPR;\n");
    put_line(v, 0, "}\n");
    put_chain(v, "Sec-CH-DPR", &rules->ratios, true);
    fprintf(v->to, " elseif (req.http.Accept !~ ");
    put_vcl_pattern(v->to, rules->no_device, true);
    fprintf(v->to, ") {\n");
    vcl inner = {v->to, v->fastly, v->depth + 1};
    put_chain(&inner, "User-Agent", &rules->devices, true);
    putc('\n', v->to);
    put_line(v, 0, "}\n");
}

static void put_vcl_network(const vcl *v, const si_edge_rules *rules) {
    if (rules->network_count == 0) {
        put_line(v, 0, "# not used\n");
    }
    for (int i = 0; i < rules->network_count; i++) {
        const si_edge_network_rule *n = &rules->network[i];
        if (i == 0) {
            put_line(v, 0, "if (");
        } else {
            fprintf(v->to, " elseif (");
        }
        fprintf(v->to, "req.http.%s ~ ", n->header);
        put_vcl_pattern(v->to, n->rule.pattern, n->rule.any_case);
        fprintf(v->to, ") {\n");
        put_append(v, 1, n->rule.result);
        put_line(v, 0, "}");
    }
    if (rules->network_count > 0) {
        putc('\n', v->to);
    }
}

/* ---- nginx ---- */

static void put_map_lines(FILE *to, const si_edge_list *list) {
    for (int i = 0; i < list->count; i++) {
        fprintf(to, "    ");
        put_nginx_pattern(to, list->rules[i].pattern, list->rules[i].any_case);
        fprintf(to, " \"%s\";\n", list->rules[i].result);
    }
}

static void put_nginx_formats(FILE *to, const si_edge_list *list) {
    for (int i = 0; i < list->count; i++) {
        fprintf(to, "%smap $http_accept $smartimg_%s {\n    default \"\";\n", i > 0 ? "\n" : "",
            list->rules[i].result + 1);
        put_map_lines(to, &(si_edge_list){.rules = {list->rules[i]}, .count = 1});
        fprintf(to, "}\n");
    }
}

/* The variable of a request header, http_save_data of Save-Data. */
static void put_nginx_header(FILE *to, const char *header) {
    fprintf(to, "$http_");
    for (const char *p = header; *p != '\0'; p++) {
        putc(*p == '-' ? '_' : *p >= 'A' && *p <= 'Z' ? *p + 32 : *p, to);
    }
}

/* One map for each rule, which asks the next one: nginx has no other way to look at several
 * headers in turn. */
static void put_nginx_network(FILE *to, const si_edge_rules *rules) {
    if (rules->network_count == 0) {
        fprintf(to, "map \"\" $smartimg_network {\n    default \"\";\n}\n");
        return;
    }
    for (int i = rules->network_count - 1; i >= 0; i--) {
        const si_edge_network_rule *n = &rules->network[i];
        char name[40] = "smartimg_network", next[40] = "\"\"";
        if (i > 0) {
            snprintf(name, sizeof name, "smartimg_network_%d", i);
        }
        if (i < rules->network_count - 1) {
            snprintf(next, sizeof next, "$smartimg_network_%d", i + 1);
        }
        fprintf(to, "map ");
        put_nginx_header(to, n->header);
        fprintf(to, " $%s {\n    default %s;\n    ", name, next);
        put_nginx_pattern(to, n->rule.pattern, n->rule.any_case);
        fprintf(to, " \"%s\";\n}\n%s", n->rule.result, i > 0 ? "\n" : "");
    }
}

/* ---- JavaScript ---- */

static void put_pairs(FILE *to, const si_edge_list *list) {
    for (int i = 0; i < list->count; i++) {
        fprintf(to, "    [");
        put_javascript_pattern(to, list->rules[i].pattern, list->rules[i].any_case);
        fprintf(to, ", '%s']%s\n", list->rules[i].result, i < list->count - 1 ? "," : "");
    }
}

static void put_javascript_network(FILE *to, const si_edge_rules *rules) {
    for (int i = 0; i < rules->network_count; i++) {
        const si_edge_network_rule *n = &rules->network[i];
        fprintf(to, "    ['");
        for (const char *p = n->header; *p != '\0'; p++) {
            putc(*p >= 'A' && *p <= 'Z' ? *p + 32 : *p, to);
        }
        fprintf(to, "', ");
        put_javascript_pattern(to, n->rule.pattern, n->rule.any_case);
        fprintf(to, ", '%s']%s\n", n->rule.result, i < rules->network_count - 1 ? "," : "");
    }
}

/* ---- values ---- */

typedef enum part {
    FORMATS,
    AGENTS,
    RATIOS,
    DEVICES,
    NETWORK,
    STRANGE,
    WILDCARD,
    NO_DEVICE,
    PARTS
} part;

static const char *const names[PARTS] = {
    "FORMATS", "AGENTS", "RATIOS", "DEVICES", "NETWORK", "STRANGE", "WILDCARD", "NO_DEVICE"};

static void put_vcl(FILE *to, bool fastly, part p, const si_edge_rules *rules) {
    vcl v = {to, fastly, 1};
    switch (p) {
    case FORMATS:
        put_vcl_formats(&v, &rules->formats);
        break;
    case AGENTS:
        put_chain(&v, "User-Agent", &rules->agents, false);
        break;
    case RATIOS:
        put_vcl_ratios(&v, rules);
        break;
    case NETWORK:
        put_vcl_network(&v, rules);
        break;
    default:
        break;
    }
}

static void put_lists(FILE *to, bool nginx, part p, const si_edge_rules *rules) {
    static void (*const lists[])(FILE *, const si_edge_list *) = {put_pairs, put_map_lines};
    switch (p) {
    case FORMATS:
        (nginx ? put_nginx_formats : put_pairs)(to, &rules->formats);
        break;
    case AGENTS:
        lists[nginx](to, &rules->agents);
        break;
    case RATIOS:
        lists[nginx](to, &rules->ratios);
        break;
    case DEVICES:
        lists[nginx](to, &rules->devices);
        break;
    case NETWORK:
        (nginx ? put_nginx_network : put_javascript_network)(to, rules);
        break;
    default:
        break;
    }
}

static void put_part(FILE *to, si_edge_dialect dialect, part p, const si_edge_rules *rules) {
    if (p >= STRANGE) {
        const char *of_accept[] = {rules->strange, rules->wildcard, rules->no_device};
        put_pattern(to, dialect, of_accept[p - STRANGE], true);
    } else if (dialect == SI_EDGE_VCL || dialect == SI_EDGE_FASTLY) {
        put_vcl(to, dialect == SI_EDGE_FASTLY, p, rules);
    } else {
        put_lists(to, dialect == SI_EDGE_NGINX, p, rules);
    }
}

/* The headers of network rules, each once, with `before` in front of each. */
static void put_network_headers(FILE *to, const si_edge_rules *rules, const char *before) {
    for (int i = 0; i < rules->network_count; i++) {
        bool again = false;
        for (int k = 0; k < i; k++) {
            again |= strcmp(rules->network[k].header, rules->network[i].header) == 0;
        }
        if (!again) {
            fprintf(to, "%s%s", before, rules->network[i].header);
        }
    }
}

typedef struct list {
    si_arena *arena;
    si_template_value *values;
    int count;
    bool ok;
} list;

static void add(list *l, const char *name, const char *value) {
    assert(l->count < SI_EDGE_VALUES_MAX - 1);
    l->ok &= value != NULL;
    l->values[l->count++] = (si_template_value){name, value};
    l->values[l->count] = (si_template_value){NULL, NULL};
}

/* What Vary names besides the formats' headers: where replies depend on the pixel ratio, which
 * Accept-CH tells, and on the network. */
static void add_vary(list *l, si_edge_dialect dialect, const si_edge_rules *rules) {
    bool is_vcl = dialect == SI_EDGE_VCL || dialect == SI_EDGE_FASTLY;
    writer w;
    if (!begin(&w)) {
        l->ok = false;
        return;
    }
    put_network_headers(w.file, rules, ", ");
    const char *network = end(&w, l->arena);
    const char *all = network == NULL ? NULL
                                      : si_arena_printf(l->arena, "Accept, User-Agent%s%s",
                                            rules->ratios.count > 0 ? ", Sec-CH-DPR, DPR" : "",
                                            is_vcl ? "" : network);
    add(l, "VARY_ALL", all);
    add(l, "VARY_HINTS", is_vcl && all != NULL ? si_arena_printf(l->arena, "\"%s\"", all) : all);
    if (is_vcl && network != NULL && network[0] != '\0') {
        bool fastly = dialect == SI_EDGE_FASTLY;
        network = si_arena_printf(l->arena, "\n%sset resp.http.Vary = resp.http.Vary%s\"%s\";",
            fastly ? "    " : "        ", fastly ? " " : " + ", network);
    }
    add(l, "VARY_NETWORK", network);
}

/* What only nginx's template has: the variables of all formats, and of the network's headers. */
static void add_nginx(list *l, const si_edge_rules *rules) {
    writer w;
    if (!begin(&w)) {
        l->ok = false;
        return;
    }
    for (int i = 0; i < rules->formats.count; i++) {
        fprintf(w.file, "$smartimg_%s", rules->formats.rules[i].result + 1);
    }
    add(l, "FORMAT_VARIABLES", end(&w, l->arena));
    if (!begin(&w)) {
        l->ok = false;
        return;
    }
    fprintf(w.file, "map \"\" $smartimg_hints {\n    default \"");
    for (int i = 0; i < rules->network_count; i++) {
        putc(' ', w.file);
        put_nginx_header(w.file, rules->network[i].header);
    }
    fprintf(w.file, "\";\n}\n");
    add(l, "HINTS_MAP", end(&w, l->arena));
}

bool si_edge_values(si_arena *arena, si_edge_dialect dialect, const si_edge_rules *rules,
    si_template_value *values) {
    list l = {.arena = arena, .values = values, .ok = true};
    for (part p = 0; p < PARTS; p++) {
        writer w;
        if (!begin(&w)) {
            return false;
        }
        put_part(w.file, dialect, p, rules);
        add(&l, names[p], end(&w, arena));
    }
    add_vary(&l, dialect, rules);
    add_nginx(&l, rules);
    writer w;
    if (!begin(&w)) {
        return false;
    }
    fprintf(w.file, "\"image/jxr\""); /* the other name of JPEG XR's */
    for (int i = 0; i < rules->formats.count; i++) {
        si_format f = 0;
        while (strcmp(si_format_name(f), rules->formats.rules[i].result + 1) != 0) {
            f++;
            assert(f < SI_FORMAT_COUNT);
        }
        fprintf(w.file, ", \"%s\"", si_format_mime(f));
    }
    add(&l, "MEDIA_TYPES", end(&w, arena));
    return l.ok;
}
