#include "recipe/plan.h"

#include <math.h>
#include <stdio.h>

#include "base/digest.h"
#include "recipe/content.h"
#include "recipe/properties.h"
#include "recipe/query.h"

enum { MAX_RATIO = 1000, FOREVER = -1 };

/* Decodes the path element by element (syntax.md section 2): the object below /is/image/ with its
 * elements joined by "/". An element that decodes to something with a "/" or NUL in it is a trick.
 */
static si_result decode_path(si_str path, si_arena *arena, si_str *out, si_diag *diag) {
    if (!si_str_starts(path, SI_STR("/is/image/"))) {
        return si_fail(
            diag, SI_ERR_CONTEXT, "no images at this address; they are below /is/image/");
    }
    si_str rest = {path.p + 10, path.len - 10}, element;
    char *text = si_arena_alloc(arena, rest.len + 1);
    if (text == NULL) {
        return si_fail(diag, SI_ERR_MEMORY, "out of memory");
    }
    size_t n = 0;
    for (bool first = true; si_str_next(&rest, '/', &element); first = false) {
        if (!first) {
            text[n++] = '/';
        }
        size_t len = si_str_decode(element, false, text + n);
        if (memchr(text + n, '/', len) != NULL || memchr(text + n, '\0', len) != NULL) {
            return si_fail(diag, SI_ERR_FORBIDDEN, "the image name is not allowed");
        }
        n += len;
    }
    *out = (si_str){text, n};
    return n > 0 ? SI_OK : si_fail(diag, SI_ERR_SYNTAX, "no image is named");
}

/* Splits company and object; a first element that is no company belongs to the object. */
static const si_company *split_company(
    const si_catalog *catalog, si_str whole, si_arena *arena, si_str *object) {
    si_str rest = whole, first;
    bool matched = false;
    (void)si_str_next(&rest, '/', &first);
    const si_company *company = NULL;
    if (rest.p != NULL) {
        company = si_catalog_company(catalog, first, arena, &matched);
    }
    if (!matched) {
        company = si_catalog_company(catalog, SI_STR(""), arena, &matched);
        rest = whole;
    }
    *object = rest;
    return company;
}

/* An object's file and its record's Modifier. */
static si_result find_object(const si_catalog *catalog, const si_company *company, si_str object,
    si_arena *arena, si_file *file, si_str *modifier, si_diag *diag) {
    *modifier = (si_str){NULL, 0};
    const char *record = si_company_object(company, object);
    if (record != NULL) {
        *modifier = si_str_of(record);
        (void)si_str_next(modifier, '?', &object);
    }
    return si_catalog_find(catalog, company, object, arena, file, diag);
}

static si_file_ref file_ref(const si_file *file) {
    return (si_file_ref){file->path, file->size, file->time_ns};
}

/* `defaultImage` names an object of this company, or company/object (commands.md 1.4). */
static si_result find_default(const si_catalog *catalog, const si_company *company,
    const char *name, si_arena *arena, si_file *file, si_str *modifier, si_diag *diag) {
    si_diag first = {0};
    si_str object = si_str_of(name);
    bool rooted = object.p[0] == '/';
    if (rooted) {
        object.p++;
        object.len--;
    }
    if (!rooted && find_object(catalog, company, object, arena, file, modifier, &first) == SI_OK) {
        return SI_OK;
    }
    const si_company *other = split_company(catalog, object, arena, &object);
    return find_object(catalog, other, object, arena, file, modifier, diag);
}

/* Reads Modifier and query into the recipe. */
static si_result read_query(si_query *q, const si_request *request, si_str modifier) {
    si_result result = si_query_apply(q, modifier);
    q->layer0 = false; /* the query starts a segment of its own */
    if (result == SI_OK) {
        result = si_query_apply(q, request->query);
    }
    return result == SI_OK ? si_query_finish(q) : result;
}

/* Density: URL or preset, else the company's switch with what the client hints say. */
static void resolve_dpr(const si_query *q, const si_attributes *a, si_plan *plan) {
    double ratio = 1;
    if (q->dpr == SI_SWITCH_ON && q->dpr_value > 0) {
        ratio = q->dpr_value;
    } else if (q->dpr == SI_SWITCH_ON || (q->dpr == SI_SWITCH_UNSET && a->dpr)) {
        char text[32];
        plan->vary |= SI_USED_DPR;
        plan->accept_ch = true;
        (void)si_str_real(si_str_of(si_real_print(plan->client.dpr, text)), &ratio);
    }
    plan->recipe.dpr = ratio > MAX_RATIO ? MAX_RATIO : ratio;
}

/* Format conversion: which formats this client, this company and this request allow
 * (smart-imaging.md sections 1, 3 and 6). */
static void resolve_formats(const si_query *q, const si_attributes *a, si_plan *plan) {
    static const si_format order[] = {
        SI_FORMAT_AVIF, SI_FORMAT_JXL, SI_FORMAT_WEBP, SI_FORMAT_JP2, SI_FORMAT_JXR};
    si_recipe *r = &plan->recipe;
    bool wanted = q->bfc == SI_SWITCH_ON || (q->bfc == SI_SWITCH_UNSET && a->bfc);
    bool eligible = r->format == SI_FORMAT_JPEG || r->format == SI_FORMAT_PNG;
    bool exempt = r->icc_embed || r->pixel_type == SI_PIXEL_CMYK; /* D-10 */
    if (!wanted || !eligible || exempt) {
        return;
    }
    r->smart = true;
    plan->vary |= plan->client.used;
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        si_format f = order[i];
        if ((f == SI_FORMAT_AVIF && !a->avif) || (f == SI_FORMAT_JXL && !a->jxl) ||
            !(plan->client.formats & SI_FORMAT_BIT(f))) {
            continue;
        }
        r->ladder[r->ladder_len++] = f;
    }
}

