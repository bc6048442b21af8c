/* Image maps (docs/protocol.md, Facts instead of pixels): <AREA> elements and their
 * shapes, moved and clipped. */
#ifndef SI_RENDER_GEOMETRY_IMAGE_MAP_H
#define SI_RENDER_GEOMETRY_IMAGE_MAP_H

#include "base/bytes.h"
#include "base/str.h"
#include "render/geometry/geometry.h"

/* Appends the AREA elements of `areas`, each on a line of its own, with their shapes moved by `map`
 * and cut to each of the `count` boxes {x0, y0, x1, y1} of the target's coordinates. Shapes rect,
 * rectangle, poly, polygon (SHAPE absent or default: the whole of boxes[0]); circles and
 * coordinates in percent are left out (they are not supported), and so is what is left without
 * area. Rectangles stay rectangles as long as the map keeps their sides upright. Other attributes
 * stay as they are written, but for links that run something (base/map_links.h); what is no AREA
 * element is passed over. False when memory runs out. */
bool si_image_map_write(
    si_str areas, const si_map *map, const double (*boxes)[4], int count, si_bytes *out);

#endif
