/* The same request, answered here and by another server. */
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/compat.h"
#include "quality/ssimulacra2.h"
#include "renderer/answer.h"
#include "renderer/files.h"

enum { BODY_MAX = 64 << 20, SECONDS_MAX = 30, HOST_MAX = 500 };

struct si_compat_peer {
    CURL *curl;
    char base[HOST_MAX]; /* without a slash at its end */
};

si_compat_peer *si_compat_peer_new(const char *base) {
    size_t len = strlen(base);
    while (len > 0 && base[len - 1] == '/') {
        len--;
    }
    bool http = strncmp(base, "http://", 7) == 0 || strncmp(base, "https://", 8) == 0;
    if (!http || len >= HOST_MAX || strpbrk(base, "?# ") != NULL) {
        si_complain("--against: %s is no address such as https://images.example.com", base);
        return NULL;
    }
    si_compat_peer *peer = calloc(1, sizeof *peer);
    if (peer != NULL && curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK) {
        peer->curl = curl_easy_init();
    }
    if (peer == NULL || peer->curl == NULL) {
        si_complain("out of memory");
        free(peer);
        return NULL;
    }
    memcpy(peer->base, base, len);
    return peer;
}

void si_compat_peer_free(si_compat_peer *peer) {
    if (peer != NULL) {
        curl_easy_cleanup(peer->curl);
        curl_global_cleanup();
        free(peer);
    }
}

/* ---- their answer ---- */

static size_t on_data(char *data, size_t size, size_t count, void *context) {
    si_bytes *body = context;
    bool fits = body->len + size * count <= BODY_MAX;
    return fits && si_bytes_append(body, data, size * count) ? size * count : 0;
}

static void fetch(si_compat_peer *peer, const char *url, si_bytes *body, si_compat_pair *out) {
    char *whole = malloc(strlen(peer->base) + strlen(url) + 1), *type = NULL;
    if (whole == NULL) {
        snprintf(out->error, sizeof out->error, "out of memory");
        return;
    }
    memcpy(whole, peer->base, strlen(peer->base) + 1);
    memcpy(whole + strlen(peer->base), url, strlen(url) + 1);
    CURL *c = peer->curl;
    curl_easy_setopt(c, CURLOPT_URL, whole);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_USERAGENT, "smartimg-compat");
    curl_easy_setopt(c, CURLOPT_TIMEOUT, (long)SECONDS_MAX);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, body);
    CURLcode code = curl_easy_perform(c);
    long status = 0;
    if (code != CURLE_OK) {
        snprintf(out->error, sizeof out->error, "%s", curl_easy_strerror(code));
    } else if (curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK) {
        out->their_status = (int)status;
    }
    if (curl_easy_getinfo(c, CURLINFO_CONTENT_TYPE, &type) == CURLE_OK && type != NULL) {
        snprintf(out->their_type, sizeof out->their_type, "%.*s", (int)strcspn(type, "; "), type);
    }
    out->their_bytes = (long)body->len;
    free(whole);
}

/* ---- pixels ---- */

/* Decodes a file as the renderer decodes originals: full size, with its alpha. */
static si_result decode(const si_bytes *file, si_image *out, si_diag *diag) {
    si_recipe r;
    si_layer layer;
    si_recipe_init(&r);
    si_layer_init(&layer, 0);
    layer.source.kind = SI_SOURCE_FILE;
    layer.source.file.path = "answer";
    r.picture.layers = &layer;
    r.picture.layer_count = 1;
    r.picture.view.scl = 1;
    r.format = SI_FORMAT_PNG;
    r.alpha = true;
    si_result result;
    int fd = memfd_create("answer", MFD_CLOEXEC);
    if (fd < 0 || write(fd, file->data, file->len) != (ssize_t)file->len) {
        result = si_fail(diag, SI_ERR_IO, "cannot keep the answer: %s", strerror(errno));
    } else {
        si_files files = si_files_of_fd(&fd);
        result = si_render(&r, &files, NULL, out, diag);
    }
    if (fd >= 0) {
        close(fd);
    }
    return result;
}

static double score_of(const si_image *ours, const si_image *theirs) {
    si_score_ref *ref = NULL;
    double score = (double)NAN;
    if (ours->width == theirs->width && ours->height == theirs->height &&
        si_score_ref_new(theirs, SI_SCORE_ON_BLACK_AND_WHITE, &ref, NULL) == SI_OK &&
        si_score_against(ref, ours, &score, NULL) != SI_OK) {
        score = (double)NAN;
    }
    si_score_ref_free(ref);
    return score;
}

static void compare(const si_bytes *ours, const si_bytes *theirs, si_compat_pair *out) {
    si_image a = {0}, b = {0};
    si_diag diag = {0};
    if (decode(ours, &a, &diag) != SI_OK) {
        snprintf(out->error, sizeof out->error, "our answer: %.140s", diag.text);
    } else if (decode(theirs, &b, &diag) != SI_OK) {
        snprintf(out->error, sizeof out->error, "their answer: %.140s", diag.text);
    } else {
        memcpy(out->our_size, (int[]){a.width, a.height}, sizeof out->our_size);
        memcpy(out->their_size, (int[]){b.width, b.height}, sizeof out->their_size);
        out->score = score_of(&a, &b);
    }
    si_image_free(&a);
    si_image_free(&b);
}

/* ---- ours ---- */

static void answer(const si_plan *plan, const char *root, si_answer *out) {
    si_diag diag = {0};
    static const si_fetch_options defaults = {0};
    si_originals originals = {
        .broker = -1, .root = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC), .fetch = &defaults};
    if (originals.root < 0) {
        (void)si_fail(&diag, SI_ERR_IO, "cannot open folder %s: %s", root, strerror(errno));
        si_answer_error(&diag, out);
        return;
    }
    si_answer_options how = {0};
    si_files files = si_originals_files(&originals);
    si_answer_make(&plan->recipe, &files, &how, out);
    si_originals_close(&originals);
    close(originals.root);
}

static bool is_image(const char *type) {
    return strncmp(type, "image/", 6) == 0;
}

void si_compat_compare(si_compat_peer *peer, const char *url, const si_plan *plan, const char *root,
    si_compat_pair *out) {
    *out = (si_compat_pair){.score = (double)NAN};
    si_answer ours = {0};
    si_bytes theirs = {0};
    if (plan->kind != SI_PLAN_BODY) {
        answer(plan, root, &ours);
        out->our_status = ours.status;
        out->our_bytes = (long)ours.body.len;
        snprintf(out->our_type, sizeof out->our_type, "%.*s", (int)strcspn(ours.content_type, "; "),
            ours.content_type);
    } else {
        out->our_status = 200;
        out->our_bytes = (long)plan->body_len;
        snprintf(out->our_type, sizeof out->our_type, "%.*s",
            (int)strcspn(plan->content_type, "; "), plan->content_type);
    }
    fetch(peer, url, &theirs, out);
    if (out->our_status == 200 && out->their_status == 200 && is_image(out->our_type) &&
        is_image(out->their_type)) {
        compare(&ours.body, &theirs, out);
    }
    si_bytes_free(&theirs);
    si_answer_free(&ours);
}
