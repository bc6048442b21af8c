/* score REFERENCE CANDIDATE: prints the SSIMULACRA2 score of two encoded images. A tool for tests:
 * it decodes what a client received and knows nothing of how it was chosen. */
#include <stdio.h>
#include <string.h>

#include "codec/codec.h"
#include "quality/ssimulacra2.h"

static const struct {
    si_format format;
    size_t at, len;
    const char *magic;
} magics[] = {
    {SI_FORMAT_JPEG, 0, 3, "\xff\xd8\xff"},
    {SI_FORMAT_PNG, 0, 4, "\x89PNG"},
    {SI_FORMAT_WEBP, 8, 4, "WEBP"},
    {SI_FORMAT_AVIF, 4, 8, "ftypavif"},
    {SI_FORMAT_JXL, 0, 2, "\xff\x0a"},
    {SI_FORMAT_JXL, 4, 4, "JXL "},
    {SI_FORMAT_JP2, 4, 4, "jP  "},
    {SI_FORMAT_JXR, 0, 3, "II\xbc"},
};

static si_result load(const char *path, si_image *image, si_diag *diag) {
    si_bytes file = {0};
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        return si_fail(diag, SI_ERR_IO, "cannot open");
    }
    char chunk[65536];
    size_t n;
    int ok = 1;
    while (ok && (n = fread(chunk, 1, sizeof chunk, f)) > 0) {
        ok = si_bytes_append(&file, chunk, n);
    }
    fclose(f);
    si_result result = SI_ERR_SOURCE;
    for (size_t i = 0; ok && i < sizeof magics / sizeof *magics; i++) {
        if (file.len > magics[i].at + magics[i].len &&
            memcmp(file.data + magics[i].at, magics[i].magic, magics[i].len) == 0) {
            result = si_codec_decode(magics[i].format, file.data, file.len, image, diag);
            break;
        }
    }
    si_bytes_free(&file);
    return result;
}

int main(int argc, char **argv) {
    si_image reference = {0}, candidate = {0};
    si_score_ref *ref = NULL;
    si_diag diag = {0};
    double score;
    if (argc != 3 || load(argv[1], &reference, &diag) != SI_OK ||
        load(argv[2], &candidate, &diag) != SI_OK ||
        si_score_ref_new(&reference, SI_SCORE_ON_BLACK_AND_WHITE, &ref, &diag) != SI_OK ||
        si_score_against(ref, &candidate, &score, &diag) != SI_OK) {
        fprintf(stderr, "score: %s\n", diag.text[0] != '\0' ? diag.text : "usage: score A B");
        return 1;
    }
    printf("%.4f\n", score);
    si_score_ref_free(ref);
    si_image_free(&reference);
    si_image_free(&candidate);
    return 0;
}
