/* What an edge needs to tell the class of its clients and to keep replies as smartimg says, written
 * from the rules of rules.h and the texts in templates/. */
#ifndef SI_CLI_EDGE_EDGE_CONFIG_H
#define SI_CLI_EDGE_EDGE_CONFIG_H

#include "base/bytes.h"
#include "base/result.h"
#include "cli/edge/rules.h"

/* Edge, file that the user gets, template (tools/embed-text makes its name), dialect of its rules,
 * what to do with it. */
#define SI_EDGE_FILES(X)                                                                           \
    X("varnish", "varnish.vcl", varnish_vcl, VCL, "the whole VCL of Varnish 7")                    \
    X("nginx", "smartimg.conf", nginx_conf, NGINX, "include it in http { } of nginx")              \
    X("fastly", "main.vcl", fastly_vcl, FASTLY, "custom VCL, the main file of the service")        \
    X("cloudfront", "viewer-request.js", cloudfront_viewer_request_js, JAVASCRIPT,                 \
        "function of the event viewer request, runtime cloudfront-js-2.0")                         \
    X("cloudfront", "viewer-response.js", cloudfront_viewer_response_js, JAVASCRIPT,               \
        "function of the event viewer response, same runtime")                                     \
    X("cloudfront", "cache-policy.json", cloudfront_cache_policy_json, JAVASCRIPT,                 \
        "aws cloudfront create-cache-policy --cache-policy-config file://cache-policy.json")       \
    X("cloudfront", "origin-request-policy.json", cloudfront_origin_request_policy_json,           \
        JAVASCRIPT,                                                                                \
        "aws cloudfront create-origin-request-policy --origin-request-policy-config file://…")     \
    X("cloudflare", "worker.js", cloudflare_worker_js, JAVASCRIPT,                                 \
        "Worker of the route HOST/is/*; it needs no rule")                                         \
    X("cloudflare", "cache-rule.json", cloudflare_cache_rule_json, JAVASCRIPT,                     \
        "instead of a Worker: rules of the phase http_request_cache_settings, by the API")         \
    X("akamai", "main.js", akamai_main_js, JAVASCRIPT, "EdgeWorker of the rule smartimg")          \
    X("akamai", "bundle.json", akamai_bundle_json, JAVASCRIPT, "its manifest, in the same bundle") \
    X("akamai", "rules.json", akamai_rules_json, JAVASCRIPT,                                       \
        "to be merged into the rule tree of the property")

/* Names of the dialects; how rules are written in them is in dialects.c. */
typedef enum si_edge_dialect {
    SI_EDGE_VCL,
    SI_EDGE_NGINX,
    SI_EDGE_FASTLY,
    SI_EDGE_JAVASCRIPT
} si_edge_dialect;

typedef struct si_edge_file {
    const char *edge, *name, *text, *use;
    si_edge_dialect dialect;
} si_edge_file;

extern const si_edge_file si_edge_files[]; /* a NULL edge ends it */

/* What the user says of his edge. */
typedef struct si_edge_options {
    const char *origin;                /* HOST:PORT of smartimg, as the edge reaches it */
    const char *listen;                /* of nginx */
    const char *cache;                 /* folder of nginx */
    double ratios[SI_EDGE_RATIOS_MAX]; /* ascending from 1 */
    int ratio_count;
    bool network;
} si_edge_options;

/* Appends a file's text as this edge needs it. */
SI_NODISCARD si_result si_edge_write(
    const si_edge_file *file, const si_edge_options *options, si_bytes *out, si_diag *diag);

#endif
