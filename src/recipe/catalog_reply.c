#include "recipe/catalog_reply.h"

#include "recipe/command.h"

static bool property(const si_query *q, const char *name, const char *value, si_reply *out) {
    si_property list = {name, value};
    return si_reply_properties(&q->asked.shape, &list, 1, 0, out);
}

/* A record, or a file that needs none. */
static bool exists(const si_query *q) {
    return q->found.is.object != NULL && !q->found.missing &&
           (q->found.is.record != NULL || q->found.source.kind == SI_SOURCE_FILE);
}

static bool plain(const char *text, si_reply *out) {
    out->content_type = "text/plain; charset=utf-8";
    return si_bytes_append(&out->body, text, strlen(text));
}

si_result si_catalog_reply(si_query *q, si_reply *out) {
    const si_record *r = q->found.is.record;
    const si_shape *shape = &q->asked.shape;
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
    case SI_TYPE_MESSAGE:
        done = plain("", out);
        break;
    case SI_TYPE_IMAGESET:
        done = si_reply_field(shape, "imageset", r != NULL ? r->image_set : "", out);
        break;
    case SI_TYPE_MAP:
        done = si_reply_field(shape, "map", r != NULL ? r->map : "", out);
        break;
    case SI_TYPE_TARGETS:
        done = si_reply_lines(shape, r != NULL ? r->targets : "", out);
        break;
    case SI_TYPE_USERDATA:
        done = si_reply_lines(shape, r != NULL ? r->user_data : "", out);
        break;
    default:
        return si_fail(q->all->diag, SI_ERR_UNSUPPORTED, "req=%s is not supported",
            si_request_type_name(q->asked.type));
    }
    return done ? SI_OK : si_no_memory(q->all->diag);
}

bool si_catalog_reply_renders(const si_query *q) {
    return q->asked.type == SI_TYPE_USERDATA && q->found.source.smart_crop[0] > 0;
}

si_result si_catalog_facts(si_query *q) {
    (void)q;
    return SI_OK;
}
