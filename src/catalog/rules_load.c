/* Rule set files: XML, read strictly. */
#include <expat.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "catalog/rule_expression.h"
#include "catalog/rules_internal.h"

enum {
    FILE_MAX = 4 << 20,
    MATCH_LIMIT = 20000,  /* steps from one beginning */
    DEPTH_LIMIT = 5000,   /* nested backtracking, interpreter */
    HEAP_LIMIT_KIB = 4096 /* memory of one match, interpreter */
};

/* Where in the document the parser is. */
typedef enum place { OUTSIDE, IN_SET, IN_RULE, IN_LEAF } place;

/* Elements of a rule. */
typedef enum leaf { EXPRESSION, SUBSTITUTION, FILTER, HEADER, LEAF_COUNT } leaf;

static const char *const leaf_names[LEAF_COUNT] = {
    "expression", "substitution", "addressfilter", "header"};

typedef struct parse {
    si_loading *l;
    XML_Parser xml;
    si_rule_set *set;
    si_rule **rules_end;
    place place;
    bool declared, had_set;
    si_rule *rule;
    unsigned seen; /* leaf bits of the rule */
    leaf leaf;
    si_bytes text; /* of the leaf */
    si_str substitution;
    int substitution_line;
    si_rule_header_node **headers_end;
    si_rule_header_node *header;
} parse;

static int line_of(const parse *p) {
    return (int)XML_GetCurrentLineNumber(p->xml);
}

static void out_of_memory(parse *p) {
    si_loading_mistake(p->l, line_of(p), "out of memory");
    XML_StopParser(p->xml, XML_FALSE);
}

static void *memory(parse *p, size_t size) {
    void *m = si_arena_alloc(p->l->arena, size);
    if (m == NULL) {
        out_of_memory(p);
    }
    return m;
}

static const char *copy(parse *p, si_str text) {
    char *c = memory(p, text.len + 1);
    if (c != NULL && text.len > 0) {
        memcpy(c, text.p, text.len);
    }
    return c;
}

/* ---- attributes of elements ---- */

static void unknown_value(parse *p, const char *name, const char *value) {
    si_loading_mistake(p->l, line_of(p), "%s: unknown value \"%.80s\"", name, value);
}

/* Index of a word in a list, or −1. */
static int word_of(si_str word, const char *const *words) {
    for (int i = 0; words[i] != NULL; i++) {
        if (si_str_eq(word, si_str_of(words[i]))) {
            return i;
        }
    }
    return -1;
}

static void read_contexts(parse *p, const char *value) {
    static const char *const words[] = {"is", "ir", "static", NULL};
    si_str rest = si_str_of(value), word;
    p->rule->contexts = 0;
    while (si_str_next(&rest, ',', &word)) {
        int i = word_of(si_str_trim(word), words);
        if (i < 0) {
            unknown_value(p, "RequestType", value);
            return;
        }
        p->rule->contexts |= 1u << i;
    }
}

/* Attributes of the catalog that a rule may override. The reference writes WaterMark; the
 * attribute's own spelling is taken, too. */
static bool read_override(parse *p, const char *name, const char *value) {
    static const char *const names[] = {"DefaultImageMode", "ErrorImage", "Expiration", "MaxPix",
        "RequestLock", "RequestObfuscation", "RootUrl", "SavePath", "WaterMark", "Watermark", NULL};
    if (word_of(si_str_of(name), names) < 0) {
        return false;
    }
    si_rule_override *o = memory(p, sizeof *o);
    si_attributes *values = o != NULL ? memory(p, sizeof *values) : NULL;
    if (values == NULL) {
        return true;
    }
    *o = (si_rule_override){p->rule->overrides, si_attribute_find(si_str_of(name)), values,
        si_arena_copy(p->l->arena, value, strlen(value))};
    if (si_value_set(&o->row->value, si_str_of(value), p->l->arena, values)) {
        p->rule->overrides = o;
    } else {
        unknown_value(p, name, value);
    }
    return true;
}

static void read_rule_attribute(parse *p, const char *name, const char *value) {
    static const char *const on_match[] = {"break", "continue", "error", NULL};
    static const char *const replace[] = {"first", "all", NULL};
    if (strcmp(name, "Name") == 0) {
        p->rule->name = copy(p, si_str_of(value));
    } else if (strcmp(name, "OnMatch") == 0) {
        int i = word_of(si_str_of(value), on_match);
        p->rule->on_match = i < 0 ? SI_MATCH_BREAK : (si_on_match)i;
        if (i < 0) {
            unknown_value(p, name, value);
        }
    } else if (strcmp(name, "Replace") == 0) {
        int i = word_of(si_str_of(value), replace);
        p->rule->replace_all = i == 1;
        if (i < 0) {
            unknown_value(p, name, value);
        }
    } else if (strcmp(name, "RequestType") == 0) {
        read_contexts(p, value);
    } else if (!read_override(p, name, value)) {
        si_loading_mistake(p->l, line_of(p), "a rule has no attribute \"%.80s\"", name);
    }
}

