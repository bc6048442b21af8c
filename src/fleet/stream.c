#include "fleet/stream.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* Braces: the part of a name by which a cluster chooses the machine. */
#define STREAM "smartimg:invalidations"
#define EPOCH "{smartimg:invalidations}:epoch"
#define NODES "{smartimg:invalidations}:nodes"

/* What every script begins with; ARGV[1] names the epoch that begins if there is none.
 * replicate_commands(): versions before 7 want it before a script that looks at the clock. */
#define SCRIPT_HEAD                                                                                \
    "if redis.replicate_commands then redis.replicate_commands() end "                             \
    "local t = redis.call('TIME') "                                                                \
    "local now = string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000)) "                    \
    "local function renew() local e = ARGV[1] .. '@' .. now; redis.call('SET', KEYS[2], e); "      \
    "return e end "                                                                                \
    "local e = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1) "                            \
    "local last = e[1] and e[1][1] or '0-0' "                                                      \
    "local epoch = redis.call('GET', KEYS[2]) or renew() "

static const char script_add[] = SCRIPT_HEAD
    "local id = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[4], '*', 'before', last, "
    "'what', ARGV[2], 'name', ARGV[3]) "
    "return {epoch, id, now}";

static const char script_tell[] =
    SCRIPT_HEAD "redis.call('HSET', KEYS[3], ARGV[2], ARGV[3] .. ' ' .. now .. ' ' .. ARGV[4]) "
                "return {epoch, last, now}";

static const char script_renew[] = SCRIPT_HEAD "if epoch == ARGV[2] then epoch = renew() end "
                                               "return {epoch, last, now}";

static const char script_nodes[] = SCRIPT_HEAD
    "local all = redis.call('HGETALL', KEYS[3]) "
    "local there = redis.call('XRANGE', KEYS[1], ARGV[2], ARGV[2]) "
    "local out = {epoch, last, now, #there} "
    "for i = 1, #all, 2 do "
    "local id, in_epoch, heard, stands = string.match(all[i + 1], '^(%S+) (%S+) (%d+) (%d+)$') "
    "if not id or now - heard > stands * 1000 then redis.call('HDEL', KEYS[3], all[i]) else "
    "out[#out + 1] = all[i]; out[#out + 1] = id; out[#out + 1] = in_epoch; "
    "out[#out + 1] = string.format('%.0f', now - heard) end end "
    "return out";

/* ---- numbers of entries ---- */

int si_stream_id_compare(si_stream_id a, si_stream_id b) {
    return a.ms != b.ms ? (a.ms < b.ms ? -1 : 1) : a.n != b.n ? (a.n < b.n ? -1 : 1) : 0;
}

const char *si_stream_id_print(si_stream_id id, char out[SI_STREAM_ID_TEXT]) {
    snprintf(
        out, SI_STREAM_ID_TEXT, "%llu-%llu", (unsigned long long)id.ms, (unsigned long long)id.n);
    return out;
}

/* Digits alone, of less than 2^64. */
static bool read_digits(si_str text, uint64_t *out) {
    *out = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned digit = (unsigned char)text.p[i] - (unsigned)'0';
        if (digit > 9 || *out > (UINT64_MAX - digit) / 10) {
            return false;
        }
        *out = *out * 10 + digit;
    }
    return text.len > 0;
}

bool si_stream_id_read(si_str text, si_stream_id *out) {
    const char *dash = memchr(text.p, '-', text.len);
    if (dash == NULL) {
        return false;
    }
    size_t first = (size_t)(dash - text.p);
    return read_digits((si_str){text.p, first}, &out->ms) &&
           read_digits((si_str){dash + 1, text.len - first - 1}, &out->n);
}

bool si_node_name_is_good(const char *name) {
    size_t len = strlen(name);
    for (size_t i = 0; i < len; i++) {
        if (!isalnum((unsigned char)name[i]) && strchr("._-", name[i]) == NULL) {
            return false;
        }
    }
    return len > 0 && len < SI_NODE_NAME;
}

/* ---- replies ---- */

static si_str text_of(const redisReply *r) {
    bool text = r->type == REDIS_REPLY_STRING || r->type == REDIS_REPLY_STATUS;
    return text ? (si_str){r->str, (size_t)r->len} : (si_str){"", 0};
}

