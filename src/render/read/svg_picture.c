#include "render/read/svg_picture.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { HEAD = 256 << 10 /* bytes in which a JPEG's size is looked for */ };

/* Takes bytes out of base64, up to `most`; white space and what is none are left out. */
static size_t decode(const char *p, uint8_t *to, size_t most) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t bits = 0;
    size_t n = 0;
    int count = 0;
    for (; *p != '\0' && n < most; p++) {
        const char *digit = strchr(digits, *p);
        if (digit == NULL) {
            continue;
        }
        bits = bits << 6 | (uint32_t)(digit - digits);
        count += 6;
        if (count >= 8) {
            count -= 8;
            to[n++] = (uint8_t)(bits >> count);
        }
    }
    return n;
}

static double be(const uint8_t *p, int n) {
    double v = 0;
    for (int i = 0; i < n; i++) {
        v = 256 * v + p[i];
    }
    return v;
}

/* The largest of all frames there are, so that no other can be shown instead. */
static double jpeg_pixels(const uint8_t *p, size_t len) {
    double most = 0;
    for (size_t at = 2; at + 9 < len;) {
        int marker = p[at + 1];
        if (p[at] != 0xff || marker == 0xff || marker == 0) {
            at++;
            continue;
        }
        if (marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 &&
            marker != 0xcc) {
            double pixels = be(p + at + 5, 2) * be(p + at + 7, 2);
            most = pixels > most ? pixels : most;
        }
        at += 2 + (size_t)be(p + at + 2, 2);
    }
    return most;
}

double si_svg_picture_pixels(const char *address) {
    static _Thread_local uint8_t head[HEAD];
    const char *data = strstr(address, "base64,");
    size_t len = data != NULL ? decode(data + 7, head, sizeof head) : 0;
    if (len >= 24 && memcmp(head, "\x89PNG", 4) == 0) {
        return be(head + 16, 4) * be(head + 20, 4);
    }
    if (len >= 10 && memcmp(head, "GIF8", 4) == 0) {
        return (head[6] + 256.0 * head[7]) * (head[8] + 256.0 * head[9]);
    }
    return len >= 10 && head[0] == 0xff && head[1] == 0xd8 ? jpeg_pixels(head, len) : 0;
}
