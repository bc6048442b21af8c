#include "plan/static_content.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/percent.h"
#include "request/command.h"
#include "plan/incoming.h"
#include "reply/replies.h"
#include "request/tokens.h"
#include "request/values.h"

enum { WRAP_MAX = 2 << 20 /* of text that is wrapped for a JSONP handler */ };

static const si_str context = {"/is/content", 11};

bool si_is_static_path(si_str path) {
    return si_str_starts(path, context) && (path.len == context.len || path.p[context.len] == '/');
}

const char *si_static_type(const char *path) {
    static const struct {
        const char *extension, *type;
    } types[] = {{"css", "text/css; charset=utf-8"}, {"csv", "text/csv; charset=utf-8"},
        {"f4m", "application/f4m+xml"}, {"f4v", "video/mp4"}, {"flv", "video/x-flv"},
        {"gif", "image/gif"}, {"html", "text/html; charset=utf-8"}, {"ico", "image/x-icon"},
        {"jpeg", "image/jpeg"}, {"jpg", "image/jpeg"}, {"js", "text/javascript; charset=utf-8"},
        {"json", "application/json"}, {"m3u8", "application/x-mpegURL"}, {"m4a", "audio/mp4"},
        {"m4v", "video/mp4"}, {"mov", "video/quicktime"}, {"mp3", "audio/mpeg"},
        {"mp4", "video/mp4"}, {"mpd", "application/dash+xml"}, {"ogg", "audio/ogg"},
        {"otf", "font/otf"}, {"pdf", "application/pdf"}, {"png", "image/png"},
        {"svg", "image/svg+xml"}, {"swf", "application/x-shockwave-flash"}, {"ts", "video/mp2t"},
        {"ttf", "font/ttf"}, {"txt", "text/plain; charset=utf-8"},
        {"vtt", "text/vtt; charset=utf-8"}, {"wav", "audio/wav"}, {"webm", "video/webm"},
        {"webp", "image/webp"}, {"woff", "font/woff"}, {"woff2", "font/woff2"},
        {"xml", "text/xml; charset=utf-8"}, {"zip", "application/zip"}};
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot != NULL && i < sizeof types / sizeof *types; i++) {
        if (si_str_eq_nocase(si_str_of(dot + 1), si_str_of(types[i].extension))) {
            return types[i].type;
        }
    }
    return "application/octet-stream";
}

/* ---- commands ---- */

typedef enum request_type { SEND, EXISTS, PROPS, USERDATA } request_type;

typedef struct commands {
    request_type req;
    si_shape shape;
    bool handler_given, client_cache;
    const char *type;   /* "" = any */
    const char *locale; /* NULL = not given */
} commands;

static si_result bad(si_diag *diag, const char *name, const char *expected) {
    return si_fail(diag, SI_ERR_RANGE, "%s: expected %s", name, expected);
}

static si_result read_req(si_str value, commands *c, si_diag *diag) {
    static const char *const types[] = {"", "exists", "props", "userdata", NULL};
    static const char *const bodies[] = {"text", "javascript", "xml", "json", NULL};
    static const char *const encodings[] = {
        "UTF-8", "UTF-16", "UTF-16LE", "UTF-16BE", "ISO-8859-1", NULL};
    si_str type, body, encoding;
    (void)si_str_next(&value, ',', &type);
    int t = si_value_keyword(type, types), b = 0, e = 0;
    if (t < EXISTS) {
        return bad(diag, "req", "exists, props or userdata for static content");
    }
    if (si_str_next(&value, ',', &body) && body.len > 0 &&
        (b = si_value_keyword(body, bodies)) < 0) {
        return bad(diag, "req", "text, javascript, xml or json");
    }
    if (si_str_next(&value, ',', &encoding) && encoding.len > 0 && b == SI_BODY_XML &&
        (e = si_value_keyword(encoding, encodings)) < 0) {
        return bad(diag, "req", "an encoding that is known");
    }
    c->req = (request_type)t;
    c->shape.body = (si_body)b;
    c->shape.encoding = encodings[e];
    return SI_OK;
}

static si_result read_handler(si_str value, const char *text, commands *c, si_diag *diag) {
    if (!si_value_handler(value)) {
        return bad(diag, "handler", SI_HANDLER_GRAMMAR);
    }
    c->shape.handler = text;
    c->handler_given = true;
    return SI_OK;
}

