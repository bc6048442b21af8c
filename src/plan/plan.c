/* The outermost request: from URL and headers to a recipe, or to a reply that needs none. */
#include "plan/plan.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>

#include "reply/catalog_reply.h"
#include "request/command.h"
#include "plan/static_content.h"
#include "plan/incoming.h"
#include "plan/plan_steps.h"

enum { FOREVER = -1, UPLOAD_TTL = 60 /* seconds, in the browser */ };

static const struct {
    enum { RENDER, CATALOG, OFF } reply;
    char ttl;
} types[] = {
#define X(id, name, reply, ttl, bodies) {reply, ttl},
    SI_REQUEST_TYPES(X)
#undef X
};

/* ---- watermark (docs/protocol.md, Records, presets, templates) ---- */

static si_result read_watermark(const si_query *target) {
    si_reading *all = target->all;
    const char *name = all->attributes->watermark;
    si_watermark *mark = si_arena_alloc(all->arena, sizeof *mark);
    si_query *q = si_arena_alloc(all->arena, sizeof *q);
    si_recipe *unused = si_arena_alloc(all->arena, sizeof *unused);
    if (mark == NULL || q == NULL || unused == NULL) {
        return si_no_memory(all->diag);
    }
    *q = (si_query){.all = all,
        .role = SI_ROLE_WATERMARK,
        .company = all->main,
        .object = si_str_of(name),
        .object_raw = si_str_of(name),
        .recipe = unused};
    si_query_init(q);
    si_step_add(all->steps, SI_STEP_REQUEST, NULL, "%s, the watermark", name);
    SI_TRY(si_query_open(q, SI_STR("")));
    if (q->found.is.record == NULL) {
        return si_fail(all->diag, SI_ERR_CONFIG, "the watermark's record is missing");
    }
    SI_TRY(si_query_build(q, SI_STR("")));
    si_layer *base = (si_layer *)q->picture.layers; /* ours until now */
    int *comp = q->picture.comp.opac;
    *mark = (si_watermark){.blend = base->blend, .opac = comp[0] * base->adjustments.opac[0] / 100};
    memcpy(mark->size_n, q->drafts[0]->watermark_size, sizeof mark->size_n);
    memcpy(mark->align, q->picture.view.align, sizeof mark->align);
    base->blend = SI_BLEND_NORM;
    base->adjustments.opac[0] = comp[0] = 100;
    si_view plain_view = q->picture.view;
    plain_view.align[0] = plain_view.align[1] = 0;
    mark->picture = q->picture;
    mark->picture.view = plain_view;
    target->recipe->watermark = mark;
    return SI_OK;
}

/* ---- images, and properties that need them ---- */

/* Requests for one source alone: every other command is ignored. */
static si_result only_source(si_query *q) {
    si_recipe *r = q->recipe;
    si_layer *base = si_arena_alloc(q->all->arena, sizeof *base);
    if (base == NULL) {
        return si_no_memory(q->all->diag);
    }
    if (q->found.source.kind == SI_SOURCE_NONE) {
        return si_fail(
            q->all->diag, SI_ERR_NOT_FOUND, "image \"%.*s\" not found", SHOWN(q->object));
    }
    const char *company = r->company;
    si_req req = r->req;
    si_recipe_init(r);
    r->company = company;
    r->req = req;
    si_layer_init(base, 0);
    base->source = q->found.source;
    r->picture.layers = base;
    r->picture.layer_count = 1;
    si_query_expire(q, &q->found);
    return SI_OK;
}

static si_req renderer_request(const si_query *q) {
    switch (q->asked.type) {
    case SI_TYPE_MASK:
        return SI_REQ_MASK;
    case SI_TYPE_PROPS:
        return SI_REQ_PROPS;
    case SI_TYPE_IMAGEPROPS:
        return SI_REQ_IMAGEPROPS;
    case SI_TYPE_XMP:
        return SI_REQ_XMP;
    case SI_TYPE_MAP:
        return SI_REQ_MAP;
    case SI_TYPE_SET:
        return SI_REQ_SET;
    case SI_TYPE_USERDATA:
        return SI_REQ_CROP;
    default:
        return SI_REQ_IMG;
    }
}

