/* The canonical text of recipes: whatever a recipe says survives being written and read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "picture/schema.h"

static uint64_t state;

static uint32_t any(uint32_t below) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % below;
}

static const char *any_text(si_arena *a) {
    static const char *const texts[] = {"a/b.jpg", "{\\rtf1 (x&y=z), \"%\" \xC3\xA9}",
        "M,1,2,L,3,4,Z", "$x$", "()", "a b", "&", "0x12", "c:Large"};
    return si_arena_printf(a, "%s%u", texts[any(sizeof texts / sizeof *texts)], any(1000));
}

static double any_number(const si_field *f, bool whole) {
    double low = f->low == f->high ? -1000 : f->low, high = f->low == f->high ? 1000 : f->high;
    double v = low + (high - low) * any(1 << 20) / (1 << 20);
    return whole ? (double)(int64_t)v : v;
}

static void fill(si_arena *a, const si_schema *schema, char *value, int depth);

static void fill_value(si_arena *a, const si_field *f, void *value) {
    char text[32];
    int names = 0;
    switch (f->kind) {
    case SI_FIELD_TEXT:
    case SI_FIELD_MAYBE:
        *(const char **)value = any_text(a);
        break;
    case SI_FIELD_INT:
        *(int *)value = (int)any_number(f, true);
        break;
    case SI_FIELD_BOOL:
        *(bool *)value = any(2);
        break;
    case SI_FIELD_REAL:
        assert_true(si_str_real(si_str_of(si_real_print(any_number(f, false), text)), value));
        break;
    case SI_FIELD_U64:
        *(uint64_t *)value = any(1u << 30) * (uint64_t)any(1u << 30);
        break;
    case SI_FIELD_I64:
        *(int64_t *)value = (int64_t)any(1u << 30) * (int64_t)any(1u << 30) - (1 << 29);
        break;
    case SI_FIELD_COLOR:
        *(uint32_t *)value = any(1 << 24);
        break;
    case SI_FIELD_PAINT:
        *(si_paint *)value = (si_paint){any(1 << 24), (uint8_t)any(256)};
        break;
    case SI_FIELD_ENUM:
        while (si_words_at(f->words, names).p != NULL) {
            names++;
        }
        *(int *)value = (int)any((uint32_t)names);
        break;
    case SI_FIELD_FILE:
        *(si_file_ref *)value =
            (si_file_ref){any_text(a), any(1 << 30), (int64_t)any(1 << 30) << 20};
        break;
    case SI_FIELD_STRUCT:
    case SI_FIELD_POINTER:
    case SI_FIELD_LIST:
        break;
    }
}

static size_t size_of(const si_field *f) {
    switch (f->kind) {
    case SI_FIELD_TEXT:
    case SI_FIELD_MAYBE:
        return sizeof(char *);
    case SI_FIELD_BOOL:
        return sizeof(bool);
    case SI_FIELD_REAL:
    case SI_FIELD_U64:
    case SI_FIELD_I64:
        return 8;
    default:
        return sizeof(int);
    }
}

static char *make(si_arena *a, const si_schema *schema, int count, int depth) {
    char *row = si_arena_alloc(a, schema->size * (size_t)count);
    assert_non_null(row);
    for (int i = 0; i < count; i++) {
        memcpy(row + schema->size * (size_t)i, schema->initial(), schema->size);
        fill(a, schema, row + schema->size * (size_t)i, depth);
    }
    return row;
}

static void fill(si_arena *a, const si_schema *schema, char *value, int depth) {
    for (const si_field *f = schema->fields; f->key != NULL; f++) {
        if (f->kind == SI_FIELD_STRUCT) {
            fill(a, f->schema, value + f->offset, depth + 1);
        } else if (any(3) == 0 && f->kind == SI_FIELD_POINTER && depth < 6) {
            *(void **)(void *)(value + f->offset) = make(a, f->schema, 1, depth + 1);
        } else if (any(2) == 0 && f->kind == SI_FIELD_LIST && depth < 6) {
            int count = 1 + (int)any(3);
            *(void **)(void *)(value + f->offset) = make(a, f->schema, count, depth + 1);
            *(int *)(void *)(value + f->count_offset) = count;
        } else if (any(2) == 0) {
            for (int k = 0; k < f->count; k++) {
                fill_value(a, f, value + f->offset + size_of(f) * (size_t)k);
            }
        }
    }
}

/* Makes what was filled at random agree with itself. */
static void mend_source(si_arena *a, si_source *s);

