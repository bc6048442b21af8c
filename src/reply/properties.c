#include "reply/properties.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/json.h"

static bool put(si_bytes *out, const char *text) {
    return si_bytes_append(out, text, strlen(text));
}

/* Appends text, with a replacement for each character of `from`. */
static bool put_escaped(si_bytes *out, const char *text, const char *from, const char *const *to) {
    bool ok = true;
    for (; *text != '\0'; text++) {
        const char *at = strchr(from, *text);
        ok = ok && (at != NULL ? put(out, to[at - from]) : si_bytes_append(out, text, 1));
    }
    return ok;
}

static bool write_text(const si_property *list, int count, int64_t seconds, si_bytes *out) {
    static const char *const escapes[] = {"\\n", "\\t", "\\:", "\\\\"};
    char date[64];
    time_t t = (time_t)seconds;
    struct tm tm;
    gmtime_r(&t, &tm);
    strftime(date, sizeof date, "#%a %b %d %H:%M:%S UTC %Y\r\n", &tm);
    bool ok = put(out, "#S7Z OK\r\n") && put(out, date);
    for (int i = 0; i < count; i++) {
        ok = ok && put(out, list[i].name) && put(out, "=");
        ok = ok && put_escaped(out, list[i].value, "\n\t:\\", escapes) && put(out, "\r\n");
    }
    return ok;
}

static bool write_javascript(const si_property *list, int count, si_bytes *out) {
    static const char *const escapes[] = {"\\'", "\\\\", "\\n", "\\r"};
    bool ok = true;
    for (int i = 0; i < count; i++) {
        ok = ok && put(out, list[i].name) && put(out, "='");
        ok = ok && put_escaped(out, list[i].value, "'\\\n\r", escapes) && put(out, "';\r\n");
    }
    return ok;
}

/* The object that a property belongs to: what stands before its last dot. */
static size_t object_length(const char *name) {
    const char *dot = strrchr(name, '.');
    return dot != NULL ? (size_t)(dot - name) : 0;
}

static bool write_xml(const char *encoding, const si_property *list, int count, si_bytes *out) {
    static const char *const escapes[] = {"&amp;", "&lt;", "&gt;", "&quot;"};
    bool ok = put(out, "<?xml version=\"1.0\" encoding=\"") && put(out, encoding) &&
              put(out, "\" ?>\r\n<prop-group>\r\n");
    size_t group = 0; /* length of the object name that is open, 0 = none is */
    for (int i = 0; i < count; i++) {
        size_t len = object_length(list[i].name);
        if (len != group || (i > 0 && strncmp(list[i].name, list[i - 1].name, len) != 0)) {
            ok = ok && (group == 0 || put(out, "</prop-group>\r\n"));
            ok = ok &&
                 (len == 0 || (put(out, "<prop-group name=\"") &&
                                  si_bytes_append(out, list[i].name, len) && put(out, "\">\r\n")));
            group = len;
        }
        ok = ok && put(out, "<property name=\"") && put(out, list[i].name + len + (len > 0)) &&
             put(out, "\" value=\"") && put_escaped(out, list[i].value, "&<>\"", escapes) &&
             put(out, "\" />\r\n");
    }
    return ok && (group == 0 || put(out, "</prop-group>\r\n")) && put(out, "</prop-group>\r\n");
}

static bool put_json_string(si_bytes *out, const char *text) {
    return si_json_put(out, text, strlen(text));
}

/* Public clients split on these very strings: no blanks around ":" and ",". */
static bool write_json(const si_shape *shape, const si_property *list, int count, si_bytes *out) {
    bool ok = put(out, "/*jsonp*/") && put(out, shape->handler) && put(out, "({");
    for (int i = 0; i < count; i++) {
        ok = ok && (i == 0 || put(out, ","));
        ok = ok && put_json_string(out, list[i].name) && put(out, ":") &&
             put_json_string(out, list[i].value);
    }
    return ok && put(out, "},") && put_json_string(out, shape->request_id) && put(out, ");");
}

const char *si_properties_type(si_body body) {
    static const char *const types[] = {"text/plain; charset=utf-8",
        "text/javascript; charset=utf-8", "text/xml; charset=utf-8",
        "text/javascript; charset=utf-8"};
    assert((unsigned)body < sizeof types / sizeof *types);
    return types[body];
}

bool si_properties_write(
    const si_shape *shape, const si_property *list, int count, int64_t time, si_bytes *out) {
    switch (shape->body) {
    case SI_BODY_JAVASCRIPT:
        return write_javascript(list, count, out);
    case SI_BODY_XML:
        return write_xml(shape->encoding, list, count, out);
    case SI_BODY_JSON:
        return write_json(shape, list, count, out);
    case SI_BODY_TEXT:
        break;
    }
    return write_text(list, count, time, out);
}
