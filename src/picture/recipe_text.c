/* The canonical text of a recipe: `smartimg/VERSION&key=value&…`. Structures nest in parentheses,
 * `key=(key=value&…)`; one table a structure serves writing and reading. */
#include <assert.h>
#include <stddef.h>
#include <stdio.h>

#include "base/percent.h"
#include "picture/schema.h"

#define NAME "smartimg/"

enum {
    VERSION_MAX = 20, /* characters, of which two numbers are made */
    MAX_DEPTH = 32,
    MAX_LIST = 512,      /* more than layers or effects there may be (query.h) */
    MAX_ELEMENTS = 6000, /* more than SI_RECIPE_TEXT_MAX bytes can hold */
};

static size_t value_size(si_field_kind k) {
    switch (k) {
    case SI_FIELD_TEXT:
    case SI_FIELD_MAYBE:
        return sizeof(const char *);
    case SI_FIELD_BOOL:
        return sizeof(bool);
    case SI_FIELD_REAL:
        return sizeof(double);
    case SI_FIELD_U64:
    case SI_FIELD_I64:
        return sizeof(uint64_t);
    case SI_FIELD_FILE:
        return sizeof(si_file_ref);
    case SI_FIELD_PAINT:
        return sizeof(si_paint);
    case SI_FIELD_INT:
    case SI_FIELD_COLOR:
    case SI_FIELD_ENUM:
        return sizeof(int);
    case SI_FIELD_STRUCT:
    case SI_FIELD_POINTER:
    case SI_FIELD_LIST:
        break;
    }
    return 0;
}

/* ---- writing ---- */

typedef struct writer {
    si_bytes out;
    bool failed;
} writer;

static void put_n(writer *w, const char *text, size_t len) {
    w->failed |= !si_bytes_append(&w->out, text, len);
}

static void put(writer *w, const char *text) {
    put_n(w, text, strlen(text));
}

static void put_encoded(writer *w, const char *text) {
    while (*text != '\0') {
        size_t plain = 0;
        while (si_recipe_is_plain(text[plain])) {
            plain++;
        }
        put_n(w, text, plain);
        text += plain;
        if (*text != '\0') {
            char code[3];
            si_percent_encode_byte((unsigned char)*text++, code);
            put_n(w, code, sizeof code);
        }
    }
}

