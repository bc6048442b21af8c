/* What a reply needs besides its pixels: the profiles its colours go through, and what is embedded
 * in it (docs/protocol.md, Formats). */
#ifndef SI_RENDER_EMBEDS_H
#define SI_RENDER_EMBEDS_H

#include "base/bytes.h"
#include "codec/codec.h"
#include "render/read/metadata.h"
#include "render/read/colour.h"
#include "render/target.h"

/* Colours of a reply. Zero-initialize; release with si_output_colours_free(). `target` and `spaces`
 * borrow from the bytes. */
typedef struct si_output_colours {
    si_target target;
    si_colour_spaces spaces;
    si_bytes profile, assumed[3];
} si_output_colours;

/* Loads the profiles that `r` names. The pixel type is that of `icc`, else that of `fmt`; kept
 * (docs/decisions.md, P23) it is that of layer 0's file. CMYK without a profile takes the one of
 * layer 0's file if that is CMYK (docs/protocol.md, Where smartimg differs), else the naive rule.
 * Errors: those of si_target_load() and of `files`; SI_ERR_UNSUPPORTED: the format cannot hold the
 * profile's pixel type, or CMYK (P26). */
SI_NODISCARD si_result si_output_colours_load(const si_recipe *r, const si_files *files,
    const si_render_limits *limits, si_output_colours *out, si_diag *diag);

void si_output_colours_free(si_output_colours *c);

/* What is embedded. Zero-initialize; release with si_output_embeds_free(). */
typedef struct si_output_embeds {
    si_encode_params params; /* only icc, xmp, paths, dpi and quantize.forced are set; borrowed
                                from the fields below */
    si_output_colours colours;
    si_metadata meta; /* of layer 0's file, where something of it is needed */
    si_bytes paths;
    uint32_t forced[256];
} si_output_embeds;

/* Loads what `r` wants to be embedded in its reply, as far as the format can carry it. Photoshop
 * paths follow crop, scale and placing of pictures of one plain image; other pictures have none.
 * Errors as above, and those of si_render(). */
SI_NODISCARD si_result si_output_embeds_load(const si_recipe *r, const si_files *files,
    const si_render_limits *limits, si_output_embeds *out, si_diag *diag);

void si_output_embeds_free(si_output_embeds *e);

#endif
