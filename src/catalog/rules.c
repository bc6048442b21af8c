#include "catalog/rules.h"

#include <time.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "catalog/rules_internal.h"

enum {
    CHUNK = 256, /* offsets where a match may begin, between two looks at the clock */
    BUDGET_MS = 10
};

/* A request on its way through the rules. */
typedef struct run {
    si_bytes text; /* the request as it is now */
    pcre2_match_data *match;
    pcre2_match_context *limits; /* a copy: the offset in it changes */
    const si_rule_set *set;
    int64_t until_ns; /* thread's processor time; 0 = not looked at yet */
    bool given_up;    /* the last match was */
} run;

static int64_t processor_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * SI_SECOND + t.tv_nsec;
}

/* ---- matching ---- */

/* One call of PCRE2, for matches that begin at `from` or up to CHUNK bytes behind it. An expression
 * that is too deep for the small stack of compiled code is tried again by the interpreter. */
static int match_chunk(run *r, const si_rule *rule, size_t from) {
    PCRE2_SPTR text = r->text.data != NULL ? r->text.data : (PCRE2_SPTR) "";
    pcre2_set_offset_limit(r->limits, from + CHUNK);
    int n = pcre2_match(rule->code, text, r->text.len, from, 0, r->match, r->limits);
    if (n == PCRE2_ERROR_JIT_STACKLIMIT) {
        n = pcre2_match(rule->code, text, r->text.len, from, PCRE2_NO_JIT, r->match, r->limits);
    }
    return n;
}

/* Whether the processor time of the request is used up; starts the clock when first asked. */
static bool out_of_time(run *r) {
    int64_t now = processor_ns();
    if (r->until_ns == 0) {
        r->until_ns = now + BUDGET_MS * SI_MILLISECOND;
    }
    return now > r->until_ns;
}

/* Searches from an offset on. Number of groups that took part plus one, or 0. */
static int search(run *r, const si_rule *rule, size_t from) {
    r->given_up = false;
    for (;;) {
        int n = match_chunk(r, rule, from);
        if (n >= 0) {
            return n > 0 ? n : 1; /* the vector holds every group, so 0 cannot be */
        }
        from += CHUNK + 1;
        if (n == PCRE2_ERROR_NOMATCH && from > r->text.len) {
            return 0;
        }
        if (n != PCRE2_ERROR_NOMATCH || out_of_time(r)) {
            r->given_up = true;
            return 0;
        }
    }
}

/* ---- substitution ---- */

/* Appends the substitution with the groups of the last match. */
static bool append_pieces(const run *r, const si_rule *rule, int groups, si_bytes *out) {
    const PCRE2_SIZE *at = groups > 0 ? pcre2_get_ovector_pointer(r->match) : NULL;
    bool ok = true;
    for (const si_rule_piece *p = rule->pieces; ok && p != NULL; p = p->next) {
        if (p->text != NULL) {
            ok = si_bytes_append(out, p->text, p->len);
        } else if (p->group < groups && at[2 * p->group] != PCRE2_UNSET &&
                   at[2 * p->group + 1] > at[2 * p->group]) {
            ok = si_bytes_append(
                out, r->text.data + at[2 * p->group], at[2 * p->group + 1] - at[2 * p->group]);
        }
    }
    return ok;
}

static bool append_text(const run *r, size_t from, size_t to, si_bytes *out) {
    return to <= from || si_bytes_append(out, r->text.data + from, to - from);
}

/* Replaces the match that was found, and with Replace="all" those behind it. */
static bool replace(run *r, const si_rule *rule, int groups, si_bytes *out) {
    size_t done = 0;
    bool ok = true;
    while (ok && groups > 0 && out->len <= SI_RULE_REQUEST_MAX) {
        const PCRE2_SIZE *at = pcre2_get_ovector_pointer(r->match);
        size_t begin = at[0], end = at[1];
        if (end < begin) { /* \K in a lookahead */
            end = begin;
        }
        ok = append_text(r, done, begin, out) && append_pieces(r, rule, groups, out);
        done = end;
        if (!rule->replace_all) {
            break;
        }
        if (end == begin) { /* an empty match: go on behind the next byte */
            if (end >= r->text.len) {
                break;
            }
            ok = ok && append_text(r, end, end + 1, out);
            done = end + 1;
        }
        groups = search(r, rule, done);
    }
    return ok && append_text(r, done, r->text.len, out);
}

