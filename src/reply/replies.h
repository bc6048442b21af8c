/* Bodies of replies that need no pixels (docs/protocol.md, Facts instead of pixels). */
#ifndef SI_REPLY_REPLIES_H
#define SI_REPLY_REPLIES_H

#include "reply/properties.h"

/* A body and its type. Zero-initialize; release `body` with si_bytes_free(). */
typedef struct si_reply {
    si_bytes body;
    const char *content_type; /* static string */
} si_reply;

/* All of these return false when memory runs out. */

/* A property reply in its shape, encoded as its `encoding` says. `time` is seconds since 1970. */
bool si_reply_properties(
    const si_shape *shape, const si_property *list, int count, int64_t time, si_reply *out);

/* One raw field of a record and CR LF; as JSON or XML the property `name`. imageset: an unknown
 * record has an empty field. */
bool si_reply_field(const si_shape *shape, const char *name, const char *field, si_reply *out);

/* Property data, lines "name=value" (targets, userdata): as text each line, then CR LF; as JSON or
 * XML a property a line, lines without "=" left out. */
bool si_reply_lines(const si_shape *shape, const char *data, si_reply *out);

/* An error in the encoding that was asked for: text "title: message", XML and JavaScript the
 * properties error.title and error.message, JSON s7jsonError({"message":…,"title":…},"REQID");
 * whatever `handler` says. */
bool si_reply_error(const si_shape *shape, const char *title, const char *message, si_reply *out);

/* A text as JSONP, handler("text","id"); with the escapes of property replies. */
bool si_reply_wrapped(
    const char *handler, const char *id, const void *text, size_t len, si_reply *out);

/* ---- properties of smart crops ---- */

/* SmartCropType: "Swatch" of the crop of that name, else how the crop was found. */
const char *si_crop_type(const si_source *source, const char *name);

/* SmartCropRect: x,y,w,h as fractions of the original, then the crop's width and height. */
enum { SI_CROP_RECT_MAX = 160 };
void si_crop_rect_print(const si_source *source, const double rect[4], char out[SI_CROP_RECT_MAX]);

/* SmartSwatchColor: 0xRRGGBB. */
void si_crop_colour_print(uint32_t rgb, char out[SI_CROP_RECT_MAX]);

/* Turns UTF-8 XML into its encoding: "UTF-8", "UTF-16" (big endian with a byte order mark),
 * "UTF-16LE", "UTF-16BE", "ISO-8859-1" (other characters become references). The XML declaration in
 * it already names that. */
bool si_reply_encode(si_bytes *body, const char *encoding);

#endif
