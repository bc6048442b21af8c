/* File extensions of originals, in lower case and in the order in which they are tried for a name
 * without one. */
#ifndef SI_CATALOG_EXTENSIONS_H
#define SI_CATALOG_EXTENSIONS_H

#include "base/str.h"

/* clang-format would move a row or two each time it is asked. */
/* clang-format off */
#define SI_EXTENSIONS(X)                                                                           \
    X(".jpg") X(".jpeg") X(".png") X(".tif") X(".tiff") X(".webp") X(".avif") X(".heic")           \
    X(".heif") X(".gif") X(".jp2") X(".j2k") X(".jxl") X(".jxr") X(".svg") X(".psd") X(".bmp")
/* clang-format on */

/* The name without its extension, if that is one of the above (any case); else the name itself. */
si_str si_extension_strip(si_str name);

#endif
