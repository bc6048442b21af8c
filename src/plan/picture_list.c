#include "plan/picture_list.h"

#include <stdio.h>

#include "base/json.h"
#include "base/percent.h"
#include "base/uploads.h"
#include "catalog/extensions.h"
#include "catalog/pictures.h"

typedef struct list {
    const si_catalog *catalog;
    const si_request *request;
    si_str kinds;
    si_bytes *out;
    si_bytes companies; /* their ids, as members of an array */
    char company[256];  /* the one that the files are of */
    int told, refused;  /* files of it */
    int count, plans;   /* of all */
    bool left_out;      /* there are more of some company */
    bool failed;
} list;

const char *si_kind_of_extension(si_str extension) {
    static const struct {
        const char *extension, *kind;
    } kinds[] = {{"jpg", "jpeg"}, {"jpeg", "jpeg"}, {"png", "png"}, {"gif", "gif"},
        {"webp", "webp"}, {"avif", "avif"}, {"heic", "heif"}, {"heif", "heif"}, {"tif", "tiff"},
        {"tiff", "tiff"}, {"jp2", "jp2"}, {"j2k", "jp2"}, {"svg", "svg"}, {"jxl", "jxl"}};
    if (extension.len > 0 && extension.p[0] == '.') {
        extension = (si_str){extension.p + 1, extension.len - 1};
    }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (si_str_eq_nocase(extension, si_str_of(kinds[i].extension))) {
            return kinds[i].kind;
        }
    }
    return NULL;
}

bool si_kind_is_served(const char *extension, si_str kinds) {
    const char *kind = si_kind_of_extension(si_str_of(extension));
    si_str rest = kinds, word;
    while (kind != NULL && si_str_next(&rest, ',', &word)) {
        if (si_str_eq(word, si_str_of(kind))) {
            return true;
        }
    }
    return kind != NULL && kinds.len == 0;
}

/* ---- whether a request would be answered ---- */

static bool is_answered_from(list *l, si_str id, const char *path, uint64_t *bytes) {
    si_arena arena = {0};
    si_plan plan;
    si_diag ignored = {0};
    l->plans++;
    char *encoded = si_arena_alloc(&arena, 3 * id.len + 1);
    if (encoded == NULL) {
        return false;
    }
    (void)si_percent_encode(id, "%?#&+\"<>{}|^`\\", encoded);
    const char *address = si_arena_printf(&arena, "/is/image/%s", encoded);
    bool ok = false;
    if (address != NULL) {
        si_request request = *l->request;
        request.path = si_str_of(address);
        request.query = (si_str){"wid=1", 5};
        ok = si_plan_make(l->catalog, NULL, &request, &arena, &plan, &ignored) == SI_OK &&
             plan.kind == SI_PLAN_RECIPE && plan.recipe.picture.layer_count == 1 &&
             strcmp(plan.recipe.picture.layers[0].source.file.path, path) == 0;
    }
    if (ok) {
        *bytes = plan.recipe.picture.layers[0].source.file.size;
    }
    si_arena_free(&arena);
    return ok;
}

/* ---- JSON ---- */

static bool put_company(list *l, const char *id) {
    if (l->told > 0 || id[0] == '\0' || strcmp(id, SI_UPLOADS_COMPANY) == 0) {
        return true;
    }
    return si_bytes_print(&l->companies, "%s", l->companies.len > 0 ? "," : "") &&
           si_json_put(&l->companies, id, strlen(id));
}

static bool put_picture(
    list *l, const si_listed_picture *file, si_str id, uint64_t bytes, const char *kind) {
    return si_bytes_print(l->out, "%s\n{\"id\":", l->count > 0 ? "," : "") &&
           si_json_put(l->out, id.p, id.len) &&
           si_bytes_print(
               l->out, ",\"bytes\":%llu,\"kind\":\"%s\"}", (unsigned long long)bytes, kind) &&
           put_company(l, file->company);
}

/* Tells it without its extension where that means the same; uploads keep theirs. */
static void consider(list *l, const si_listed_picture *file, si_str id, const char *kind) {
    uint64_t bytes;
    si_str plain = si_extension_strip(id);
    bool upload = strcmp(file->company, SI_UPLOADS_COMPANY) == 0;
    bool by_plain = !upload && is_answered_from(l, plain, file->path, &bytes);
    if (!by_plain && !is_answered_from(l, id, file->path, &bytes)) {
        l->refused++;
        return;
    }
    l->failed = !put_picture(l, file, by_plain ? plain : id, bytes, kind);
    l->told++;
    l->count++;
}

static bool tell(void *context, const si_listed_picture *file) {
    list *l = context;
    char text[1200];
    int n = snprintf(text, sizeof text, "%s%s%s", file->company,
        file->company[0] != '\0' ? "/" : "", file->object);
    si_str id = {text, (size_t)n}, plain = si_extension_strip(id);
    const char *kind = si_kind_of_extension((si_str){text + plain.len, id.len - plain.len});
    if (strcmp(file->company, l->company) != 0) {
        snprintf(l->company, sizeof l->company, "%s", file->company);
        l->told = l->refused = 0;
    }
    if (n >= (int)sizeof text || kind == NULL || !si_kind_is_served(text + plain.len, l->kinds) ||
        l->refused >= SI_PICTURE_LIST_REFUSED) {
        return true;
    }
    if (l->told >= SI_PICTURE_LIST_OF_COMPANY) {
        l->left_out = true;
        return true;
    }
    if (l->count == SI_PICTURE_LIST_MAX || l->plans >= SI_PICTURE_LIST_PLANS) {
        return false;
    }
    consider(l, file, id, kind);
    return !l->failed;
}

bool si_picture_list(
    const si_catalog *catalog, const si_request *request, si_str kinds, si_bytes *out) {
    list l = {.catalog = catalog, .request = request, .kinds = kinds, .out = out};
    bool ok = si_bytes_print(out, "{\"pictures\":[");
    bool all = si_catalog_pictures(catalog, request->session, tell, &l);
    ok =
        ok && !l.failed &&
        si_bytes_print(
            out, "],\"truncated\":%s,\"companies\":[", all && !l.left_out ? "false" : "true") &&
        si_bytes_append(out, l.companies.data, l.companies.len) &&
        si_bytes_print(out, "],\"uploads\":{\"on\":%s,\"max_bytes\":%d,\"seconds\":%d}}\n",
            si_catalog_has_uploads(catalog) ? "true" : "false", SI_UPLOAD_BYTES, SI_UPLOAD_SECONDS);
    si_bytes_free(&l.companies);
    return ok;
}
