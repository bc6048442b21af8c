#include "renderer/admission.h"

#include <string.h>

#include "picture/recipe.h"

bool si_admission_read(int key_file, si_admission *out) {
    *out = (si_admission){.sealed = key_file >= 0};
    return key_file < 0 || si_seal_read_key(key_file, out->key);
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
