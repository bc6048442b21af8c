#include "render/read/svg_cost.h"

#define XML_DTD /* expat 2.5 shows its limits of amplification only so */
#include <expat.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "render/read/read_svg.h"
#include "render/read/svg_lines.h"
#include "render/read/svg_picture.h"

enum { NONE = -1 };

static const double ENDLESS = 1e18;

/* An element. Those that it shows are its children, and what its references name. */
typedef struct element {
    int first_child, next; /* NONE = none */
    int first_reference;   /* the last that was met, NONE = none */
    double own, total;     /* cost; total < 0: not counted yet */
    bool busy;             /* being counted */
} element;

typedef struct reference {
    uint64_t name;
    double times;
    int next; /* of the same element */
} reference;

typedef struct name {
    uint64_t hash;
    int element;
} name;

typedef struct drawing {
    XML_Parser parser;
    element *elements;
    reference *references;
    name *names;
    int element_count, reference_count, name_count;
    int open[SI_SVG_DEPTH];      /* elements that are open */
    double scales[SI_SVG_DEPTH]; /* of them, with all that they are in */
    int depth;
    int texts, style, gradient_stops, text_depth; /* style, text_depth: how deep within; 0 = not */
    double letters, rules, pixels;
    bool filters;
    uint64_t style_name; /* hash of what is read after "#" in a style sheet, 0 = nothing */
    int first_style;     /* reference of style sheets */
    si_diag *diag;
    si_result result;
} drawing;

static void fail(drawing *d, const char *what, double most) {
    if (d->result == SI_OK) {
        d->result = si_fail(d->diag, SI_ERR_LIMIT,
            "the source drawing has too many or too large %s: more than %.0f", what, most);
        XML_StopParser(d->parser, XML_FALSE);
    }
}

/* Makes room for one more of `size` bytes each; false after telling so. */
static bool grow(drawing *d, void **list, int count, size_t size) {
    if ((count & (count - 1)) == 0) { /* a power of two: full */
        void *more = realloc(*list, size * (size_t)(count == 0 ? 1 : 2 * count));
        if (more == NULL) {
            d->result = si_fail(d->diag, SI_ERR_MEMORY, "no memory for a drawing");
            XML_StopParser(d->parser, XML_FALSE);
            return false;
        }
        *list = more;
    }
    return true;
}

/* ---- references ---- */

static uint64_t hash_of(const char *p, size_t len) { /* FNV-1a; 0 is nobody's */
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < len; i++) {
        h = (h ^ (uint8_t)p[i]) * UINT64_C(0x100000001b3);
    }
    return h | 1;
}

static void refer(drawing *d, int *first, const char *p, size_t len, double times) {
    void *list = d->references;
    if (grow(d, &list, d->reference_count, sizeof *d->references)) {
        d->references = list;
        d->references[d->reference_count] =
            (reference){.name = hash_of(p, len), .times = times, .next = *first};
        *first = d->reference_count++;
    }
}

/* Takes note of each "#name" that ends in a quote, a parenthesis or with the text, `times`. */
static void find_references(drawing *d, int *first, const char *value, double times) {
    for (const char *p = strchr(value, '#'); p != NULL; p = strchr(p, '#')) {
        p++;
        size_t len = strcspn(p, "\"') ");
        bool in_url = p - value >= 5 && memmem(value, (size_t)(p - value), "url", 3) != NULL;
        if (len > 0 && (in_url || p == value + 1)) {
            refer(d, first, p, len, times);
        }
    }
}

/* ---- elements ---- */

static const char *local_name(const char *n) {
    const char *colon = strrchr(n, ':');
    return colon != NULL ? colon + 1 : n;
}

static bool is(const char *n, const char *word) {
    return strcmp(n, word) == 0;
}

static const char *value_of(const char **attributes, const char *wanted) {
    for (int i = 0; attributes[i] != NULL; i += 2) {
        if (is(local_name(attributes[i]), wanted)) {
            return attributes[i + 1];
        }
    }
    return NULL;
}

static double number_of(const char **attributes, const char *wanted) {
    const char *value = value_of(attributes, wanted);
    double n = value != NULL ? strtod(value, NULL) : 0;
    return n > 0 && n < ENDLESS ? n : 0;
}