static si_result read_command(si_str name, const char *text, commands *c, si_diag *diag) {
    static const char *const names[] = {"type", "req", "cache", "handler", "id", "locale", NULL};
    static const char *const states[] = {"off", "on", NULL};
    si_str value = si_str_of(text), first = value;
    int state;
    switch (value.len > 0 ? si_value_keyword(name, names) : -1) {
    case 0:
        c->type = text;
        break;
    case 1:
        return read_req(value, c, diag);
    case 2:
        (void)si_str_next(&value, ',', &first);
        state = si_value_keyword(first, states);
        if (state < 0) {
            return bad(diag, "cache", "on or off");
        }
        c->client_cache = state == 1;
        break;
    case 3:
        return read_handler(value, text, c, diag);
    case 4:
        c->shape.request_id = text;
        break;
    case 5:
        c->locale = text;
        break;
    default:
        break;
    }
    return SI_OK;
}

static si_result read_commands(si_str query, si_arena *arena, commands *c, si_diag *diag) {
    si_token token;
    bool out_of_memory = false;
    *c = (commands){
        .shape = {SI_BODY_TEXT, "UTF-8", "s7jsonResponse", ""}, .client_cache = true, .type = ""};
    while (si_token_next(&query, arena, &token, &out_of_memory)) {
        if (token.kind != SI_TOKEN_COMMAND) {
            continue;
        }
        char *text = si_arena_alloc(arena, token.value.len + 1);
        if (text == NULL) {
            return si_fail(diag, SI_ERR_MEMORY, "out of memory");
        }
        size_t len = si_percent_decode(token.value, true, text);
        if (memchr(text, '\0', len) != NULL) {
            return si_fail(diag, SI_ERR_SYNTAX, "NUL in a value");
        }
        SI_TRY(read_command(token.name, text, c, diag));
    }
    return out_of_memory ? si_fail(diag, SI_ERR_MEMORY, "out of memory") : SI_OK;
}

/* ---- the object ---- */

static int64_t seconds(double hours) {
    return hours < 0 ? -1 : (int64_t)floor(hours * 3600 + 0.5);
}

static double expiration(const si_reading *all, const si_resolved *r) {
    bool own = r->record != NULL && r->record->expiration != SI_EXPIRATION_INHERIT;
    return own ? r->record->expiration : si_reading_attributes(all, r->company)->expiration;
}

/* ---- replies ---- */

static si_result answer(si_plan *plan, si_reply *reply, bool ok, const si_reading *all) {
    if (!ok) {
        si_bytes_free(&reply->body);
        return si_no_memory(all->diag);
    }
    return si_plan_answer(plan, reply, all->arena, all->diag);
}

static si_result reply_exists(
    const commands *c, bool exists, const si_reading *all, si_plan *plan) {
    si_property property = {"catalogRecord.exists", exists ? "1" : "0"};
    si_reply reply = {0};
    bool ok = si_reply_properties(&c->shape, &property, 1, 0, &reply);
    return answer(plan, &reply, ok, all);
}

static si_result reply_props(const commands *c, const si_resolved *r, const si_file *file,
    const si_reading *all, si_plan *plan) {
    char length[32], hours[32], modified[32];
    snprintf(length, sizeof length, "%llu", (unsigned long long)file->size);
    snprintf(modified, sizeof modified, "%lld", (long long)(file->time_ns / 1000000));
    si_real_print(expiration(all, r), hours);
    const si_property list[] = {{"static.expiration", hours}, {"static.lastModified", modified},
        {"static.length", length}, {"static.path", r->path},
        {"static.userType", r->record != NULL ? r->record->user_type : ""}};
    si_reply reply = {0};
    bool ok = si_reply_properties(
        &c->shape, list, sizeof list / sizeof *list, file->time_ns / 1000000000, &reply);
    return answer(plan, &reply, ok, all);
}

static si_result reply_userdata(
    const commands *c, const si_record *record, const si_reading *all, si_plan *plan) {
    si_reply reply = {0};
    si_str text = si_locale_apply(all->attributes->locale_str_map, si_reading_locale(all),
        SI_LOCALE_USER_DATA, si_str_of(record != NULL ? record->user_data : ""), all->arena);
    const char *copy = text.p != NULL ? si_arena_copy(all->arena, text.p, text.len) : NULL;
    return answer(plan, &reply, copy != NULL && si_reply_lines(&c->shape, copy, &reply), all);
}

static bool is_text(const char *type) {
    return strncmp(type, "text/vtt", 8) == 0 || strncmp(type, "text/css", 8) == 0 ||
           strncmp(type, "text/plain", 10) == 0;
}

