/* Which items of a still AVIF file hold its colours and its alpha, and how each is to be turned
 * (HEIF, ISO/IEC 23008-12). libavif decodes the alpha item as if it lay as the colour item lies,
 * which is right for most files; the others are told apart here. */
#ifndef SI_RENDER_READ_AVIF_ITEMS_H
#define SI_RENDER_READ_AVIF_ITEMS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* How a stored picture is shown: cropped, then rotated, then mirrored (clap, irot, imir; MIAF,
 * ISO/IEC 23000-22, fixes the order). Zero-initialized it does nothing. */
typedef struct si_avif_turn {
    bool crops, rotates, mirrors; /* which of the properties are there */
    uint32_t clap[8]; /* width, height, offsets in x and y: each numerator, denominator */
    int angle;        /* quarter turns, anticlockwise, 0…3 */
    int axis;         /* 0: top and bottom change places, 1: left and right do */
} si_avif_turn;

/* A part of a stored picture and how it is turned: what a si_avif_turn means for a size. */
typedef struct si_avif_view {
    int x, y, width, height; /* the part */
    int angle, axis;         /* axis −1: not mirrored */
} si_avif_view;

typedef struct si_avif_item {
    uint32_t id;
    uint32_t width, height; /* as stored; 0 = untold */
    si_avif_turn turn;
} si_avif_item;

typedef struct si_avif_items {
    si_avif_item colour, alpha; /* alpha.id 0: there is none */
    bool premultiplied;         /* the colours, by that alpha */
    off_t primary_at;           /* where in the file the id of the primary item is … */
    int primary_bytes;          /* … and how long: 2 or 4 */
    off_t reference_at; /* where in the file the type ('auxl') of the reference from alpha to colour
                           is */
} si_avif_items;

/* Reads the items of the file at `fd`, whose position is neither used nor moved. False if there are
 * none, or if it is broken in a way that libavif will notice. */
bool si_avif_items_read(int fd, si_avif_items *out);

/* True if the file names an image sequence among its brands (ftyp box). */
bool si_avif_is_sequence(int fd);

/* True if alpha cannot be decoded along with the colours: it is turned in another way or has
 * another size. Alpha that says nothing of turns lies as the colours do (files of libavif up to
 * 1.3.0), unless it has the size of the turned picture. */
bool si_avif_items_differ(const si_avif_items *items);

/* What `turn` means for a stored picture of this size. A crop that is none is left out. */
si_avif_view si_avif_view_of(const si_avif_turn *turn, int width, int height);

/* The size that is shown. */
void si_avif_view_size(const si_avif_view *v, int size[2]);

/* Where the pixel shown at x, y is stored. */
void si_avif_view_locate(const si_avif_view *v, int x, int y, int at[2]);

#endif
