#include "catalog/attributes.h"

#include <assert.h>
#include <stdio.h>

#include "base/host.h"
#include "catalog/catalog_internal.h"

const si_attribute si_attribute_rows[] = {
#define X(name, field, type, inherits, minimum, maximum, initial, unit, help)                      \
    {#name, #type, SI_VALUE_FIELD(si_attributes, field, type, minimum, maximum),                   \
        SI_INHERITS_##inherits, initial, unit, help},
    SI_ATTRIBUTES(X)
#undef X
};

const int si_attribute_count = sizeof si_attribute_rows / sizeof *si_attribute_rows;

const si_attribute *si_attribute_find(si_str name) {
    for (int i = 0; i < si_attribute_count; i++) {
        if (si_str_eq_nocase(name, si_str_of(si_attribute_rows[i].name))) {
            return &si_attribute_rows[i];
        }
    }
    return NULL;
}

int si_attribute_line(const si_company *company, size_t offset) {
    for (int i = 0; company->data->attribute_lines != NULL && i < si_attribute_count; i++) {
        if (si_attribute_rows[i].value.offset == offset) {
            return company->data->attribute_lines[i];
        }
    }
    return 0;
}

static bool set_initial(const si_attribute *row, si_arena *arena, si_attributes *a) {
    return si_value_set(&row->value, si_str_of(row->initial), arena, a);
}

bool si_attributes_init(si_attributes *a, si_arena *arena) {
    bool ok = true;
    for (int i = 0; i < si_attribute_count; i++) {
        ok = ok && set_initial(&si_attribute_rows[i], arena, a);
    }
    return ok;
}

bool si_attributes_unconfigured(si_attributes *a, si_arena *arena) {
    static const struct {
        const char *name, *value;
    } rows[] = {
#define X(name, value) {#name, value},
        SI_UNCONFIGURED_ATTRIBUTES(X)
#undef X
    };
    bool ok = true;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const si_attribute *row = si_attribute_find(si_str_of(rows[i].name));
        assert(row != NULL);
        ok = ok && si_value_set(&row->value, si_str_of(rows[i].value), arena, a);
    }
    return ok;
}

bool si_attributes_inherit(si_attributes *a, const si_attributes *from, si_arena *arena) {
    bool ok = true;
    *a = *from;
    for (int i = 0; i < si_attribute_count; i++) {
        if (si_attribute_rows[i].inherits == SI_INHERITS_OWN) {
            ok = ok && set_initial(&si_attribute_rows[i], arena, a);
        }
    }
    return ok;
}

/* What an attribute is that is not defined, or defined as empty without that meaning anything. */
static void reset(si_loading *l, const si_attribute *row) {
    si_attributes *a = &l->company->attributes;
    const si_company *standard = &l->catalog->companies[0];
    if (row->inherits == SI_INHERITS_OWN || l->company == standard) {
        (void)set_initial(row, l->arena, a); /* which was possible before */
    } else {
        memcpy((char *)a + row->value.offset,
            (const char *)&standard->attributes + row->value.offset, row->value.size);
    }
}

/* "scheme://host[:port]" as browsers send it, or "*". */
static bool is_origin(si_str text) {
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < 2; i++) {
        const si_str scheme = si_str_of(schemes[i]);
        if (text.len > scheme.len && si_str_starts(text, scheme)) {
            return si_name_is_clean((si_str){text.p + scheme.len, text.len - scheme.len}, "-._:[]");
        }
    }
    return si_str_eq(text, SI_STR("*"));
}

static bool are_origins(const si_value_LIST *list) {
    for (int i = 0; i < list->count; i++) {
        if (!is_origin(si_str_of(list->items[i]))) {
            return false;
        }
    }
    return true;
}

static bool is_resource_policy(const char *text) {
    return text[0] == '\0' || strcmp(text, "cross-origin") == 0 || strcmp(text, "same-site") == 0 ||
           strcmp(text, "same-origin") == 0;
}

