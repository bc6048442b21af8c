/* One request without a server: what `smartimg render` and `smartimg explain` share. */
#ifndef SI_CLI_REQUEST_H
#define SI_CLI_REQUEST_H

#include "cli/cli.h"
#include "plan/plan.h"
#include "renderer/answer.h"
#include "source/fetch.h"

/* Options of both commands; file-scope defaults are right. */
typedef struct si_request_options {
    const char *root, *config;       /* folders; config NULL = none */
    const char *accept, *user_agent; /* NULL = not sent */
    si_option_list headers;          /* "Name: value" each */
    const char *dpr_header;          /* in which an edge tells the pixel ratio; NULL = in none */
    const char *network;             /* class of the line, as if it had been measured; or NULL */
    bool save_data;                  /* Save-Data: on */
    bool fast;                       /* a first answer instead of a refined one */
    si_fetch_options fetch;          /* of foreign images */
    const si_catalog *catalog;       /* borrowed; NULL = loaded from the folders for the request */
    si_steps *steps;                 /* get how the plan comes about; NULL = nobody asks */
    bool plan_only;                  /* leave `answer` empty unless planning fails */
} si_request_options;

/* Rows for the options table of a command. `o` is an si_request_options at file scope. */
#define SI_REQUEST_OPTIONS(o)                                                                      \
    {"root", 0, "DIR", SI_OPTION_TEXT, &(o).root,                                                  \
        "Folder of the original images. Default: the current folder.", 0, 0},                      \
        {"config", 0, "DIR", SI_OPTION_TEXT, &(o).config,                                          \
            "Configuration folder. Default: none, and each first-level folder below the root is "  \
            "a "                                                                                   \
            "company with default settings.",                                                      \
            0, 0},                                                                                 \
        {"accept", 0, "S", SI_OPTION_TEXT, &(o).accept,                                            \
            "The Accept header to pretend, such as image/avif,image/webp. Default: none, and so "  \
            "no "                                                                                  \
            "format but the requested one.",                                                       \
            0, 0},                                                                                 \
        {"user-agent", 0, "S", SI_OPTION_TEXT, &(o).user_agent,                                    \
            "The User-Agent header to pretend. Default: none.", 0, 0},                             \
        {"header", 'H', "'K: V'", SI_OPTION_LIST, &(o).headers,                                    \
            "Any request header; may be given often. Accept, User-Agent, client hints "            \
            "(Sec-CH-DPR, Sec-CH-Width, Sec-CH-Viewport-Width, and without Sec-CH-; Downlink, "    \
            "RTT, ECT, Save-Data), a header that --dpr-header or the company names, and "          \
            "X-Smartimg-Class, as of a trusted edge, count; others are ignored as the server "     \
            "does.",                                                                               \
            0, 0},                                                                                 \
        {"dpr-header", 0, "NAME", SI_OPTION_TEXT, &(o).dpr_header,                                 \
            "Header in which a CDN tells the pixel ratio, as of `smartimg serve`. Default: none.", \
            0, 0},                                                                                 \
        {"network", 0, "CLASS", SI_OPTION_TEXT, &(o).network,                                      \
            "How good the line to the client is, as if it had been measured: excellent, good or "  \
            "poor. Default: not known.",                                                           \
            0, 0},                                                                                 \
        {"save-data", 0, NULL, SI_OPTION_FLAG, &(o).save_data,                                     \
            "The client asks for few bytes: Save-Data: on.", 0, 0},                                \
        {"foreign-private", 0, "HOSTS", SI_OPTION_TEXT, &(o).fetch.private_hosts,                  \
            "Hosts of foreign images that may have addresses of private networks. Default: none.", \
            0, 0},                                                                                 \
    {                                                                                              \
        "fast", 0, NULL, SI_OPTION_FLAG, &(o).fast,                                                \
            "Answers as the server does at first, within a fraction of a second, instead of with " \
            "the "                                                                                 \
            "best answer, which it has once the image is asked for again.",                        \
            0, 0                                                                                   \
    }

/* A request and what became of it. Zero-initialize; release with si_exchange_end(). */
typedef struct si_exchange {
    si_arena arena;
    si_catalog *catalog; /* NULL if it is borrowed */
    si_plan plan;        /* on an error before the recipe only plan.vary and plan.client are set */
    bool planned;        /* the plan is whole */
    si_answer answer;
} si_exchange;

/* Answers `url` (path and query; scheme and host may precede). A failure of the request itself is
 * an answer with its status; false, with a complaint on stderr, if there is nothing to ask at all:
 * no root folder, a mistake in the configuration, a header that is none. */
bool si_exchange_make(const si_request_options *options, const char *url, si_exchange *x);

void si_exchange_end(si_exchange *x);

/* The reply's headers as the edge would send them, each ended by CR LF: status line, those of
 * si_answer_headers(), and what the edge adds (Vary, Cache-Control, Last-Modified, Accept-CH). */
bool si_exchange_headers(const si_exchange *x, si_bytes *out);

#endif