static void mend(si_arena *a, si_picture *p) {
    if (p->layer_count == 0) {
        si_layer *l = si_arena_alloc(a, sizeof *l);
        si_layer_init(l, 0);
        p->layers = l;
        p->layer_count = 1;
    }
    for (int i = 0; i < p->layer_count; i++) {
        si_layer *l = (si_layer *)&p->layers[i];
        l->number = i * 3;
        mend_source(a, &l->source);
        mend_source(a, &l->mask);
        for (int k = 0; k < l->adjustments.effect_count; k++) {
            ((si_effect *)l->adjustments.effects)[k].number = k - 5;
        }
    }
    for (int k = 0; k < p->comp.effect_count; k++) {
        ((si_effect *)p->comp.effects)[k].number = k + 1;
    }
    si_view *v = &p->view;
    v->wid = abs(v->wid);
    v->hei = abs(v->hei);
    for (int i = 2; i < 4; i++) {
        v->rect[i] = abs(v->rect[i]) + 1;
        v->rgn[i] = abs(v->rgn[i]) + 1;
    }
}

static void mend_source(si_arena *a, si_source *s) {
    if (s->nested != NULL) {
        mend(a, (si_picture *)s->nested);
    }
    s->kind = s->nested != NULL ? SI_SOURCE_NESTED : (si_source_kind)(any(2) * SI_SOURCE_URL);
    s->url = s->kind == SI_SOURCE_URL ? "https://a.example/b" : "";
    if (s->kind == SI_SOURCE_NONE && any(2) == 0) {
        s->kind = SI_SOURCE_FILE;
    }
    s->file = (si_file_ref){s->kind == SI_SOURCE_FILE ? any_text(a) : "", 1, 2};
    s->smart_crop[1] = s->smart_crop[0];
}

static void test_random_recipes_survive(void **unused) {
    (void)unused;
    for (int i = 0, long_ones = 0; i < 2000; i++) {
        si_arena a = {0};
        si_diag diag = {0};
        si_recipe r, back;
        const char *text, *again;
        state = (uint64_t)i;
        si_recipe_init(&r);
        fill(&a, &si_schema_recipe, (char *)&r, 0);
        mend(&a, &r.picture);
        if (r.watermark != NULL) {
            mend(&a, (si_picture *)&r.watermark->picture);
        }
        r.ladder_len = (int)any(SI_LADDER_MAX + 1);
        for (int k = 0; k < r.ladder_len; k++) {
            r.ladder[k] = (si_format)any(SI_FORMAT_COUNT);
        }
        si_result code = si_recipe_print(&r, &a, &text, &diag);
        if (code == SI_ERR_LIMIT) {
            assert_in_range(++long_ones, 0, 1900);
        } else {
            assert_int_equal(code, SI_OK);
            if (si_recipe_scan(si_str_of(text), &a, &back, &diag) != SI_OK) {
                fail_msg("%s\n%s", diag.text, text);
            }
            assert_int_equal(si_recipe_print(&back, &a, &again, &diag), SI_OK);
            assert_string_equal(text, again);
            assert_null(strpbrk(text, " \t\n"));
        }
        si_arena_free(&a);
    }
}

/* A renderer may be handed a recipe by anyone: no damage, at most an error. */
static void test_damaged_recipes_do_no_harm(void **unused) {
    (void)unused;
    si_arena a = {0};
    si_diag diag = {0};
    si_recipe r;
    const char *text;
    si_layer layer;
    si_recipe_init(&r);
    si_layer_init(&layer, 0);
    layer.source.kind = SI_SOURCE_FILE;
    layer.source.file = (si_file_ref){"demo/shoe.jpg", 12, 34};
    layer.adjustments.clip_path = "M,0,0,L,1,1,Z";
    r.picture.layers = &layer;
    r.picture.layer_count = 1;
    assert_int_equal(si_recipe_print(&r, &a, &text, &diag), SI_OK);
    size_t len = strlen(text);
    for (int i = 0; i < 20000; i++) {
        char *damaged = si_arena_copy(&a, text, len);
        state = (uint64_t)i;
        for (uint32_t n = 1 + any(3); n > 0; n--) {
            damaged[any((uint32_t)len)] = "()&=,-0123456789%az\xff"[any(20)];
        }
        (void)!si_recipe_scan((si_str){damaged, len - any((uint32_t)len)}, &a, &r, &diag);
        if (i % 1000 == 999) { /* the arena has a limit */
            si_arena b = {0};
            const char *kept = si_arena_copy(&b, text, len);
            si_arena_free(&a);
            a = b;
            text = kept;
        }
    }
    si_arena_free(&a);
}