static bool copy_text(const redisReply *r, char *out, size_t size) {
    si_str s = text_of(r);
    if (s.len == 0 || s.len >= size || memchr(s.p, '\0', s.len) != NULL) {
        return false;
    }
    memcpy(out, s.p, s.len);
    out[s.len] = '\0';
    return true;
}

static bool read_int(const redisReply *r, int64_t *out) {
    uint64_t v;
    bool good = read_digits(text_of(r), &v) && v <= INT64_MAX;
    *out = good ? (int64_t)v : 0;
    return good;
}

static bool read_end(const redisReply *r, si_stream_end *out) {
    return r->type == REDIS_REPLY_ARRAY && r->elements >= 3 &&
           copy_text(r->element[0], out->place.epoch, sizeof out->place.epoch) &&
           si_stream_id_read(text_of(r->element[1]), &out->place.id) &&
           read_int(r->element[2], &out->now_ms);
}

static si_result not_understood(si_diag *diag) {
    return si_fail(diag, SI_ERR_IO, "Redis has something else in " STREAM " than smartimg");
}

/* ---- scripts ---- */

/* A name that no epoch had before. */
static void new_name(char out[33]) {
    unsigned char random[16] = {0};
    (void)!getrandom(random, sizeof random, 0);
    for (int i = 0; i < 16; i++) {
        snprintf(out + 2 * i, 3, "%02x", random[i]);
    }
}

/* Runs a script with ARGV[2] and what follows. */
static redisReply *run(
    redisContext *c, const char *script, const char *const arguments[], int count, si_diag *diag) {
    enum { HEAD = 7, MOST = 3 };
    char name[33];
    const char *words[HEAD + MOST] = {"EVAL", script, "3", STREAM, EPOCH, NODES, name};
    assert(count <= MOST);
    new_name(name);
    for (int i = 0; i < count; i++) {
        words[HEAD + i] = arguments[i];
    }
    return si_redis_call(c, HEAD + count, words, NULL, diag);
}

/* … whose reply is where the stream ends. */
static si_result run_to_end(redisContext *c, const char *script, const char *const arguments[],
    int count, si_stream_end *out, si_diag *diag) {
    redisReply *r = run(c, script, arguments, count, diag);
    if (r == NULL) {
        return SI_ERR_IO;
    }
    *out = (si_stream_end){0};
    bool good = read_end(r, out);
    freeReplyObject(r);
    return good ? SI_OK : not_understood(diag);
}

si_result si_stream_add(
    redisContext *c, const si_invalidation *i, si_stream_place *out, si_diag *diag) {
    char most[16];
    snprintf(most, sizeof most, "%d", SI_STREAM_ENTRIES);
    const char *arguments[] = {si_invalidation_kind_name(i->kind), i->name, most};
    si_stream_end end;
    SI_TRY(run_to_end(c, script_add, arguments, 3, &end, diag));
    *out = end.place;
    return SI_OK;
}

si_result si_stream_tell(redisContext *c, const char *node, const si_stream_place *place,
    int expire_s, si_stream_end *out, si_diag *diag) {
    char where[SI_STREAM_ID_TEXT + SI_EPOCH + 2], id[SI_STREAM_ID_TEXT], stands[16];
    assert(si_node_name_is_good(node));
    snprintf(where, sizeof where, "%s %s", si_stream_id_print(place->id, id),
        place->epoch[0] != '\0' ? place->epoch : "-");
    snprintf(stands, sizeof stands, "%d", expire_s);
    const char *arguments[] = {node, where, stands};
    return run_to_end(c, script_tell, arguments, 3, out, diag);
}

si_result si_stream_renew(redisContext *c, const char *known, si_stream_end *out, si_diag *diag) {
    return run_to_end(c, script_renew, &known, 1, out, diag);
}

/* ---- entries ---- */

/* An entry: its number, and a list of names and values. */
static bool read_entry(const redisReply *r, si_stream_entry *out) {
    si_str what = {"", 0}, name = {"", 0};
    *out = (si_stream_entry){0};
    if (r->type != REDIS_REPLY_ARRAY || r->elements != 2 ||
        !si_stream_id_read(text_of(r->element[0]), &out->id) ||
        r->element[1]->type != REDIS_REPLY_ARRAY) {
        return false;
    }
    const redisReply *fields = r->element[1];
    for (size_t i = 0; i + 1 < fields->elements; i += 2) {
        si_str field = text_of(fields->element[i]), value = text_of(fields->element[i + 1]);
        if (si_str_eq(field, SI_STR("before"))) {
            (void)si_stream_id_read(value, &out->before);
        } else if (si_str_eq(field, SI_STR("what"))) {
            what = value;
        } else if (si_str_eq(field, SI_STR("name"))) {
            name = value;
        }
    }
    out->good = si_invalidation_receive(what, name, &out->what);
    return true;
}