static si_result substitute(run *r, const si_rule *rule, int groups, si_diag *diag) {
    si_bytes changed = {0};
    bool ok;
    if (!rule->substitutes) {
        return SI_OK;
    }
    if (rule->code == NULL) {
        ok = append_pieces(r, rule, 0, &r->text);
    } else {
        ok = replace(r, rule, groups, &changed);
        si_bytes_move(&r->text, &changed);
    }
    if (!ok) {
        return si_fail(diag, SI_ERR_MEMORY, "out of memory");
    }
    if (r->text.len > SI_RULE_REQUEST_MAX) {
        return si_fail(diag, SI_ERR_LIMIT, "a rule makes the request too long");
    }
    return SI_OK;
}

/* ---- rules ---- */

static si_result override_attributes(
    const si_rule *rule, si_arena *arena, si_rule_output *out, bool *copied, si_diag *diag) {
    for (const si_rule_override *o = rule->overrides; o != NULL; o = o->next) {
        if (!*copied) {
            si_attributes *own = si_arena_alloc(arena, sizeof *own);
            if (own == NULL) {
                return si_fail(diag, SI_ERR_MEMORY, "out of memory");
            }
            *own = *out->attributes;
            out->attributes = own;
            *copied = true;
        }
        memcpy((char *)out->attributes + o->row->value.offset,
            (const char *)o->values + o->row->value.offset, o->row->value.size);
    }
    return SI_OK;
}

static si_result refused(si_diag *diag) {
    return si_fail(diag, SI_ERR_FORBIDDEN, "request refused");
}

/* Notes what a rule has done to the request. */
static void note(const run *r, const si_rule *rule, const char *what, si_steps *steps) {
    const si_step_from from = {.file = r->set->file, .line = rule->line};
    if (steps != NULL) {
        si_step_add(steps, SI_STEP_RULE, &from, "%s%s%s", rule->name,
            rule->name[0] != '\0' ? ": " : "", what);
    }
}

/* Notes a rule that has matched: what the request is now, and which attributes are others. */
static void note_match(const run *r, const si_rule *rule, si_steps *steps) {
    const si_step_from from = {.file = r->set->file, .line = rule->line};
    if (steps == NULL) {
        return;
    }
    si_step_add(steps, SI_STEP_RULE, &from, "%s%smatches%s%.*s%s", rule->name,
        rule->name[0] != '\0' ? ": " : "", rule->substitutes ? ", and makes it " : "",
        rule->substitutes ? (int)r->text.len : 0, r->text.len > 0 ? (const char *)r->text.data : "",
        rule->on_match == SI_MATCH_BREAK ? "; it is the last one" : "");
    for (const si_rule_override *o = rule->overrides; o != NULL; o = o->next) {
        si_step_add(steps, SI_STEP_ATTRIBUTE, &from, "%s = %s", o->row->name,
            o->text != NULL ? o->text : "");
    }
}

