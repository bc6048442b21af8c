#include "reply/replies.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

/* ---- encodings of XML ---- */

/* The character at `s`, whose length goes to *len; bytes that are no UTF-8 count as Latin-1
 * (docs/protocol.md, URLs). */
static uint32_t character(const uint8_t *s, size_t left, size_t *len) {
    size_t n = s[0] >= 0xF0 ? 4 : s[0] >= 0xE0 ? 3 : s[0] >= 0xC2 ? 2 : 1;
    uint32_t c = n == 1 ? s[0] : s[0] & (0xFFu >> (n + 1));
    *len = 1;
    if (n == 1 || n > left || s[0] > 0xF4) {
        return s[0];
    }
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xC0) != 0x80) {
            return s[0];
        }
        c = c << 6 | (s[i] & 0x3Fu);
    }
    *len = n;
    return c;
}

static bool put_unit(si_bytes *out, uint32_t unit, bool little) {
    uint8_t high = (uint8_t)(unit >> 8), low = (uint8_t)unit;
    const uint8_t pair[2] = {little ? low : high, little ? high : low};
    return si_bytes_append(out, pair, 2);
}

static bool put_utf16(si_bytes *out, uint32_t c, bool little) {
    if (c < 0x10000) {
        return put_unit(out, c, little);
    }
    c -= 0x10000;
    return put_unit(out, 0xD800 + (c >> 10 & 0x3FF), little) &&
           put_unit(out, 0xDC00 + (c & 0x3FF), little);
}

static bool put_latin1(si_bytes *out, uint32_t c) {
    char text[16];
    if (c < 256) {
        return si_bytes_append(out, &(uint8_t){(uint8_t)c}, 1);
    }
    int n = snprintf(text, sizeof text, "&#%u;", (unsigned)c);
    return si_bytes_append(out, text, (size_t)n);
}

bool si_reply_encode(si_bytes *body, const char *encoding) {
    si_bytes out = {0};
    size_t len;
    bool latin1 = strcmp(encoding, "ISO-8859-1") == 0, little = strcmp(encoding, "UTF-16LE") == 0;
    bool marked = strcmp(encoding, "UTF-16") == 0;
    if (!latin1 && !little && !marked && strcmp(encoding, "UTF-16BE") != 0) {
        return true;
    }
    bool ok = !marked || put_unit(&out, 0xFEFF, false);
    for (size_t i = 0; i < body->len && ok; i += len) {
        uint32_t c = character(body->data + i, body->len - i, &len);
        ok = latin1 ? put_latin1(&out, c) : put_utf16(&out, c, little);
    }
    si_bytes_move(body, &out);
    return ok;
}

static const char *xml_type(const char *encoding) {
    static const struct {
        const char *encoding, *type;
    } types[] = {{"UTF-16", "text/xml; charset=UTF-16"}, {"UTF-16LE", "text/xml; charset=UTF-16LE"},
        {"UTF-16BE", "text/xml; charset=UTF-16BE"}, {"ISO-8859-1", "text/xml; charset=ISO-8859-1"}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (strcmp(encoding, types[i].encoding) == 0) {
            return types[i].type;
        }
    }
    return si_properties_type(SI_BODY_XML);
}

/* ---- bodies ---- */

bool si_reply_properties(
    const si_shape *shape, const si_property *list, int count, int64_t time, si_reply *out) {
    out->content_type =
        shape->body == SI_BODY_XML ? xml_type(shape->encoding) : si_properties_type(shape->body);
    return si_properties_write(shape, list, count, time, &out->body) &&
           (shape->body != SI_BODY_XML || si_reply_encode(&out->body, shape->encoding));
}

bool si_reply_field(const si_shape *shape, const char *name, const char *field, si_reply *out) {
    if (shape->body != SI_BODY_TEXT) {
        return si_reply_properties(shape, &(si_property){name, field}, 1, 0, out);
    }
    out->content_type = si_properties_type(SI_BODY_TEXT);
    return si_bytes_append(&out->body, field, strlen(field)) &&
           si_bytes_append(&out->body, "\r\n", 2);
}

