/* How an edge classifies its clients, as rules that every edge can follow: regular expressions and
 * texts, from which `smartimg edge-config` writes VCL, nginx maps and JavaScript.
 *
 * They come to what si_client_classify() says (client/client.h), but that an Accept header with
 * refusals, strange weights or quoted strings is not classified, and that pixel ratios are those of
 * a list. tests/data/edge_vectors.tsv holds both sides together.
 *
 * The expressions stay within what PCRE, PCRE2 and JavaScript have in common: no flags inside, no
 * possessive or lazy repetition, no look-behind, and nothing that the quoting of some dialect would
 * touch but `"` and the backslash. */
#ifndef SI_CLI_EDGE_RULES_H
#define SI_CLI_EDGE_RULES_H

#include <stdbool.h>

enum { SI_EDGE_PATTERN_SIZE = 300 };

/* The first rule of a list whose expression is found in the header decides. */
typedef struct si_edge_rule {
    char pattern[SI_EDGE_PATTERN_SIZE];
    bool any_case;
    char result[24]; /* a format list, or what is appended to a class; "" = nothing */
} si_edge_rule;

/* ---- Accept ---- */

/* An element of Accept that names the media range `range`, whatever its parameters: the expression
 * of the table is put between these. Names are in any case. */
#define SI_EDGE_RANGE_BEGIN "(^|,)\\s*"
#define SI_EDGE_RANGE_END "\\s*(,|;|$)"

/* What is no task for regular expressions: a quoted string, or a weight that is not a number above
 * 0 and up to 1. Such headers are rare, and no browser's. */
#define SI_EDGE_STRANGE_QUOTES "[\"\\\\]"
#define SI_EDGE_STRANGE_WEIGHT ";\\s*q(?!\\s*=\\s*(0?\\.[0-9]*[1-9][0-9]*|1(\\.0*)?)\\s*(,|;|$))"

/* Media ranges that exclude no image: with one of them, or without Accept, the User-Agent counts.
 */
#define SI_EDGE_WILDCARD "(\\*|image)/\\*"

/* What appends "+NAME" to the list of formats, in the order of si_client_name(): format, media
 * types as an expression. */
#define SI_EDGE_FORMATS(X)                                                                         \
    X(AVIF, "image/avif")                                                                          \
    X(JXL, "image/jxl")                                                                            \
    X(WEBP, "image/webp")                                                                          \
    X(JP2, "image/jp2")                                                                            \
    X(JXR, "image/(jxr|vnd\\.ms-photo)")

/* ---- User-Agent, where Accept names no format ---- */

/* Formats, whether in any case, expression. In this order, as client/user_agent.h has it: robots,
 * then JPEG XR, since IEMobile 11 calls itself an iPhone, then who is not Apple's, then iOS and
 * macOS. */
#define SI_EDGE_AGENTS(X)                                                                          \
    X("plain", true, "(bot|crawl|http|preview|spider)")                                            \
    X("jxr", false, "\\bEdge[/ ]1[2-7](?![0-9])")                                                  \
    X("jxr", false, "^(?!.*\\bEdge\\b).*\\bTrident[/ ]([5-9]|[1-9][0-9])")                         \
    X("jxr", false, "^(?!.*\\b(Edge|Trident|Opera)\\b).*\\bMSIE[/ ](9|[1-9][0-9])")                \
    X("plain", false, "^(?!.*\\bAppleWebKit\\b)")                                                  \
    X("plain", false, "\\b(Android|Chrome|Edg|Silk)\\b")                                           \
    X("jp2", false, "\\b(CPU|iPhone)[^A-Za-z0-9]+OS[/ ]([5-9]|1[0-3])(?![0-9])")                   \
    X("plain", false, "\\b(CPU|iPhone)[^A-Za-z0-9]+OS\\b")                                         \
    X("plain", false, "^(?!.*\\bMacintosh\\b)")                                                    \
    X("jp2", false, "\\bGecko[^A-Za-z0-9]+Version[/ ]([5-9]|1[0-3])(?![0-9])")                     \
    X("jp2", false,                                                                                \
        "^(?=.*\\bOS[^A-Za-z0-9]+X[/ ]10(?![0-9])).*"                                              \
        "\\bGecko[^A-Za-z0-9]+Version[/ ]1[45](?![0-9])")