/* Letters that are so large make librsvg end the process. Sizes that add up of relative ones are
 * not found here. */
static void check_font_sizes(drawing *d, const char *p) {
    while ((p = strstr(p, "font-size")) != NULL) {
        p += strlen("font-size");
        double size = strtod(p + strspn(p, " \t\r\n:"), NULL);
        if (!(size <= SI_SVG_FONT_SIZE)) {
            fail(d, "letters", SI_SVG_FONT_SIZE);
        }
    }
}

static bool ends_with(const char *begin, const char *end, const char *word) {
    size_t len = strlen(word);
    return (size_t)(end - begin) >= len && memcmp(end - len, word, len) == 0;
}

/* How much larger transformations may make things: the largest numbers of scale() and matrix(),
 * multiplied. */
static double scale_of(const char **attributes) {
    const char *value = value_of(attributes, "transform");
    double scale = 1;
    for (const char *p = value != NULL ? strchr(value, '(') : NULL; p != NULL;
         p = strchr(p + 1, '(')) {
        const char *word_end = p;
        while (word_end > value && word_end[-1] == ' ') {
            word_end--;
        }
        if (!ends_with(value, word_end, "scale") && !ends_with(value, word_end, "matrix")) {
            continue;
        }
        double largest = 1;
        const char *at = p + 1;
        for (int i = 0; i < 4; i++) {
            char *end;
            at += strspn(at, " \t\r\n,");
            double n = fabs(strtod(at, &end));
            largest = n > largest ? n : largest;
            at = end;
        }
        scale *= largest;
    }
    return scale;
}

/* What it costs by itself. */
static double cost_of(drawing *d, const char *n, const char **attributes) {
    if (strncmp(n, "fe", 2) != 0) {
        const char *path = value_of(attributes, "d"), *points = value_of(attributes, "points");
        double lines = path != NULL     ? si_svg_lines_of_path(path)
                       : points != NULL ? si_svg_lines_of_points(points)
                                        : 0;
        return 1 + lines / SI_SVG_LINES_COST + lines * lines / SI_SVG_SORTING_COST;
    }
    d->filters = true;
    double octaves = is(n, "feTurbulence") ? number_of(attributes, "numOctaves") : 0;
    if (is(n, "feConvolveMatrix") && number_of(attributes, "order") > SI_SVG_KERNEL) {
        fail(d, "matrices of convolutions", SI_SVG_KERNEL);
    }
    return SI_SVG_FILTER_COST +
           SI_SVG_OCTAVE_COST * (octaves > SI_SVG_OCTAVES ? octaves - SI_SVG_OCTAVES : 0);
}

/* Points of a path or polygon, each of which may get a marker; no less than there are. */
static double points_of(const char **attributes) {
    const char *path = value_of(attributes, "d"), *points = value_of(attributes, "points");
    const char *p = path != NULL ? path : points != NULL ? points : "";
    return 1 + (double)strlen(p) / 4;
}

static void take_attributes(drawing *d, element *e, const char *n, const char **attributes) {
    int count = 0;
    for (; attributes[2 * count] != NULL; count++) {
        const char *key = local_name(attributes[2 * count]), *value = attributes[2 * count + 1];
        bool marker =
            strncmp(key, "marker", 6) == 0 || (is(key, "style") && strstr(value, "marker") != NULL);
        if (is(key, "id")) {
            void *list = d->names;
            if (grow(d, &list, d->name_count, sizeof *d->names)) {
                d->names = list;
                d->names[d->name_count++] =
                    (name){.hash = hash_of(value, strlen(value)), .element = d->element_count};
            }
        } else if (is(key, "href") && strncmp(value, "data:", 5) == 0 && is(n, "image")) {
            d->pixels += si_svg_picture_pixels(value);
        } else {
            find_references(d, &e->first_reference, value, marker ? points_of(attributes) : 1);
        }
        if (is(key, "style")) {
            check_font_sizes(d, value);
        } else if (is(key, "font-size") && !(strtod(value, NULL) <= SI_SVG_FONT_SIZE)) {
            fail(d, "letters", SI_SVG_FONT_SIZE);
        }
    }
    if (count > SI_SVG_ATTRIBUTES) {
        fail(d, "attributes", SI_SVG_ATTRIBUTES);
    }
    if (d->pixels > SI_SVG_PICTURES) {
        fail(d, "pictures", SI_SVG_PICTURES);
    }
}

