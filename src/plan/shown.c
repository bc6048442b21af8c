#include "plan/shown.h"

#include <stdio.h>

#include "base/json.h"
#include "base/percent.h"

enum { CLASS_MAX = 256, URL_MAX = 16384 /* bytes, decoded */ };

/* ---- the query ---- */

static bool is_address(si_str url) {
    static const si_str context = {"/is/image/", 10};
    for (size_t i = 0; i < url.len; i++) {
        unsigned char c = (unsigned char)url.p[i];
        if (c <= 0x20 || c == 0x7f || c == '\\' || c == '#') {
            return false;
        }
    }
    return si_str_starts(url, context) && url.len <= URL_MAX;
}

static si_result read_url(si_str url, si_shown *out, si_diag *diag) {
    if (!is_address(url)) {
        return si_fail(diag, SI_ERR_SYNTAX,
            "url: expected an address of this server that begins "
            "with /is/image/");
    }
    si_str rest = url;
    (void)si_str_next(&rest, '?', &out->path);
    out->query = rest;
    return SI_OK;
}

static si_result read_value(si_str name, si_str value, si_shown *out, si_diag *diag) {
    if (si_str_eq(name, SI_STR("url"))) {
        return read_url(value, out, diag);
    }
    if (si_str_eq(name, SI_STR("class"))) {
        out->class = value;
        return value.len <= CLASS_MAX ? SI_OK : si_fail(diag, SI_ERR_SYNTAX, "class: too long");
    }
    if (si_str_eq(name, SI_STR("which"))) {
        out->requested = si_str_eq(value, SI_STR("requested"));
        return out->requested || si_str_eq(value, SI_STR("sent"))
                   ? SI_OK
                   : si_fail(diag, SI_ERR_SYNTAX, "which: expected sent or requested");
    }
    out->png = si_str_eq(name, SI_STR("as")) && si_str_eq(value, SI_STR("png"));
    return out->png ? SI_OK : si_fail(diag, SI_ERR_SYNTAX, "expected url, class, which, as=png");
}

si_result si_shown_read(si_str query, si_arena *arena, si_shown *out, si_diag *diag) {
    si_str item, seen[4];
    int count = 0;
    *out = (si_shown){0};
    while (si_str_next(&query, '&', &item)) {
        si_str value = item, name;
        (void)si_str_next(&value, '=', &name);
        char *text = si_arena_alloc(arena, value.len + 1);
        if (text == NULL) {
            return si_fail(diag, SI_ERR_MEMORY, "out of memory");
        }
        for (int i = 0; i < count; i++) {
            if (si_str_eq(seen[i], name)) {
                return si_fail(diag, SI_ERR_SYNTAX, "a parameter is there twice");
            }
        }
        SI_TRY(read_value(name, (si_str){text, si_percent_decode(value, false, text)}, out, diag));
        seen[count++] = name; /* at most four are known */
    }
    return out->path.p != NULL ? SI_OK : si_fail(diag, SI_ERR_SYNTAX, "url is missing");
}

/* ---- the plan ---- */

/* What a client gets for whom nothing is converted. */
static si_result take_requested(si_plan *plan, si_arena *arena, si_diag *diag) {
    plan->recipe.smart = false;
    plan->recipe.ladder_len = 0;
    return si_recipe_print(&plan->recipe, arena, &plan->recipe_text, diag);
}

static void keep_to_client(si_plan *plan, bool explanation) {
    plan->show = explanation ? SI_SHOW_EXPLANATION : plan->show;
    plan->by_address = true; /* the same address means other things to others */
    plan->always_unmodified = false;
    plan->last_modified = 0; /* of a whole second; ETags tell better */
    plan->ttl = plan->ttl < 0 || plan->ttl > SI_SHOWN_SECONDS ? SI_SHOWN_SECONDS : plan->ttl;
    if (plan->show != SI_SHOW_REPLY) {
        plan->server_cache = false;
        plan->client_cache &= !explanation;
    }
}

static si_result make_plan(const si_catalog *catalog, const si_generations *generations,
    const si_request *request, bool explanation, si_arena *arena, si_plan *plan, si_diag *diag) {
    si_shown shown;
    SI_TRY(si_shown_read(request->query, arena, &shown, diag));
    si_request other = *request;
    other.path = shown.path;
    other.query = shown.query;
    if (shown.class.len > 0) {
        other.headers = (si_client_headers){.trusted_edge = true, .edge_class = shown.class};
    }
    SI_TRY(si_plan_make(catalog, generations, &other, arena, plan, diag));
    bool image = plan->kind == SI_PLAN_RECIPE &&
                 (plan->recipe.req == SI_REQ_IMG || plan->recipe.req == SI_REQ_MASK);
    if (!image) {
        *diag = (si_diag){0}; /* what a default image has made good */
        return si_fail(diag, SI_ERR_UNSUPPORTED, "only images are shown here");
    }
    if (shown.requested && !explanation) {
        SI_TRY(take_requested(plan, arena, diag));
    }
    plan->show = shown.png ? SI_SHOW_PNG : SI_SHOW_REPLY;
    keep_to_client(plan, explanation);
    return SI_OK;
}

si_result si_shown_plan(const si_catalog *catalog, const si_generations *generations,
    const si_request *request, bool explanation, si_arena *arena, si_plan *plan, si_diag *diag) {
    si_diag own = {0};
    *plan = (si_plan){.error_detail = 2};
    si_result result = make_plan(catalog, generations, request, explanation, arena, plan, &own);
    if (result != SI_OK) {
        plan->shape = (si_shape){.encoding = "UTF-8", .handler = "", .request_id = ""};
        plan->show = explanation ? SI_SHOW_EXPLANATION : SI_SHOW_REPLY;
        return si_fail(diag, result, "%s", own.text);
    }
    return SI_OK;
}

/* ---- errors ---- */

si_str si_shown_error(si_str text, int status, si_arena *arena) {
    si_bytes body = {0};
    si_str out = SI_STR("{\"error\":\"out of memory\",\"status\":503}\n");
    char end[32];
    int n = snprintf(end, sizeof end, ",\"status\":%d}\n", status);
    while (text.len > 0 && text.p[text.len - 1] == '\n') {
        text.len--;
    }
    if (si_bytes_append(&body, "{\"error\":", 9) && si_json_put(&body, text.p, text.len) &&
        si_bytes_append(&body, end, (size_t)n)) {
        const char *copy = si_arena_copy(arena, (const char *)body.data, body.len);
        out = copy != NULL ? (si_str){copy, body.len} : out;
    }
    si_bytes_free(&body);
    return out;
}
