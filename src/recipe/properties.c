#include "recipe/properties.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static int put(si_bytes *out, const char *text) {
    return si_bytes_append(out, text, strlen(text));
}

/* Appends text, with a replacement for each character of `from`. */
static int put_escaped(si_bytes *out, const char *text, const char *from, const char *const *to) {
    int ok = 1;
    for (; *text != '\0'; text++) {
        const char *at = strchr(from, *text);
        ok &= at != NULL ? put(out, to[at - from]) : si_bytes_append(out, text, 1);
    }
    return ok;
}

static int write_text(const si_property *list, int count, int64_t seconds, si_bytes *out) {
    static const char *const escapes[] = {"\\n", "\\t", "\\:", "\\\\"};
    char date[64];
    time_t t = (time_t)seconds;
    struct tm tm;
    gmtime_r(&t, &tm);
    strftime(date, sizeof date, "#%a %b %d %H:%M:%S UTC %Y\r\n", &tm);
    int ok = put(out, "#S7Z OK\r\n") & put(out, date);
    for (int i = 0; i < count; i++) {
        ok &= put(out, list[i].name) & put(out, "=");
        ok &= put_escaped(out, list[i].value, "\n\t:\\", escapes) & put(out, "\r\n");
    }
    return ok;
}

static int write_javascript(const si_property *list, int count, si_bytes *out) {
    static const char *const escapes[] = {"\\'", "\\\\", "\\n", "\\r"};
    int ok = 1;
    for (int i = 0; i < count; i++) {
        ok &= put(out, list[i].name) & put(out, "='");
        ok &= put_escaped(out, list[i].value, "'\\\n\r", escapes) & put(out, "';\r\n");
    }
    return ok;
}

static int write_xml(const si_property *list, int count, si_bytes *out) {
    static const char *const escapes[] = {"&amp;", "&lt;", "&gt;", "&quot;"};
    int ok = put(out, "<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\r\n<prop-group>\r\n");
    size_t group = 0; /* length of the object name that is open */
    for (int i = 0; i < count; i++) {
        const char *dot = strchr(list[i].name, '.');
        size_t len = dot != NULL ? (size_t)(dot - list[i].name) : 0;
        if (i == 0 || len != group || strncmp(list[i].name, list[i - 1].name, len) != 0) {
            ok &= i == 0 || put(out, "</prop-group>\r\n");
            ok &= put(out, "<prop-group name=\"") & si_bytes_append(out, list[i].name, len) &
                  put(out, "\">\r\n");
            group = len;
        }
        ok &= put(out, "<property name=\"") & put(out, list[i].name + len + (dot != NULL)) &
              put(out, "\" value=\"") & put_escaped(out, list[i].value, "&<>\"", escapes) &
              put(out, "\" />\r\n");
    }
    return ok & put(out, "</prop-group>\r\n</prop-group>\r\n");
}

static int put_json_string(si_bytes *out, const char *text) {
    int ok = put(out, "\"");
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        char code[8];
        /* < and > too, so that a value can never end a script element */
        if (c < 0x20 || c == '"' || c == '\\' || c == '<' || c == '>' || c == 0x7f) {
            snprintf(code, sizeof code, "\\u%04x", c);
            ok &= put(out, code);
        } else {
            ok &= si_bytes_append(out, text, 1);
        }
    }
    return ok & put(out, "\"");
}

/* Public clients split on these very strings: no blanks around ":" and ",". */
static int write_json(const si_shape *shape, const si_property *list, int count, si_bytes *out) {
    int ok = put(out, "/*jsonp*/") & put(out, shape->handler) & put(out, "({");
    for (int i = 0; i < count; i++) {
        ok &= i == 0 || put(out, ",");
        ok &= put_json_string(out, list[i].name) & put(out, ":") &
              put_json_string(out, list[i].value);
    }
    return ok & put(out, "},") & put_json_string(out, shape->request_id) & put(out, ");");
}

const char *si_properties_type(si_body body) {
    static const char *const types[] = {"text/plain; charset=utf-8",
        "text/javascript; charset=utf-8", "text/xml; charset=utf-8",
        "text/javascript; charset=utf-8"};
    return types[body];
}

int si_properties_write(
    const si_shape *shape, const si_property *list, int count, int64_t time, si_bytes *out) {
    switch (shape->body) {
    case SI_BODY_JAVASCRIPT:
        return write_javascript(list, count, out);
    case SI_BODY_XML:
        return write_xml(list, count, out);
    case SI_BODY_JSON:
        return write_json(shape, list, count, out);
    case SI_BODY_TEXT:
        break;
    }
    return write_text(list, count, time, out);
}
