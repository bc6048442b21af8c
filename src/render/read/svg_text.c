#include <expat.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "render/read/read_svg.h"

enum {
    CHUNK = 16 << 10,
    MAX_PROLOG = 1 << 20,
    MAX_TEXT = 32 << 20, /* inflated */
};

#define SVG_NAMESPACE "http://www.w3.org/2000/svg"
#define SEPARATOR '|' /* of namespace and name in what expat tells; no URI has it */

/* ---- bytes, inflated ---- */

typedef struct stream {
    int fd;
    off_t at;
    bool gzip, ended;
    z_stream z;
    uint8_t in[CHUNK];
} stream;

static bool stream_open(stream *s, int fd) {
    uint8_t magic[3] = {0};
    *s = (stream){.fd = fd};
    if (pread(fd, magic, sizeof magic, 0) != sizeof magic) {
        return false;
    }
    s->gzip = magic[0] == 0x1f && magic[1] == 0x8b && magic[2] == 8;
    return !s->gzip || inflateInit2(&s->z, 16 + MAX_WBITS) == Z_OK;
}

static void stream_close(stream *s) {
    if (s->gzip) {
        inflateEnd(&s->z);
    }
}

static ssize_t next_bytes(stream *s, uint8_t *out, size_t most) {
    ssize_t n = pread(s->fd, out, most, s->at);
    s->at += n > 0 ? n : 0;
    return n;
}

/* A deflated stream that does not end is broken; further members after the first are not read, as
 * nothing writes drawings that way. */
static ssize_t next_inflated(stream *s, uint8_t *out, size_t most) {
    s->z.next_out = out;
    s->z.avail_out = (uInt)most;
    while (s->z.avail_out == most && !s->ended) {
        if (s->z.avail_in == 0) {
            ssize_t n = next_bytes(s, s->in, sizeof s->in);
            if (n <= 0) {
                return -1;
            }
            s->z.next_in = s->in;
            s->z.avail_in = (uInt)n;
        }
        int code = inflate(&s->z, Z_NO_FLUSH);
        s->ended = code == Z_STREAM_END;
        if (code != Z_OK && code != Z_STREAM_END) {
            return -1;
        }
    }
    return (ssize_t)(most - s->z.avail_out);
}

/* The next 1 … `most` bytes of the document; 0 at its end, −1 if it is broken. */
static ssize_t stream_next(stream *s, uint8_t *out, size_t most) {
    return s->gzip ? next_inflated(s, out, most) : next_bytes(s, out, most);
}

/* ---- the root element ---- */

typedef struct search {
    XML_Parser parser;
    si_svg_root root;
    bool found;
} search;

static void on_start(void *data, const XML_Char *name, const XML_Char **attributes) {
    search *s = data;
    const char *local = strrchr(name, SEPARATOR);
    bool ours = local == NULL || (strncmp(name, SVG_NAMESPACE, strlen(SVG_NAMESPACE)) == 0 &&
                                     name + strlen(SVG_NAMESPACE) == local);
    s->found = ours && strcmp(local == NULL ? name : local + 1, "svg") == 0;
    for (int i = 0; attributes[i] != NULL && s->found; i += 2) {
        const char *value = attributes[i + 1];
        if (strcmp(attributes[i], "preserveAspectRatio") == 0) {
            s->root.stretch = strstr(value, "none") != NULL;
        } else if (strcmp(attributes[i], "font-size") == 0 ||
                   (strcmp(attributes[i], "style") == 0 && strstr(value, "font") != NULL)) {
            s->root.font_size = true;
        }
    }
    XML_StopParser(s->parser, XML_FALSE);
}

/* What stands up to the root's name and in the attributes looked at is ASCII in all of them. */
static int on_encoding(void *data, const XML_Char *name, XML_Encoding *info) {
    (void)data;
    (void)name;
    for (int i = 0; i < 256; i++) {
        info->map[i] = i;
    }
    info->data = NULL;
    info->convert = NULL;
    info->release = NULL;
    return XML_STATUS_OK;
}

/* Whether the first bytes can be those of XML at all, so that no photograph is parsed. */
static bool may_be_xml(const uint8_t *p, ssize_t len) {
    ssize_t i = len >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0                                  ? 3
                : len >= 2 && (memcmp(p, "\xff\xfe", 2) == 0 || memcmp(p, "\xfe\xff", 2) == 0) ? 2
                                                                                               : 0;
    while (i < len && (p[i] == '\0' || strchr(" \t\r\n", p[i]) != NULL)) {
        i++;
    }
    return i == len || p[i] == '<';
}

/* expat and libxml2 insist that a declaration is the very first thing; some files have an empty
 * line before it, which browsers mind as little as we do. */
