/* Pictures of HEIC and AVIF that are made of others: grids of tiles, overlays, and what turns one
 * (HEIF, ISO/IEC 23008-12, 6.6.2). A file of 4 kB can say that a grid has 256 grids that have 256
 * grids, and so on; decoders make each of them. */
#ifndef SI_RENDER_READ_DERIVED_ITEMS_H
#define SI_RENDER_READ_DERIVED_ITEMS_H

#include <stdbool.h>
#include <stdint.h>

enum {
    SI_DERIVED_PICTURES = 4096, /* a grid of 512² tiles for 1 gigapixel */
    SI_DERIVED_DEPTH =
        4, /* of pictures made of pictures: a grid, turned, with its gain map, is 3 */
};

/* The references from pictures to those that they are made of. Zero-initialize. */
typedef struct si_derived_items {
    struct {
        uint32_t from, to; /* ids of items */
    } references[SI_DERIVED_PICTURES];
    int count;
} si_derived_items;

/* Takes a reference in, with all those of the same item after each other. False if there are too
 * many. */
bool si_derived_add(si_derived_items *items, uint32_t from, uint32_t to);

/* True if showing the pictures makes decoders make no more than SI_DERIVED_PICTURES, no deeper than
 * SI_DERIVED_DEPTH within each other; circles are deeper. */
bool si_derived_are_few(const si_derived_items *items);

#endif
