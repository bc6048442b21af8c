/* Who is asking: from request headers to a client class.
 *
 * The class says which formats the client can show, and how good its line is. It is the only thing
 * about the client that the rest of smartimg sees; raw headers never reach a recipe, so two
 * browsers of one class share every cached derivative (docs/decisions.md, D-12). */
#ifndef SI_CLIENT_CLIENT_H
#define SI_CLIENT_CLIENT_H

#include <stdbool.h>

#include "base/format.h"
#include "base/network.h"
#include "base/str.h"
#include "base/wire.h"
#include "client/density.h"
#include "client/network.h"

/* What the server was told about reading them. */
typedef struct si_client_settings {
    si_network_limits limits;   /* of network classes */
    const char *network_header; /* name of the header by which an edge tells a network class, ""
                                   = none, unless the company names one */
} si_client_settings;

/* The usual limits, and no header. */
extern const si_client_settings si_client_usual_settings;

/* The request headers that may decide; borrowed, absent = {NULL, 0}. */
typedef struct si_client_headers {
    si_str accept;
    si_str user_agent;
    si_str dpr;            /* Sec-CH-DPR, else DPR */
    si_str width;          /* Sec-CH-Width, else Width: what the picture takes, screen pixels */
    si_str viewport_width; /* Sec-CH-Viewport-Width, else Viewport-Width: CSS pixels */

    /* Finds another header by its name, in any case, the first of several; absent = {NULL, 0}. NULL
     * = there are none. */
    si_str (*find)(void *context, si_str name);
    void *context;
    si_str dpr_header; /* in which an edge tells the ratio, for companies that name no other
                          (si_density_header()); empty = in none */
    si_network_hints network;
    const si_client_settings *settings; /* borrowed; NULL = si_client_usual_settings */

    si_network measured; /* what the server found this connection to be; unknown if it did not */

    /* A *trusted edge* is a CDN or proxy in front of the server, which the server was told to
     * believe. It may tell the class of its client, in the grammar of si_client_read(). */
    bool trusted_edge; /* the request comes from one */
    si_str edge_class; /* SI_HEADER_CLASS of base/wire.h; not looked at unless it does */
} si_client_headers;

/* The client's headers about its line, as Vary and Accept-CH name them. */
#define SI_NETWORK_HINTS "Downlink, RTT, ECT, Save-Data"

/* Headers a decision may be based on, for Vary: name of the SI_USED_ bit, names in Vary. */
#define SI_CLIENT_INPUTS(X)                                                                        \
    X(ACCEPT, "Accept")                                                                            \
    X(USER_AGENT, "User-Agent")                                                                    \
    X(DPR, "Sec-CH-DPR, DPR")                                                                      \
    X(WIDTH, "Sec-CH-Width, Width, Sec-CH-Viewport-Width, Viewport-Width")                         \
    X(NETWORK, SI_NETWORK_HINTS)                                                                   \
    X(CLASS, SI_HEADER_CLASS)                                                                      \
    X(ORIGIN, "Origin")

enum {
#define X(name, words) SI_USED_##name##_NUMBER,
    SI_CLIENT_INPUTS(X)
#undef X
        SI_USED_COUNT,
#define X(name, words) SI_USED_##name = 1 << SI_USED_##name##_NUMBER,
    SI_CLIENT_INPUTS(X)
#undef X
        SI_USED_ALL = (1 << SI_USED_COUNT) - 1
};

/* Who told the pixel ratio, in order of trust: name, what people read. */
#define SI_CLIENT_RATIO_SOURCES(X)                                                                 \
    X(NOBODY, "nobody told")                                                                       \
    X(CLASS, "class told by a trusted edge")                                                       \
    X(HINT, "client hint")                                                                         \
    X(EDGE, "header of an edge")                                                                   \
    X(AGENT, "User-Agent")

typedef enum si_ratio_source {
#define X(name, words) SI_RATIO_OF_##name,
    SI_CLIENT_RATIO_SOURCES(X)
#undef X
        SI_RATIO_SOURCE_COUNT
} si_ratio_source;

typedef struct si_client {
    unsigned formats;  /* SI_FORMAT_BIT()s of AVIF, JXL, WEBP, JP2, JXR that the client can show;
                          JPEG, PNG and GIF are taken for granted and never in here */
    unsigned used;     /* what `formats` were decided by, see Vary below */
    unsigned dpr_used; /* what `dpr` was; it matters to a reply only where the request asks for the
                          ratio, which the caller knows */
    double dpr;        /* device pixel ratio, one of SI_DENSITY_STEPS; 1 if nobody told */
    si_ratio_source dpr_source;
    double dpr_edge;       /* what an edge's header tells of it, 0 = nothing or not looked at */
    double width;          /* what the picture takes on the screen, screen pixels; 0 = not told */
    double viewport_width; /* CSS pixels; 0 = not told */
    si_network_told told;  /* who said what of the line … */
    unsigned network_used; /* … by which headers; they matter to a reply only where it adapts to the
                              network, which the caller knows */
    si_network network;    /* what that comes to; plans also know what a script told in the URL */
} si_client;