/* Applies the rules one after the other; `filter` gets the one that holds in the end. */
static si_result apply_all(run *r, const si_rule_input *in, si_arena *arena, si_rule_output *out,
    const si_address_filter **filter, si_diag *diag) {
    bool copied = false;
    for (const si_rule *rule = r->set->first; rule != NULL; rule = rule->next) {
        if ((rule->contexts & in->context) == 0) {
            continue;
        }
        int groups = rule->code != NULL ? search(r, rule, 0) : 1;
        if (groups == 0) {
            note(r, rule, r->given_up ? "takes too long, and counts as no match" : "does not match",
                in->steps);
            if (rule->code != NULL && r->given_up &&
                (rule->on_match == SI_MATCH_ERROR || rule->filters)) {
                return si_fail(diag, SI_ERR_LIMIT, "a rule cannot be decided for this request");
            }
            continue;
        }
        if (rule->filters && !in->lent) {
            *filter = rule->filter;
            if (!si_address_filter_allows(rule->filter, in->client)) {
                note(r, rule, "matches, and refuses the address", in->steps);
                return refused(diag);
            }
        }
        if (rule->on_match == SI_MATCH_ERROR) {
            note(r, rule, "matches, and refuses the request", in->steps);
            return refused(diag);
        }
        si_result result = override_attributes(rule, arena, out, &copied, diag);
        if (result == SI_OK) {
            result = substitute(r, rule, groups, diag);
        }
        SI_TRY(result);
        note_match(r, rule, in->steps);
        for (const si_rule_header_node *h = rule->headers;
             h != NULL && out->header_count < SI_RULE_HEADERS_MAX; h = h->next) {
            out->headers[out->header_count++] = &h->header;
        }
        if (rule->on_match == SI_MATCH_BREAK) {
            break;
        }
    }
    return SI_OK;
}

/* Parts path and query at the first "?". */
static bool part_request(const si_bytes *text, si_arena *arena, si_rule_output *out) {
    const char *copy =
        si_arena_copy(arena, text->len > 0 ? (const char *)text->data : "", text->len);
    si_str rest = {copy, text->len};
    if (copy == NULL) {
        return false;
    }
    (void)si_str_next(&rest, '?', &out->path);
    out->query = rest;
    return true;
}

const si_rule_set *si_rules_of(const si_catalog *c, const si_company *company) {
    return company->data->configured ? company->data->rules : c->companies[0].data->rules;
}

si_result si_rules_apply(const si_catalog *c, const si_company *company, const si_rule_input *input,
    si_arena *arena, si_rule_output *out, si_diag *diag) {
    const si_address_filter *filter =
        input->lent ? NULL : company->attributes.client_address_filter;
    run r = {.set = si_rules_of(c, company)};
    si_result result = SI_OK;
    *out = (si_rule_output){
        .path = input->path, .query = input->query, .attributes = &company->attributes};
    out->by_address = filter != NULL;
    if (r.set == NULL || r.set->first == NULL) {
        return si_address_filter_allows(filter, input->client) ? SI_OK : refused(diag);
    }
    r.match = pcre2_match_data_create(r.set->groups + 1, NULL);
    r.limits = pcre2_match_context_copy(r.set->limits);
    if (r.match == NULL || r.limits == NULL ||
        (input->path.len > 0 && !si_bytes_append(&r.text, input->path.p, input->path.len)) ||
        (input->query.p != NULL &&
            (!si_bytes_append(&r.text, "?", 1) ||
                (input->query.len > 0 &&
                    !si_bytes_append(&r.text, input->query.p, input->query.len))))) {
        result = si_fail(diag, SI_ERR_MEMORY, "out of memory");
    } else {
        result = apply_all(&r, input, arena, out, &filter, diag);
    }
    if (result == SI_OK && !part_request(&r.text, arena, out)) {
        result = si_fail(diag, SI_ERR_MEMORY, "out of memory");
    }
    out->by_address |= filter != NULL;
    if (result == SI_OK && !si_address_filter_allows(filter, input->client)) {
        result = refused(diag);
    }
    pcre2_match_context_free(r.limits);
    pcre2_match_data_free(r.match);
    si_bytes_free(&r.text);
    return result;
}

bool si_rule_header_ok(si_str name, si_str value) {
    static const char *const ours[] = {"Connection", "Content-Encoding", "Content-Length",
        "Content-Range", "Content-Type", "Date", "ETag", "Keep-Alive", "Location", "Server",
        "Set-Cookie", "Status", "TE", "Trailer", "Transfer-Encoding", "Upgrade", "Vary"};
    if (!si_name_is_clean(name, "!#$%&'*+-.^_`|~")) {
        return false;
    }
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) {
        if (si_str_eq_nocase(name, si_str_of(ours[i]))) {
            return false;
        }
    }
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.p[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f) {
            return false;
        }
    }
    return true;
}