static bool is_image(const si_query *q) {
    return q->recipe->req == SI_REQ_IMG || q->recipe->req == SI_REQ_MASK;
}

/* How a reply in text is to look; images say nothing of it. */
static void set_shape(si_query *q) {
    si_recipe *r = q->recipe;
    if (is_image(q)) {
        return;
    }
    r->body = q->asked.shape.body;
    r->encoding = q->asked.shape.encoding;
    if (r->body == SI_BODY_JSON) {
        r->handler = q->asked.shape.handler;
        r->request_id = q->asked.shape.request_id;
    }
}

/* Replies that read no other command still need sound ones that shape them. */
static si_result check_shape(si_query *q) {
    const si_diag *mistake = &q->shape_mistake;
    return mistake->code == SI_OK ? SI_OK
                                  : si_fail(q->all->diag, mistake->code, "%s", mistake->text);
}

/* Notes what the client, the company and the request allow. */
static void note_formats(const si_query *q, const si_plan *plan) {
    char class[SI_CLIENT_CLASS_SIZE], formats[64] = "", ratio[32];
    const si_recipe *r = q->recipe;
    int used = 0;
    if (q->all->steps == NULL) {
        return;
    }
    for (int i = 0; i < r->ladder_len; i++) {
        used += snprintf(formats + used, sizeof formats - (size_t)used, "%s%s", i > 0 ? ", " : "",
            si_format_name(r->ladder[i]));
    }
    si_step_add(q->all->steps, SI_STEP_FORMATS, NULL,
        "%s was asked for; the client shows %s; tried %s %s; pixel ratio %s; line %s",
        si_format_name(r->format), si_client_print(&plan->client, class), used > 0 ? "are" : "is",
        used > 0 ? formats : "nothing else", si_real_print(r->dpr, ratio),
        plan->network_adapts ? si_network_name(plan->client.network) : "does not count");
}

si_result si_plan_image(si_query *q, si_str query, si_plan *plan) {
    si_recipe *r = q->recipe;
    r->req = renderer_request(q);
    bool alone = r->req == SI_REQ_IMAGEPROPS || r->req == SI_REQ_XMP || r->req == SI_REQ_CROP ||
                 r->req == SI_REQ_SET;
    if (alone) {
        si_result result = check_shape(q);
        result = result == SI_OK && r->req != SI_REQ_SET ? only_source(q) : result;
        set_shape(q);
        if (result == SI_OK && r->req == SI_REQ_SET) {
            return si_catalog_set(q, query);
        }
        return result == SI_OK ? si_catalog_facts(q) : result;
    }
    SI_TRY(si_query_build(q, query));
    SI_TRY(si_query_output(q));
    si_result result = SI_OK;
    if (q->asked.type == SI_TYPE_IMG && q->all->attributes->watermark[0] != '\0') {
        result = read_watermark(q);
    }
    set_shape(q);
    si_plan_formats(q, plan);
    si_plan_network(q, plan);
    note_formats(q, plan);
    return result == SI_OK && !is_image(q) ? si_catalog_facts(q) : result;
}

/* ---- replies without a renderer ---- */

static si_result answer_here(si_query *q, si_str query, si_plan *plan) {
    si_reply reply = {0};
    si_result result = check_shape(q);
    bool whole = q->asked.type == SI_TYPE_VALIDATE || q->asked.type == SI_TYPE_RESOLVE;
    if (result == SI_OK && whole) {
        result = si_query_build(q, query);
    }
    if (q->found.is.object != NULL) {
        si_query_expire(q, &q->found);
    }
    result = result == SI_OK ? si_catalog_reply(q, query, &reply) : result;
    if (result != SI_OK) {
        si_bytes_free(&reply.body);
        return result;
    }
    return si_plan_answer(plan, &reply, q->all->arena, q->all->diag);
}

/* req=map of a record and nothing else is its field as it is. */
static bool is_bare_map(const si_query *q, si_str query) {
    si_str rest = query, item;
    if (q->asked.type != SI_TYPE_MAP || q->found.is.record == NULL) {
        return false;
    }
    while (si_str_next(&rest, '&', &item)) {
        si_str name;
        (void)si_str_next(&item, '=', &name);
        const si_command_row *row = name.len > 0 ? si_command_find(name) : NULL;
        bool shape =
            row != NULL && (row->flags & SI_SURVIVES) != 0 && row->scope == SI_SCOPE_REQUEST;
        if (name.len > 0 && !shape && (row != NULL || name.p[0] == '$')) {
            return false;
        }
    }
    return true;
}