static void test_values_out_of_range_are_refused(void **unused) {
    (void)unused;
    static const char *const good =
        "smartimg/" SI_RECIPE_VERSION
        "&co=&gen=0&pic=(layer=(n=0&src=(kind=file&file=a,1,2))&view=(wid=0&hei=0&resmode="
        "sharp2))&bgc=FFFFFF&dpr=1&fmt=jpeg&qlt=80&chroma=0&smart=0&ladder=";
    static const struct {
        const char *from, *to;
    } changes[] = {{"qlt=80", "qlt=101"}, {"qlt=80", "qlt=0"}, {"n=0&src", "n=1&src"},
        {"dpr=1", "dpr=0"}, {"smartimg/", "smartimg-"}, {"hei=0", "hei=-1"},
        {"kind=file", "kind=is"}, {"FFFFFF", "FFFFFG"}, {"a,1,2", "a,1"}, {"ladder=", "ladder=x"},
        {"&ladder=", ""}, {"n=0&src", "n=0&n=0&src"}};
    si_arena a = {0};
    si_diag diag = {0};
    si_recipe r;
    const char *again;
    if (si_recipe_scan(si_str_of(good), &a, &r, &diag) != SI_OK) {
        fail_msg("%s", diag.text);
    }
    assert_int_equal(si_recipe_print(&r, &a, &again, &diag), SI_OK);
    assert_string_equal(again, good);
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        const char *at = strstr(good, changes[i].from);
        assert_non_null(at);
        char *bad = si_arena_printf(
            &a, "%.*s%s%s", (int)(at - good), good, changes[i].to, at + strlen(changes[i].from));
        assert_int_equal(si_recipe_scan(si_str_of(bad), &a, &r, &diag), SI_ERR_SYNTAX);
    }
    si_arena_free(&a);
}

/* Another renderer would make other bytes of it. */
static void test_other_versions_are_refused(void **unused) {
    (void)unused;
    si_arena a = {0};
    si_diag diag = {0};
    si_recipe r;
    const char *text;
    si_recipe_init(&r);
    assert_int_equal(si_recipe_print(&r, &a, &text, &diag), SI_OK);
    char *begin =
        si_arena_printf(&a, "smartimg/%d.%d&", (int)SI_RECIPE_SYNTAX, (int)SI_RECIPE_REVISION);
    assert_memory_equal(text, begin, strlen(begin));
    const char *const others[] = {"1", "2", "", SI_RECIPE_VERSION ".1", "0" SI_RECIPE_VERSION,
        si_arena_printf(&a, "%d.%d", SI_RECIPE_SYNTAX, SI_RECIPE_REVISION - 1),
        si_arena_printf(&a, "%d.%d", SI_RECIPE_SYNTAX, SI_RECIPE_REVISION + 1),
        si_arena_printf(&a, "%d.%d", SI_RECIPE_SYNTAX + 1, SI_RECIPE_REVISION)};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        char *other = si_arena_printf(&a, "smartimg/%s&%s", others[i], text + strlen(begin));
        diag = (si_diag){0};
        assert_int_equal(si_recipe_scan(si_str_of(other), &a, &r, &diag), SI_ERR_CONFIG);
        assert_non_null(strstr(diag.text, "but this renderer makes " SI_RECIPE_VERSION ":"));
    }
    static const char *const none[] = {"", "smartimg/", "smartimg/2.2", "smartimg/2.2x&", "x",
        "smartimg/11111111111111111111111111111111&"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        assert_int_equal(si_recipe_scan(si_str_of(none[i]), &a, &r, NULL), SI_ERR_SYNTAX);
    }
    si_arena_free(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_recipes_survive),
        cmocka_unit_test(test_damaged_recipes_do_no_harm),
        cmocka_unit_test(test_values_out_of_range_are_refused),
        cmocka_unit_test(test_other_versions_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
