#include "cli/purge/cached.h"

#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { HEAD_MAX = SI_RECIPE_TEXT_MAX + 4096 }; /* bytes, with nginx's own in front of the key */

/* The key in a file's first bytes; {NULL, 0} if there is none. */
static si_str key_of(const char *head, size_t len) {
    static const char mark[] = "\nKEY: ";
    const char *at = memmem(head, len, mark, sizeof mark - 1);
    const char *key = at != NULL ? at + sizeof mark - 1 : NULL;
    const char *end = key != NULL ? memchr(key, '\n', len - (size_t)(key - head)) : NULL;
    return end != NULL ? (si_str){key, (size_t)(end - key)} : (si_str){NULL, 0};
}

static bool file_is(const char *path, bool (*wanted)(void *, const si_recipe *), void *context) {
    char head[HEAD_MAX];
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, head, sizeof head) : -1;
    if (fd >= 0) {
        close(fd);
    }
    si_arena arena = {0};
    si_recipe recipe;
    si_str key = n > 0 ? key_of(head, (size_t)n) : (si_str){NULL, 0};
    bool yes = key.p != NULL && si_recipe_scan(key, &arena, &recipe, NULL) == SI_OK &&
               wanted(context, &recipe);
    si_arena_free(&arena);
    return yes;
}

bool si_cached_any(
    const char *cache, bool (*wanted)(void *context, const si_recipe *recipe), void *context) {
    char images[4096];
    char *folders[] = {images, NULL};
    int n = snprintf(images, sizeof images, "%s/images", cache);
    FTS *files = n > 0 && n < (int)sizeof images
                     ? fts_open(folders, FTS_PHYSICAL | FTS_NOCHDIR | FTS_NOSTAT, NULL)
                     : NULL;
    FTSENT *entry;
    bool found = false;
    while (files != NULL && !found && (entry = fts_read(files)) != NULL) {
        bool folder =
            entry->fts_info == FTS_D || entry->fts_info == FTS_DP || entry->fts_info == FTS_DNR;
        found = !folder && file_is(entry->fts_path, wanted, context);
    }
    if (files != NULL) {
        fts_close(files);
    }
    return found;
}