/* Cuts "name=value" lines in place; returns how many there are. At most `max`. */
static int cut_lines(char *data, si_property *list, int max) {
    int count = 0;
    for (char *line = data; line != NULL && count < max;) {
        char *end = strpbrk(line, "\r\n"), *next = NULL;
        if (end != NULL) {
            next = end + strspn(end, "\r\n");
            *end = '\0';
        }
        char *equals = strchr(line, '=');
        if (equals != NULL) {
            *equals = '\0';
            list[count++] = (si_property){line, equals + 1};
        }
        line = next;
    }
    return count;
}

bool si_reply_lines(const si_shape *shape, const char *data, si_reply *out) {
    if (shape->body == SI_BODY_TEXT) {
        return si_reply_field(shape, "", data, out);
    }
    size_t len = strlen(data);
    int max = 1;
    for (const char *p = data; *p != '\0'; p++) {
        max += *p == '=';
    }
    char *copy = malloc(len + 1);
    si_property *list = calloc((size_t)max, sizeof *list);
    bool ok = copy != NULL && list != NULL;
    if (ok) {
        memcpy(copy, data, len + 1);
        ok = si_reply_properties(shape, list, cut_lines(copy, list, max), 0, out);
    }
    free(list);
    free(copy);
    return ok;
}

bool si_reply_wrapped(
    const char *handler, const char *id, const void *text, size_t len, si_reply *out) {
    out->content_type = si_properties_type(SI_BODY_JSON);
    return si_bytes_append(&out->body, "/*jsonp*/", 9) &&
           si_bytes_append(&out->body, handler, strlen(handler)) &&
           si_bytes_append(&out->body, "(", 1) && si_json_put(&out->body, text, len) &&
           si_bytes_append(&out->body, ",", 1) && si_json_put(&out->body, id, strlen(id)) &&
           si_bytes_append(&out->body, ");", 2);
}

/* ---- properties of smart crops ---- */

const char *si_crop_type(const si_source *source, const char *name) {
    return strcmp(name, "Swatch") == 0 ? "Swatch" : source->crop_rect[2] > 0 ? "manual" : "smart";
}

void si_crop_rect_print(const si_source *source, const double rect[4], char out[SI_CROP_RECT_MAX]) {
    char text[4][32];
    for (int i = 0; i < 4; i++) {
        si_real_print(rect[i], text[i]);
    }
    snprintf(out, SI_CROP_RECT_MAX, "%s,%s,%s,%s,%d,%d", text[0], text[1], text[2], text[3],
        source->smart_crop[0], source->smart_crop[1]);
}

void si_crop_colour_print(uint32_t rgb, char out[SI_CROP_RECT_MAX]) {
    snprintf(out, SI_CROP_RECT_MAX, "0x%06X", (unsigned)rgb);
}

/* ---- errors ---- */

bool si_reply_error(const si_shape *shape, const char *title, const char *message, si_reply *out) {
    if (shape->body == SI_BODY_TEXT) {
        out->content_type = si_properties_type(SI_BODY_TEXT);
        const char *parting = message[0] != '\0' ? ": " : "";
        return si_bytes_append(&out->body, title, strlen(title)) &&
               si_bytes_append(&out->body, parting, strlen(parting)) &&
               si_bytes_append(&out->body, message, strlen(message)) &&
               si_bytes_append(&out->body, "\n", 1);
    }
    if (shape->body == SI_BODY_JSON) {
        si_shape fixed = *shape;
        fixed.handler = "s7jsonError";
        const si_property list[] = {{"message", message}, {"title", title}};
        return si_reply_properties(&fixed, list, 2, 0, out);
    }
    const si_property list[] = {{"error.message", message}, {"error.title", title}};
    return si_reply_properties(shape, list, 2, 0, out);
}
