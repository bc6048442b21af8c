/* Rule sets as they are kept in memory. */
#ifndef SI_CATALOG_RULES_INTERNAL_H
#define SI_CATALOG_RULES_INTERNAL_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "catalog/catalog_internal.h"
#include "catalog/rules.h"

/* A piece of a substitution: text, or the text of a group. */
typedef struct si_rule_piece {
    struct si_rule_piece *next;
    const char *text; /* NULL = the group */
    size_t len;
    int group;
} si_rule_piece;

typedef enum si_on_match { SI_MATCH_BREAK, SI_MATCH_CONTINUE, SI_MATCH_ERROR } si_on_match;

typedef struct si_rule_header_node {
    struct si_rule_header_node *next;
    si_rule_header header;
} si_rule_header_node;

/* An attribute that the rule overrides: the row, and a struct of which only its field is set. */
typedef struct si_rule_override {
    struct si_rule_override *next;
    const si_attribute *row;
    si_attributes *values;
    const char *text; /* as it stands in the file */
} si_rule_override;

typedef struct si_rule {
    struct si_rule *next;
    const char *name; /* "" = none */
    int line;
    si_on_match on_match;
    bool replace_all;
    unsigned contexts;     /* si_rule_context bits */
    pcre2_code *code;      /* NULL = always matches, and substitutions are appended */
    bool substitutes;      /* there is a <substitution>, maybe an empty one */
    si_rule_piece *pieces; /* of it */
    bool filters;          /* there is an <addressfilter> */
    const si_address_filter *filter;
    si_rule_header_node *headers;
    si_rule_override *overrides;
} si_rule;

typedef struct si_rule_set {
    struct si_rule_set *next; /* of the catalog, for si_rules_free() */
    si_rule *first;
    const char *file; /* as reports call it */
    pcre2_match_context *limits;
    uint32_t groups; /* most that an expression has */
    bool protects;   /* a rule has an address filter, or asks for a lock */
} si_rule_set;

/* The rules that hold for a company, or NULL. */
const si_rule_set *si_rules_of(const si_catalog *c, const si_company *company);

/* Reads the RuleSetFile of the company, if it names one. */
void si_rules_load(si_loading *l);

/* Frees what PCRE2 has of the rule sets of a catalog. */
void si_rules_free(si_rule_set *first);

#endif