/* The file is named; what it says is wrapped by whoever sends it, as this side reads no files. */
static void send_file(const commands *c, const si_file *file, si_plan *plan) {
    plan->kind = SI_PLAN_FILE;
    plan->content = (si_file_ref){file->path, file->size, file->time_ns};
    plan->content_type = si_static_type(file->path);
    if (c->handler_given && is_text(plan->content_type) && file->size <= WRAP_MAX) {
        plan->content_handler = c->shape.handler;
        plan->content_id = c->shape.request_id;
        plan->content_type = si_properties_type(SI_BODY_JSON);
    }
}

/* What the object is, and how its reply is kept. */
static si_result find(
    si_incoming *in, const commands *c, si_reading *all, si_plan *plan, si_resolved *r) {
    if (in->object.len == 0) {
        return si_fail(all->diag, SI_ERR_SYNTAX, "no content is named");
    }
    const si_object_query query = {
        .object = in->object, .from_url = true, .locale = all->locale, .table = SI_TABLE_STATIC};
    si_result result = si_catalog_resolve(all->catalog, &query, all->arena, r, all->diag);
    if (result == SI_OK) {
        bool own = c->req == SEND || c->req == USERDATA;
        plan->client_cache = c->client_cache;
        plan->ttl = seconds(
            own ? expiration(all, r) : si_reading_attributes(all, r->company)->non_img_expiration);
        plan->always_unmodified = plan->ttl < 0;
    }
    return result;
}

static void note(
    const si_incoming *in, const si_resolved *r, const si_file *file, si_steps *steps) {
    si_step_from from = {.file = NULL};
    if (r->record != NULL) {
        from = (si_step_from){.file = r->record->file, .line = r->record->line, .name = "record"};
    }
    si_step_add(steps, SI_STEP_OBJECT, &from, "\"%.*s\" is static content", SI_STR_ARG(in->object));
    si_step_add(steps, SI_STEP_FILE, NULL, "%s%s", file != NULL ? file->path : r->path,
        file != NULL ? "" : ": not there");
}

static si_result reply(si_incoming *in, si_reading *all, si_plan *plan) {
    commands c;
    si_resolved r;
    si_file file = {.path = ""};
    si_diag missing = {0};
    si_result result =
        read_commands(in->query.p != NULL ? in->query : SI_STR(""), all->arena, &c, all->diag);
    plan->shape = c.shape;
    all->locale = si_str_of(c.locale);
    SI_TRY(result);
    SI_TRY(find(in, &c, all, plan, &r));
    if (!si_access_file(&all->access, r.owner, SI_FOLDER_STATIC, si_str_of(r.path))) {
        return si_refuse(all->diag);
    }
    si_result found = si_catalog_find_static(
        all->catalog, r.owner, si_str_of(r.path), all->arena, &file, &missing);
    note(in, &r, found == SI_OK ? &file : NULL, all->steps);
    if (c.req == EXISTS) {
        return reply_exists(&c, r.record != NULL || found == SI_OK, all, plan);
    }
    if (r.record != NULL && r.record->user_type[0] != '\0' && c.type[0] != '\0' &&
        strcmp(r.record->user_type, c.type) != 0) {
        return si_fail(all->diag, SI_ERR_RANGE, "type: the content is of another type");
    }
    if (c.req == USERDATA) {
        return reply_userdata(&c, r.record, all, plan);
    }
    if (found != SI_OK) {
        return si_fail(all->diag, found, "%s", missing.text);
    }
    plan->last_modified = file.time_ns / 1000000000;
    if (c.req == PROPS) {
        return reply_props(&c, &r, &file, all, plan);
    }
    send_file(&c, &file, plan);
    return SI_OK;
}

si_result si_static_plan(const si_catalog *catalog, const si_request *request, si_arena *arena,
    si_plan *plan, si_diag *diag) {
    static const si_variables none;
    si_str path = request->path;
    size_t skip = path.len > context.len ? context.len + 1 : context.len;
    si_incoming in = {.request = request,
        .context = SI_CONTEXT_STATIC,
        .path = {path.p + skip, path.len - skip},
        .query = request->query};
    si_reading all = {.catalog = catalog,
        .arena = arena,
        .diag = diag,
        .steps = request->steps,
        .access = {.catalog = catalog, .address = request->address}};
    si_recipe_init(&plan->recipe);
    plan->recipe_text = "";
    si_result result = si_incoming_admit(&in, &all, plan);
    result = result == SI_OK ? reply(&in, &all, plan) : result;
    return result == SI_OK ? si_incoming_headers(&in, &none, &all, plan) : result;
}