/* ---- pixel ratio ---- */

/* What the User-Agent tells where no hint does (client/user_agent.h): ratio, whether in any case,
 * expression. 1 = nothing. */
#define SI_EDGE_DEVICES(X)                                                                         \
    X(1, true, "(bot|crawl|http|preview|spider)")                                                  \
    X(1, false, "\\b(Android|Chrome|Edg|Silk)\\b")                                                 \
    X(1, false, "^(?=.*\\biPad;).*\\b(CPU|iPhone)[^A-Za-z0-9]+OS\\b(?![/ ][1-9][0-9])")            \
    X(2, false, "\\biPad;")                                                                        \
    X(1, false, "\\b(CPU|iPhone)[^A-Za-z0-9]+OS\\b(?![/ ]([7-9]|[1-9][0-9]))")                     \
    X(2, false, "\\b(iPhone;|iPod\\b)")

/* Who asks for this is none of these devices, whatever its User-Agent says: a Chromium. */
#define SI_EDGE_NO_DEVICE "image/apng"

/* ---- network ---- */

/* How a header tells of the line: class, header, kind of comparison, value; of an excellent one
 * nothing is said. The first row that holds decides, so the worst class wins. Kinds: WORD in any
 * case, with parameters or without; ABOVE or BELOW a number. */
#define SI_EDGE_NETWORK(X)                                                                         \
    X(POOR, "Save-Data", WORD, "on")                                                               \
    X(POOR, "ECT", WORD, "(slow-)?2g")                                                             \
    X(POOR, "Downlink", BELOW, 0.7)                                                                \
    X(POOR, "RTT", ABOVE, 600)                                                                     \
    X(GOOD, "ECT", WORD, "3g")                                                                     \
    X(GOOD, "RTT", ABOVE, 270)                                                                     \
    X(EXCELLENT, "ECT", WORD, "4g")                                                                \
    X(GOOD, "Downlink", BELOW, 4)

/* ---- the rules of one edge ---- */

enum { SI_EDGE_RATIOS_MAX = 8, SI_EDGE_RULES_MAX = 16 };

typedef struct si_edge_list {
    si_edge_rule rules[SI_EDGE_RULES_MAX];
    int count;
} si_edge_list;

typedef struct si_edge_network_rule {
    const char *header;
    si_edge_rule rule;
} si_edge_network_rule;

typedef struct si_edge_rules {
    si_edge_list formats; /* all that match count; results "+avif" … */
    si_edge_list agents;  /* none matches: "plain" */
    si_edge_list ratios;  /* of the hint; none matches: it tells nothing */
    si_edge_list devices; /* of the User-Agent, where no hint tells; none matches: "" */
    si_edge_network_rule network[SI_EDGE_RULES_MAX];
    int network_count;
    /* of Accept, in any case: it is not classified; the User-Agent counts; its device does not */
    char strange[SI_EDGE_PATTERN_SIZE], wildcard[SI_EDGE_PATTERN_SIZE];
    char no_device[SI_EDGE_PATTERN_SIZE];
} si_edge_rules;

/* Makes the rules for these pixel ratios, which ascend from 1, and with network classes or not. The
 * nearest ratio is told, of two the larger, as si_density_snap() has it; with 1 alone there are no
 * rules for ratios. */
void si_edge_rules_make(const double *ratios, int count, bool network, si_edge_rules *out);

/* How a number is compared. */
typedef enum si_edge_comparison {
    SI_EDGE_ABOVE,
    SI_EDGE_AT_LEAST,
    SI_EDGE_BELOW
} si_edge_comparison;

/* An expression for decimal numbers, with blanks around them, without sign and exponent, that
 * compare so with `limit` (0 < limit < 1e6, of which three decimals count). `out` needs
 * SI_EDGE_PATTERN_SIZE bytes. */
void si_edge_number(si_edge_comparison comparison, double limit, char *out);

#endif
