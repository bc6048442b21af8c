/* The two texts of a rule: its regular expression, and what takes the place of a match.
 *
 * The vendor's rule sets are written for Java: expressions for java.util.regex.Pattern,
 * substitutions for Matcher.appendReplacement(). Expressions go to PCRE2, which reads bytes here,
 * not characters; what it would read differently from Java is reported as a mistake. */
#ifndef SI_CATALOG_RULE_EXPRESSION_H
#define SI_CATALOG_RULE_EXPRESSION_H

#include "catalog/rules_internal.h"

/* Compiles `text` into rule->code, which si_rules_free() frees, and raises set->groups where it has
 * more groups. An empty text leaves rule->code NULL: the rule always matches. Mistakes are reported
 * at `line` of the file that is being read, and leave it NULL as well. */
void si_rule_expression_compile(
    si_loading *l, int line, si_str text, si_rule_set *set, si_rule *rule);

/* Parses `text`, in which $1 and ${name} stand for groups of rule->code and \x for x, into
 * rule->pieces, in the arena of `l`; without an expression "$" is a character like any other.
 * Mistakes are reported at `line`; the pieces before one stay. False if memory runs out, which is
 * not reported. */
bool si_rule_substitution_parse(si_loading *l, int line, si_str text, si_rule *rule);

#endif
