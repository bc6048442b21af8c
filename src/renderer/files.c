#include "renderer/files.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/clock.h"
#include "catalog/catalog.h"
#include "source/broker.h"
#include "source/fetcher.h"
#include "source/origin_request.h"

static bool is_same(const si_file_ref *file, int fd) {
    struct stat s;
    return fstat(fd, &s) == 0 && (uint64_t)s.st_size == file->size &&
           s.st_mtim.tv_sec * SI_SECOND + s.st_mtim.tv_nsec == file->time;
}

static int open_original(si_originals *o, const char *path, si_diag *diag);

static int open_file(void *context, const si_file_ref *file, si_diag *diag) {
    si_originals *o = context;
    if (si_is_in_origin(file->path)) {
        return open_original(o, file->path, diag);
    }
    int fd = o->broker >= 0 ? si_broker_open(o->broker, file->path, diag)
                            : si_root_open(o->root, file->path, diag);
    if (fd >= 0 && !is_same(file, fd)) {
        o->changed = true;
    }
    return fd;
}

/* ---- foreign images ---- */

/* The same file with a position of its own, or −1. */
static int reopen(const si_originals *o, int fd) {
    char path[40];
    if (o->broker >= 0) {
        return si_broker_reopen(o->broker, fd, NULL);
    }
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return open(path, O_RDONLY | O_CLOEXEC);
}

static bool is_fetched(const si_originals *o, const char *url) {
    for (int i = 0; i < o->fetched_count; i++) {
        if (strcmp(o->fetched[i].url, url) == 0) {
            return true;
        }
    }
    return false;
}

/* Where `url` is among those that were asked for ahead, −1 if it is not. */
static int find_ahead(const si_originals *o, const char *url) {
    for (int i = 0; i < o->ahead_count; i++) {
        if (strcmp(o->ahead[i].url, url) == 0) {
            return i;
        }
    }
    return -1;
}

static int ask_for(const si_originals *o, const char *url, si_diag *diag) {
    si_fetcher_question q = {url, o->recipe_text, o->seal, o->trace};
    return si_fetcher_ask(si_is_in_origin(url) ? o->origins : o->fetcher, &q, diag);
}

/* Asks for one that will be wanted. Trouble is told when it is. */
static bool ask_ahead(void *context, const char *url) {
    si_originals *o = context;
    if (o->ahead_count == SI_FOREIGN_AHEAD) {
        return false;
    }
    if (strcmp(url, o->wanted) == 0 || is_fetched(o, url) || find_ahead(o, url) >= 0) {
        return true;
    }
    int socket = ask_for(o, url, NULL);
    if (socket >= 0) {
        o->ahead[o->ahead_count++] = (si_foreign_ahead){url, socket};
    }
    return socket >= 0;
}

typedef struct path_visitor {
    bool (*visit)(void *context, const char *url);
    void *context;
} path_visitor;

static bool visit_path(void *context, const si_file_ref *file) {
    const path_visitor *v = context;
    return v->visit(v->context, file->path);
}

/* Whatever a recipe needs that has to be downloaded. */
static bool visit_downloads(
    const si_recipe *r, bool (*visit)(void *context, const char *url), void *context) {
    path_visitor v = {visit, context};
    return si_picture_urls(&r->picture, visit, context) &&
           (r->watermark == NULL || si_picture_urls(&r->watermark->picture, visit, context)) &&
           si_recipe_in_origins(r, visit_path, &v);
}

/* The fetcher's answer to the question for `url`, which may have been asked already. */
static int ask_once(si_originals *o, const char *url, int timeout_ms, long *life, si_diag *diag) {
    int at = find_ahead(o, url), socket;
    if (at >= 0) {
        socket = o->ahead[at].socket;
        o->ahead[at] = o->ahead[--o->ahead_count];
    } else {
        socket = ask_for(o, url, diag);
    }
    if (socket < 0) {
        return -1;
    }
    o->wanted = url;
    if (o->recipe != NULL) {
        (void)visit_downloads(o->recipe, ask_ahead, o);
    }
    int client = o->client != NULL ? *o->client : -1;
    int fd = si_fetcher_answer(socket, timeout_ms, client, life, diag);
    close(socket);
    return fd;
}

/* The same, and once more if the fetcher ended meanwhile: whatever ended it, it need not have been
 * this image. */