static void put_i64(writer *w, int64_t v) {
    char text[24];
    int at = sizeof text;
    uint64_t rest = v < 0 ? -(uint64_t)v : (uint64_t)v;
    do {
        text[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest != 0);
    if (v < 0) {
        text[--at] = '-';
    }
    put_n(w, text + at, sizeof text - (size_t)at);
}

static void put_hex(writer *w, uint32_t v, int digits) {
    char text[8];
    for (int i = digits - 1; i >= 0; i--, v >>= 4) {
        text[i] = "0123456789ABCDEF"[v & 15];
    }
    put_n(w, text, (size_t)digits);
}

static void put_file(writer *w, const si_file_ref *file) {
    put_encoded(w, file->path);
    put(w, ",");
    put_i64(w, (int64_t)file->size);
    put(w, ",");
    put_i64(w, file->time);
}

static void put_word(writer *w, const char *words, int index) {
    si_str word = si_words_at(words, index);
    assert(word.p != NULL);
    put_n(w, word.p, word.len);
}

static void put_value(writer *w, const si_field *f, const void *value) {
    char text[40];
    switch (f->kind) {
    case SI_FIELD_TEXT:
    case SI_FIELD_MAYBE:
        put_encoded(w, *(const char *const *)value);
        break;
    case SI_FIELD_INT:
        put_i64(w, *(const int *)value);
        break;
    case SI_FIELD_BOOL:
        put(w, *(const bool *)value ? "1" : "0");
        break;
    case SI_FIELD_REAL:
        put(w, si_real_print(*(const double *)value, text));
        break;
    case SI_FIELD_U64:
    case SI_FIELD_I64:
        put_i64(w, *(const int64_t *)value);
        break;
    case SI_FIELD_COLOR:
        put_hex(w, *(const uint32_t *)value, 6);
        break;
    case SI_FIELD_PAINT:
        put_hex(w, ((const si_paint *)value)->rgb, 6);
        put_hex(w, ((const si_paint *)value)->alpha, 2);
        break;
    case SI_FIELD_ENUM:
        put_word(w, f->words, *(const int *)value);
        break;
    case SI_FIELD_FILE:
        put_file(w, value);
        break;
    case SI_FIELD_STRUCT:
    case SI_FIELD_POINTER:
    case SI_FIELD_LIST:
        break;
    }
}

static bool is_initial_value(const si_field *f, const char *a, const char *b) {
    const char *s, *t;
    switch (f->kind) {
    case SI_FIELD_TEXT:
        return strcmp(*(const char *const *)a, *(const char *const *)b) == 0;
    case SI_FIELD_MAYBE:
        s = *(const char *const *)a;
        t = *(const char *const *)b;
        return s == t || (s != NULL && t != NULL && strcmp(s, t) == 0);
    case SI_FIELD_FILE:
        return ((const si_file_ref *)a)->path[0] == '\0';
    case SI_FIELD_PAINT:
        return ((const si_paint *)a)->rgb == ((const si_paint *)b)->rgb &&
               ((const si_paint *)a)->alpha == ((const si_paint *)b)->alpha;
    default:
        return memcmp(a, b, value_size(f->kind)) == 0;
    }
}

static bool is_initial(const si_field *f, const char *a, const char *b) {
    if (f->kind == SI_FIELD_POINTER || f->kind == SI_FIELD_LIST) {
        return *(const void *const *)(a + f->offset) == NULL ||
               (f->kind == SI_FIELD_LIST && *(const int *)(a + f->count_offset) == 0);
    }
    size_t size = value_size(f->kind);
    for (int k = 0; k < f->count; k++) {
        size_t at = f->offset + size * (size_t)k;
        if (!is_initial_value(f, a + at, b + at)) {
            return false;
        }
    }
    return true;
}

static void put_struct(writer *w, const si_schema *schema, const void *value, const void *initial);

static void put_nested(writer *w, const si_field *f, const void *value, const void *initial) {
    put(w, f->key);
    put(w, "=(");
    put_struct(w, f->schema, value, initial);
    put(w, ")");
}

/* An embedded structure that says nothing leaves no trace. */
static void put_embedded(writer *w, const si_field *f, const void *value, const void *initial) {
    if (f->schema->silent && memcmp(value, initial, f->schema->size) == 0) {
        return; /* most of the time, and without a look at each field */
    }
    size_t before = w->out.len;
    put_nested(w, f, value, initial);
    if (!f->always && !w->failed && w->out.len == before + strlen(f->key) + 3) {
        w->out.len = before;
    }
}

static void put_list(writer *w, const si_field *f, const char *value) {
    const char *element = *(const char *const *)(value + f->offset);
    int count = *(const int *)(value + f->count_offset);
    for (int i = 0; i < count; i++, element += f->schema->size) {
        if (i > 0) {
            put(w, "&");
        }
        put_nested(w, f, element, f->schema->initial());
    }
}

static void put_field(writer *w, const si_field *f, const char *value, const char *initial) {
    switch (f->kind) {
    case SI_FIELD_STRUCT:
        put_embedded(w, f, value + f->offset, initial + f->offset);
        return;
    case SI_FIELD_POINTER:
        put_nested(w, f, *(const void *const *)(value + f->offset), f->schema->initial());
        return;
    case SI_FIELD_LIST:
        put_list(w, f, value);
        return;
    default:
        break;
    }
    put(w, f->key);
    put(w, "=");
    for (int k = 0; k < f->count; k++) {
        if (k > 0) {
            put(w, ",");
        }
        put_value(w, f, value + f->offset + value_size(f->kind) * (size_t)k);
    }
}

static void put_struct(writer *w, const si_schema *schema, const void *value, const void *initial) {
    bool first = true;
    for (const si_field *f = schema->fields; f->key != NULL; f++) {
        if (f->kind != SI_FIELD_STRUCT && !f->always && is_initial(f, value, initial)) {
            continue;
        }
        size_t before = w->out.len;
        if (!first) {
            put(w, "&");
        }
        size_t start = w->out.len;
        put_field(w, f, value, initial);
        if (w->out.len == start) { /* nothing to say after all */
            w->out.len = before;
        } else {
            first = false;
        }
    }
}

si_result si_recipe_print(const si_recipe *r, si_arena *arena, const char **text, si_diag *diag) {
    writer w = {0};
    put(&w, NAME SI_RECIPE_VERSION "&");
    put_struct(&w, &si_schema_recipe, r, si_schema_recipe.initial());
    put(&w, "&ladder=");
    for (int i = 0; i < r->ladder_len; i++) {
        put(&w, i == 0 ? "" : ",");
        put(&w, si_format_name(r->ladder[i]));
    }
    bool fits = w.out.len <= SI_RECIPE_TEXT_MAX;
    *text = !w.failed && fits ? si_arena_copy(arena, (const char *)w.out.data, w.out.len) : NULL;
    si_bytes_free(&w.out);
    if (!fits) {
        return si_fail(diag, SI_ERR_LIMIT, "the request is too long");
    }
    return *text != NULL ? SI_OK : si_fail(diag, SI_ERR_MEMORY, "out of memory");
}

/* ---- reading ---- */

typedef struct reader {
    const char *at, *end;
    si_arena *arena;
    int depth, elements;
} reader;

static bool read_i64(si_str s, int64_t *out) {
    bool negative = s.len > 1 && s.p[0] == '-';
    uint64_t v = 0;
    if (s.len == (size_t)negative || s.len > 20) {
        return false;
    }
    for (size_t i = negative; i < s.len; i++) {
        if (s.p[i] < '0' || s.p[i] > '9' || v > (uint64_t)INT64_MAX / 10) {
            return false;
        }
        v = v * 10 + (uint64_t)(s.p[i] - '0');
    }
    *out = negative ? -(int64_t)v : (int64_t)v;
    return v <= INT64_MAX;
}

static bool read_hex(si_str s, uint32_t *out) {
    uint32_t c = 0;
    for (size_t i = 0; i < s.len; i++) {
        char d = s.p[i];
        bool digit = d >= '0' && d <= '9';
        if (!digit && !(d >= 'A' && d <= 'F')) {
            return false;
        }
        c = c << 4 | (uint32_t)(digit ? d - '0' : d - 'A' + 10);
    }
    *out = c;
    return s.len <= 8;
}

static bool read_text(reader *in, si_str s, const char **out) {
    char *copy = si_arena_alloc(in->arena, s.len + 1);
    if (copy == NULL) {
        return false;
    }
    size_t len = si_percent_decode(s, false, copy);
    copy[len] = '\0';
    *out = copy;
    return memchr(copy, '\0', len) == NULL;
}

static bool read_paint(si_str s, si_paint *out) {
    uint32_t v;
    if (s.len != 8 || !read_hex(s, &v)) {
        return false;
    }
    *out = (si_paint){.rgb = v >> 8, .alpha = (uint8_t)v};
    return true;
}

static bool read_enum(const si_field *f, si_str s, int *out) {
    int index = si_words_find(f->words, s, false);
    *out = index < 0 ? *out : index;
    return index >= 0;
}

static bool in_range(const si_field *f, double v) {
    return f->low == f->high || (v >= f->low && v <= f->high);
}

static bool read_value(reader *in, const si_field *f, si_str s, void *value) {
    int64_t n;
    switch (f->kind) {
    case SI_FIELD_TEXT:
    case SI_FIELD_MAYBE:
        return read_text(in, s, value);
    case SI_FIELD_INT:
        if (!read_i64(s, &n) || n < INT32_MIN || n > INT32_MAX || !in_range(f, (double)n)) {
            return false;
        }
        *(int *)value = (int)n;
        return true;
    case SI_FIELD_BOOL:
        return s.len == 1 && si_str_flag(s, value);
    case SI_FIELD_REAL:
        return si_str_real(s, value) && in_range(f, *(double *)value);
    case SI_FIELD_U64:
        if (!read_i64(s, &n) || n < 0) {
            return false;
        }
        *(uint64_t *)value = (uint64_t)n;
        return true;
    case SI_FIELD_I64:
        return read_i64(s, value);
    case SI_FIELD_COLOR:
        return s.len == 6 && read_hex(s, value);
    case SI_FIELD_PAINT:
        return read_paint(s, value);
    case SI_FIELD_ENUM:
        return read_enum(f, s, value);
    default:
        return false;
    }
}

static bool read_file(reader *in, si_str s, si_file_ref *out) {
    si_str path, size, time;
    int64_t n;
    if (!si_str_next(&s, ',', &path) || !si_str_next(&s, ',', &size) ||
        !si_str_next(&s, ',', &time) || s.p != NULL || !read_i64(size, &n) || n < 0) {
        return false;
    }
    out->size = (uint64_t)n;
    return read_text(in, path, &out->path) && out->path[0] != '\0' && read_i64(time, &out->time);
}

static bool read_values(reader *in, const si_field *f, si_str text, char *value) {
    si_str part;
    if (f->kind == SI_FIELD_FILE) {
        return read_file(in, text, (si_file_ref *)(void *)(value + f->offset));
    }
    for (int k = 0; k < f->count; k++) {
        void *at = value + f->offset + value_size(f->kind) * (size_t)k;
        if (!si_str_next(&text, ',', &part) || !read_value(in, f, part, at)) {
            return false;
        }
    }
    return text.p == NULL;
}

static bool read_struct(reader *in, const si_schema *schema, char *value);

/* "(…)", into memory that holds initial values. */
static bool read_nested(reader *in, const si_field *f, char *value) {
    if (in->at == in->end || *in->at != '(' || in->depth == MAX_DEPTH ||
        in->elements++ == MAX_ELEMENTS) {
        return false;
    }
    in->at++;
    in->depth++;
    if (!read_struct(in, f->schema, value) || in->at == in->end || *in->at != ')') {
        return false;
    }
    in->at++;
    in->depth--;
    return f->schema->valid == NULL || f->schema->valid(value);
}

static char *new_value(reader *in, const si_schema *schema) {
    char *value = si_arena_alloc(in->arena, schema->size);
    if (value != NULL) {
        memcpy(value, schema->initial(), schema->size);
    }
    return value;
}

static bool skip(reader *in, const char *text) {
    size_t len = strlen(text);
    bool there = (size_t)(in->end - in->at) >= len && memcmp(in->at, text, len) == 0;
    in->at += there ? len : 0;
    return there;
}

/* One element after the other, each behind its key; they are linked first, then laid in a row. */
static bool read_list(reader *in, const si_field *f, char *value) {
    char *elements[MAX_LIST];
    int count = 0;
    size_t size = f->schema->size;
    do {
        if (count == MAX_LIST) {
            return false;
        }
        elements[count] = new_value(in, f->schema);
        if (elements[count] == NULL || !read_nested(in, f, elements[count])) {
            return false;
        }
        count++;
        const char *before = in->at;
        if (!skip(in, "&") || !skip(in, f->key) || !skip(in, "=")) {
            in->at = before;
            break;
        }
    } while (true);
    char *row = si_arena_alloc(in->arena, size * (size_t)count);
    if (row == NULL) {
        return false;
    }
    for (int i = 0; i < count; i++) {
        memcpy(row + size * (size_t)i, elements[i], size);
    }
    *(void **)(void *)(value + f->offset) = row;
    *(int *)(void *)(value + f->count_offset) = count;
    return true;
}

static bool read_field(reader *in, const si_field *f, char *value) {
    if (f->kind == SI_FIELD_STRUCT) {
        return read_nested(in, f, value + f->offset);
    }
    if (f->kind == SI_FIELD_LIST) {
        return read_list(in, f, value);
    }
    if (f->kind == SI_FIELD_POINTER) {
        char *pointed = new_value(in, f->schema);
        *(void **)(void *)(value + f->offset) = pointed;
        return pointed != NULL && read_nested(in, f, pointed);
    }
    const char *start = in->at;
    while (in->at < in->end && *in->at != '&' && *in->at != ')' && *in->at != '(') {
        in->at++;
    }
    return read_values(in, f, (si_str){start, (size_t)(in->at - start)}, value);
}

/* Keys come in the table's order, each at most once. Ends before ")", or before a key that is not
 * in the table. */
static bool read_struct(reader *in, const si_schema *schema, char *value) {
    const si_field *f = schema->fields;
    for (bool first = true;; first = false) {
        const char *before = in->at;
        if (in->at == in->end || *in->at == ')' || (!first && !skip(in, "&"))) {
            return true;
        }
        const char *start = in->at;
        const char *equals = memchr(start, '=', (size_t)(in->end - start));
        if (equals == NULL) {
            return false;
        }
        si_str key = {start, (size_t)(equals - start)};
        while (f->key != NULL && !si_str_eq(key, si_str_of(f->key))) {
            f++;
        }
        if (f->key == NULL) {
            in->at = before;
            return true;
        }
        in->at = equals + 1;
        if (!read_field(in, f++, value)) {
            return false;
        }
    }
}

static bool read_ladder(si_str text, si_recipe *r) {
    si_str part;
    if (text.len == 0) {
        return true;
    }
    while (si_str_next(&text, ',', &part)) {
        if (r->ladder_len == SI_LADDER_MAX ||
            !si_format_by_name(part.p, part.len, &r->ladder[r->ladder_len])) {
            return false;
        }
        r->ladder_len++;
    }
    return true;
}

/* The version that a text begins with, and the "&" behind it. */
static si_result read_version(reader *in, si_diag *diag) {
    if (!skip(in, NAME)) {
        return si_fail(diag, SI_ERR_SYNTAX, "not a recipe");
    }
    size_t left = (size_t)(in->end - in->at), len = 0;
    while (len < left && ((in->at[len] >= '0' && in->at[len] <= '9') || in->at[len] == '.')) {
        len++;
    }
    si_str version = {in->at, len};
    in->at += len;
    if (len > VERSION_MAX || !skip(in, "&")) {
        return si_fail(diag, SI_ERR_SYNTAX, "not a recipe");
    }
    return si_str_eq(version, SI_STR(SI_RECIPE_VERSION))
               ? SI_OK
               : si_fail(diag, SI_ERR_CONFIG,
                     "a recipe of version %.*s, but this renderer makes " SI_RECIPE_VERSION
                     ": after an upgrade all parts have to be started again",
                     SI_STR_ARG(version));
}

si_result si_recipe_scan(si_str text, si_arena *arena, si_recipe *r, si_diag *diag) {
    si_recipe_init(r);
    reader in = {.at = text.p, .end = text.p + text.len, .arena = arena};
    if (text.len > SI_RECIPE_TEXT_MAX) {
        return si_fail(diag, SI_ERR_SYNTAX, "a recipe that is too long");
    }
    SI_TRY(read_version(&in, diag));
    if (!read_struct(&in, &si_schema_recipe, (char *)r) || !skip(&in, "&ladder=") ||
        !read_ladder((si_str){in.at, (size_t)(in.end - in.at)}, r) || !si_schema_recipe.valid(r)) {
        size_t left = (size_t)(in.end - in.at);
        return si_fail(diag, SI_ERR_SYNTAX, "malformed recipe at \"%.*s\"",
            (int)(left > 20 ? 20 : left), in.at);
    }
    return SI_OK;
}
