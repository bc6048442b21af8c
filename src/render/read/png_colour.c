#include "render/read/png_colour.h"

#include <math.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

enum {
    SIGNATURE = 8,
    MAX_CHUNKS = 10000, /* before the first IDAT */
    MOST = 32,          /* bytes of the largest chunk that is read, cHRM */
    SRGB_GAMMA = 45455,
    GAMMA_SLACK = 100,
};

static uint32_t u32(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* PNG's CRC; the chunks in question are short. */
static uint32_t crc(const uint8_t *p, size_t n) {
    uint32_t c = UINT32_MAX;
    for (size_t i = 0; i < n; i++) {
        c ^= p[i];
        for (int k = 0; k < 8; k++) {
            c = c & 1 ? c >> 1 ^ 0xedb88320u : c >> 1;
        }
    }
    return ~c;
}

/* The chunks of interest, the first of each kind. */
typedef struct chunks {
    uint8_t cicp[4], gama[4], chrm[32], srgb[1];
    bool has_cicp, has_gama, has_chrm, has_srgb;
} chunks;

/* Where the data of a chunk of this type and length go; NULL if it is none of ours. */
static uint8_t *place(chunks *c, const uint8_t type[4], uint32_t len, bool **has) {
    const struct {
        char type[5];
        uint32_t len;
        uint8_t *data;
        bool *has;
    } known[] = {{"cICP", 4, c->cicp, &c->has_cicp}, {"gAMA", 4, c->gama, &c->has_gama},
        {"cHRM", 32, c->chrm, &c->has_chrm}, {"sRGB", 1, c->srgb, &c->has_srgb}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (memcmp(type, known[i].type, 4) == 0 && len == known[i].len && !*known[i].has) {
            *has = known[i].has;
            return known[i].data;
        }
    }
    return NULL;
}

static void read_chunks(int fd, chunks *c) {
    uint8_t piece[4 + 4 + MOST + 4]; /* length, type, data, CRC */
    off_t at = SIGNATURE;
    for (int i = 0; i < MAX_CHUNKS; i++) {
        ssize_t have = pread(fd, piece, sizeof piece, at);
        if (have < 12 || memcmp(piece + 4, "IDAT", 4) == 0 || memcmp(piece + 4, "IEND", 4) == 0) {
            return;
        }
        uint32_t len = u32(piece);
        bool *has;
        uint8_t *to = place(c, piece + 4, len, &has);
        if (to != NULL && (size_t)have >= 12 + (size_t)len &&
            u32(piece + 8 + len) == crc(piece + 4, 4 + len)) {
            memcpy(to, piece + 8, len);
            *has = true;
        }
        at += 12 + (off_t)len;
    }
}

static bool use_cicp(const chunks *c, si_colorimetry *out) {
    const si_cicp code = {.primaries = c->cicp[0],
        .transfer = c->cicp[1],
        .matrix = c->cicp[2],
        .full_range = c->cicp[3] == 1};
    if (!c->has_cicp || code.matrix != 0 || c->cicp[3] > 1 || !si_colorimetry_of_cicp(&code, out)) {
        return false;
    }
    out->first = true;
    return true;
}

/* Takes over what is sane. */
static bool use_chrm(const chunks *c, si_colorimetry *out) {
    si_colorimetry told = *out;
    for (int i = 0; i < 8; i++) { /* white comes first there, last here */
        told.xy[i < 2 ? 6 + i : i - 2] = u32(c->chrm + 4 * i) / 100000.0;
    }
    if (!c->has_chrm || !si_colorimetry_is_valid(&told)) {
        return false;
    }
    *out = told;
    return true;
}

static bool use_gama(const chunks *c, si_colorimetry *out) {
    uint32_t gama = u32(c->gama);
    si_colorimetry told = *out;
    if (!c->has_gama || gama == 0) {
        return false;
    }
    told.transfer = SI_TRANSFER_GAMMA;
    told.gamma = 100000.0 / gama;
    if (!si_colorimetry_is_valid(&told)) {
        return false;
    }
    if (fabs((double)gama - SRGB_GAMMA) > GAMMA_SLACK || !si_colorimetry_is_srgb(out, 3)) {
        *out = told;
    }
    return true;
}

bool si_png_colorimetry(int fd, si_colorimetry *out) {
    chunks c = {0};
    read_chunks(fd, &c);
    if (use_cicp(&c, out)) {
        return true;
    }
    *out = si_colorimetry_srgb();
    if (c.has_srgb) {
        return true;
    }
    bool chrm = use_chrm(&c, out);
    return use_gama(&c, out) || chrm;
}
