#include "cli/edge/rules.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/format.h"
#include "base/network.h"
#include "base/str.h"

enum { DECIMALS = 3, PATTERN_SIZE = SI_EDGE_PATTERN_SIZE };

/* ---- numbers ---- */

typedef struct text {
    char *out;
    size_t len;
} text;

static void put(text *t, const char *more) {
    size_t len = strlen(more);
    assert(t->len + len < PATTERN_SIZE);
    memcpy(t->out + t->len, more, len + 1);
    t->len += len;
}

static void put_digit(text *t, char digit) {
    put(t, (char[]){digit, '\0'});
}

/* The digits before number `i`, and one in its place that is greater; false, and nothing, if there
 * is none. */
static bool put_greater(text *t, const char *digits, size_t i) {
    if (digits[i] == '9') {
        return false;
    }
    for (size_t k = 0; k < i; k++) {
        put_digit(t, digits[k]);
    }
    if (digits[i] == '8') {
        put(t, "9");
    } else {
        put(t, (char[]){'[', (char)(digits[i] + 1), '-', '9', ']', '\0'});
    }
    return true;
}

/* Numbers without leading zeros and with no fewer digits, greater than `digits`. */
static void put_greater_integers(text *t, const char *digits) {
    size_t len = strlen(digits);
    for (size_t i = 0; i < len; i++) {
        if (!put_greater(t, digits, i)) {
            continue;
        }
        for (size_t k = i + 1; k < len; k++) {
            put(t, "[0-9]");
        }
        put(t, "|");
    }
    put(t, "[1-9]");
    for (size_t k = 0; k < len; k++) {
        put(t, "[0-9]");
    }
    put(t, "[0-9]*");
}

/* Decimals of which the first that differs from `digits` is greater. */
static void put_greater_decimals(text *t, const char *digits) {
    size_t len = strlen(digits);
    for (size_t i = 0; i < len; i++) {
        if (put_greater(t, digits, i)) {
            put(t, "[0-9]*|");
        }
    }
    put(t, digits);
    put(t, "0*[1-9][0-9]*");
}

/* Greater numbers, or equal ones, too. */
static void put_number(text *t, double limit, bool or_equal) {
    char number[32];
    assert(limit > 0 && limit < 1e6);
    snprintf(number, sizeof number, "%.*f", DECIMALS, limit);
    char *decimals = strchr(number, '.');
    assert(decimals != NULL);
    *decimals++ = '\0';
    for (size_t len = strlen(decimals); len > 0 && decimals[len - 1] == '0'; len--) {
        decimals[len - 1] = '\0';
    }
    const char *whole = strcmp(number, "0") == 0 ? "" : number; /* behind any number of zeros */
    put(t, "\\s*0*((");
    put_greater_integers(t, number);
    put(t, ")(\\.[0-9]*)?|");
    put(t, whole);
    put(t, "\\.(");
    put_greater_decimals(t, decimals);
    put(t, ")");
    if (or_equal) {
        put(t, "|");
        put(t, whole);
        put(t, decimals[0] != '\0' ? "\\." : "(\\.0*)?");
        put(t, decimals);
        put(t, decimals[0] != '\0' ? "0*" : "");
    }
    put(t, ")\\s*$");
}

void si_edge_number(si_edge_comparison comparison, double limit, char *out) {
    text t = {.out = out};
    if (comparison == SI_EDGE_BELOW) {
        put(&t, "^(?!");
        put_number(&t, limit, true);
        put(&t, ")(?=.*[0-9])\\s*[0-9]*(\\.[0-9]*)?\\s*$");
    } else {
        put(&t, "^");
        put_number(&t, limit, comparison == SI_EDGE_AT_LEAST);
    }
}

/* ---- lists ---- */

static si_edge_rule *add(si_edge_list *list, bool any_case, const char *result) {
    assert(list->count < SI_EDGE_RULES_MAX);
    si_edge_rule *rule = &list->rules[list->count++];
    rule->any_case = any_case;
    snprintf(rule->result, sizeof rule->result, "%s", result);
    return rule;
}