static bool is_text(const char *n) {
    return is(n, "text") || is(n, "tspan") || is(n, "textPath") || is(n, "tref");
}

static void count_kind(drawing *d, const char *n) {
    if (is_text(n) && ++d->texts > SI_SVG_TEXTS) {
        fail(d, "texts", SI_SVG_TEXTS);
    }
    if (is(n, "linearGradient") || is(n, "radialGradient")) {
        d->gradient_stops = 0;
    }
    if (is(n, "stop") && ++d->gradient_stops > SI_SVG_STOPS) {
        fail(d, "stops of gradients", SI_SVG_STOPS);
    }
    d->style = d->style == 0 && is(n, "style") ? d->depth : d->style;
    d->text_depth = d->text_depth == 0 && is_text(n) ? d->depth : d->text_depth;
}

static void on_start(void *data, const XML_Char *qualified, const XML_Char **attributes) {
    drawing *d = data;
    const char *n = local_name(qualified);
    void *list = d->elements;
    if (d->depth == SI_SVG_DEPTH) {
        fail(d, "elements in each other", SI_SVG_DEPTH);
    } else if (d->element_count == SI_SVG_ELEMENTS) {
        fail(d, "elements", SI_SVG_ELEMENTS);
    } else if (grow(d, &list, d->element_count, sizeof *d->elements)) {
        d->elements = list;
        element e = {.first_child = NONE, .next = NONE, .first_reference = NONE, .total = -1};
        e.own = cost_of(d, n, attributes);
        take_attributes(d, &e, n, attributes);
        d->scales[d->depth] = scale_of(attributes) * (d->depth > 0 ? d->scales[d->depth - 1] : 1);
        if (!(d->scales[d->depth] <= SI_SVG_SCALE)) {
            fail(d, "scales", SI_SVG_SCALE);
        }
        if (d->depth > 0) {
            element *parent = &d->elements[d->open[d->depth - 1]];
            e.next = parent->first_child;
            parent->first_child = d->element_count;
        }
        d->elements[d->element_count] = e;
        d->open[d->depth++] = d->element_count++;
        count_kind(d, n);
    }
}

static void on_end(void *data, const XML_Char *qualified) {
    drawing *d = data;
    (void)qualified;
    d->style = d->style == d->depth ? 0 : d->style;
    d->text_depth = d->text_depth == d->depth ? 0 : d->text_depth;
    d->depth--;
}

static void on_text(void *data, const XML_Char *text, int len) {
    drawing *d = data;
    if (d->text_depth > 0 && (d->letters += len) > SI_SVG_LETTERS) {
        fail(d, "bytes of text", SI_SVG_LETTERS);
    }
    if (d->style == 0) {
        return;
    }
    char *copy = malloc((size_t)len + 1); /* expat may cut a name in two: at ends of lines only */
    if (copy == NULL) {
        return;
    }
    memcpy(copy, text, (size_t)len);
    copy[len] = '\0';
    check_font_sizes(d, copy);
    for (const char *p = copy; (p = strpbrk(p, "{,")) != NULL; p++) {
        d->rules++;
    }
    for (const char *p = copy; (p = strstr(p, "url(")) != NULL; p++) {
        size_t end = strcspn(p, ")");
        char *url = copy + (p - copy), kept = url[end];
        url[end] = '\0';
        find_references(d, &d->first_style, url, 1);
        url[end] = kept;
    }
    free(copy);
}

/* ---- what is shown ---- */

static int compare_names(const void *a, const void *b) {
    const name *x = a, *y = b;
    return x->hash < y->hash ? -1 : x->hash > y->hash;
}

static double total_of(drawing *d, int index, int depth);

