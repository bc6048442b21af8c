/* "did you mean": names that are nearest to those that are not there. */
#include <stdio.h>
#include <string.h>

#include "base/percent.h"
#include "catalog/listing.h"
#include "plan/plan_steps.h"

/* A text of the diagnostics is as long as it is; what does not fit is not suggested. */
static void say(si_diag *diag, const char *before, const char *name) {
    char hint[sizeof diag->text];
    const size_t used = strlen(diag->text);
    int n = snprintf(hint, sizeof hint, "; did you mean \"%s%s%s\"?", before, name, before);
    if (n > 0 && (size_t)n < sizeof diag->text - used) {
        const si_diag first = *diag;
        *diag = (si_diag){0}; /* whose text is cleaned as all others are */
        (void)si_fail(diag, first.code, "%s%s", first.text, hint);
    }
}

/* The address of an object, with the query as it came. */
static const char *address_of(
    const char *company, const char *object, const si_incoming *in, si_arena *arena) {
    static const char special[] = "%?#\"'<>$&+(){}[]^`|\\";
    const si_str query = in->request->query;
    const char *plain =
        si_arena_printf(arena, "%s%s%s", company, company[0] != '\0' ? "/" : "", object);
    char *path = plain != NULL ? si_arena_alloc(arena, 3 * strlen(plain) + 1) : NULL;
    if (path == NULL) {
        return NULL;
    }
    (void)si_percent_encode(si_str_of(plain), special, path);
    return si_arena_printf(arena, "/is/image/%s%s%.*s", path, query.len > 0 ? "?" : "",
        (int)query.len, query.len > 0 ? query.p : "");
}

/* The path's first element names no company: perhaps it was meant to. */
static bool suggest_company(const si_incoming *in, const si_reading *all, si_plan *plan) {
    si_str rest = in->object, id;
    (void)si_str_next(&rest, '/', &id);
    if (rest.len == 0 || all->main != si_catalog_default(all->catalog)) {
        return false;
    }
    const char *near = si_catalog_nearest_company(all->catalog, id, all->arena);
    const si_company *company =
        near != NULL ? si_catalog_find_company(all->catalog, si_str_of(near), all->arena) : NULL;
    if (company == NULL) {
        return false;
    }
    const char *object = si_catalog_nearest_object(all->catalog, company, rest, all->arena);
    const char *whole =
        object != NULL ? si_arena_printf(all->arena, "%s/%s", company->id, object) : NULL;
    if (whole != NULL) {
        say(all->diag, "", whole);
        plan->nearest = address_of(company->id, object, in, all->arena);
    }
    return whole != NULL;
}

/* Whether it is the object that the address names, rather than the source of a layer. */
static bool is_of_path(const si_incoming *in, const si_reading *all) {
    const char *object = all->missing.object;
    const size_t len = strlen(object);
    return in->object.len >= len && memcmp(in->object.p + in->object.len - len, object, len) == 0 &&
           strcmp(all->missing.main->id, all->main->id) == 0;
}

/* Whether a rule has made another address or other attributes of the request. */
static bool is_rewritten(const si_incoming *in, const si_reading *all) {
    static const char prefix[] = "/is/image/";
    si_str original = in->request->path;
    if (original.len < sizeof prefix - 1) {
        return true;
    }
    original.p += sizeof prefix - 1;
    original.len -= sizeof prefix - 1;
    return all->attributes != &all->main->attributes || !si_str_starts(original, in->path);
}

void si_plan_suggest(const si_incoming *in, const si_reading *all, si_plan *plan) {
    if (all->unknown_preset.p != NULL) {
        const char *preset = si_catalog_nearest_preset(
            all->catalog, all->preset_company, all->unknown_preset, all->arena);
        if (preset != NULL) {
            say(all->diag, "$", preset);
        }
        return;
    }
    /* what a rule has made of the address, or a record of the object, is nobody's business */
    if (!all->image_missing || is_rewritten(in, all) || all->missing.record != NULL) {
        return;
    }
    const bool of_path = is_of_path(in, all);
    if (of_path && suggest_company(in, all, plan)) {
        return;
    }
    const si_company *company = all->missing.company;
    const char *object = si_catalog_nearest_object(
        all->catalog, company, si_str_of(all->missing.object), all->arena);
    if (object != NULL) {
        say(all->diag, "", object);
        plan->nearest = of_path ? address_of(company->id, object, in, all->arena) : NULL;
    }
}
