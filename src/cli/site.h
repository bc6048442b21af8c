/* Everything on disk that a running server needs: where the installed parts are, the cache, and a
 * run folder with the nginx configuration, the renderers' socket and, if need be, a certificate. */
#ifndef SI_CLI_SITE_H
#define SI_CLI_SITE_H

#include <sys/types.h>

#include "cli/cli.h"
#include "render/read/original.h"
#include "request/request.h"
#include "client/line.h"

/* Formats of the access log. */
#define SI_LOG_TEXT "text"
#define SI_LOG_JSON "json"

/* As asked for on the command line; addresses and files not given are NULL. */
typedef struct si_site_options {
    const char *root, *config, *cache, *access_log, *error_log, *user;
    const char *seal_key;                           /* file, or NULL */
    const char *listen, *tls_listen, *admin_listen; /* ADDR:PORT */
    const char *tls_cert, *tls_key;                 /* both or none */
    int64_t cache_size, cache_min_free;             /* bytes */
    const char *originals;                          /* folder, or NULL */
    int64_t log_size;                               /* bytes; 0 = any */
    const char *log_format;                         /* SI_LOG_TEXT or SI_LOG_JSON */
    int queue_ms;                                   /* 0 = SI_POOL_QUEUE_MS */
    int wall_ms;                                    /* of a request */
    int renderers;                                  /* of the pool, > 0 */
    int refine_share;                               /* percent of them */
    int64_t reply_bytes;                            /* 0 = SI_POOL_REPLY_BYTES */
    int misses_per_client;                          /* a second; 0 = any number */
    int nginx_workers;                              /* 0 = one per processor */
    int first_answer_seconds;                       /* for shared caches */
    const char *cdn_cache_control;                  /* name of a header field, or "off" */
    const char *dpr_header;                         /* in which a CDN tells pixel ratios, or NULL */
    const char *trusted_edges;                      /* networks parted by commas, or NULL */
    uint32_t refused_kinds;                         /* SI_KIND_BIT()s of originals */
    si_switch playground;                           /* unset: on unless there is a config */
    si_switch playground_uploads;                   /* unset: off */
    const char *trusted_proxies;                    /* the same */
    bool proxy_protocol;                            /* on `listen` and `tls_listen` */
    si_line_limits line;
    const char *network_good, *network_poor; /* "MBIT,MS" (client/network.h) */
    const char *network_header;              /* name of a header field, or NULL */
    const char *renderers_at;                /* ADDR:PORT,... or NULL */
    bool fleet;                              /* there is an invalidations process */
    bool purges;                             /* there is a purge service, at admin_listen */
} si_site_options;

/* Where the files of a server are. Zero-initialize; release with si_site_clear(). All strings in
 * the arena. */
typedef struct si_site {
    si_arena arena;
    const char *nginx;                  /* path of the program */
    const char *module, *conf_template; /* of the installed parts */
    const char *root, *config, *cache, *generations, *tls_cert, *tls_key; /* absolute */
    const char *position;               /* file of fleet/position.h, in the cache folder */
    const char *fleet_report;           /* file of the invalidations process, in the run folder */
    const char *purge_socket;           /* of the purge service, in the run folder */
    const char *access_log, *error_log; /* absolute; NULL: requests are not logged, complaints go to
                                           standard error */
    const char *run;                    /* run folder, mode 0700, ours alone */
    const char *socket, *conf;          /* in the run folder */
    const char *page, *playground_template; /* of the playground; NULL = it is off */
    const char *originals;                  /* folder of originals of origins */
    const char *uploads, *arriving;         /* folders in the cache folder; NULL = off */
    const char *status_file;                /* in the run folder: base/pool_status.h, … */
    struct si_pool_status *status;          /* … mapped */
    const char *seal_key;                   /* file of picture/seal.h's key, … */
    int seal_key_file;                      /* … open */
    int claim;        /* on the cache folder (cache_claim.h), a descriptor; 0 or less = none */
    const char *user; /* whom nginx's workers run as; renderers do as somebody else where root
                         starts them (process/confine.h) */
    uid_t uid;
    gid_t gid;
    const char *group; /* name of gid */
    bool reads_any; /* these workers find and read the files of any folder: nobody named a user */
} si_site;

/* An si_option_parsed's parser: a boolean (si_str_switch()), into a si_switch. NULL, or what is
 * wrong with it. */
const char *si_switch_parse(const char *value, void *to);

/* Whether there is a playground, and whether its visitors may upload pictures. */
bool si_site_has_playground(const si_site_options *options);
bool si_site_has_uploads(const si_site_options *options);

/* Checks the options against the machine and makes what is missing: folders, certificate, nginx
 * configuration. False, with a complaint, if the server could not start like that. */
bool si_site_prepare(const si_site_options *options, si_site *site);

/* Becomes whom nginx's workers run as for good, and may do with files what they may; nothing
 * happens if root has not started this. False with errno set. */
bool si_site_become_user(const si_site *site);

/* Removes the run folder with all in it. */
void si_site_remove_run_folder(const si_site *site);

/* Removes the run folder and forgets the rest. */
void si_site_clear(si_site *site);

#endif
