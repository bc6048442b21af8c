/* req=set: a media set as a tree, in XML or JSON (docs/protocol.md, Facts instead of pixels).
 *
 * The catalog knows the tree, the files know the sizes of its images: the front side writes the
 * reply with gaps where sizes belong, and makes each image a layer of the recipe's picture; the
 * renderer reads the headers of those files and fills the gaps.
 *
 * The tree: a <set> has pv="1.0", type, n (its name) and <item>s; an item has the <i>mage by its
 * name n (up to three in an e-catalog), a <s>watch by its name n or colour c="0xRRGGBB", a <v>ideo
 * by its name n and path, or a set of its own, then dx, dy (full size, pixels), iv (version of its
 * file) and a label l; items of media sets have a type. The set of an image that its company has
 * smart crops for names them in <relation>s, each with the <userdata> of req=userdata of that crop.
 * In JSON attributes and elements become members, all values strings; a single element is an
 * object, several of a name are an array, and relations always are. */
#ifndef SI_REPLY_MEDIA_SET_H
#define SI_REPLY_MEDIA_SET_H

#include "base/bytes.h"
#include "catalog/access.h"
#include "catalog/imageset.h"
#include "picture/recipe.h"

typedef struct si_media_set_request {
    const si_catalog *catalog;
    si_access *access; /* what the request may use */
    const si_company *main;
    si_str object;    /* of the path, without the company */
    const char *text; /* imageSet= without its braces, or NULL: that of the record */
    si_str locale;    /* p == NULL = not given */
    si_str label_key; /* labelkey=; p == NULL = none */
} si_media_set_request;

/* Fills in r->set, r->facts (smart crops) and r->picture.layers, for r->body (XML, or JSON with
 * r->handler and r->request_id). SI_ERR_NOT_FOUND: no such object. SI_ERR_FORBIDDEN: one of
 * a company that does not admit the request. SI_ERR_SYNTAX, SI_ERR_LIMIT: a
 * set that cannot be read, is nested too deep, or has more than SI_MEDIA_SET_IMAGES images. */
enum { SI_MEDIA_SET_IMAGES = 200 };
SI_NODISCARD si_result si_media_set_plan(
    const si_media_set_request *request, si_arena *arena, si_recipe *r, si_diag *diag);

/* The smart crops of the image, whose relations are among the gaps: how many, and each as a source.
 * False if the recipe is malformed. */
int si_media_set_crop_count(const si_recipe *r);
bool si_media_set_crop_source(const si_recipe *r, int index, si_source *out);

/* What a renderer finds out of a crop. */
typedef struct si_set_crop {
    bool known;     /* if not, the reply leaves rectangle and colour empty */
    double rect[4]; /* x, y, w, h as fractions of the original */
    uint32_t colour;
} si_set_crop;

/* Fills the gaps: sizes[i] are width and height of the original of layer i, or of the part that its
 * smart crop shows, in pixels of the original; 0,0 where they are not known. */
SI_NODISCARD si_result si_media_set_fill(const si_recipe *r, const int (*sizes)[2],
    const si_set_crop *crops, si_bytes *out, si_diag *diag);

#endif