static void begin_rule(parse *p, const char **attributes) {
    p->rule = memory(p, sizeof *p->rule);
    p->place = IN_RULE;
    p->seen = 0;
    p->substitution = (si_str){NULL, 0};
    if (p->rule == NULL) {
        return;
    }
    p->rule->name = "";
    p->rule->line = line_of(p);
    p->rule->contexts = SI_CONTEXT_IS | SI_CONTEXT_IR | SI_CONTEXT_STATIC;
    p->headers_end = &p->rule->headers;
    for (; attributes[0] != NULL; attributes += 2) {
        read_rule_attribute(p, attributes[0], attributes[1]);
    }
    *p->rules_end = p->rule;
    p->rules_end = &p->rule->next;
}

static void begin_header(parse *p, const char **attributes) {
    p->header = memory(p, sizeof *p->header);
    if (p->header == NULL) {
        return;
    }
    for (; attributes[0] != NULL; attributes += 2) {
        if (strcmp(attributes[0], "Name") == 0) {
            p->header->header.name = copy(p, si_str_of(attributes[1]));
        } else if (strcmp(attributes[0], "Action") != 0) {
            si_loading_mistake(
                p->l, line_of(p), "a header has no attribute \"%.80s\"", attributes[0]);
        } else if (strcmp(attributes[1], "add") == 0) {
            p->header->header.add = true;
        } else if (strcmp(attributes[1], "set") != 0) {
            unknown_value(p, "Action", attributes[1]);
        }
    }
}

static void begin_leaf(parse *p, const char *name, const char **attributes) {
    int i = 0;
    while (i < LEAF_COUNT && strcmp(name, leaf_names[i]) != 0) {
        i++;
    }
    if (i == LEAF_COUNT) {
        si_loading_mistake(p->l, line_of(p), "unknown element <%.80s> in a rule", name);
        i = FILTER; /* whatever: the file is refused */
    } else if (i != HEADER && (p->seen & 1u << i) != 0) {
        si_loading_mistake(p->l, line_of(p), "a rule has one <%s>", name);
    }
    if (i == HEADER) {
        begin_header(p, attributes);
    } else if (attributes[0] != NULL) {
        si_loading_mistake(p->l, line_of(p), "<%.80s> has no attributes", name);
    }
    p->seen |= 1u << i;
    p->leaf = (leaf)i;
    p->place = IN_LEAF;
    p->text.len = 0;
}

/* ---- ends of elements ---- */

static void end_header(parse *p, si_str value) {
    si_rule_header_node *h = p->header;
    if (h == NULL) {
        return;
    }
    if (h->header.name == NULL) {
        si_loading_mistake(p->l, line_of(p), "a header needs a Name");
        return;
    }
    value = si_str_trim(value);
    if (!si_rule_header_ok(si_str_of(h->header.name), value)) {
        si_loading_mistake(p->l, line_of(p),
            "header \"%.80s\" is one that the server sets itself, or no valid header",
            h->header.name);
        return;
    }
    h->header.value = copy(p, value);
    *p->headers_end = h;
    p->headers_end = &h->next;
}

static void end_leaf(parse *p) {
    si_str text = {p->text.len > 0 ? (char *)p->text.data : "", p->text.len};
    p->place = IN_RULE;
    if (p->rule == NULL) {
        return;
    }
    switch (p->leaf) {
    case EXPRESSION:
        if (p->rule->code == NULL) {
            si_rule_expression_compile(p->l, line_of(p), text, p->set, p->rule);
        }
        break;
    case SUBSTITUTION:
        p->substitution = (si_str){copy(p, text), text.len};
        p->substitution_line = line_of(p);
        break;
    case FILTER:
        p->rule->filters = true;
        if (!si_address_filter_read(text, p->l->arena, &p->rule->filter)) {
            si_loading_mistake(p->l, line_of(p), "addressfilter: \"%.*s\" is no list of addresses",
                SI_SHOWN(text));
        }
        break;
    case HEADER:
        end_header(p, text);
        break;
    case LEAF_COUNT:
        break;
    }
}

/* ---- expat ---- */

static void on_begin(void *context, const char *name, const char **attributes) {
    parse *p = context;
    if (p->place == OUTSIDE && strcmp(name, "ruleset") == 0) {
        p->place = IN_SET;
        p->had_set = true;
        if (attributes[0] != NULL) {
            si_loading_mistake(p->l, line_of(p), "<ruleset> has no attributes");
        }
    } else if (p->place == IN_SET && strcmp(name, "rule") == 0) {
        begin_rule(p, attributes);
    } else if (p->place == IN_RULE) {
        begin_leaf(p, name, attributes);
    } else {
        si_loading_mistake(p->l, line_of(p), "unknown element <%.80s>", name);
        XML_StopParser(p->xml, XML_FALSE);
    }
}