static void add_pattern(
    si_edge_list *list, const char *result, bool any_case, const char *pattern) {
    snprintf(add(list, any_case, result)->pattern, PATTERN_SIZE, "%s", pattern);
}

static void make_accept(si_edge_rules *out) {
#define X(format, types)                                                                           \
    add_pattern(&out->formats, "", true, SI_EDGE_RANGE_BEGIN types SI_EDGE_RANGE_END);             \
    snprintf(out->formats.rules[out->formats.count - 1].result, sizeof out->formats.rules->result, \
        "+%s", si_format_name(SI_FORMAT_##format));
    SI_EDGE_FORMATS(X)
#undef X
    snprintf(
        out->strange, sizeof out->strange, "%s|%s", SI_EDGE_STRANGE_QUOTES, SI_EDGE_STRANGE_WEIGHT);
    snprintf(out->wildcard, sizeof out->wildcard, "%s",
        SI_EDGE_RANGE_BEGIN SI_EDGE_WILDCARD SI_EDGE_RANGE_END);
    snprintf(out->no_device, sizeof out->no_device, "%s",
        SI_EDGE_RANGE_BEGIN SI_EDGE_NO_DEVICE SI_EDGE_RANGE_END);
#define X(formats, any_case, pattern) add_pattern(&out->agents, formats, any_case, pattern);
    SI_EDGE_AGENTS(X)
#undef X
}

static void print_ratio(double ratio, char *out, size_t size) {
    char number[32];
    out[0] = '\0';
    if (ratio != 1) {
        snprintf(out, size, ";dpr=%s", si_real_print(ratio, number));
    }
}

/* The nearest of the list, of two the larger. */
static double nearest(const double *ratios, int count, double ratio) {
    int i = 0;
    while (i + 1 < count && ratio >= (ratios[i] + ratios[i + 1]) / 2) {
        i++;
    }
    return ratios[i];
}

static void make_ratios(const double *ratios, int count, si_edge_rules *out) {
    char result[24];
    if (count == 1) {
        return;
    }
    for (int i = count - 1; i > 0; i--) {
        print_ratio(ratios[i], result, sizeof result);
        si_edge_number(SI_EDGE_AT_LEAST, (ratios[i - 1] + ratios[i]) / 2,
            add(&out->ratios, false, result)->pattern);
    }
    /* what is above 0 tells something, be it that it is no more */
    add_pattern(&out->ratios, "", false, "^(?=.*[1-9])\\s*[0-9]*(\\.[0-9]*)?\\s*$");
#define X(ratio, any_case, pattern)                                                                \
    print_ratio(nearest(ratios, count, ratio), result, sizeof result);                             \
    add_pattern(&out->devices, result, any_case, pattern);
    SI_EDGE_DEVICES(X)
#undef X
}

static si_edge_rule *add_network(si_edge_rules *out, si_network network, const char *header) {
    assert(out->network_count < SI_EDGE_RULES_MAX);
    si_edge_network_rule *n = &out->network[out->network_count++];
    n->header = header;
    if (network != SI_NETWORK_EXCELLENT) {
        snprintf(n->rule.result, sizeof n->rule.result, ";net=%s", si_network_name(network));
    }
    return &n->rule;
}

static void set_WORD(si_edge_rule *rule, const char *word) {
    rule->any_case = true;
    snprintf(rule->pattern, PATTERN_SIZE, "^\\s*%s\\s*(;|$)", word);
}

static void set_ABOVE(si_edge_rule *rule, double limit) {
    si_edge_number(SI_EDGE_ABOVE, limit, rule->pattern);
}

static void set_BELOW(si_edge_rule *rule, double limit) {
    si_edge_number(SI_EDGE_BELOW, limit, rule->pattern);
}

void si_edge_rules_make(const double *ratios, int count, bool network, si_edge_rules *out) {
    assert(count >= 1 && count <= SI_EDGE_RATIOS_MAX && ratios[0] == 1);
    *out = (si_edge_rules){.network_count = 0};
    make_accept(out);
    make_ratios(ratios, count, out);
    if (network) {
#define X(class, header, kind, value)                                                              \
    set_##kind(add_network(out, SI_NETWORK_##class, header), value);
        SI_EDGE_NETWORK(X)
#undef X
    }
}
