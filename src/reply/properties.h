/* Property replies (docs/protocol.md, Facts instead of pixels): text, JavaScript, XML and JSONP
 * bodies. */
#ifndef SI_REPLY_PROPERTIES_H
#define SI_REPLY_PROPERTIES_H

#include "base/bytes.h"
#include "picture/recipe.h"

typedef struct si_property {
    const char *name;  /* object.property, such as image.width */
    const char *value; /* UTF-8 */
} si_property;

/* MIME type of a body format, static string. */
const char *si_properties_type(si_body body);

/* Appends the reply for `count` properties, ordered by object. `time` (seconds since 1970) is the
 * date the text form shows. False if out of memory. */
bool si_properties_write(
    const si_shape *shape, const si_property *list, int count, int64_t time, si_bytes *out);

#endif
