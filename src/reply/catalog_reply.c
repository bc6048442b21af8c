#include "reply/catalog_reply.h"

#include <stdio.h>

#include "base/map_links.h"
#include "base/percent.h"
#include "request/command.h"
#include "reply/media_set.h"
#include "request/tokens.h"

enum { PROPERTIES_MAX = 32 };

/* ---- property lists ---- */

typedef struct listing {
    si_property rows[PROPERTIES_MAX];
    int count;
    si_arena *arena;
    bool failed;
} listing;

static void add(listing *l, const char *name, const char *value) {
    if (value == NULL || l->count == PROPERTIES_MAX) {
        l->failed = true;
        return;
    }
    l->rows[l->count++] = (si_property){name, value};
}

static void add_pair(listing *l, const char *name, int a, int b) {
    add(l, name, si_arena_printf(l->arena, "%d,%d", a, b));
}

static void add_int(listing *l, const char *name, long long v) {
    add(l, name, si_arena_printf(l->arena, "%lld", v));
}

static void add_real(listing *l, const char *name, double v) {
    char text[32];
    add(l, name, si_arena_printf(l->arena, "%s", si_real_print(v, text)));
}

static void add_color(listing *l, const char *name, uint32_t rgb) {
    add(l, name, si_arena_printf(l->arena, "%06x", (unsigned)rgb));
}

/* What names no object is as old as the company's settings. */
static bool write(const si_query *q, const listing *l, si_reply *out) {
    int64_t time = q->all->newest > 0 ? q->all->newest : q->company->time_ms / 1000;
    return !l->failed && si_reply_properties(&q->asked.shape, l->rows, l->count, time, out);
}

/* Effective attributes of the path's catalog, alphabetical. */
static bool catalogprops(const si_query *q, si_reply *out) {
    static const char *const modes[] = {"bilin", "bicub", "sharp2", "bisharp"};
    const si_attributes *a = q->all->attributes;
    listing l = {.arena = q->all->arena};
    add_color(&l, "catalog.bkgColor", a->bkg_color);
    add_real(&l, "catalog.defaultExpiration", a->default_expiration);
    add(&l, "catalog.defaultExt", a->default_ext);
    add_pair(&l, "catalog.defaultPix", a->default_pix.w, a->default_pix.h);
    add_pair(&l, "catalog.defaultThumbPix", a->default_thumb_pix.w, a->default_thumb_pix.h);
    add_real(&l, "catalog.expiration", a->expiration);
    add_int(&l, "catalog.fileTime", q->company->time_ms);
    add_pair(&l, "catalog.jpegQuality", a->jpeg_quality.quality, a->jpeg_quality.chroma_full);
    add_pair(&l, "catalog.maxPix", a->max_pix.w, a->max_pix.h);
    add_real(&l, "catalog.nonImgExpiration", a->non_img_expiration);
    add_int(&l, "catalog.printResolution", a->print_resolution);
    add(&l, "catalog.publishInfo", a->publish_info);
    add(&l, "catalog.resMode", modes[a->res_mode & 3]);
    add_real(&l, "catalog.resolution", a->resolution);
    add_color(&l, "catalog.thumbBkgColor", a->thumb_bkg_color);
    add_int(&l, "catalog.thumbHorizAlign", a->thumb_horiz_align);
    add_real(&l, "catalog.thumbRes", a->thumb_res);
    add_int(&l, "catalog.thumbType", a->thumb_type);
    add_int(&l, "catalog.thumbVertAlign", a->thumb_vert_align);
    add(&l, "catalog.watermark", a->watermark);
    return write(q, &l, out);
}

static bool property(const si_query *q, const char *name, const char *value, si_reply *out) {
    listing l = {.arena = q->all->arena};
    add(&l, name, value);
    return write(q, &l, out);
}

/* The record's id and those that LocaleMap may turn it into. */
static bool xlate(const si_query *q, si_reply *out) {
    const char *const *ids = NULL;
    const char *object = q->found.is.object != NULL ? q->found.is.object : "";
    int count = si_catalog_translations(
        q->all->catalog, q->company, si_str_of(object), SI_TABLE_IMAGE, q->all->arena, &ids);
    const char *list = count < 0 ? NULL : "";
    for (int i = 0; i < count && list != NULL; i++) {
        list = si_arena_printf(q->all->arena, "%s%s%s", list, i > 0 ? "," : "", ids[i]);
    }
    return property(q, "xlate.translatedIds", list, out);
}

/* A record, or a file that needs none. */
static bool exists(const si_query *q) {
    return q->found.is.object != NULL && !q->found.missing &&
           (q->found.is.record != NULL || q->found.source.kind == SI_SOURCE_FILE);
}

