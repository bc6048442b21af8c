#include "plan/incoming.h"

#include <stdio.h>

#include "base/digest.h"
#include "plan/lock.h"
#include "plan/sharing.h"

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
    plan->attributes = all->attributes;
    plan->error_detail = all->attributes->error_detail;
    plan->vary &= ~(unsigned)SI_USED_ORIGIN;
    plan->vary |= si_sharing_varies(all->attributes) ? SI_USED_ORIGIN : 0;
}

static si_result apply_rules(si_incoming *in, si_reading *all, si_plan *plan) {
    si_str decoded;
    SI_TRY(si_object_path_read(all->catalog, &in->path, all->arena, &decoded, all->diag));
    si_record_table table = in->context == SI_CONTEXT_STATIC ? SI_TABLE_STATIC : SI_TABLE_IMAGE;
    all->main = find_company(all->catalog, decoded, table, all->arena);
    all->attributes = &all->main->attributes;
    govern(all, plan);
    si_rule_input input = {in->context, in->path, in->query, in->request->address};
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
        }
    }
    in->path = in->rules.path;
    in->query = in->rules.query;
    govern(all, plan);
    return result;
}

static si_result unlock(si_incoming *in, const si_reading *all) {
    const si_attributes *a = all->attributes;
    si_result result = SI_OK;
    if (a->request_obfuscation != 0) {
        result = si_obfuscation_decode(in->query, all->arena, &in->query, all->diag);
    }
    if (result == SI_OK && a->request_lock) {
        result =
            si_lock_check(a->request_lock_key, in->request->path, in->query, &in->query, all->diag);
    }
    return result;
}

si_result si_incoming_admit(si_incoming *in, si_reading *all, si_plan *plan) {
    si_result result = apply_rules(in, all, plan);
    return result == SI_OK && in->context == SI_CONTEXT_IS ? unlock(in, all) : result;
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
