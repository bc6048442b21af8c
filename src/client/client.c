#include "client/client.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "client/user_agent.h"

enum { HEADER_LIMIT = 8192 };

const si_client_settings si_client_usual_settings = {
    .limits = SI_NETWORK_USUAL_LIMITS, .network_header = ""};

typedef enum verdict { UNSAID, WANTED, REFUSED } verdict;

typedef struct accept {
    verdict format[SI_FORMAT_COUNT]; /* by explicit media ranges */
    verdict any_image, anything;     /* by the wildcards */
    verdict apng;                    /* which Chromium alone asks for */
    bool empty;
} accept;

/* The formats a client class is made of, in the order of its name. */
static const si_format special[] = {
    SI_FORMAT_AVIF, SI_FORMAT_JXL, SI_FORMAT_WEBP, SI_FORMAT_JP2, SI_FORMAT_JXR};
enum { SPECIAL_COUNT = sizeof special / sizeof *special };

/* By number of SI_USED_*. */
static const char *const vary[SI_USED_COUNT] = {
#define X(name, words) words,
    SI_CLIENT_INPUTS(X)
#undef X
};

/* Like si_str_next, but a separator inside a quoted string (RFC 9110 section 5.6.4) does not count.
 * *closed tells whether every quoted string of the part ends in it. */
static bool next_part(si_str *rest, char sep, si_str *part, bool *closed) {
    if (rest->p == NULL) {
        return false;
    }
    bool quoted = false;
    const char *end = memchr(rest->p, sep, rest->len);
    size_t i = end != NULL ? (size_t)(end - rest->p) : rest->len;
    if (memchr(rest->p, '"', i) != NULL) { /* which hardly any header has */
        i = 0;
    }
    for (; i < rest->len && (quoted || rest->p[i] != sep); i++) {
        if (rest->p[i] == '"') {
            quoted = !quoted;
        } else if (quoted && rest->p[i] == '\\' && i + 1 < rest->len) {
            i++;
        }
    }
    *closed = !quoted;
    *part = (si_str){rest->p, i};
    *rest = i < rest->len ? (si_str){rest->p + i + 1, rest->len - i - 1} : (si_str){NULL, 0};
    return true;
}

/* Where the verdict on a media range belongs; NULL if it is none of ours. */
static verdict *find_range(accept *a, si_str range) {
    if (si_str_eq(range, SI_STR("*/*"))) {
        return &a->anything;
    }
    if (si_str_eq_nocase(range, SI_STR("image/*"))) {
        return &a->any_image;
    }
    if (si_str_eq_nocase(range, SI_STR("image/apng"))) {
        return &a->apng;
    }
    if (si_str_eq_nocase(range, SI_STR("image/jxr"))) {
        return &a->format[SI_FORMAT_JXR];
    }
    for (int i = 0; i < SPECIAL_COUNT; i++) {
        if (si_str_eq_nocase(range, si_str_of(si_format_mime(special[i])))) {
            return &a->format[special[i]];
        }
    }
    return NULL;
}

/* UNSAID if a weight among the parameters makes no sense. */
static verdict weigh(si_str parameters) {
    verdict v = WANTED;
    si_str parameter;
    bool closed;
    while (next_part(&parameters, ';', &parameter, &closed)) {
        si_str value = parameter, name;
        si_str_next(&value, '=', &name);
        if (!si_str_eq_nocase(si_str_trim(name), SI_STR("q"))) {
            continue;
        }
        double q;
        if (!si_str_real(si_str_trim(value), &q) || q < 0 || q > 1) {
            return UNSAID;
        }
        if (q == 0) {
            v = REFUSED;
        }
    }
    return v;
}

static accept read_accept(si_str header) {
    bool cut = header.len > HEADER_LIMIT;
    header.len = cut ? HEADER_LIMIT : header.len;
    accept a = {.empty = si_str_trim(header).len == 0};
    si_str element;
    bool closed;
    while (next_part(&header, ',', &element, &closed)) {
        if (!closed || (cut && header.p == NULL)) {
            break; /* only the last element can be unclosed or cut */
        }
        si_str range;
        next_part(&element, ';', &range, &closed);
        verdict *place = find_range(&a, si_str_trim(range));
        if (place != NULL) {
            verdict v = weigh(element);
            *place = v > *place ? v : *place;
        }
    }
    return a;
}

