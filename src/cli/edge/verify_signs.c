/* What replies say: headers, formats, and whether a cache had them. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "cli/edge/verify.h"

const char *si_verify_header_of(const si_verify_reply *reply, const char *name) {
    for (int i = reply->header_count - 1; i >= 0; i--) {
        if (strcasecmp(reply->headers[i].name, name) == 0) {
            return reply->headers[i].value;
        }
    }
    return "";
}

long si_verify_directive(const char *value, const char *name) {
    si_str rest = si_str_of(value), item, word;
    while (si_str_next(&rest, ',', &item)) {
        long number;
        si_str_next(&item, '=', &word);
        if (si_str_eq_nocase(si_str_trim(word), si_str_of(name)) && item.p != NULL &&
            si_str_int(si_str_trim(item), &number)) {
            return number;
        }
    }
    return -1;
}

bool si_verify_names(const char *list, const char *word) {
    si_str rest = si_str_of(list), item;
    while (si_str_next(&rest, ',', &item)) {
        if (si_str_eq_nocase(si_str_trim(item), si_str_of(word))) {
            return true;
        }
    }
    return false;
}

/* ---- formats ---- */

/* format, offset, bytes there */
#define SIGNATURES(X)                                                                              \
    X(JPEG, 0, "\xff\xd8\xff")                                                                     \
    X(PNG, 0, "\x89PNG\r\n")                                                                       \
    X(GIF, 0, "GIF8")                                                                              \
    X(WEBP, 8, "WEBP")                                                                             \
    X(AVIF, 4, "ftypavi")                                                                          \
    X(JXL, 0, "\xff\x0a")                                                                          \
    X(JXL, 4, "JXL ")                                                                              \
    X(JP2, 4, "jP  ")                                                                              \
    X(JP2, 0, "\xff\x4f\xff\x51")                                                                  \
    X(JXR, 0, "II\xbc")                                                                            \
    X(TIFF, 0, "II*")                                                                              \
    X(TIFF, 0, "MM\0*")                                                                            \
    X(PDF, 0, "%PDF")

si_format si_verify_format_of_body(const si_verify_reply *reply) {
#define X(format, offset, text)                                                                    \
    if (reply->body.len >= (offset) + sizeof(text) - 1 &&                                          \
        memcmp(reply->body.data + (offset), text, sizeof(text) - 1) == 0) {                        \
        return SI_FORMAT_##format;                                                                 \
    }
    SIGNATURES(X)
#undef X
    return SI_FORMAT_COUNT;
}

si_format si_verify_format_of_type(const si_verify_reply *reply) {
    si_str rest = si_str_of(si_verify_header_of(reply, "Content-Type")), type;
    if (!si_str_next(&rest, ';', &type)) {
        return SI_FORMAT_COUNT;
    }
    type = si_str_trim(type);
    if (si_str_eq_nocase(type, SI_STR("image/jxr"))) {
        return SI_FORMAT_JXR;
    }
    for (si_format f = 0; f < SI_FORMAT_COUNT; f++) {
        if (si_str_eq_nocase(type, si_str_of(si_format_mime(f)))) {
            return f;
        }
    }
    return SI_FORMAT_COUNT;
}

/* ---- caches ---- */

static bool has(const char *value, const char *part) {
    return strcasestr(value, part) != NULL;
}

static si_verify_sign by_word(const char *value) {
    static const char *const hits[] = {"hit", "stale", "updating", "revalidated"};
    if (value[0] == '\0') {
        return SI_VERIFY_UNKNOWN;
    }
    for (size_t i = 0; i < sizeof hits / sizeof *hits; i++) {
        if (has(value, hits[i])) {
            return SI_VERIFY_HIT;
        }
    }
    return SI_VERIFY_MISS;
}

/* RFC 9211. */
static si_verify_sign by_cache_status(const char *value) {
    return value[0] == '\0'                            ? SI_VERIFY_UNKNOWN
           : has(value, "; hit") || has(value, ";hit") ? SI_VERIFY_HIT
                                                       : SI_VERIFY_MISS;
}

/* Varnish names the request, and the one that the reply was fetched for. */
static si_verify_sign by_varnish(const char *value) {
    return value[0] == '\0'             ? SI_VERIFY_UNKNOWN
           : strchr(value, ' ') != NULL ? SI_VERIFY_HIT
                                        : SI_VERIFY_MISS;
}

static si_verify_sign by_number(const char *value) {
    return strtol(value, NULL, 10) > 0 ? SI_VERIFY_HIT : SI_VERIFY_UNKNOWN;
}

static bool is_own(const char *cache) {
    return si_words_find("hit|miss|refresh|stale|bypass", si_str_of(cache), false) >= 0;
}

/* smartimg's own X-Cache, as it comes through the edge: what it calls a hit was asked for; a miss
 * that is told twice was stored. */
static si_verify_sign by_own(const char *now, const si_verify_reply *before) {
    const char *then = before != NULL ? si_verify_header_of(before, "X-Cache") : "";
    if (before == NULL || !is_own(then)) {
        return SI_VERIFY_UNKNOWN;
    }
    return strcmp(now, "miss") == 0 && strcmp(then, "miss") == 0  ? SI_VERIFY_HIT
           : strcmp(now, "hit") == 0 && strcmp(then, "miss") == 0 ? SI_VERIFY_MISS
                                                                  : SI_VERIFY_UNKNOWN;
}

si_verify_sign si_verify_sign_of(const si_verify_reply *reply, const si_verify_reply *before) {
    const char *cache = si_verify_header_of(reply, "X-Cache");
    const si_verify_sign signs[] = {
        by_cache_status(si_verify_header_of(reply, "Cache-Status")),
        by_word(si_verify_header_of(reply, "CF-Cache-Status")),
        by_word(si_verify_header_of(reply, "X-Cache-Status")),
        by_varnish(si_verify_header_of(reply, "X-Varnish")),
        is_own(cache) ? SI_VERIFY_UNKNOWN : by_word(cache),
        by_number(si_verify_header_of(reply, "X-Cache-Hits")),
        by_number(si_verify_header_of(reply, "Age")),
        by_own(cache, before),
    };
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        if (signs[i] != SI_VERIFY_UNKNOWN) {
            return signs[i];
        }
    }
    return SI_VERIFY_UNKNOWN;
}

const char *si_verify_sign_text(si_verify_sign sign) {
    return sign == SI_VERIFY_HIT ? "hit" : sign == SI_VERIFY_MISS ? "miss" : "?";
}