/* What a value must be besides being of its type. */
static const char *objection(const si_attribute *row, const si_attributes *a) {
    const void *value = (const char *)a + row->value.offset;
    si_str text = {NULL, 0};
    if (row->value.read == si_value_read_TEXT) {
        text = si_str_of(*(const char *const *)value);
    }
    if (value == &a->root_path || value == &a->static_root_path || value == &a->save_path) {
        return text.len == 0 || si_file_path_is_clean(text)
                   ? NULL
                   : "is a folder below the served root, without \"/\" at its ends or \"..\"";
    }
    if (value == &a->dpr_header) {
        return text.len == 0 || si_str_is_field_name(text) ? NULL
                                                           : "is the name of a header, or akamai";
    }
    if (value == &a->request_lock_key) {
        return text.len == 0 || text.len >= 16 ? NULL : "has less than 16 characters";
    }
    if (value == &a->allow_origin || value == &a->timing_origin) {
        return are_origins(value)
                   ? NULL
                   : "has origins such as https://shop.example, without a path, or *";
    }
    if (value == &a->resource_policy) {
        return is_resource_policy(a->resource_policy) ? NULL
                                                      : "is cross-origin, same-site or same-origin";
    }
    if (value == &a->default_ext) {
        return text.len == 0 || (text.p[0] == '.' && text.len <= 15 && si_name_is_clean(text, "."))
                   ? NULL
                   : "is a suffix such as .tif";
    }
    return NULL;
}

void si_attribute_set(si_loading *l, si_str name, si_str value, int line) {
    const si_attribute *row = si_attribute_find(name);
    if (row == NULL) {
        si_loading_mistake(l, line, "unknown attribute \"%.*s\"", SI_SHOWN(name));
        return;
    }
    l->data->attribute_lines[row - si_attribute_rows] = line;
    value = si_value_unquote(value, l->arena);
    if (value.len == 0 && row->inherits != SI_INHERITS_OFF) {
        reset(l, row);
        return;
    }
    si_attributes *a = &l->company->attributes;
    if (!si_value_set(&row->value, value, l->arena, a)) {
        if (row->value.read == si_value_read_BOOL) {
            si_loading_mistake(
                l, line, "%s: \"%.*s\" is neither on nor off", row->name, SI_SHOWN(value));
        } else if (row->value.limits.max > 0) {
            si_loading_mistake(l, line, "%s: \"%.*s\" is not a %s of %g to %g", row->name,
                SI_SHOWN(value), row->type, row->value.limits.min, row->value.limits.max);
        } else {
            si_loading_mistake(l, line, "%s: not a valid %s", row->name, row->type);
        }
        reset(l, row);
        return;
    }
    const char *wrong = objection(row, a);
    if (wrong != NULL) {
        si_loading_mistake(l, line, "%s %s", row->name, wrong);
        reset(l, row);
    }
    l->root_path_here |= row->value.offset == offsetof(si_attributes, root_path);
}

/* "host", "host:port", "[IPv6]:port" or "*.domain" against a server. */
static bool host_matches(si_str listed, si_str host, int port) {
    si_host own;
    if (!si_host_read(listed, &own) || (own.port != 0 && own.port != port)) {
        return false;
    }
    if (si_str_starts(own.name, SI_STR("*."))) {
        own.name.p++;
        own.name.len--;
        return host.len > own.name.len &&
               si_str_eq_nocase((si_str){host.p + host.len - own.name.len, own.name.len}, own.name);
    }
    return si_host_same(own.name, host);
}

/* The "host[:port]" of an address, without a user name. */
static si_str host_of(si_str url) {
    si_str rest = url, part = url;
    for (size_t i = 0; i + 2 < url.len; i++) {
        if (url.p[i] == ':' && url.p[i + 1] == '/' && url.p[i + 2] == '/') {
            rest = (si_str){url.p + i + 3, url.len - i - 3};
            break;
        }
    }
    (void)si_str_next(&rest, '/', &part);
    return part;
}

bool si_attributes_allow_host(const si_attributes *a, si_str host, int port) {
    if (a->root_url[0] != '\0' && host_matches(host_of(si_str_of(a->root_url)), host, port)) {
        return true;
    }
    for (int i = 0; a->allow_direct_urls && i < a->foreign_hosts.count; i++) {
        if (host_matches(si_str_of(a->foreign_hosts.items[i]), host, port)) {
            return true;
        }
    }
    return false;
}
