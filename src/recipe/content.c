#include "recipe/content.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "recipe/command.h"
#include "recipe/replies.h"
#include "recipe/tokens.h"
#include "recipe/values.h"

enum { WRAP_MAX = 2 << 20 /* of text that is wrapped for a JSONP handler */ };

static const si_str context = {"/is/content", 11};

bool si_content_path(si_str path) {
    return si_str_starts(path, context) && (path.len == context.len || path.p[context.len] == '/');
}

const char *si_content_type(const char *path) {
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
    const char *type; /* "" = any */
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
    if (si_str_next(&value, ',', &body) && body.len > 0 && (b = si_value_keyword(body, bodies)) < 0) {
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
    for (size_t i = 0; i < value.len; i++) {
        char v = value.p[i];
        if (!((v >= '0' && v <= '9') || ((v | 0x20) >= 'a' && (v | 0x20) <= 'z'))) {
            return bad(diag, "handler", "letters and digits");
        }
    }
    c->shape.handler = text;
    c->handler_given = true;
    return SI_OK;
}

static si_result read_command(si_str name, const char *text, commands *c, si_diag *diag) {
    static const char *const names[] = {"type", "req", "cache", "handler", "id", NULL};
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
        size_t len = si_str_decode(token.value, true, text);
        if (memchr(text, '\0', len) != NULL) {
            return si_fail(diag, SI_ERR_SYNTAX, "NUL in a value");
        }
        si_result result = read_command(token.name, text, c, diag);
        if (result != SI_OK) {
            return result;
        }
    }
    return out_of_memory ? si_fail(diag, SI_ERR_MEMORY, "out of memory") : SI_OK;
}

/* ---- the object ---- */

static si_result decode_path(si_str path, si_arena *arena, si_str *out, si_diag *diag) {
    si_str rest = {path.p + context.len, path.len - context.len}, element;
    char *text = si_arena_alloc(arena, rest.len + 1);
    size_t n = 0;
    if (text == NULL) {
        return si_fail(diag, SI_ERR_MEMORY, "out of memory");
    }
    (void)si_str_next(&rest, '/', &element); /* what stands before the first slash: nothing */
    while (si_str_next(&rest, '/', &element)) {
        if (n > 0) {
            text[n++] = '/';
        }
        size_t len = si_str_decode(element, false, text + n);
        if (memchr(text + n, '/', len) != NULL || memchr(text + n, '\0', len) != NULL) {
            return si_fail(diag, SI_ERR_FORBIDDEN, "the name is not allowed");
        }
        n += len;
    }
    *out = (si_str){text, n};
    return n > 0 ? SI_OK : si_fail(diag, SI_ERR_SYNTAX, "no content is named");
}

static int64_t seconds(double hours) {
    return hours < 0 ? -1 : (int64_t)floor(hours * 3600 + 0.5);
}

static double expiration(const si_resolved *r) {
    bool own = r->record != NULL && r->record->expiration != SI_EXPIRATION_INHERIT;
    return own ? r->record->expiration : r->company->attributes.expiration;
}

/* ---- replies ---- */

static si_result take_reply(
    si_plan *plan, si_reply *reply, bool ok, si_arena *arena, si_diag *diag) {
    char hex[SI_DIGEST_HEX];
    plan->body = ok ? si_arena_copy(arena, (const char *)reply->body.data, reply->body.len) : NULL;
    plan->body_len = reply->body.len;
    plan->content_type = reply->content_type;
    if (plan->body != NULL) {
        si_digest_hex(plan->body, plan->body_len, hex);
        snprintf(plan->etag, sizeof plan->etag, "\"%s\"", hex);
    }
    si_bytes_free(&reply->body);
    return plan->body != NULL ? SI_OK : si_fail(diag, SI_ERR_MEMORY, "out of memory");
}

static si_result reply_exists(
    const commands *c, bool exists, si_arena *arena, si_plan *plan, si_diag *diag) {
    si_property property = {"catalogRecord.exists", exists ? "1" : "0"};
    si_reply reply = {0};
    bool ok = si_reply_properties(&c->shape, &property, 1, 0, &reply);
    return take_reply(plan, &reply, ok, arena, diag);
}