/* ---- how the reply is kept (docs/protocol.md, Caching) ---- */

static int64_t seconds(double hours) {
    return hours < 0 ? FOREVER : (int64_t)floor(hours * 3600 + 0.5);
}

/* Whether the server makes the reply anew is for few to say (docs/decisions.md, P43); what is kept
 * by the client is its own affair. */
static void set_server_cache(const si_query *q, si_str address, si_plan *plan) {
    const si_address_filter *list = q->all->attributes->cache_command_addresses;
    if (q->asked.server_cache && !q->asked.update) {
        return;
    }
    plan->caching_by_address = list != NULL;
    if (list == NULL || !si_address_filter_allows(list, address)) {
        plan->cache_command_ignored = true;
        return;
    }
    plan->server_cache = q->asked.server_cache;
    plan->update = q->asked.update;
}

static void set_caching(const si_query *q, si_str address, si_plan *plan) {
    const si_reading *all = q->all;
    const si_attributes *a = all->attributes;
    char ttl = types[q->asked.type].ttl;
    double hours = ttl == 'N' ? a->non_img_expiration : all->has_hours ? all->hours : a->expiration;
    plan->ttl = ttl == '0' ? 0 : seconds(hours);
    plan->always_unmodified = plan->ttl == FOREVER;
    bool image = plan->kind == SI_PLAN_RECIPE && is_image(q);
    plan->client_cache = !plan->error_image && ttl != '0' &&
                         (!image || q->asked.client_cache || all->record_forever);
    if (image) {
        set_server_cache(q, address, plan);
    }
    plan->last_modified = a->use_last_modified ? all->newest : 0;
    plan->by_address |= all->access.by_address;
    if (all->uploads) { /* nothing of them outlives them, and only their client sees them */
        plan->by_address = true;
        plan->server_cache = false;
        plan->last_modified = 0;
        plan->always_unmodified = false;
        plan->ttl = plan->ttl < 0 || plan->ttl > UPLOAD_TTL ? UPLOAD_TTL : plan->ttl;
    }
}

/* ---- all of it ---- */

static si_result read_request(si_incoming *in, si_query *q, si_plan *plan) {
    si_reading *all = q->all;
    SI_TRY(si_incoming_admit(in, all, plan));
    si_str query = in->query.p != NULL ? in->query : SI_STR("");
    *q = (si_query){.all = all,
        .company = all->main,
        .object = in->object,
        .object_raw = in->path,
        .from_url = true,
        .recipe = &plan->recipe};
    si_query_init(q);
    if (in->object.len == 0 && query.len == 0) {
        q->asked.type = SI_TYPE_BANNER;
    }
    si_result result = si_query_open(q, query);
    plan->shape = q->asked.shape;
    SI_TRY(result);
    q->read_only = q->asked.type == SI_TYPE_VALIDATE;
    assert((unsigned)q->asked.type < sizeof types / sizeof *types);
    switch (types[q->asked.type].reply) {
    case OFF:
        return si_fail(all->diag, SI_ERR_UNSUPPORTED, "req=%s is switched off",
            si_request_type_name(q->asked.type));
    case CATALOG:
        if (!si_catalog_reply_renders(q)) {
            return answer_here(q, query, plan);
        }
        break;
    case RENDER:
        break;
    }
    if (is_bare_map(q, query)) {
        return answer_here(q, query, plan);
    }
    result = si_plan_image(q, query, plan);
    plan->shape = q->asked.shape;
    return result == SI_ERR_NOT_FOUND ? si_plan_default_image(q, query, plan) : result;
}