bool si_client_wants_page(si_str header) {
    si_str element, range;
    bool closed, wanted = false;
    header.len = header.len > HEADER_LIMIT ? HEADER_LIMIT : header.len;
    while (next_part(&header, ',', &element, &closed) && closed) {
        next_part(&element, ';', &range, &closed);
        if (si_str_eq_nocase(si_str_trim(range), SI_STR("text/html"))) {
            const verdict v = weigh(element);
            if (v == REFUSED) {
                return false;
            }
            wanted |= v == WANTED;
        }
    }
    return wanted;
}

/* Formats that Accept does not exclude, for a client known to show them. */
static unsigned tolerated(const accept *a, si_format f) {
    verdict v = a->empty                 ? WANTED
                : a->format[f] != UNSAID ? a->format[f]
                : a->any_image != UNSAID ? a->any_image
                                         : a->anything;
    return v == WANTED ? SI_FORMAT_BIT(f) : 0;
}

/* The whole words of the first HEADER_LIMIT bytes; half a version number would be a wrong one. */
static si_str limited(si_str header) {
    if (header.len > HEADER_LIMIT) {
        header.len = HEADER_LIMIT;
        while (header.len > 0 && header.p[header.len - 1] != ' ') {
            header.len--;
        }
    }
    return header;
}

static si_str find_header(const si_client_headers *headers, si_str name) {
    return headers->find != NULL ? headers->find(headers->context, name) : (si_str){NULL, 0};
}

static bool take_ratio(si_client *out, double ratio, si_ratio_source source) {
    if (ratio > 0) {
        out->dpr = si_density_snap(ratio, si_density_all_steps);
        out->dpr_source = source;
    }
    return ratio > 0;
}

/* Hint, edge, User-Agent; `setting` and the result as in si_client_ratio(). */
static si_str read_ratio(
    const si_client_headers *headers, const accept *a, si_str setting, si_client *out) {
    si_str looked = {NULL, 0};
    out->dpr = 1;
    out->dpr_source = SI_RATIO_OF_NOBODY;
    out->dpr_edge = 0;
    out->dpr_used = SI_USED_DPR;
    if (take_ratio(out, si_density_number(headers->dpr), SI_RATIO_OF_HINT)) {
        return looked;
    }
    if (setting.len > 0) {
        looked = si_density_header(setting);
        out->dpr_edge = si_density_edge(setting, find_header(headers, looked));
        if (take_ratio(out, out->dpr_edge, SI_RATIO_OF_EDGE)) {
            return looked;
        }
    }
    out->dpr_used |= SI_USED_ACCEPT;
    if (a->apng != WANTED) {
        out->dpr_used |= SI_USED_USER_AGENT;
        take_ratio(out, si_user_agent_ratio(limited(headers->user_agent)), SI_RATIO_OF_AGENT);
    }
    return looked;
}

static void set_network(si_client *client) {
    bool ignored;
    client->network = si_network_decide(&client->told, SI_NETWORK_UNKNOWN, &ignored);
}

/* What requests themselves, and their connection, say of the line. */
static void read_line(const si_client_headers *headers, si_client *out) {
    const si_client_settings *settings =
        headers->settings != NULL ? headers->settings : &si_client_usual_settings;
    out->network_used = SI_USED_NETWORK;
    out->told = (si_network_told){
        .saves_data = si_network_saves_data(&headers->network),
        .measured = headers->trusted_edge ? SI_NETWORK_UNKNOWN : headers->measured,
        .hinted = si_network_of_hints(&settings->limits, &headers->network),
    };
    set_network(out);
}

/* What requests themselves say. */
static void read_raw_headers(const si_client_headers *headers, si_client *out) {
    *out = (si_client){.used = SI_USED_ACCEPT,
        .width = si_density_number(headers->width),
        .viewport_width = si_density_number(headers->viewport_width)};
    read_line(headers, out);
    accept a = read_accept(headers->accept);
    (void)read_ratio(headers, &a, (si_str){NULL, 0}, out);
    for (int i = 0; i < SPECIAL_COUNT; i++) {
        if (a.format[special[i]] == WANTED) {
            out->formats |= SI_FORMAT_BIT(special[i]);
        }
    }
    unsigned silent = tolerated(&a, SI_FORMAT_JP2) | tolerated(&a, SI_FORMAT_JXR);
    if (out->formats == 0 && silent != 0) {
        out->used |= SI_USED_USER_AGENT;
        out->formats = si_user_agent_formats(limited(headers->user_agent)) & silent;
    }
}

/* ---- classes of trusted edges ---- */