static void on_end(void *context, const char *name) {
    parse *p = context;
    (void)name;
    if (p->place == IN_LEAF) {
        end_leaf(p);
    } else if (p->place == IN_RULE) {
        if (p->rule != NULL && p->substitution.p != NULL &&
            !si_rule_substitution_parse(p->l, p->substitution_line, p->substitution, p->rule)) {
            out_of_memory(p);
        }
        p->place = IN_SET;
    } else {
        p->place = OUTSIDE;
    }
}

static void on_text(void *context, const char *text, int len) {
    parse *p = context;
    if (p->place == IN_LEAF) {
        if (len > 0 && !si_bytes_append(&p->text, text, (size_t)len)) {
            out_of_memory(p);
        }
        return;
    }
    for (int i = 0; i < len; i++) {
        if (strchr(" \t\r\n", text[i]) == NULL) {
            si_loading_mistake(p->l, line_of(p), "text where only elements are");
            return;
        }
    }
}

static void on_declaration(
    void *context, const char *version, const char *encoding, int standalone) {
    (void)version, (void)encoding, (void)standalone;
    ((parse *)context)->declared = true;
}

static void on_entity(void *context, const char *name, int parameter, const char *value, int len,
    const char *base, const char *system, const char *public, const char *notation) {
    parse *p = context;
    (void)parameter, (void)value, (void)len, (void)base, (void)system, (void)public, (void)notation;
    si_loading_mistake(p->l, line_of(p), "entity \"%.80s\": rule sets define no entities", name);
    XML_StopParser(p->xml, XML_FALSE);
}

static void parse_text(parse *p, const char *text, size_t len) {
    p->xml = XML_ParserCreate(NULL);
    if (p->xml == NULL) {
        si_loading_mistake(p->l, 1, "out of memory");
        return;
    }
    XML_SetUserData(p->xml, p);
    XML_SetElementHandler(p->xml, on_begin, on_end);
    XML_SetCharacterDataHandler(p->xml, on_text);
    XML_SetXmlDeclHandler(p->xml, on_declaration);
    XML_SetEntityDeclHandler(p->xml, on_entity);
    if (XML_Parse(p->xml, text, (int)len, XML_TRUE) != XML_STATUS_OK) {
        enum XML_Error error = XML_GetErrorCode(p->xml);
        if (error != XML_ERROR_ABORTED) { /* which was told */
            si_loading_mistake(p->l, line_of(p), "%s", XML_ErrorString(error));
        }
    } else if (!p->declared || !p->had_set) {
        si_loading_mistake(p->l, 1, "a rule set begins with <?xml version=\"1.0\"?> and <ruleset>");
    }
    XML_ParserFree(p->xml);
    si_bytes_free(&p->text);
}

/* ---- rule sets ---- */

static si_rule_set *new_set(si_loading *l) {
    si_rule_set *set = si_arena_alloc(l->arena, sizeof *set);
    pcre2_match_context *limits = pcre2_match_context_create(NULL);
    if (set == NULL || limits == NULL) {
        pcre2_match_context_free(limits);
        si_loading_mistake(l, 1, "out of memory");
        return NULL;
    }
    pcre2_set_match_limit(limits, MATCH_LIMIT);
    pcre2_set_depth_limit(limits, DEPTH_LIMIT);
    pcre2_set_heap_limit(limits, HEAP_LIMIT_KIB);
    set->limits = limits;
    set->next = l->catalog->rule_sets;
    l->catalog->rule_sets = set;
    l->data->rules = set;
    return set;
}

static bool protects(const si_rule_set *set) {
    for (const si_rule *r = set->first; r != NULL; r = r->next) {
        bool locks = false;
        for (const si_rule_override *o = r->overrides; o != NULL; o = o->next) {
            locks |= o->row == si_attribute_find(SI_STR("RequestLock")) && o->values->request_lock;
        }
        if (r->filters || locks) {
            return true;
        }
    }
    return false;
}

void si_rules_load(si_loading *l) {
    const char *path = l->company->attributes.rule_set_file, *outer = l->file;
    char *text = NULL;
    size_t len = 0;
    si_diag diag = {0};
    if (path[0] == '\0') {
        return;
    }
    if (si_datafile_load(l->dir_fd, path, FILE_MAX, &text, &len, &diag) != SI_OK) {
        si_loading_mistake(l, si_attribute_line(l->company, offsetof(si_attributes, rule_set_file)),
            "%s", diag.text);
        return;
    }
    si_rule_set *set = new_set(l);
    if (set == NULL) {
        free(text);
        return;
    }
    parse p = {.l = l, .set = set, .rules_end = &set->first};
    l->file = set->file = si_loading_shown(l, path);
    parse_text(&p, text, len);
    set->protects = protects(set);
    l->file = outer;
    free(text);
}

void si_rules_free(si_rule_set *set) {
    for (; set != NULL; set = set->next) {
        for (si_rule *r = set->first; r != NULL; r = r->next) {
            pcre2_code_free(r->code);
        }
        pcre2_match_context_free(set->limits);
    }
}
