/* How many lines of a shape lie beside each other. Filling looks at each of those that cross a row,
 * and sorts them: what 10,000 lines across each other cost grows with the square of their number.
 */
#ifndef SI_RENDER_READ_SVG_LINES_H
#define SI_RENDER_READ_SVG_LINES_H

/* Lines that cross a row, or a column if those are more (drawings may be turned), on average over
 * the height (width) of the shape; curves count by their control points, which is more than they
 * have. 0 or more, and finite. `path` is the value of `d` (SVG 1.1, 8.3); `points` that of a
 * polygon or polyline. What stands after a mistake counts for nothing, as it is not drawn. */
double si_svg_lines_of_path(const char *path);
double si_svg_lines_of_points(const char *points);

#endif
