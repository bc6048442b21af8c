/* Sections 2 and 7: what is asked for, and how it may be kept. */
#include "request/setters.h"

#include "request/tokens.h"

/* ---- req= ---- */

static const struct {
    const char *name;
    const char *bodies;
} types[] = {
#define X(id, name, reply, ttl, bodies) {name, bodies},
    SI_REQUEST_TYPES(X)
#undef X
};

const char *si_request_type_name(si_request_type type) {
    return types[type].name;
}

si_request_type si_request_type_by_name(si_str name) {
    for (int i = 0; i < SI_TYPE_COUNT; i++) {
        if (name.len > 0 && si_str_eq_nocase(name, si_str_of(types[i].name))) {
            return (si_request_type)i;
        }
    }
    return SI_TYPE_COUNT;
}

/* The body format of a reply in text, as far as the type has such bodies. */
static bool read_shape(
    const si_command_target *s, const char *bodies, si_str body, si_str encoding, si_shape *out) {
    const si_part *parts = s->row->parts; /* type, body, encoding */
    out->body = bodies[0] == 'x' ? SI_BODY_XML : SI_BODY_TEXT;
    out->encoding = "UTF-8";
    if (bodies[0] == '\0' || body.len == 0) {
        return true;
    }
    int format = si_words_find(parts[1].words, body, true);
    if (format < 0 || strchr(bodies, "tjxJ"[format]) == NULL) {
        return false;
    }
    out->body = (si_body)format;
    if (out->body == SI_BODY_XML && encoding.len > 0) {
        int index = si_words_find(parts[2].words, encoding, true);
        return index >= 0 && si_command_copy_value(
                                 s, si_words_at(parts[2].words, index), &out->encoding) == SI_OK;
    }
    return true; /* clients append ,UTF-8 to json: ignored */
}

si_result si_set_req(const si_command_target *s, si_str value) {
    si_parts p = si_parts_of(s, value);
    si_str name, body, encoding;
    si_asked *asked = &s->q->asked;
    (void)si_part_text(&p, &name);
    (void)si_part_text(&p, &body);
    (void)si_part_text(&p, &encoding);
    si_request_type type = si_request_type_by_name(name);
    asked->type = type != SI_TYPE_COUNT ? type : asked->type;
    return type != SI_TYPE_COUNT && read_shape(s, types[type].bodies, body, encoding, &asked->shape)
               ? SI_OK
               : si_command_bad_value(s, value);
}

si_result si_set_handler(const si_command_target *s, si_str value) {
    return si_value_handler(value) ? si_command_copy_value(s, value, &s->q->asked.shape.handler)
                                   : si_command_bad_value(s, value);
}

si_result si_set_id(const si_command_target *s, si_str value) {
    return si_command_copy_value(s, value, &s->q->asked.shape.request_id);
}

/* ---- objects and texts ---- */

si_result si_set_defaultImage(const si_command_target *s, si_str value) {
    return si_command_copy_value(s, value, &s->q->asked.default_image);
}

si_result si_set_locale(const si_command_target *s, si_str value) {
    for (size_t i = 0; i < value.len; i++) {
        if (value.p[i] < 0x20 || value.p[i] > 0x7e) {
            return si_command_bad_value(s, value);
        }
    }
    return si_command_copy_value(s, value, &s->q->asked.locale);
}

/* Known before anything else is read: si_query_foresee(). */
si_result si_set_template(const si_command_target *s, si_str value) {
    (void)s, (void)value;
    return SI_OK;
}

/* The set without braces around it, still encoded: a set encodes what is no structure of its own.
 */
si_result si_set_imageSet(const si_command_target *s, si_str value) {
    return si_command_copy_value(s, si_token_set(value), &s->q->asked.image_set);
}

si_result si_set_labelkey(const si_command_target *s, si_str value) {
    return si_command_copy_value(s, value, &s->q->asked.label_key);
}

si_result si_set_type(const si_command_target *s, si_str value) {
    return si_command_copy_value(s, value, &s->q->asked.user_type);
}

si_result si_set_message(const si_command_target *s, si_str value) {
    return si_command_copy_value(s, value, &s->q->asked.message);
}

si_result si_set_name(const si_command_target *s, si_str value) {
    return si_command_copy_value(s, value, &s->q->asked.save_name);
}

si_result si_set_timeout(const si_command_target *s, si_str value) {
    int ignored = 0;
    return si_command_int(s, value, &ignored);
}

si_result si_set_effectMask(const si_command_target *s, si_str value) {
    return si_command_flag(s, value, &s->q->picture.effect_mask);
}

/* ---- caches ---- */

/* Files are looked at on every request, so validate is what happens anyway. */
si_result si_set_cache(const si_command_target *s, si_str value) {
    enum { ON, OFF, VALIDATE, UPDATE };
    const char *states = s->row->parts[0].words;
    si_str rest = value, first, second;
    (void)si_value_part(&rest, &first);
    int client = si_words_find(states, first, true), server = client;
    if (si_value_part(&rest, &second)) {
        server = si_words_find(states, second, true);
        client = client > OFF || server > OFF ? -1 : client;
    }
    if (client < 0 || server < 0) {
        return si_command_bad_value(s, value);
    }
    s->q->asked.client_cache = client != OFF;
    s->q->asked.server_cache = server != OFF;
    s->q->asked.update = server == UPDATE;
    return SI_OK;
}

/* ---- smart imaging, section 2.1 ---- */

static bool read_switch(si_parts *p, si_switch *out) {
    int index = -1;
    const char *words = p->row->parts[p->next].words;
    (void)si_part_word(p, &index);
    *out = index == si_words_find(words, SI_STR("on"), false) ? SI_SWITCH_ON : SI_SWITCH_OFF;
    return !p->wrong;
}

static si_result set_switch(const si_command_target *s, si_str value, si_switch *out) {
    si_parts p = si_parts_of(s, value);
    return read_switch(&p, out) ? SI_OK : si_command_bad_value(s, value);
}

si_result si_set_bfc(const si_command_target *s, si_str value) {
    return set_switch(s, value, &s->q->asked.bfc);
}

/* on, off, a class, or on and a class; a class alone leaves the switch to others. */
si_result si_set_network(const si_command_target *s, si_str value) {
    enum { ON, OFF, CLASS };
    si_parts p = si_parts_of(s, value);
    int word = ON, class = -1;
    bool first = si_part_word(&p, &word);
    bool second = si_part_word(&p, &class);
    if (!first || !si_parts_done(&p) || (second && word != ON)) {
        return si_command_bad_value(s, value);
    }
    class = word >= CLASS ? word - CLASS : class;
    if (word < CLASS) {
        s->q->asked.network = word == ON ? SI_SWITCH_ON : SI_SWITCH_OFF;
    }
    s->q->asked.line_class =
        class >= 0 ? (si_network)(SI_NETWORK_EXCELLENT + class) : SI_NETWORK_UNKNOWN;
    return SI_OK;
}

/* Smart imaging D-1 (bare on: detected ratio) and D-2 (a bad ratio is an error). */
si_result si_set_dpr(const si_command_target *s, si_str value) {
    si_parts p = si_parts_of(s, value);
    double r = 0;
    si_switch on;
    if (read_switch(&p, &on) && on == SI_SWITCH_ON) {
        (void)si_part_reals(&p, &r);
    }
    if (p.wrong) {
        return si_command_bad_value(s, value);
    }
    s->q->asked.dpr = on;
    s->q->asked.dpr_value = r;
    return SI_OK;
}
