#include "renderer/admission.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "picture/recipe.h"

bool si_admission_read(int key_file, si_admission *out) {
    *out = (si_admission){.sealed = key_file >= 0};
    return key_file < 0 || si_seal_read_key(key_file, out->key);
}

bool si_admission_render_key(int key_file, uint8_t out[SI_SEAL_KEY]) {
    uint8_t key[SI_SEAL_KEY], made[SI_SEAL_KEY];
    int pipes[2], status = 0;
    if (pipe2(pipes, O_CLOEXEC) != 0) {
        return false;
    }
    pid_t pid = fork();
    if (pid == 0) {
        bool good = si_seal_read_key(key_file, key) && si_seal_render_key(key, made) &&
                    write(pipes[1], made, sizeof made) == sizeof made;
        _exit(good ? 0 : 1);
    }
    close(pipes[1]);
    bool good = pid > 0 && read(pipes[0], out, SI_SEAL_KEY) == SI_SEAL_KEY;
    close(pipes[0]);
    if (pid > 0 && waitpid(pid, &status, 0) == pid && !good) {
        errno = EINVAL; /* it has less bytes */
    }
    return good;
}

static bool is_another(void *url, const char *needed) {
    return strcmp(url, needed) != 0;
}

static bool is_another_file(void *path, const si_file_ref *needed) {
    return strcmp(path, needed->path) != 0;
}

static bool needs(const si_recipe *r, const char *url) {
    return !si_recipe_in_origins(r, is_another_file, (void *)url) ||
           !si_picture_urls(&r->picture, is_another, (void *)url) ||
           (r->watermark != NULL &&
               !si_picture_urls(&r->watermark->picture, is_another, (void *)url));
}

bool si_admission_admits(void *admission, const si_fetcher_question *q) {
    const si_admission *a = admission;
    si_arena arena = {0};
    si_recipe recipe;
    si_diag diag = {0};
    if (!a->sealed) {
        return true;
    }
    bool admitted = si_seal_check(a->key, q->recipe, q->seal) &&
                    si_recipe_scan(q->recipe, &arena, &recipe, &diag) == SI_OK &&
                    needs(&recipe, q->url);
    si_arena_free(&arena);
    return admitted;
}
