/* Objects → records and files (docs/protocol.md, URLs), and what a reply then depends on. */
#include <fcntl.h>
#include <unistd.h>

#include "base/icc.h"
#include "base/percent.h"
#include "request/command.h"

bool si_object_path_merge(si_str *path, si_arena *arena) {
    bool doubled = false;
    for (size_t i = 1; i < path->len && !doubled; i++) {
        doubled = path->p[i] == '/' && path->p[i - 1] == '/';
    }
    char *text = doubled ? si_arena_alloc(arena, path->len) : NULL;
    if (text != NULL) {
        *path = (si_str){text, si_str_merge_slashes(*path, text)};
    }
    return !doubled || text != NULL;
}

si_result si_object_path_read(
    const si_catalog *c, si_str *raw, si_arena *arena, si_str *out, si_diag *diag) {
    if (!si_object_path_merge(raw, arena)) {
        return si_no_memory(diag);
    }
    si_result result = si_object_decode(*raw, arena, out, diag);
    if (result != SI_OK || out->len == 0 || out->p[out->len - 1] != '/') {
        return result;
    }
    si_str name = {out->p, out->len - 1};
    bool company = name.len > 0 && memchr(name.p, '/', name.len) == NULL &&
                   si_catalog_find_company(c, name, arena) != NULL;
    if (!company) {
        *out = name;
        raw->len--;
    }
    return SI_OK;
}

si_result si_object_decode(si_str raw, si_arena *arena, si_str *out, si_diag *diag) {
    char *text = si_arena_alloc(arena, raw.len + 1);
    if (text == NULL) {
        return si_no_memory(diag);
    }
    size_t n = 0;
    si_str element;
    for (bool first = true; si_str_next(&raw, '/', &element); first = false) {
        if (!first) {
            text[n++] = '/';
        }
        size_t len = si_percent_decode(element, false, text + n);
        for (size_t i = n; i < n + len; i++) {
            text[i] = text[i] == SI_QUOTED_DOLLAR ? '$' : text[i];
        }
        if (memchr(text + n, '/', len) != NULL || memchr(text + n, '\0', len) != NULL) {
            return si_fail(diag, SI_ERR_FORBIDDEN, "the image name is not allowed");
        }
        n += len;
    }
    *out = (si_str){text, n};
    return SI_OK;
}

/* ---- what the reply depends on ---- */

static si_result depend(si_query *q, const char *company, const char *object) {
    si_reading *all = q->all;
    for (const si_dependency *d = all->dependencies; d != NULL; d = d->next) {
        if (strcmp(d->object, object) == 0 && strcmp(d->company, company) == 0) {
            return SI_OK;
        }
    }
    si_dependency *d = si_arena_alloc(all->arena, sizeof *d);
    if (d == NULL) {
        return si_no_memory(all->diag);
    }
    *d = (si_dependency){all->dependencies, company, object};
    all->dependencies = d;
    return SI_OK;
}

static void date(si_reading *all, int64_t seconds) {
    all->newest = seconds > all->newest ? seconds : all->newest;
}

void si_reading_expire(si_reading *all, double hours) {
    bool shorter = hours >= 0 && (!all->has_hours || all->hours < 0 || hours < all->hours);
    if (shorter || !all->has_hours) {
        all->hours = hours;
    }
    all->has_hours = true;
}

/* A record's own expiration beats a rule's, which is in the attribute. */
void si_query_expire(si_query *q, const si_found *found) {
    si_reading *all = q->all;
    const si_record *r = found->is.record;
    if (r != NULL && r->expiration > SI_EXPIRATION_INHERIT) {
        all->record_forever |= r->expiration < 0;
        si_reading_expire(all, r->expiration);
    } else {
        si_reading_expire(all, si_reading_attributes(all, found->is.company)->expiration);
    }
}

/* ---- files ---- */

static si_file_ref reference(si_reading *all, const si_file *file) {
    date(all, file->time_ns / 1000000000);
    return (si_file_ref){file->path, file->size, file->time_ns};
}

si_result si_query_file(
    si_query *q, const si_resolved *is, const char *path, si_file_ref *out, si_diag *diag) {
    si_file file;
    si_reading *all = q->all;
    si_result result;
    if (!si_access_file(&all->access, is->owner, SI_FOLDER_IMAGES, si_str_of(path))) {
        return si_refuse(diag);
    }
    if (si_company_has_uploads(is->owner)) {
        all->uploads = true;
        result = si_catalog_find_upload(
            all->catalog, si_str_of(path), all->session, all->arena, &file, diag);
    } else {
        result = si_catalog_find_of(all->catalog, is, path, all->arena, &file, diag);
    }
    if (result == SI_OK) {
        *out = reference(all, &file);
    }
    return result;
}

/* ---- objects ---- */

/* A named smart crop takes the place of its object. Swatches are squares of the size in the
 * vendor's sample. */
static void use_crop(const si_catalog *c, si_found *out) {
    const si_crop *crop = si_resolved_crop(&out->is);
    double rect[4];
    if (crop == NULL) {
        return;
    }
    out->source.smart_crop[0] = crop->width;
    out->source.smart_crop[1] = crop->height;
    if (si_catalog_crop_by_hand(c, &out->is, rect)) {
        memcpy(out->source.crop_rect, rect, sizeof rect);
    }
}

static void init_source(si_source *s) {
    *s = (si_source){.file = {.path = ""}, .profile = {.path = ""}, .url = ""};
}