static bool plain(const char *text, si_reply *out) {
    out->content_type = "text/plain; charset=utf-8";
    return text != NULL && si_bytes_append(&out->body, text, strlen(text));
}

/* ---- localized fields (catalog/locale.h) ---- */

/* A record's field with its strings localized; NULL when memory runs out. */
static const char *localize(const si_query *q, si_locale_field kind, const char *text) {
    si_str out = si_locale_apply(q->all->attributes->locale_str_map, si_reading_locale(q->all),
        kind, si_str_of(text), q->all->arena);
    return out.p != NULL ? si_arena_copy(q->all->arena, out.p, out.len) : NULL;
}

static bool field(const si_query *q, const char *name, const char *text, si_reply *out) {
    return text != NULL && si_reply_field(&q->asked.shape, name, text, out);
}

/* The record's AREA elements, localized, without links that run something. */
static const char *map_of(const si_query *q, const si_record *r) {
    const char *text = localize(q, SI_LOCALE_MAP, r != NULL ? r->map : "");
    return text != NULL ? si_map_links_copy(si_str_of(text), SI_MAP_OF_COMPANY, q->all->arena)
                        : NULL;
}

static bool lines(const si_query *q, const char *text, si_reply *out) {
    return text != NULL && si_reply_lines(&q->asked.shape, text, out);
}

/* The last value of a command of this query, raw; p == NULL = not given. */
static si_str last_value(const si_query *q, si_str query, si_str name, bool *failed) {
    si_token token;
    si_str value = {NULL, 0};
    while (si_token_next(&query, q->all->arena, &token, failed)) {
        if (token.kind == SI_TOKEN_COMMAND && si_str_eq_nocase(token.name, name)) {
            value = token.value;
        }
    }
    return value;
}

/* ---- adaptive video (req=mbrSet) ---- */

typedef struct stream {
    const si_record *record;
    int rate; /* bit/s */
} stream;

enum { STREAMS_MAX = 100 };

static bool has_suffix(const char *path, const char *suffix) {
    size_t n = strlen(path), m = strlen(suffix);
    return n > m && si_str_eq_nocase((si_str){path + n - m, m}, (si_str){suffix, m});
}

/* The set's entries that can be streamed: a path with a video's suffix, and a bit rate. */
static int find_streams(const si_query *q, stream streams[STREAMS_MAX]) {
    const si_record *set = q->found.is.record;
    si_str rest = si_str_of(set != NULL ? set->image_set : ""), id;
    int count = 0;
    while (count < STREAMS_MAX && si_str_next(&rest, ',', &id)) {
        const si_company *owner;
        const si_record *r = si_catalog_record(
            q->all->catalog, q->company, si_str_trim(id), SI_TABLE_STATIC, &owner);
        int rate = r == NULL               ? 0
                   : r->total_bit_rate > 0 ? r->total_bit_rate
                                           : r->video_bit_rate + r->audio_bit_rate;
        if (r != NULL && rate > 0 && (has_suffix(r->path, ".mp4") || has_suffix(r->path, ".f4v"))) {
            streams[count++] = (stream){r, rate};
        }
    }
    return count;
}

/* m3u8 lists the mp4 entries if there are any, else the f4v ones; f4m the other way round. */
static const char *listed_suffix(const stream *streams, int count, bool apple) {
    const char *first = apple ? ".mp4" : ".f4v", *second = apple ? ".f4v" : ".mp4";
    for (int i = 0; i < count; i++) {
        if (has_suffix(streams[i].record->path, first)) {
            return first;
        }
    }
    return second;
}

/* Attribute values of XML; paths and prefixes are a company's own. */
static bool put_xml(si_bytes *out, const char *text) {
    bool ok = true;
    for (; *text != '\0' && ok; text++) {
        ok = strchr("&<>\"", *text) != NULL ? si_bytes_print(out, "&#%d;", *text)
                                            : si_bytes_append(out, text, 1);
    }
    return ok;
}

static bool put_stream(si_bytes *out, const stream *s, const char *prefix, bool apple) {
    int w = s->record->video_size.w, h = s->record->video_size.h;
    if (apple) {
        return si_bytes_print(out, "#EXT-X-STREAM-INF:PROGRAM-ID=1,BANDWIDTH=%d", s->rate) &&
               (w <= 0 || si_bytes_print(out, ",RESOLUTION=%dx%d", w, h)) &&
               si_bytes_print(out, "\n%s%s.m3u8\n", prefix, s->record->path);
    }
    return si_bytes_print(out, "<media url=\"") && put_xml(out, prefix) &&
           put_xml(out, s->record->path) &&
           si_bytes_print(out, "\" bitrate=\"%d\"", (s->rate + 500) / 1000) &&
           (w <= 0 || si_bytes_print(out, " width=\"%d\" height=\"%d\"", w, h)) &&
           si_bytes_print(out, "/>\n");
}