static si_result make_plan(const si_catalog *catalog, const si_generations *generations,
    const si_request *request, si_arena *arena, si_plan *plan, si_diag *diag) {
    static const si_str context = {"/is/image", 9};
    *plan = (si_plan){.client_cache = true,
        .server_cache = true,
        .error_detail = 2,
        .shape = {.encoding = "UTF-8", .handler = "s7jsonResponse", .request_id = ""}};
    si_client_classify(&request->headers, &plan->client);
    plan->asked = &request->headers;
    si_request canonical = *request;
    if (!si_object_path_merge(&canonical.path, arena)) {
        return si_no_memory(diag);
    }
    si_str path = canonical.path;
    if (si_is_static_path(path)) {
        return si_static_plan(catalog, &canonical, arena, plan, diag);
    }
    bool ours =
        si_str_starts(path, context) && (path.len == context.len || path.p[context.len] == '/');
    if (!ours) {
        return si_fail(
            diag, SI_ERR_CONTEXT, "no images at this address; they are below /is/image/");
    }
    size_t skip = path.len > context.len ? context.len + 1 : context.len;
    si_incoming in = {.request = request,
        .context = SI_CONTEXT_IS,
        .path = {path.p + skip, path.len - skip},
        .query = request->query};
    si_reading all = {.catalog = catalog,
        .arena = arena,
        .diag = diag,
        .session = request->session,
        .steps = request->steps,
        .access = {.catalog = catalog, .address = request->address}};
    si_query *q = si_arena_alloc(arena, sizeof *q);
    if (q == NULL) {
        return si_no_memory(diag);
    }
    q->all = &all;
    q->recipe = &plan->recipe;
    si_result result = read_request(&in, q, plan);
    if (result != SI_OK) {
        si_step_add(request->steps, SI_STEP_ERROR, NULL, "%s", diag != NULL ? diag->text : "");
        result = si_plan_error_image(q, plan);
    }
    if (result == SI_ERR_NOT_FOUND && plan->error_detail >= 2) {
        si_plan_suggest(&in, &all, plan);
    }
    SI_TRY(result);
    SI_TRY(si_incoming_headers(&in, &q->variables, &all, plan));
    plan->dependencies = all.dependencies;
    plan->recipe.object = si_arena_copy(arena, in.object.p, in.object.len);
    plan->recipe.generation = si_plan_generation(plan, generations);
    set_caching(q, request->address, plan);
    if (plan->recipe.object == NULL) {
        return si_no_memory(diag);
    }
    return plan->kind == SI_PLAN_BODY
               ? SI_OK
               : si_recipe_print(&plan->recipe, arena, &plan->recipe_text, diag);
}

si_result si_plan_make(const si_catalog *catalog, const si_generations *generations,
    const si_request *request, si_arena *arena, si_plan *plan, si_diag *diag) {
    si_result result = make_plan(catalog, generations, request, arena, plan, diag);
    plan->asked = NULL; /* it outlives the request */
    return result;
}

static void add_name(si_str name, char *vary) {
    size_t len = strlen(vary);
    assert(name.len <= SI_FIELD_NAME_MAX);
    if (name.len > 0) {
        snprintf(
            vary + len, SI_PLAN_VARY_SIZE - len, "%s%.*s", len > 0 ? ", " : "", SI_STR_ARG(name));
    }
}

char *si_plan_vary(const si_plan *plan, unsigned more, char *out) {
    (void)si_client_vary(more | (plan != NULL ? plan->vary : 0), out);
    if (plan != NULL) {
        add_name(plan->vary_header, out);
        add_name(si_str_of(plan->network_header), out);
    }
    return out;
}

uint64_t si_plan_generation(const si_plan *plan, const si_generations *generations) {
    uint64_t base = si_generation_base(generations), sum = base;
    for (const si_dependency *d = plan->dependencies; d != NULL; d = d->next) {
        sum += si_generation_of(generations, si_str_of(d->company), si_str_of(d->object)) - base;
    }
    return sum;
}

si_str si_plan_error(const si_plan *plan, const si_diag *diag, si_arena *arena, const char **type) {
    const char *title = si_result_title(diag->code);
    const char *text = plan->error_detail >= 2 ? diag->text : "";
    si_reply reply = {0};
    si_str body = {NULL, 0};
    if (si_reply_error(&plan->shape, title, text, &reply)) {
        *type = reply.content_type;
        body.p = si_arena_copy(arena, (const char *)reply.body.data, reply.body.len);
        body.len = reply.body.len;
    }
    si_bytes_free(&reply.body);
    if (body.p == NULL) {
        *type = "text/plain; charset=utf-8";
        body = si_str_of(title);
    }
    return body;
}
