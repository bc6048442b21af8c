#include "plan/incoming.h"

#include <stdio.h>

#include "base/digest.h"
#include "plan/lock.h"
#include "plan/sharing.h"
#include "request/tokens.h"

/* ---- the path ---- */

/* The main company of a path: that of its first element, else the default one. With FullMatch only
 * if it has the record, too. */
static const si_company *find_company(
    const si_catalog *c, si_str path, si_record_table table, si_arena *arena) {
    si_str rest = path, first;
    (void)si_str_next(&rest, '/', &first);
    const si_company *company = si_catalog_find_company(c, first, arena);
    if (company != NULL && company->attributes.full_match) {
        si_object_query ask = {.object = path, .from_url = true, .table = table};
        si_resolved is;
        si_diag ignored = {0};
        return si_catalog_resolve(c, &ask, arena, &is, &ignored) == SI_OK ? is.main : company;
    }
    return company != NULL ? company : si_catalog_default(c);
}

/* ---- rules, lock, obfuscation (docs/architecture.md, step 3) ---- */

/* What holds for errors, too. */
static void govern(const si_reading *all, si_plan *plan) {
    plan->company = all->main->id;
    plan->attributes = all->attributes;
    plan->error_detail = all->attributes->error_detail;
    plan->vary &= ~(unsigned)SI_USED_ORIGIN;
    plan->vary |= si_sharing_varies(all->attributes) ? SI_USED_ORIGIN : 0;
}

/* A company that is only a folder has no file. */
static void note_company(const si_reading *all) {
    const si_company *c = all->main;
    const bool standard = c->id[0] == '\0';
    si_step_from from = {.file = NULL};
    if (all->steps == NULL) {
        return;
    }
    if (c->time_ms != 0) {
        from.file = si_arena_printf(all->arena, "companies/%s.ini", standard ? "default" : c->id);
    }
    si_step_add(all->steps, SI_STEP_COMPANY, &from, "%s, files in \"%s\"",
        standard ? "the default one" : c->id, c->attributes.root_path);
}

static si_result apply_rules(si_incoming *in, si_reading *all, si_plan *plan) {
    si_str decoded;
    SI_TRY(si_object_path_read(all->catalog, &in->path, all->arena, &decoded, all->diag));
    si_record_table table = in->context == SI_CONTEXT_STATIC ? SI_TABLE_STATIC : SI_TABLE_IMAGE;
    all->main = find_company(all->catalog, decoded, table, all->arena);
    all->attributes = &all->main->attributes;
    govern(all, plan);
    si_rule_input input = {.context = in->context,
        .path = in->path,
        .query = in->query,
        .client = in->request->address,
        .steps = all->steps};
    si_step_add(all->steps, SI_STEP_REQUEST, NULL, "%.*s%s%.*s", SI_STR_ARG(in->path),
        in->query.p != NULL ? "?" : "", SI_STR_ARG(in->query));
    note_company(all);
    si_result result =
        si_rules_apply(all->catalog, all->main, &input, all->arena, &in->rules, all->diag);
    plan->by_address = in->rules.by_address;
    SI_TRY(result);
    all->attributes = in->rules.attributes;
    if (si_str_eq(in->path, in->rules.path)) {
        in->object = decoded;
    } else {
        result =
            si_object_path_read(all->catalog, &in->rules.path, all->arena, &in->object, all->diag);
        const si_company *other =
            result == SI_OK ? find_company(all->catalog, in->object, table, all->arena) : all->main;
        if (strcmp(other->id, all->main->id) != 0) {
            all->main = other;
            all->attributes = &other->attributes;
            note_company(all);
            result = si_access_rewritten(&all->access, other) ? SI_OK : si_refuse(all->diag);
        }
    }
    in->path = in->rules.path;
    in->query = in->rules.query;
    govern(all, plan);
    return result;
}

static bool has_keyed_lock(const si_attributes *a) {
    return a->request_lock && a->request_lock_key[0] != '\0';
}

static si_result unlock(si_incoming *in, const si_reading *all, si_plan *plan) {
    const si_attributes *a = all->attributes;
    si_result result = SI_OK;
    if (a->request_obfuscation) {
        result = si_obfuscation_decode(in->query, all->arena, &in->query, all->diag);
    }
    if (result == SI_OK && a->request_lock) {
        result =
            si_lock_check(a->request_lock_key, in->request->path, in->query, &in->query, all->diag);
    }
    if (result == SI_OK && has_keyed_lock(a)) {
        result = si_lock_expiry(in->query, all->arena, &plan->expires, all->diag);
        if (result == SI_OK && plan->expires != 0 && in->request->now > plan->expires) {
            result = si_fail(all->diag, SI_ERR_FORBIDDEN, "this address was good for a while only");
        }
    }
    return result;
}