static bool mbr_set(const si_query *q, si_str query, si_reply *out) {
    stream streams[STREAMS_MAX];
    const si_attributes *a = q->all->attributes;
    bool failed = false;
    si_str format = last_value(q, query, SI_STR("fmt"), &failed);
    bool apple = si_str_eq_nocase(format, SI_STR("m3u8"));
    int count = find_streams(q, streams);
    const char *suffix = listed_suffix(streams, count, apple);
    const char *prefix = apple ? a->http_apple_context : a->http_flash_context;
    out->content_type =
        apple ? "application/x-mpegURL" : "application/f4m+xml"; /* docs/decisions.md, P41 */
    bool ok = !failed &&
              (count == 0 || (apple ? si_bytes_print(&out->body, "#EXTM3U\n")
                                    : si_bytes_print(&out->body,
                                          "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                                          "<manifest xmlns=\"http://ns.adobe.com/f4m/2.0\">\n")));
    for (int i = 0; i < count && ok; i++) {
        if (has_suffix(streams[i].record->path, suffix)) {
            ok = put_stream(&out->body, &streams[i], prefix, apple);
        }
    }
    return ok && (count == 0 || apple || si_bytes_print(&out->body, "</manifest>\n"));
}

/* ---- the final request ---- */

/* As the recipe has it: every command resolved, with defaults. */
static bool resolve(si_query *q, si_reply *out) {
    const char *text = NULL;
    si_recipe r = *q->recipe;
    if (r.picture.layer_count == 0) {
        r.picture = q->picture;
    }
    return si_recipe_print(&r, q->all->arena, &text, q->all->diag) == SI_OK && plain(text, out) &&
           si_bytes_append(&out->body, "\n", 1);
}

/* ---- public ---- */

si_result si_catalog_reply(si_query *q, si_str query, si_reply *out) {
    const si_record *r = q->found.is.record;
    bool done;
    switch (q->asked.type) {
    case SI_TYPE_EXISTS:
        done = property(q, "catalogRecord.exists", exists(q) ? "1" : "0", out);
        break;
    case SI_TYPE_VALIDATE:
        done = property(q, "request.isValid", "1", out);
        break;
    case SI_TYPE_BANNER:
        done = property(q, "copyright", "smartimg " SMARTIMG_VERSION, out);
        break;
    case SI_TYPE_CATALOGPROPS:
        done = catalogprops(q, out);
        break;
    case SI_TYPE_XLATE:
        done = xlate(q, out);
        break;
    case SI_TYPE_MBRSET:
        done = mbr_set(q, query, out);
        break;
    case SI_TYPE_MESSAGE:
        done = plain("", out);
        break;
    case SI_TYPE_RESOLVE:
        done = resolve(q, out);
        break;
    case SI_TYPE_IMAGESET:
        done = field(
            q, "IMAGE_SET", localize(q, SI_LOCALE_IMAGE_SET, r != NULL ? r->image_set : ""), out);
        break;
    case SI_TYPE_MAP:
        done = field(q, "map", map_of(q, r), out);
        break;
    case SI_TYPE_TARGETS:
        done = lines(q, localize(q, SI_LOCALE_TARGETS, r != NULL ? r->targets : ""), out);
        break;
    case SI_TYPE_USERDATA:
        done = lines(q, localize(q, SI_LOCALE_USER_DATA, r != NULL ? r->user_data : ""), out);
        break;
    default:
        return si_fail(q->all->diag, SI_ERR_UNSUPPORTED, "req=%s is not supported",
            si_request_type_name(q->asked.type));
    }
    return done ? SI_OK : si_diag_result(q->all->diag, si_no_memory(q->all->diag));
}

bool si_catalog_reply_renders(const si_query *q) {
    return q->asked.type == SI_TYPE_USERDATA && q->found.source.smart_crop[0] > 0;
}

/* ---- sets ---- */

static const char *decoded(const si_query *q, si_str raw) {
    char *text = si_arena_alloc(q->all->arena, raw.len + 1);
    if (text != NULL) {
        text[si_percent_decode(raw, true, text)] = '\0';
    }
    return text;
}