static int ask_fetcher(
    si_originals *o, const char *url, int timeout_ms, long *life, si_diag *diag) {
    int64_t deadline = si_now_ns() + timeout_ms * SI_MILLISECOND;
    si_diag why = {0};
    *life = 0;
    int fd = ask_once(o, url, timeout_ms, life, &why);
    if (fd < 0 && *life == SI_FETCHER_ENDED) {
        why = (si_diag){0};
        fd = ask_once(o, url, si_until_ms(deadline), life, &why);
    }
    if (fd < 0) {
        (void)si_fail(diag, si_diag_result(&why, SI_ERR_IO), "%s", why.text);
    }
    return fd;
}

/* Asks an origin in this process. */
static int ask_origin(const si_originals *o, const char *path, long *life, si_diag *diag) {
    static const char as_it_is[1][SI_ORIGIN_EXTENSION] = {""};
    si_origin_path parts;
    si_origin_keys keys;
    const si_origin *origin = o->known != NULL && si_origin_path_read(path, &parts)
                                  ? si_origins_find(o->known, parts.origin)
                                  : NULL;
    int fd;
    if (origin == NULL) {
        (void)si_fail(diag, SI_ERR_IO, "there is no such source of originals here");
        return -1;
    }
    if (si_origin_keys_of(origin, -1, &keys, diag) != SI_OK) {
        return -1;
    }
    const si_origin_wanted wanted = {origin, parts.key, as_it_is, 1, true};
    si_origin_outcome out = si_origin_request_run(&wanted, &keys, &fd);
    *life = out.version == parts.version ? 1 : 0;
    if (out.result != SI_OK) {
        (void)si_fail(diag, out.result, "%s", out.diag.text);
    }
    return fd;
}

/* Downloads, within what is left of the time for all downloads. */
static int download(si_originals *o, const char *url, long *life, si_diag *diag) {
    bool in_origin = si_is_in_origin(url);
    si_fetch_options how = si_fetch_options_or_default(o->fetch);
    how.timeout_ms = in_origin && o->origin_ms > how.timeout_ms ? o->origin_ms : how.timeout_ms;
    if (o->waited_ns == 0 && o->before_fetch != NULL) {
        o->before_fetch(o->context);
    }
    how.timeout_ms -= (int)(o->waited_ns / SI_MILLISECOND);
    if (how.timeout_ms <= 0) {
        (void)si_fail(diag, SI_ERR_TIMEOUT, "the images did not arrive in time");
        return -1;
    }
    int64_t start = si_now_ns();
    int asked = in_origin ? o->origins : o->fetcher;
    int fd = o->broker >= 0 && asked >= 0
                 ? ask_fetcher(o, url, how.timeout_ms + SI_FETCHER_SLACK_MS, life, diag)
             : in_origin ? ask_origin(o, url, life, diag)
                         : si_fetch(&how, url, o->trace, life, diag);
    o->waited_ns += si_now_ns() - start;
    return fd;
}

/* What is made of several images is good as long as all of them are. */
static void limit_life(si_originals *o, int64_t until) {
    o->fresh_until = !o->foreign || until < o->fresh_until ? until : o->fresh_until;
    o->foreign = true;
}

/* One that is there, or has failed, already. */
static int take_fetched(si_originals *o, si_foreign *image, si_diag *diag) {
    if (image->fd < 0) {
        (void)si_fail(diag, si_diag_result(image->failure, SI_ERR_IO), "%s", image->failure->text);
        return -1;
    }
    if (!si_is_in_origin(image->url)) {
        limit_life(o, image->fresh_until);
    } else if (image->fresh_until == 0) { /* not the version that the recipe was made for */
        o->changed = true;
    }
    int copy = reopen(o, image->fd);
    if (copy < 0) { /* if it is wanted again, it has to come again */
        copy = image->fd;
        *image = o->fetched[--o->fetched_count];
    }
    return copy;
}

/* Where it is among those that are there, or have failed; NULL if it is not. */
static si_foreign *find_fetched(si_originals *o, const char *url) {
    for (int i = 0; i < o->fetched_count; i++) {
        if (strcmp(o->fetched[i].url, url) == 0) {
            return &o->fetched[i];
        }
    }
    return NULL;
}

