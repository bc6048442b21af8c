/* The file of a JPEG original as libjpeg reads it. */
#ifndef SI_RENDER_READ_JPEG_INPUT_H
#define SI_RENDER_READ_JPEG_INPUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h> /* libjpeg wants it */
#include <sys/types.h>

#include <jpeglib.h>

/* libjpeg's quick decoder of Huffman codes stops some 3 kB before the end of what it has been
 * given, and a slower one goes on: pieces are much larger than that. */
enum { SI_JPEG_PIECE = 64 << 10 };

typedef struct si_jpeg_input {
    struct jpeg_source_mgr mgr; /* first: libjpeg knows this part only */
    int fd;                     /* borrowed; its file position stays */
    off_t at, size;             /* size: of the file itself, bytes */
    bool ended;                 /* an EOI marker follows the file */
    uint8_t buffer[SI_JPEG_PIECE];
} si_jpeg_input;

/* Makes `in` what `cinfo` reads from. libjpeg's error JERR_INPUT_EOF is raised where the file ends
 * before the picture does. */
void si_jpeg_input_start(si_jpeg_input *in, j_decompress_ptr cinfo, int fd, off_t size, bool ended);

/* As read(): of the file, and then the marker if `ended`. A file that shrank meanwhile is not
 * mended. Uses `fd`, `at`, `size` and `ended` alone. */
ssize_t si_jpeg_input_read(si_jpeg_input *in, void *to, size_t most);

#endif