static unsigned read_formats(si_str text) {
    unsigned formats = 0;
    si_str word;
    while (si_str_next(&text, '+', &word)) {
        for (int i = 0; i < SPECIAL_COUNT; i++) {
            if (si_str_eq_nocase(si_str_trim(word), si_str_of(si_format_name(special[i])))) {
                formats |= SI_FORMAT_BIT(special[i]);
            }
        }
    }
    return formats;
}

/* ---- public ---- */

void si_client_classify(const si_client_headers *headers, si_client *out) {
    if (headers->trusted_edge && headers->edge_class.p != NULL) {
        si_client_read(headers->edge_class, out);
        return;
    }
    read_raw_headers(headers, out);
    if (headers->trusted_edge) {
        out->used |= SI_USED_CLASS;
        out->dpr_used |= SI_USED_CLASS;
        out->network_used |= SI_USED_CLASS;
    }
}

si_str si_client_ratio(const si_client_headers *headers, si_str setting, si_client *client) {
    bool classed = headers->trusted_edge && headers->edge_class.p != NULL;
    if (classed || setting.len == 0) {
        return (si_str){NULL, 0};
    }
    accept a = read_accept(headers->accept);
    unsigned told = client->dpr_used & SI_USED_CLASS;
    si_str looked = read_ratio(headers, &a, setting, client);
    client->dpr_used |= told;
    return looked;
}

const char *si_ratio_source_text(si_ratio_source source) {
    static const char *const texts[] = {
#define X(name, words) words,
        SI_CLIENT_RATIO_SOURCES(X)
#undef X
    };
    assert(source < SI_RATIO_SOURCE_COUNT);
    return texts[source];
}

void si_client_read(si_str text, si_client *out) {
    *out = (si_client){
        .used = SI_USED_CLASS, .dpr_used = SI_USED_CLASS, .dpr = 1, .network_used = SI_USED_CLASS};
    si_str part, name;
    if (si_str_next(&text, ';', &part)) {
        out->formats = read_formats(part);
    }
    bool known = false, net_known = false;
    while (si_str_next(&text, ';', &part)) {
        si_str value = part;
        si_str_next(&value, '=', &name);
        if (!known && si_str_eq_nocase(si_str_trim(name), SI_STR("dpr"))) {
            known = true;
            take_ratio(out, si_density_number(value), SI_RATIO_OF_CLASS);
        } else if (!net_known && si_str_eq_nocase(si_str_trim(name), SI_STR("net"))) {
            net_known = true;
            out->told.edge = si_network_by_name(si_str_trim(value));
        }
    }
    if (out->told.edge == SI_NETWORK_UNKNOWN) {
        out->told.edge = SI_NETWORK_EXCELLENT;
    }
    set_network(out);
}

static void add_parameter(char *class, const char *name, const char *value) {
    size_t len = strlen(class);
    int more = snprintf(class + len, SI_CLIENT_CLASS_SIZE - len, ";%s=%s", name, value);
    assert(more > 0 && len + (size_t)more < SI_CLIENT_CLASS_SIZE);
}

char *si_client_print(const si_client *client, char *out) {
    char dpr[32];
    si_client_name(client, out);
    if (strcmp(si_real_print(client->dpr, dpr), "1") != 0) {
        add_parameter(out, "dpr", dpr);
    }
    if (client->network > SI_NETWORK_EXCELLENT) {
        add_parameter(out, "net", si_network_name(client->network));
    }
    return out;
}

char *si_client_name(const si_client *client, char *out) {
    enum { ROOM = 64 }; /* as promised in client.h; all names together take less */
    size_t len = 0;
    for (int i = 0; i < SPECIAL_COUNT; i++) {
        if (client->formats & SI_FORMAT_BIT(special[i])) {
            len += (size_t)snprintf(
                out + len, ROOM - len, "%s%s", len > 0 ? "+" : "", si_format_name(special[i]));
        }
    }
    if (len == 0) {
        snprintf(out, ROOM, "plain");
    }
    return out;
}

char *si_client_vary(unsigned used, char *out) {
    assert(used <= SI_USED_ALL);
    size_t len = 0;
    out[0] = '\0';
    for (int i = 0; i < SI_USED_COUNT; i++) {
        if (used & (1u << i)) {
            int more = snprintf(
                out + len, SI_CLIENT_VARY_SIZE - len, "%s%s", len > 0 ? ", " : "", vary[i]);
            assert(more > 0 && len + (size_t)more < SI_CLIENT_VARY_SIZE);
            len += (size_t)more;
        }
    }
    return out;
}
