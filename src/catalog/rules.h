/* Rule sets: what a company does to requests before anything else looks at them
 * (the vendor's image catalog reference, rule sets).
 *
 * Where the reference is silent or says two things:
 *   - the text that rules see is what follows "/is/image/", without a leading "/", then "?" and the
 *     query; all of it as it was sent, still percent-encoded, locked and obfuscated, but without
 *     slashes that add nothing (doubled ones, and one at the end);
 *   - RequestType that is absent means every context;
 *   - a substitution replaces the whole match, as Java's replaceFirst() and replaceAll() do; `$`
 *     and `\` in it follow Matcher.appendReplacement(); the first "?" of the result parts path and
 *     query;
 *   - an expression that is absent or empty matches, and its substitution is appended;
 *   - overrides and headers count for rules with OnMatch="continue", too;
 *   - a company that is only a folder has no rules of its own, so the default company's apply.
 *
 * Expressions are PCRE2's, without UTF, which reads Java's except for set operations in character
 * classes ([a-z&&[^x]], a mistake at load). A match that takes too long (too many steps, or 10 ms
 * of processor time for all rules of a request) counts as none; if the rule is there to protect,
 * with OnMatch="error" or an address filter, the request is refused instead. */
#ifndef SI_CATALOG_RULES_H
#define SI_CATALOG_RULES_H

#include "base/steps.h"
#include "catalog/catalog.h"

enum {
    SI_RULE_REQUEST_MAX = 65536, /* bytes of a rewritten request */
    SI_RULE_HEADERS_MAX = 64     /* headers a request can collect */
};

/* Contexts of RequestType. */
typedef enum si_rule_context {
    SI_CONTEXT_IS = 1,    /* /is/image */
    SI_CONTEXT_IR = 2,    /* /ir/render */
    SI_CONTEXT_STATIC = 4 /* /is/content */
} si_rule_context;

typedef struct si_rule_input {
    si_rule_context context;
    si_str path;     /* behind the context and its "/", as sent but for slashes that add nothing */
    si_str query;    /* behind the "?", as sent; p == NULL = there is none */
    si_str client;   /* address, as text */
    bool lent;       /* for any client's nested use (AllowNested): address filters say nothing */
    si_steps *steps; /* gets the rules; NULL = nobody asks */
} si_rule_input;

/* A response header of a matched rule. Name and value may hold $variables$ of the request, which
 * the caller puts in without encoding them; then si_rule_header_ok() must be asked. */
typedef struct si_rule_header {
    const char *name, *value;
    bool add; /* append behind a comma, rather than replace */
} si_rule_header;

typedef struct si_rule_output {
    si_str path, query;              /* rewritten or as they were; p == NULL = no query */
    const si_attributes *attributes; /* the company's, with what matched rules override; an
                                        Expiration never beats a record's own */
    bool by_address; /* the client's address was looked at: another may be refused */
    int header_count;
    const si_rule_header *headers[SI_RULE_HEADERS_MAX]; /* in the order of the rules */
} si_rule_output;

/* Applies the rules of the main company, and checks the client's address against the filter of the
 * last matched rule that has one, else ClientAddressFilter. SI_ERR_FORBIDDEN: refused by a rule or
 * the filter. SI_ERR_LIMIT: the rewritten request is too long, or a protecting rule could not be
 * decided. Strings are borrowed from the input or in the arena. */
SI_NODISCARD si_result si_rules_apply(const si_catalog *c, const si_company *company,
    const si_rule_input *input, si_arena *arena, si_rule_output *out, si_diag *diag);

/* Whether a header may be sent: a name of token characters that is not one the server must set
 * itself (Content-Length, Connection and the like), and a value without control characters. */
bool si_rule_header_ok(si_str name, si_str value);

#endif
