/* The libraries that read and write images, their versions as found at run time, and which of them
 * are known to be unsafe with foreign files. */
#ifndef SI_RENDER_LIBRARIES_H
#define SI_RENDER_LIBRARIES_H

#include <stddef.h>
#include <stdint.h>

/* Calls `fn` with the name, version and purpose of each library that is there, in the order in
 * which they are to be shown. All texts are valid during the call only. */
typedef void si_library_fn(
    void *context, const char *name, const char *version, const char *purpose);
void si_libraries_each(si_library_fn *fn, void *context);

/* Calls `fn` with one sentence for each library that is older than the first safe version and reads
 * a kind of original that is served, that is, whose bit is not set in `refused` (as in
 * si_render_limits). Only versions are looked at: what a distribution mended in an old one, whose
 * package then has another suffix, cannot be seen. Returns how many there were. */
typedef void si_unsafe_fn(void *context, const char *text);
int si_libraries_unsafe(uint32_t refused, si_unsafe_fn *fn, void *context);

#endif