static double cost_of_name(drawing *d, uint64_t hash, int depth) {
    const name key = {.hash = hash};
    const name *found = d->name_count == 0 ? NULL
                                           : bsearch(&key, d->names, (size_t)d->name_count,
                                                 sizeof *d->names, compare_names);
    return found != NULL ? total_of(d, found->element, depth) : 0;
}

/* What is shown where this element is, by reference, too. Loops are cut, as librsvg cuts them. */
static double total_of(drawing *d, int index, int depth) {
    element *e = &d->elements[index];
    if (e->total >= 0 || e->busy) {
        return e->busy ? 0 : e->total;
    }
    if (depth > 4 * SI_SVG_DEPTH) {
        return ENDLESS;
    }
    double sum = e->own;
    e->busy = true;
    for (int i = e->first_child; i != NONE; i = d->elements[i].next) {
        sum += total_of(d, i, depth + 1);
    }
    for (int i = e->first_reference; i != NONE; i = d->references[i].next) {
        sum += d->references[i].times * cost_of_name(d, d->references[i].name, depth + 1);
    }
    e->busy = false;
    return e->total = sum < ENDLESS ? sum : ENDLESS;
}

static void check_shown(drawing *d) {
    double dearest = 0;
    if (d->name_count > 0) {
        qsort(d->names, (size_t)d->name_count, sizeof *d->names, compare_names);
    }
    for (int i = d->first_style; i != NONE; i = d->references[i].next) {
        double cost = cost_of_name(d, d->references[i].name, 0);
        dearest = cost > dearest ? cost : dearest;
    }
    double most = SI_SVG_SHOWN + (double)SI_SVG_SHOWN_TIMES * d->element_count;
    double shown = d->element_count > 0 ? total_of(d, 0, 0) : 0;
    if (shown + dearest * d->element_count > most) {
        fail(d, "elements shown by reference, filters, or lines beside each other", most);
    }
    if (d->rules * d->element_count > SI_SVG_MATCHES) {
        fail(d, "style sheets for its elements", SI_SVG_MATCHES);
    }
}

/* ---- the document ---- */

/* What stands in names and references is ASCII in all of them. */
static int on_encoding(void *data, const XML_Char *encoding, XML_Encoding *info) {
    (void)data, (void)encoding;
    for (int i = 0; i < 256; i++) {
        info->map[i] = i;
    }
    info->data = NULL;
    info->convert = NULL;
    info->release = NULL;
    return XML_STATUS_OK;
}

static void parse(drawing *d, const uint8_t *text, size_t len) {
    XML_SetUserData(d->parser, d);
    XML_SetElementHandler(d->parser, on_start, on_end);
    XML_SetCharacterDataHandler(d->parser, on_text);
    XML_SetUnknownEncodingHandler(d->parser, on_encoding, NULL);
    XML_SetBillionLaughsAttackProtectionMaximumAmplification(d->parser, SI_SVG_AMPLIFICATION);
    XML_SetBillionLaughsAttackProtectionActivationThreshold(d->parser, SI_SVG_FREE_ENTITIES);
    if (XML_Parse(d->parser, (const char *)text, (int)len, 1) == XML_STATUS_ERROR &&
        d->result == SI_OK) {
        enum XML_Error code = XML_GetErrorCode(d->parser);
        d->result = code == XML_ERROR_AMPLIFICATION_LIMIT_BREACH
                        ? si_fail(d->diag, SI_ERR_LIMIT, "the source drawing has too many entities")
                        : si_fail(d->diag, SI_ERR_SOURCE, "the source image is broken: XML: %s",
                              XML_ErrorString(code));
    }
}

si_result si_svg_check_cost(const uint8_t *text, size_t len, bool *filters, si_diag *diag) {
    drawing d = {.parser = XML_ParserCreate(NULL), .first_style = NONE, .diag = diag};
    if (d.parser == NULL) {
        return si_fail(diag, SI_ERR_MEMORY, "no memory for a drawing");
    }
    parse(&d, text, len);
    if (d.result == SI_OK) {
        check_shown(&d);
    }
    *filters = d.filters;
    XML_ParserFree(d.parser);
    free(d.elements);
    free(d.references);
    free(d.names);
    return d.result;
}