/* ---- PresetsOnly ---- */

static si_result refuse_all_but_presets(const si_reading *all) {
    return si_fail(all->diag, SI_ERR_FORBIDDEN, "only presets are served here");
}

/* Whether a record or a smart crop is named. */
static bool is_named(const si_incoming *in, const si_reading *all) {
    const si_object_query ask = {.object = in->object, .from_url = true, .table = SI_TABLE_IMAGE};
    si_resolved is;
    si_diag ignored = {0};
    return si_catalog_resolve(all->catalog, &ask, all->arena, &is, &ignored) == SI_OK &&
           (is.record != NULL || si_resolved_crop(&is) != NULL);
}

/* One preset, or none for what has a name of its own: nobody else is to invent pictures. */
static si_result check_presets(const si_incoming *in, const si_reading *all) {
    si_str rest = in->query, item;
    bool out_of_memory = false;
    int presets = 0;
    while (si_str_next(&rest, '&', &item)) {
        si_token t;
        if (item.len == 0) {
            continue;
        }
        if (!si_token_next(&item, all->arena, &t, &out_of_memory)) { /* a comment */
            return out_of_memory ? si_no_memory(all->diag) : refuse_all_but_presets(all);
        }
        bool expiry = t.kind == SI_TOKEN_COMMAND && has_keyed_lock(all->attributes) &&
                      si_lock_is_expiry(t.name);
        presets += t.kind == SI_TOKEN_PRESET;
        if (!expiry && t.kind != SI_TOKEN_PRESET) {
            return refuse_all_but_presets(all);
        }
    }
    bool banner = in->object.len == 0 && in->query.len == 0;
    return presets == 1 || (presets == 0 && (banner || is_named(in, all)))
               ? SI_OK
               : refuse_all_but_presets(all);
}

si_result si_incoming_admit(si_incoming *in, si_reading *all, si_plan *plan) {
    SI_TRY(apply_rules(in, all, plan));
    if (in->context == SI_CONTEXT_IS) {
        SI_TRY(unlock(in, all, plan));
        if (all->attributes->request_lock || all->attributes->request_obfuscation != 0) {
            si_step_add(all->steps, SI_STEP_UNLOCKED, NULL, "%.*s", SI_STR_ARG(in->query));
        }
        if (all->attributes->presets_only) {
            SI_TRY(check_presets(in, all));
        }
    }
    if (in->context == SI_CONTEXT_IS || !all->attributes->request_lock) {
        all->access.company = all->main;
        all->access.attributes = all->attributes;
    }
    return SI_OK;
}

/* ---- headers ---- */

si_result si_incoming_headers(
    const si_incoming *in, const si_variables *variables, const si_reading *all, si_plan *plan) {
    if (in->rules.header_count == 0) {
        return SI_OK;
    }
    si_plan_header *list =
        si_arena_alloc(all->arena, (size_t)in->rules.header_count * sizeof *list);
    if (list == NULL) {
        return si_no_memory(all->diag);
    }
    plan->headers = list;
    for (int i = 0; i < in->rules.header_count; i++) {
        const si_rule_header *h = in->rules.headers[i];
        const char *texts[2] = {h->name, h->value};
        si_str out[2];
        for (int k = 0; k < 2; k++) {
            SI_TRY(si_variables_expand(
                variables, si_str_of(texts[k]), SI_INSERT_URL, all->arena, &out[k], all->diag));
            texts[k] = si_arena_copy(all->arena, out[k].p, out[k].len);
        }
        if (texts[0] == NULL || texts[1] == NULL) {
            return si_no_memory(all->diag);
        }
        if (si_rule_header_ok(out[0], out[1])) {
            list[plan->header_count++] = (si_plan_header){texts[0], texts[1], h->add};
        }
    }
    return SI_OK;
}

/* ---- bodies ---- */

si_result si_plan_answer(si_plan *plan, si_reply *reply, si_arena *arena, si_diag *diag) {
    char hex[SI_DIGEST_HEX];
    si_digest_hex(reply->body.data, reply->body.len, hex);
    snprintf(plan->etag, sizeof plan->etag, "\"%s\"", hex);
    plan->kind = SI_PLAN_BODY;
    plan->body = si_arena_copy(arena, (const char *)reply->body.data, reply->body.len);
    plan->body_len = reply->body.len;
    plan->content_type = reply->content_type;
    plan->recipe_text = "";
    si_bytes_free(&reply->body);
    return plan->body != NULL ? SI_OK : si_no_memory(diag);
}