/* Classifies a client. Never fails: what cannot be understood counts as "shows nothing special".
 *
 * Accept (RFC 9110 section 12.5.1) decides first. A format is shown if one of its media ranges is
 * there with q > 0, whatever its other parameters, and none of them with q = 0: a refusal wins over
 * any repetition. Wildcards promise nothing, since every browser sends them. An element whose
 * weight is no number from 0 to 1, or that is cut off inside a quoted string, says nothing.
 * JPEG XR answers to image/jxr and to image/vnd.ms-photo.
 *
 * Only if Accept promises no format at all, JPEG 2000 and JPEG XR come from the User-Agent
 * (docs/decisions.md, D-14, user_agent.h), each unless Accept excludes it: by q = 0 for its media
 * range, or by having no range that matches it, or a wildcard with q = 0. An absent or empty Accept
 * excludes nothing.
 *
 * The pixel ratio is told, in this order, by
 *
 *   1. a client hint, Sec-CH-DPR or DPR;
 *   2. a header of an edge (si_density_edge()), if a company or the server names one;
 *   3. the User-Agent (si_user_agent_ratio()), unless Accept has image/apng: that is Chromium,
 *      which runs on none of the devices that could be told.
 *
 * Who tells a number above 0 ends the search, and the nearest of SI_DENSITY_STEPS is taken: never
 * less than 1. The second needs the company, see si_client_ratio().
 *
 * Of the line, client/network.h says what is made of what was told. Where requests come from a
 * trusted edge, what was measured is the line to that edge, so it tells nothing.
 *
 * The class that a trusted edge tells replaces all of this.
 *
 * Time is linear in header length; of a header over 8 KB only the whole elements of its first 8 KB
 * are read.
 *
 * Vary (RFC 9110 section 12.5.5) names what was looked at, whatever came of it, and the requested
 * format is a decision like any other (for the ratio: those of the above that were asked, in
 * si_client.dpr_used):
 *
 *   Accept                      it promises a format, or excludes all that a User-Agent could add
 *   Accept, User-Agent          it does neither
 *   X-Smartimg-Class            a trusted edge told the class
 *   …, X-Smartimg-Class         a trusted edge did not, as others of its requests may
 *
 * So the replies of one URL differ in Vary, the shortest each. Caches take a stored reply if all
 * headers that *it* names are as they were (RFC 9111 section 4.1), so that is right as long as
 * whoever meets these conditions would have got that reply. It holds since what is looked at next
 * depends on what was looked at before alone: Accept decides whether the User-Agent counts, so
 * requests with equal Accept get equal Vary, and every Vary has Accept (or, of a trusted edge, the
 * class, whose absence is a value, too). What assumes one Vary for all replies of a URL, against
 * the standard, needs a trusted edge in front, whose replies all have the same. */
void si_client_classify(const si_client_headers *headers, si_client *out);

/* Whether an Accept asks for a page: text/html, with q > 0. Browsers send it when they navigate,
 * and never for an <img>. Reads it as above. */
bool si_client_wants_page(si_str accept);
/* Finds the ratio of a classified client anew, now that the header is known in which an edge would
 * tell it: `setting` (si_density_header()), empty = none. Returns the header's name for Vary, which
 * is part of `setting` or static, if it was looked at; else {NULL, 0}. */
si_str si_client_ratio(const si_client_headers *headers, si_str setting, si_client *client);

/* What people read; static. */
const char *si_ratio_source_text(si_ratio_source source);

/* Short stable name of the formats, such as "avif+webp", "jp2", "plain"; `out` needs 64 bytes.
 * Returns out. */
char *si_client_name(const si_client *client, char *out);

/* The text that stands for a client in SI_HEADER_CLASS, in logs and in explain. Grammar, with
 * blanks around everything and names in any case:
 *
 *   class     = formats *( ";" parameter )
 *   formats   = "plain" / format *( "+" format )    avif, jxl, webp, jp2, jxr
 *   parameter = "dpr=" number                        absent: 1; the nearest step, as of a hint
 *
 * such as "avif+webp;dpr=2;net=good". Printing gives one text for a class: formats in the order of
 * its name (si_client_name()), then the ratio as si_real_print() has it, unless it is 1, then the
 * network, unless it is excellent. Reading what was printed gives the class.
 *
 * Reading never fails: formats and parameters that it does not know are left out, so that an edge
 * may tell more than this version reads, and the first of equal parameters counts. A text
 * without any known format, be it empty, is "plain", which is right for everybody: raw headers
 * count only where the edge sent no class at all. Linear in the length of the text. */
enum { SI_CLIENT_CLASS_SIZE = 64 }; /* what the longest one needs, with its end */

/* `out` needs SI_CLIENT_CLASS_SIZE bytes. Returns out. */
char *si_client_print(const si_client *client, char *out);

/* Sets formats, dpr, network and what they were decided by, SI_USED_CLASS; of what was told about
 * the line, `edge`. */
void si_client_read(si_str text, si_client *out);

/* The value of Vary for a set of SI_USED_*; "" for none. `out` needs SI_CLIENT_VARY_SIZE bytes.
 * Returns out. */
char *si_client_vary(unsigned used, char *out);

#define SI_VARY_LENGTH(name, words) +sizeof(words) + 1
enum { SI_CLIENT_VARY_SIZE = 1 SI_CLIENT_INPUTS(SI_VARY_LENGTH) };
#undef SI_VARY_LENGTH

#endif