/* An original that is gone by now has changed, too: what is known of it is to be asked for anew. */
static int open_original(si_originals *o, const char *path, si_diag *diag) {
    si_diag why = {0};
    long life = 0;
    si_foreign *there = find_fetched(o, path);
    int fd = there != NULL ? take_fetched(o, there, &why) : download(o, path, &life, &why);
    o->changed = o->changed || (fd < 0 && why.code == SI_ERR_NOT_FOUND);
    o->silent = o->silent || (fd < 0 && si_result_status(si_diag_result(&why, SI_ERR_IO)) == 503);
    if (fd < 0) {
        (void)si_fail(diag, si_diag_result(&why, SI_ERR_IO), "%s", why.text);
        return -1;
    }
    if (there != NULL) {
        return fd;
    }
    si_foreign image = {.url = path, .fd = fd, .fresh_until = si_fresh_until(life)};
    if (o->fetched_count == SI_FOREIGN_MAX) { /* the oldest makes room */
        if (o->fetched[0].fd >= 0) {
            close(o->fetched[0].fd);
        }
        memmove(o->fetched, o->fetched + 1, (SI_FOREIGN_MAX - 1) * sizeof *o->fetched);
        o->fetched_count--;
    }
    o->fetched[o->fetched_count++] = image;
    return take_fetched(o, &o->fetched[o->fetched_count - 1], diag);
}

static int find_or_fetch(si_originals *o, const char *url, si_diag *diag) {
    long life = 0;
    si_foreign *there = find_fetched(o, url);
    if (there != NULL) {
        return take_fetched(o, there, diag);
    }
    if (o->fetch == NULL) {
        (void)si_fail(diag, SI_ERR_UNSUPPORTED, "foreign images are not fetched here");
        return -1;
    }
    if (o->fetched_count == SI_FOREIGN_MAX) {
        (void)si_fail(diag, SI_ERR_LIMIT, "more than %d foreign images", SI_FOREIGN_MAX);
        return -1;
    }
    int fd = download(o, url, &life, diag);
    if (fd < 0) {
        return -1;
    }
    si_foreign *image = &o->fetched[o->fetched_count++];
    *image = (si_foreign){.url = url, .fd = fd, .fresh_until = si_fresh_until(life)};
    return take_fetched(o, image, diag);
}

/* ---- what is downloaded before ---- */

typedef struct url_list {
    const char **urls;
    int count;
} url_list;

static bool add_url(void *context, const char *url) {
    url_list *l = context;
    for (int i = 0; i < l->count; i++) {
        if (strcmp(l->urls[i], url) == 0) {
            return true;
        }
    }
    if (l->count == SI_FOREIGN_MAX) {
        return false;
    }
    l->urls[l->count++] = url;
    return true;
}

int si_foreign_urls(const si_recipe *r, const char *urls[SI_FOREIGN_MAX]) {
    url_list l = {.urls = urls};
    (void)visit_downloads(r, add_url, &l);
    return l.count;
}

int64_t si_fresh_until(long life) {
    return life > 0 ? time(NULL) + life : 0;
}

void si_originals_put(si_originals *o, const si_foreign *image) {
    assert(o->fetched_count < SI_FOREIGN_MAX && (image->fd >= 0 || image->failure != NULL));
    o->fetched[o->fetched_count++] = *image;
}

void si_originals_close(si_originals *o) {
    while (o->fetched_count > 0) {
        int fd = o->fetched[--o->fetched_count].fd;
        if (fd >= 0) {
            close(fd);
        }
    }
    while (o->ahead_count > 0) {
        close(o->ahead[--o->ahead_count].socket);
    }
}

/* ---- what a rendering calls, with the time that it takes ---- */

static int open_for_answer(void *context, const si_file_ref *file, si_diag *diag) {
    si_originals *o = context;
    int64_t start = si_now_ns();
    int fd = open_file(o, file, diag);
    o->source_ns += si_now_ns() - start;
    return fd;
}

static int fetch_for_answer(void *context, const char *url, si_diag *diag) {
    si_originals *o = context;
    int64_t start = si_now_ns();
    int fd = find_or_fetch(o, url, diag);
    o->source_ns += si_now_ns() - start;
    return fd;
}

/* ---- public ---- */

si_files si_originals_files(si_originals *o) {
    return (si_files){.open = open_for_answer, .fetch = fetch_for_answer, .context = o};
}

static bool look_again(void *context, const si_file_ref *file) {
    si_originals *o = context;
    si_diag ignored = {0};
    int fd = open_file(o, file, &ignored);
    if (fd < 0) {
        return false;
    }
    close(fd);
    return !o->changed;
}

bool si_originals_unchanged(si_originals *o, const si_recipe *r) {
    return !o->changed && si_recipe_files(r, look_again, o);
}
