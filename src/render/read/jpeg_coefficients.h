/* Memory for the coefficients of progressive JPEG files, which are decoded as a whole. */
#ifndef SI_RENDER_READ_JPEG_COEFFICIENTS_H
#define SI_RENDER_READ_JPEG_COEFFICIENTS_H

#include <stddef.h>
#include <stdio.h>

#include <jpeglib.h>

typedef struct si_jpeg_coefficients {
    void (*realize)(j_common_ptr cinfo); /* libjpeg's own */
    void *map;                           /* of `bytes`, NULL if there is none */
    size_t bytes;
    struct jvirt_barray_control *arrays[MAX_COMPONENTS];
    int count;
} si_jpeg_coefficients;

/* Makes `cinfo` keep its coefficients where the system clears huge pages (2 MB) instead of ordinary
 * ones, if they are many: a photo of 24 MP has 72 MB of them, or 18,000 page faults otherwise.
 * `cinfo->client_data` has to be `c`. Call after jpeg_create_decompress(); release with
 * si_jpeg_coefficients_free() after jpeg_destroy_decompress(). No memory: libjpeg's error
 * JERR_OUT_OF_MEMORY. */
void si_jpeg_coefficients_use(si_jpeg_coefficients *c, j_decompress_ptr cinfo);
void si_jpeg_coefficients_free(si_jpeg_coefficients *c);

#endif