/* A template has no path, and neither has a company that is named alone. */
static si_result note(si_query *q, const si_found *found) {
    const si_resolved *is = &found->is;
    si_result result = depend(q, is->company->id, is->object);
    if (result == SI_OK && is->record != NULL) {
        int64_t ms = is->record->time_stamp != 0 ? is->record->time_stamp : is->owner->time_ms;
        date(q->all, ms / 1000);
        if (is->path[0] != '\0' && strcmp(is->path, is->object) != 0) {
            result = depend(q, is->owner->id, is->path);
        }
    }
    return result;
}

/* Doubled slashes of a reference are one, and one at its end adds nothing. */
static bool tidy_slashes(si_str *object, si_arena *arena) {
    if (!si_object_path_merge(object, arena)) {
        return false;
    }
    object->len -= object->len > 1 && object->p[object->len - 1] == '/';
    return true;
}

/* Notes what an object is, and where its record is written. */
static void note_object(const si_query *q, si_str name, const si_found *found) {
    const si_resolved *is = &found->is;
    const si_crop *crop = si_resolved_crop(is);
    si_step_from from = {.file = NULL};
    if (q->all->steps == NULL) {
        return;
    }
    if (is->record != NULL) {
        from = (si_step_from){.file = is->record->file, .line = is->record->line, .name = "record"};
    }
    si_step_add(q->all->steps, SI_STEP_OBJECT, &from, "\"%.*s\" is %s \"%s\" of %s%s%s%s",
        SI_STR_ARG(name), is->record != NULL ? "the record" : "the path", is->object,
        is->company->id[0] != '\0' ? "company " : "the default company", is->company->id,
        crop != NULL ? ", its crop " : "", crop != NULL ? crop->name : "");
}

static void note_file(const si_query *q, const si_found *found, si_result result) {
    const si_file_ref *file = &found->source.file;
    if (q->all->steps == NULL) {
        return;
    }
    if (result == SI_OK) {
        si_step_add(q->all->steps, SI_STEP_FILE, NULL, "%s, %llu bytes", file->path,
            (unsigned long long)file->size);
    } else {
        si_step_add(q->all->steps, SI_STEP_FILE, NULL, "%s: %s", found->is.path,
            found->missing ? "not there" : "cannot be had");
    }
}

si_result si_query_resolve(
    si_query *q, si_str object, bool from_url, si_found *out, si_diag *diag) {
    si_reading *all = q->all;
    *out = (si_found){.missing = false};
    init_source(&out->source);
    if (!from_url && !tidy_slashes(&object, all->arena)) {
        return si_fail(diag, SI_ERR_MEMORY, "out of memory");
    }
    si_object_query ask = {.main = from_url ? NULL : q->company,
        .object = object,
        .from_url = from_url,
        .locale = all->locale,
        .table = SI_TABLE_IMAGE};
    si_result result = si_catalog_resolve(all->catalog, &ask, all->arena, &out->is, diag);
    if (result == SI_OK && !si_access_company(&all->access, out->is.company)) {
        result = si_refuse(diag);
    }
    if (result == SI_OK) {
        use_crop(all->catalog, out);
        note_object(q, object, out);
        result = note(q, out);
    }
    if (result == SI_OK && out->is.path[0] != '\0') {
        result = si_query_file(q, &out->is, out->is.path, &out->source.file, diag);
        out->missing = result == SI_ERR_NOT_FOUND;
        out->source.kind = result == SI_OK ? SI_SOURCE_FILE : SI_SOURCE_NONE;
        note_file(q, out, result);
    }
    return result;
}

/* ---- profiles ---- */

static si_result read_type(
    si_query *q, si_str name, const si_file *file, si_pixel_type *type, si_diag *diag) {
    unsigned char head[SI_ICC_HEADER];
    int fd = si_catalog_open(q->all->catalog, file, diag);
    if (fd < 0) {
        return si_diag_result(diag, SI_ERR_IO);
    }
    ssize_t n = read(fd, head, sizeof head);
    close(fd);
    return n == (ssize_t)sizeof head && si_icc_type(head, sizeof head, type)
               ? SI_OK
               : si_fail(diag, SI_ERR_SOURCE, "\"%.*s\" is no usable colour profile", SHOWN(name));
}

si_result si_query_profile(
    si_query *q, const si_company *company, si_str name, si_file_ref *out, si_pixel_type *type) {
    si_reading *all = q->all;
    const si_profile *profile = si_catalog_profile(all->catalog, company, name);
    const si_icc_space *space = profile == NULL ? si_icc_space_by_name(name.p, name.len) : NULL;
    *out = (si_file_ref){.path = ""};
    if (space != NULL) { /* one that is made rather than read */
        *type = space->type;
        if (strcmp(space->name, "sRGB") != 0) {
            out->path = si_arena_printf(all->arena, "/%s", space->name);
        }
        return out->path != NULL ? SI_OK : si_no_memory(all->diag);
    }
    si_file file;
    si_diag missing = {0};
    si_str path = profile != NULL ? si_str_of(profile->path) : name;
    if (profile == NULL && !si_access_file(&all->access, company, SI_FOLDER_IMAGES, path)) {
        return si_refuse(all->diag);
    }
    si_result result = si_catalog_find_exact(all->catalog,
        profile != NULL ? profile->owner : company, path, all->arena, &file, &missing);
    if (result == SI_ERR_IO) {
        return si_fail(all->diag, result, "%s", missing.text);
    }
    if (result != SI_OK) {
        return si_fail(all->diag, result, "there is no colour profile \"%.*s\"", SHOWN(name));
    }
    *out = reference(all, &file);
    return read_type(q, name, &file, type, all->diag);
}