/* Property replies depend on the object alone (commands.md 7.2 "alone"). */
static void keep_properties_only(si_query *q) {
    si_recipe *r = q->recipe, bare;
    si_recipe_init(&bare);
    bare.company = r->company;
    bare.object = r->object;
    bare.req = r->req;
    bare.body = r->body;
    if (r->body == SI_BODY_JSON) {
        bare.handler = r->handler;
        bare.request_id = r->request_id;
    }
    *r = bare;
    si_layer_init(q->base, 0);
    r->picture.layers = q->base;
    r->picture.layer_count = 1;
}

/* A reply of the front wing's own. */
static si_result set_body(
    si_plan *plan, si_bytes *body, const char *type, si_arena *arena, si_diag *diag) {
    char hex[SI_DIGEST_HEX];
    si_digest_hex(body->data, body->len, hex);
    snprintf(plan->etag, sizeof plan->etag, "\"%s\"", hex);
    plan->body = si_arena_copy(arena, (const char *)body->data, body->len);
    plan->body_len = body->len;
    plan->content_type = type;
    plan->recipe_text = "";
    si_bytes_free(body);
    return plan->body != NULL ? SI_OK : si_fail(diag, SI_ERR_MEMORY, "out of memory");
}

static si_result answer_exists(si_plan *plan, bool exists, si_arena *arena, si_diag *diag) {
    si_shape shape = si_recipe_shape(&plan->recipe);
    si_property property = {"catalogRecord.exists", exists ? "1" : "0"};
    si_bytes body = {0};
    if (!si_properties_write(&shape, &property, 1, 0, &body)) {
        si_bytes_free(&body);
        return si_fail(diag, SI_ERR_MEMORY, "out of memory");
    }
    return set_body(plan, &body, si_properties_type(shape.body), arena, diag);
}

static int64_t seconds(double hours) {
    return hours < 0 ? FOREVER : (int64_t)floor(hours * 3600 + 0.5);
}

si_result si_plan_make(const si_catalog *catalog, const si_generations *generations,
    const si_request *request, si_arena *arena, si_plan *plan, si_diag *diag) {
    *plan = (si_plan){.client_cache = true, .server_cache = true};
    si_client_classify(&request->headers, &plan->client);
    si_recipe *r = &plan->recipe;
    si_str whole, object, modifier;
    if (si_content_path(request->path)) {
        return si_content_plan(catalog, request, arena, plan, diag);
    }
    si_result result = decode_path(request->path, arena, &whole, diag);
    if (result != SI_OK) {
        return result;
    }
    const si_company *company = split_company(catalog, whole, arena, &object);
    const si_attributes *a = &company->attributes;
    si_file file = {.path = ""};
    si_diag missing = {0};
    si_result found = find_object(catalog, company, object, arena, &file, &modifier, &missing);

    si_query q;
    result = si_query_init(&q, catalog, company, r, arena, diag);
    if (result == SI_OK) {
        result = read_query(&q, request, modifier);
    }
    if (result != SI_OK) {
        return result;
    }
    bool image = r->req == SI_REQ_IMG && !q.exists;
    double hours = image ? a->expiration : a->non_img_expiration;
    const char *substitute = q.default_image != NULL ? q.default_image : a->default_image;
    if (found == SI_ERR_NOT_FOUND && image && substitute[0] != '\0') {
        si_diag ignored = {0};
        found = find_default(catalog, company, substitute, arena, &file, &modifier, &ignored);
        if (found == SI_OK && a->default_image_mode == 0) {
            result = si_query_init(&q, catalog, company, r, arena, diag);
            q.replaced = true;
            if (result == SI_OK) {
                result = read_query(&q, request, (si_str){NULL, 0});
            }
            if (result != SI_OK) {
                return result;
            }
        }
        hours = a->default_expiration;
        found = found == SI_OK ? SI_OK : SI_ERR_NOT_FOUND;
    }
    if (found != SI_OK && !(found == SI_ERR_NOT_FOUND && q.exists)) {
        return si_fail(diag, found, "%s", missing.text);
    }
    r->object = si_arena_copy(arena, object.p, object.len);
    if (r->object == NULL) {
        return si_fail(diag, SI_ERR_MEMORY, "out of memory");
    }
    if (!image) {
        keep_properties_only(&q);
    } else {
        r->body = SI_BODY_TEXT;
        r->request_id = "";
        r->handler = "s7jsonResponse";
        resolve_dpr(&q, a, plan);
        resolve_formats(&q, a, plan);
    }
    q.base->source.kind = file.path[0] != '\0' ? SI_SOURCE_FILE : SI_SOURCE_NONE;
    q.base->source.file = file_ref(&file);
    r->generation = si_generation_of(generations, si_str_of(company->id), object);
    plan->ttl = seconds(hours);
    plan->always_unmodified = plan->ttl == FOREVER;
    plan->client_cache = q.client_cache;
    plan->server_cache = q.server_cache;
    plan->update = q.update;
    if (a->use_last_modified && file.time_ns > 0) {
        plan->last_modified = file.time_ns / 1000000000;
    }
    if (q.exists) {
        return answer_exists(plan, found == SI_OK, arena, diag);
    }
    return si_recipe_print(r, arena, &plan->recipe_text, diag);
}

const char *si_plan_error_text(const si_diag *diag, si_arena *arena) {
    const char *title = si_result_title(diag->code);
    const char *text =
        diag->text[0] != '\0' ? si_arena_printf(arena, "%s: %s", title, diag->text) : NULL;
    return text != NULL ? text : title;
}