/* The set of imageSet= with its structure unencoded, as clients that encode whole values send it:
 * braces, commas, semicolons and blanks are no part of ids. What may be (a ":" of a smart crop is
 * written as %3A, parentheses) stays encoded for whoever reads the parts. */
static const char *set_structure(const si_query *q, si_str raw) {
    static const char structure[] = "{},; ";
    char *text = si_arena_copy(q->all->arena, raw.len > 0 ? raw.p : "", raw.len), *to = text;
    for (size_t i = 0; text != NULL && i < raw.len; i++) {
        char c = raw.p[i] == '+' ? ' ' : raw.p[i], decoded[3];
        if (c == '%' && raw.len - i >= 3 &&
            si_percent_decode((si_str){raw.p + i, 3}, false, decoded) == 1 && decoded[0] != '\0' &&
            strchr(structure, decoded[0]) != NULL) {
            c = decoded[0];
            i += 2;
        }
        *to++ = c;
    }
    if (text != NULL) {
        *to = '\0';
    }
    return text;
}

si_result si_catalog_set(si_query *q, si_str query) {
    bool failed = false;
    si_str set = last_value(q, query, SI_STR("imageSet"), &failed);
    si_str key = last_value(q, query, SI_STR("labelkey"), &failed);
    const char *label = key.len > 0 ? decoded(q, key) : NULL;
    si_media_set_request request = {.catalog = q->all->catalog,
        .access = &q->all->access,
        .main = q->company,
        .object = q->object,
        .locale = si_reading_locale(q->all),
        .label_key = label != NULL ? si_str_of(label) : (si_str){NULL, 0}};
    if (failed || (key.len > 0 && label == NULL)) {
        return si_no_memory(q->all->diag);
    }
    if (q->object.len > 0 && memchr(q->object.p, ':', q->object.len) != NULL) {
        return si_fail(
            q->all->diag, SI_ERR_SYNTAX, "req=set: the object has a \":\", and crops have no sets");
    }
    if (set.len > 0) {
        request.text = set_structure(q, si_token_set(set));
        if (request.text == NULL) {
            return si_no_memory(q->all->diag);
        }
    }
    return si_media_set_plan(&request, q->all->arena, q->recipe, q->all->diag);
}

/* ---- facts ---- */

static void imageprops_facts(listing *l, const si_query *q) {
    const si_record *r = q->found.is.record;
    const si_attributes *a = si_reading_attributes(q->all, q->found.is.company);
    bool own_expiration = r != NULL && r->expiration != SI_EXPIRATION_INHERIT;
    if (r != NULL && SI_RECORD_HAS(r, anchor)) {
        add_pair(l, "image.anchor", r->anchor.w, r->anchor.h);
    }
    add_real(l, "image.expiration", own_expiration ? r->expiration : a->expiration);
    add(l, "image.modifier", r != NULL ? r->modifier : "");
    add(l, "image.postModifier", r != NULL ? r->post_modifier : "");
    if (r != NULL && r->print_resolution > 0) {
        add_int(l, "image.printRes", r->print_resolution);
    }
    add_real(l, "image.resolution", r != NULL && r->resolution > 0 ? r->resolution : a->resolution);
    add_real(l, "image.thumbRes", r != NULL && r->thumb_res > 0 ? r->thumb_res : a->thumb_res);
    add_int(l, "image.thumbType", r != NULL && r->thumb_type > 0 ? r->thumb_type : a->thumb_type);
    if (r != NULL && r->time_stamp > 0) {
        add_int(l, "image.timeStamp", r->time_stamp);
    }
    add(l, "image.translatedId", r != NULL ? r->id : q->found.is.object);
}

si_result si_catalog_facts(si_query *q) {
    listing l = {.arena = q->all->arena};
    if (q->recipe->req == SI_REQ_IMAGEPROPS) {
        imageprops_facts(&l, q);
    } else if (q->recipe->req == SI_REQ_CROP) {
        const char *object = si_arena_copy(q->all->arena, q->object.p, q->object.len);
        const char *colon = object != NULL ? strrchr(object, ':') : NULL;
        add(&l, "SmartCropDef", colon != NULL ? colon + 1 : object);
    }
    si_fact *facts = si_arena_alloc(q->all->arena, (size_t)(l.count + 1) * sizeof *facts);
    if (l.failed || facts == NULL) {
        return si_no_memory(q->all->diag);
    }
    for (int i = 0; i < l.count; i++) {
        facts[i] = (si_fact){l.rows[i].name, l.rows[i].value};
    }
    q->recipe->facts = facts;
    q->recipe->fact_count = l.count;
    return SI_OK;
}