static si_result reply_props(const commands *c, const si_resolved *r, const si_file *file,
    si_arena *arena, si_plan *plan, si_diag *diag) {
    char length[32], hours[32], modified[32];
    snprintf(length, sizeof length, "%llu", (unsigned long long)file->size);
    snprintf(modified, sizeof modified, "%lld", (long long)(file->time_ns / 1000000));
    si_real_print(expiration(r), hours);
    const si_property list[] = {{"static.expiration", hours}, {"static.lastModified", modified},
        {"static.length", length}, {"static.path", r->path},
        {"static.userType", r->record != NULL ? r->record->user_type : ""}};
    si_reply reply = {0};
    bool ok = si_reply_properties(
        &c->shape, list, sizeof list / sizeof *list, file->time_ns / 1000000000, &reply);
    return take_reply(plan, &reply, ok, arena, diag);
}

static si_result reply_userdata(
    const commands *c, const si_record *record, si_arena *arena, si_plan *plan, si_diag *diag) {
    si_reply reply = {0};
    bool ok = si_reply_lines(&c->shape, record != NULL ? record->user_data : "", &reply);
    return take_reply(plan, &reply, ok, arena, diag);
}

static bool is_text(const char *type) {
    return strncmp(type, "text/vtt", 8) == 0 || strncmp(type, "text/css", 8) == 0 ||
           strncmp(type, "text/plain", 10) == 0;
}

/* The file is named; what it says is wrapped by whoever sends it, as this wing reads no files. */
static void send_file(const commands *c, const si_file *file, si_plan *plan) {
    plan->content = (si_file_ref){file->path, file->size, file->time_ns};
    plan->content_type = si_content_type(file->path);
    if (c->handler_given && is_text(plan->content_type) && file->size <= WRAP_MAX) {
        plan->content_handler = c->shape.handler;
        plan->content_id = c->shape.request_id;
        plan->content_type = si_properties_type(SI_BODY_JSON);
    }
}

si_result si_content_plan(const si_catalog *catalog, const si_request *request, si_arena *arena,
    si_plan *plan, si_diag *diag) {
    commands c;
    si_str object;
    si_resolved r;
    si_file file = {.path = ""};
    si_diag missing = {0};
    si_recipe_init(&plan->recipe);
    plan->recipe_text = "";
    plan->client_cache = plan->server_cache = true;
    si_result result = read_commands(request->query, arena, &c, diag);
    if (result == SI_OK) {
        result = decode_path(request->path, arena, &object, diag);
    }
    if (result == SI_OK) {
        const si_object_query query = {
            .object = object, .from_url = true, .table = SI_TABLE_STATIC};
        result = si_catalog_resolve(catalog, &query, arena, &r, diag);
    }
    if (result != SI_OK) {
        return result;
    }
    plan->client_cache = c.client_cache;
    plan->ttl =
        seconds(c.req == SEND || c.req == USERDATA ? expiration(&r)
                                                   : r.company->attributes.non_img_expiration);
    plan->always_unmodified = plan->ttl < 0;
    si_result found =
        si_catalog_find_static(catalog, r.owner, si_str_of(r.path), arena, &file, &missing);
    if (c.req == EXISTS) {
        return reply_exists(&c, r.record != NULL || found == SI_OK, arena, plan, diag);
    }
    if (r.record != NULL && r.record->user_type[0] != '\0' && c.type[0] != '\0' &&
        strcmp(r.record->user_type, c.type) != 0) {
        return si_fail(diag, SI_ERR_RANGE, "type: the content is of another type");
    }
    if (c.req == USERDATA) {
        return reply_userdata(&c, r.record, arena, plan, diag);
    }
    if (found != SI_OK) {
        return si_fail(diag, found, "%s", missing.text);
    }
    plan->last_modified = file.time_ns / 1000000000;
    if (c.req == PROPS) {
        return reply_props(&c, &r, &file, arena, plan, diag);
    }
    send_file(&c, &file, plan);
    return SI_OK;
}