si_result si_stream_read(redisContext *c, si_stream_id after, si_stream_entry out[SI_STREAM_BATCH],
    int *count, si_diag *diag) {
    char id[SI_STREAM_ID_TEXT], most[16], block[16];
    snprintf(most, sizeof most, "%d", SI_STREAM_BATCH);
    snprintf(block, sizeof block, "%d", SI_STREAM_BLOCK_MS);
    const char *words[] = {
        "XREAD", "COUNT", most, "BLOCK", block, "STREAMS", STREAM, si_stream_id_print(after, id)};
    *count = 0;
    redisReply *r = si_redis_call(c, 8, words, NULL, diag);
    if (r == NULL) {
        return SI_ERR_IO;
    }
    bool good = r->type == REDIS_REPLY_NIL;
    if (r->type == REDIS_REPLY_ARRAY && r->elements == 1 &&
        r->element[0]->type == REDIS_REPLY_ARRAY && r->element[0]->elements == 2 &&
        r->element[0]->element[1]->type == REDIS_REPLY_ARRAY) {
        const redisReply *entries = r->element[0]->element[1];
        good = entries->elements <= SI_STREAM_BATCH;
        for (size_t i = 0; good && i < entries->elements; i++) {
            good = read_entry(entries->element[i], &out[i]);
            *count += good;
        }
    }
    freeReplyObject(r);
    return good ? SI_OK : not_understood(diag);
}

/* ---- nodes ---- */

static bool read_node(redisReply *const fields[4], si_node *out) {
    return copy_text(fields[0], out->name, sizeof out->name) &&
           si_stream_id_read(text_of(fields[1]), &out->place.id) &&
           copy_text(fields[2], out->place.epoch, sizeof out->place.epoch) &&
           read_int(fields[3], &out->silent_ms);
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const si_node *)a)->name, ((const si_node *)b)->name);
}

static bool read_nodes(const redisReply *r, si_nodes *out) {
    enum { HEAD = 4, FIELDS = 4 };
    *out = (si_nodes){0};
    if (!read_end(r, &out->end) || r->elements < HEAD ||
        r->element[3]->type != REDIS_REPLY_INTEGER || (r->elements - HEAD) % FIELDS != 0 ||
        r->elements > HEAD + (size_t)FIELDS * SI_NODES_MAX) {
        return false;
    }
    const char *began = strchr(out->end.place.epoch, '@');
    uint64_t since;
    out->there = r->element[3]->integer > 0;
    if (began != NULL && read_digits(si_str_of(began + 1), &since)) {
        out->epoch_ms = out->end.now_ms - (int64_t)since;
    }
    size_t count = (r->elements - HEAD) / FIELDS;
    out->nodes = calloc(count > 0 ? count : 1, sizeof *out->nodes);
    for (size_t i = 0; out->nodes != NULL && i < count; i++) {
        out->count += read_node(&r->element[HEAD + FIELDS * i], &out->nodes[out->count]);
    }
    if (out->nodes != NULL) {
        qsort(out->nodes, (size_t)out->count, sizeof *out->nodes, by_name);
    }
    return out->nodes != NULL;
}

si_result si_stream_nodes(redisContext *c, si_stream_id id, si_nodes *out, si_diag *diag) {
    char text[SI_STREAM_ID_TEXT];
    const char *argument = si_stream_id_print(id, text);
    redisReply *r = run(c, script_nodes, &argument, 1, diag);
    *out = (si_nodes){0};
    if (r == NULL) {
        return SI_ERR_IO;
    }
    bool good = read_nodes(r, out);
    freeReplyObject(r);
    return good ? SI_OK : not_understood(diag);
}

si_result si_stream_forget(redisContext *c, const char *node, bool *known, si_diag *diag) {
    const char *words[] = {"HDEL", NODES, node};
    redisReply *r = si_redis_call(c, 3, words, NULL, diag);
    *known = r != NULL && r->type == REDIS_REPLY_INTEGER && r->integer > 0;
    if (r != NULL) {
        freeReplyObject(r);
    }
    return r != NULL ? SI_OK : SI_ERR_IO;
}