static size_t leading_space(const uint8_t *p, size_t len) {
    size_t i = 0;
    while (i < len && memchr(" \t\r\n", p[i], 4) != NULL) {
        i++;
    }
    return i;
}

static void search_root(search *s, stream *in) {
    uint8_t bytes[CHUNK];
    size_t seen = 0;
    enum XML_Status status = XML_STATUS_OK;
    while (status == XML_STATUS_OK && seen < MAX_PROLOG) {
        ssize_t n = stream_next(in, bytes, sizeof bytes);
        if (n <= 0 || (seen == 0 && !may_be_xml(bytes, n))) {
            return;
        }
        size_t skip = seen == 0 ? leading_space(bytes, (size_t)n) : 0;
        seen += (size_t)n;
        status = XML_Parse(s->parser, (char *)bytes + skip, (int)((size_t)n - skip), 0);
    }
}

bool si_svg_is(int fd, si_svg_root *root) {
    stream in;
    if (!stream_open(&in, fd)) {
        return false;
    }
    search s = {.parser = XML_ParserCreateNS(NULL, SEPARATOR)};
    if (s.parser != NULL) {
        XML_SetUserData(s.parser, &s);
        XML_SetStartElementHandler(s.parser, on_start);
        XML_SetUnknownEncodingHandler(s.parser, on_encoding, NULL);
        search_root(&s, &in);
        XML_ParserFree(s.parser);
    }
    stream_close(&in);
    if (root != NULL) {
        *root = s.root;
    }
    return s.found;
}

/* ---- the whole text ---- */

/* UTF-16 without a mark: a '<' of two bytes. libxml2 knows it only if a declaration follows. */
static const char *missing_mark(const uint8_t *p, size_t len) {
    return len < 2                       ? ""
           : p[0] == '<' && p[1] == '\0' ? "\xff\xfe"
           : p[0] == '\0' && p[1] == '<' ? "\xfe\xff"
                                         : "";
}

static void tidy_start(uint8_t *text, size_t *len) {
    const char *mark = missing_mark(text, *len);
    size_t skip = leading_space(text, *len), n = strlen(mark);
    memmove(text + n, text + skip, *len - skip);
    memcpy(text, mark, n);
    *len += n - skip;
}

static si_result read_all(stream *in, uint8_t *text, size_t *len, si_diag *diag) {
    ssize_t n;
    while ((n = stream_next(in, text + *len, MAX_TEXT + 1 - *len)) > 0) {
        *len += (size_t)n;
        if (*len > MAX_TEXT) {
            return si_fail(diag, SI_ERR_LIMIT, "the source drawing has more than %d MB of text",
                MAX_TEXT >> 20);
        }
    }
    if (n < 0) {
        return in->gzip ? si_fail(diag, SI_ERR_SOURCE, "the source drawing cannot be inflated")
                        : si_fail(diag, SI_ERR_IO, "the source file cannot be read");
    }
    return SI_OK;
}

si_result si_svg_text(int fd, uint8_t **text, size_t *len, si_diag *diag) {
    stream in;
    if (!stream_open(&in, fd)) {
        return si_fail(diag, SI_ERR_IO, "the source file cannot be read");
    }
    *len = 0;
    *text = malloc(MAX_TEXT + 8); /* pages that are not written to cost nothing */
    si_result result = *text != NULL ? read_all(&in, *text, len, diag)
                                     : si_fail(diag, SI_ERR_MEMORY, "no memory for a drawing");
    stream_close(&in);
    if (result == SI_OK) {
        tidy_start(*text, len);
    } else {
        free(*text);
        *text = NULL;
    }
    return result;
}

/* ---- filters ---- */

static bool holds(const uint8_t *text, size_t len, const char *word) {
    return memmem(text, len, word, strlen(word)) != NULL;
}

double si_svg_octaves(const uint8_t *text, size_t len) {
    static const char name[] = "numOctaves";
    const uint8_t *end = text + len, *p = text;
    double sum = 0;
    if (!holds(text, len, "filter=") && !holds(text, len, "filter:")) {
        return 0;
    }
    while ((p = memmem(p, (size_t)(end - p), name, strlen(name))) != NULL) {
        double number = 0;
        for (p += strlen(name); p < end && strchr(" \t\r\n=\"'", *p) != NULL && *p != '\0';) {
            p++;
        }
        for (; p < end && *p >= '0' && *p <= '9'; p++) {
            number = number < 1e9 ? 10 * number + (*p - '0') : number;
        }
        sum += number > SI_SVG_OCTAVES ? number - SI_SVG_OCTAVES : 0;
    }
    return sum;
}
