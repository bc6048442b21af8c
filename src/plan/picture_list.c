#include "plan/picture_list.h"

#include <stdarg.h>
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
    si_bytes companies;    /* their ids, as members of an array */
    char company[256];     /* the last one that was told */
    int count, of_company; /* of that one */
    bool left_out;         /* there are more of some company */
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

/* ---- whether a request would be answered ---- */

static bool is_answered_from(const list *l, si_str id, const char *path, uint64_t *bytes) {
    si_arena arena = {0};
    si_plan plan;
    si_diag ignored = {0};
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

static bool is_served(const list *l, const char *kind) {
    si_str rest = l->kinds, word;
    while (si_str_next(&rest, ',', &word)) {
        if (si_str_eq(word, si_str_of(kind))) {
            return true;
        }
    }
    return l->kinds.len == 0;
}

/* ---- JSON ---- */

static bool put(si_bytes *out, const char *fmt, ...) SI_PRINTF(2, 3);

static bool put(si_bytes *out, const char *fmt, ...) {
    char text[200];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return n >= 0 && n < (int)sizeof text && si_bytes_append(out, text, (size_t)n);
}

static bool put_company(list *l, const char *id) {
    bool known = l->count > 0 && strcmp(id, l->company) == 0;
    l->of_company = known ? l->of_company + 1 : 1;
    snprintf(l->company, sizeof l->company, "%s", id);
    if (known || id[0] == '\0' || strcmp(id, SI_UPLOADS_COMPANY) == 0) {
        return true;
    }
    return put(&l->companies, "%s", l->companies.len > 0 ? "," : "") &&
           si_json_put(&l->companies, id, strlen(id));
}

static bool put_picture(
    list *l, const si_listed_picture *file, si_str id, uint64_t bytes, const char *kind) {
    return put(l->out, "%s\n{\"id\":", l->count > 0 ? "," : "") &&
           si_json_put(l->out, id.p, id.len) &&
           put(l->out, ",\"bytes\":%llu,\"kind\":\"%s\"}", (unsigned long long)bytes, kind) &&
           put_company(l, file->company);
}

/* Without its extension where that means the same; uploads keep theirs. */
static bool tell(void *context, const si_listed_picture *file) {
    list *l = context;
    char text[1200];
    int n = snprintf(text, sizeof text, "%s%s%s", file->company,
        file->company[0] != '\0' ? "/" : "", file->object);
    si_str whole = {text, (size_t)n}, plain = si_extension_strip(whole);
    const char *kind = si_kind_of_extension((si_str){text + plain.len, whole.len - plain.len});
    uint64_t bytes;
    if (n >= (int)sizeof text || kind == NULL || !is_served(l, kind)) {
        return true;
    }
    if (l->of_company >= SI_PICTURE_LIST_OF_COMPANY && strcmp(file->company, l->company) == 0) {
        l->left_out = true;
        return true;
    }
    bool upload = strcmp(file->company, SI_UPLOADS_COMPANY) == 0;
    bool by_plain = !upload && is_answered_from(l, plain, file->path, &bytes);
    if (!by_plain && !is_answered_from(l, whole, file->path, &bytes)) {
        return true;
    }
    if (l->count == SI_PICTURE_LIST_MAX) {
        return false;
    }
    l->failed = !put_picture(l, file, by_plain ? plain : whole, bytes, kind);
    l->count++;
    return !l->failed;
}

bool si_picture_list(
    const si_catalog *catalog, const si_request *request, si_str kinds, si_bytes *out) {
    list l = {.catalog = catalog, .request = request, .kinds = kinds, .out = out};
    bool ok = put(out, "{\"pictures\":[");
    bool all = si_catalog_pictures(catalog, request->session, tell, &l);
    ok =
        ok && !l.failed &&
        put(out, "],\"truncated\":%s,\"companies\":[", all && !l.left_out ? "false" : "true") &&
        si_bytes_append(out, l.companies.data, l.companies.len) &&
        put(out, "],\"uploads\":{\"on\":%s,\"max_bytes\":%d,\"seconds\":%d}}\n",
            si_catalog_has_uploads(catalog) ? "true" : "false", SI_UPLOAD_BYTES, SI_UPLOAD_SECONDS);
    si_bytes_free(&l.companies);
    return ok;
}
