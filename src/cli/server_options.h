/* The options of the commands that keep running, `smartimg serve` and `smartimg renderer`: each row
 * has all that is known of one. Parsing, `--help`, smartimg.ini, `smartimg config check` and
 * docs/configuration.md (`smartimg config options`) are made from them.
 *
 * X(name, kind, argument, target, initial, words, minimum, maximum, unit, help)
 *
 * - name: without the dashes; also the name in smartimg.ini.
 * - kind, argument, target: of an si_option (cli.h).
 * - initial: the default, of the target's type; NULL or 0 if it is found at the start.
 * - words: what the default is, where `initial` alone would not tell people; else NULL.
 * - minimum, maximum, unit: of a count, minimum also of bytes, in MiB; unit is what is counted, ""
 * if `help` says so.
 * - help: sentences that say neither the range nor the default, which help and page add. */
#ifndef SI_CLI_SERVER_OPTIONS_H
#define SI_CLI_SERVER_OPTIONS_H

#include "base/wire.h"
#include "cli/fleet_options.h"
#include "cli/log_files.h"
#include "cli/originals.h"
#include "cli/site.h"
#include "client/line.h"
#include "client/network.h"
#include "plan/lifetime.h"
#include "process/confine.h"
#include "renderer/pool.h"
#include "source/fetch.h"

#define SI_REFINE_SHARE 50

#define SI_ORIGINALS_NAME(id, name) " " name

#define SI_LINE_OPTION(X, limits, field, name, argument, initial, minimum, maximum, unit, help)    \
    X("network-" name, COUNT, argument, (limits).field, initial, NULL, minimum, maximum, unit, help)

/* Of both commands, and shown first. `pool` is an si_pool_options. */
#define SI_ROOT_OPTION(X, pool)                                                                    \
    X("root", TEXT, "DIR", (pool).root, ".", "the current folder", 0, 0, "",                       \
        "Folder of the original images, the same one for the front side and all renderers.")

/* Of both commands. `pool` is an si_pool_options, `originals` an si_option_parsed whose parser is
 * si_originals_parse(), `sandbox` one whose parser is si_sandbox_parse(), `seal_key` a const
 * char *. */
#define SI_POOL_OPTIONS(X, pool, originals, sandbox, seal_key)                                     \
    X("memory", BYTES, "SIZE", (pool).memory, SI_POOL_MEMORY, NULL, SI_POOL_MEMORY_LEAST, 0, "",   \
        "Address space of one renderer. Where it does not do for scores or conversion, the "       \
        "requested encoding is sent.")                                                             \
    X("cpu-seconds", COUNT, "N", (pool).cpu_seconds, SI_POOL_CPU_SECONDS, NULL, 1, 3600,           \
        "seconds", "Processor time one render may take.")                                          \
    X("wall-ms", COUNT, "N", (pool).wall_ms, SI_POOL_WALL_MS, NULL, 100, 3600000, "milliseconds",  \
        "Wall time one render may take.")                                                          \
    X("queue-ms", COUNT, "N", (pool).queue_ms, SI_POOL_QUEUE_MS, NULL, 100, 3600000,               \
        "milliseconds",                                                                            \
        "How long a request may wait for a renderer; who would wait longer gets 503 at once.")     \
    X("reply-size", BYTES, "SIZE", (pool).reply_bytes, SI_POOL_REPLY_BYTES, NULL, 0, 0, "",        \
        "What a reply may have; a larger one becomes an error.")                                   \
    X("sandbox", PARSED, "MODE", sandbox, NULL, "best", 0, 0, "",                                  \
        "Namespaces, an empty root folder, Landlock and a filter of system calls around whatever " \
        "decodes images. best: all that the system gives, and the start names what is missing; "   \
        "required: all of it, or the server does not start; off: none.")                           \
    X("seal-key", TEXT, "FILE", seal_key, NULL,                                                    \
        "one that is made at the start; `renderer` downloads for any recipe without one", 0, 0,    \
        "",                                                                                        \
        "File whose first 32 bytes are a secret of nginx and of the process that downloads: it "   \
        "proves that an image is wanted by a recipe of this server. Renderers on other machines "  \
        "need the same one.")                                                                      \
    X("originals", PARSED, "KINDS", originals, NULL, "all", 0, 0, "",                              \
        "Kinds of originals that are served, parted by commas, of:" SI_KINDS(                      \
            SI_ORIGINALS_NAME) ". Others get an error, as unknown kinds do; replies that are in "  \
                               "the cache already "                                                \
                               "stay there.")                                                      \
    X("foreign-private", TEXT, "HOSTS", (pool).fetch.private_hosts, NULL, "none", 0, 0, "",        \
        "Hosts of foreign images that may have addresses of private networks or of this machine, " \
        "parted by commas. Whether a company may use a host at all is in its own settings.")       \
    X("foreign-timeout-ms", COUNT, "N", (pool).fetch.timeout_ms, SI_FETCH_TIMEOUT_MS, NULL, 100,   \
        60000, "milliseconds",                                                                     \
        "Time for the foreign images of a request to arrive, on top of its wall time.")            \
    X("foreign-size", BYTES, "SIZE", (pool).fetch.max_bytes, SI_FETCH_BYTES, NULL, 0, 0, "",       \
        "What a foreign image may have.")                                                          \
    X("foreign-transfers", COUNT, "N", (pool).fetch.transfers, SI_FETCH_TRANSFERS, NULL, 1,        \
        SI_FETCH_TRANSFERS_MAX, "",                                                                \
        "Foreign images that are downloaded at a time; more have to wait.")                        \
    X("originals-cache", TEXT, "DIR", (pool).originals, NULL,                                      \
        "originals in the folder of the cache; `renderer` has none", 0, 0, "",                     \
        "Folder in which originals are kept that came from servers and buckets (sources.md).")     \
    X("originals-cache-size", BYTES, "SIZE", (pool).originals_bytes, INT64_C(5) << 30, NULL, 0, 0, \
        "",                                                                                        \
        "What that folder may take on disk. What was not used longest goes first; 0: no "          \
        "originals "                                                                               \
        "are kept.")                                                                               \
    X("foreign-life", COUNT, "SECONDS", (pool).fetch.usual_life, SI_FETCH_USUAL_LIFE, NULL, 1,     \
        31536000, "seconds",                                                                       \
        "How long replies with foreign images are kept whose server does not say.")

/* What `serve` calls renderers and `renderer` workers. */
#define SI_RENDERERS_OPTION(X, name, pool)                                                         \
    X(name, COUNT, "N", (pool).workers, 0, "one per processor", 1, SI_POOL_WORKERS_MAX, "",        \
        "Number of renderer processes.")

/* Of `serve` alone. `site` is an si_site_options, `fleet` an si_fleet_options, `playground` and
 * `uploads` are si_option_parsed whose parser is si_switch_parse(), `proxy_protocol` one whose
 * parser is si_on_off_parse(). */
#define SI_SERVE_OPTIONS(X, site, pool, fleet, playground, uploads, proxy_protocol)                \
    X("config", TEXT, "DIR", (site).config, NULL,                                                  \
        "none, and each first-level folder below the root is a company with default settings, "    \
        "which then convert and adapt replies",                                                    \
        0, 0, "",                                                                                  \
        "Configuration folder: smartimg.ini with options of this command (`listen = ADDR:PORT`; "  \
        "the command line beats it), and one file companies/NAME.ini per company.")                \
    X("listen", TEXT, "ADDR:PORT", (site).listen, SI_USUAL_LISTEN, NULL, 0, 0, "",                 \
        "Where to serve HTTP.")                                                                    \
    X("tls-listen", TEXT, "ADDR:PORT", (site).tls_listen, NULL, "nowhere", 0, 0, "",               \
        "Where to serve HTTPS, with HTTP/2.")                                                      \
    X("tls-cert", TEXT, "FILE", (site).tls_cert, NULL,                                             \
        "a self-signed one for localhost, made at the start with a warning", 0, 0, "",             \
        "Certificate chain for HTTPS, in PEM.")                                                    \
    X("tls-key", TEXT, "FILE", (site).tls_key, NULL, "that of the self-signed certificate", 0, 0,  \
        "", "Private key of the certificate, in PEM.")                                             \
    X("admin-listen", TEXT, "ADDR:PORT", (site).admin_listen, NULL, "nowhere", 0, 0, "",           \
        "Where to serve /metrics, for Prometheus.")                                                \
    X("cache", TEXT, "DIR", (site).cache, NULL,                                                    \
        SI_CACHE_OF_ROOT " for root, else $XDG_CACHE_HOME/" SI_CACHE_OF_USER                       \
                         " or ~/.cache/" SI_CACHE_OF_USER,                                         \
        0, 0, "", "Folder of the cache; it is made if it is not there.")                           \
    X("cache-size", BYTES, "SIZE", (site).cache_size, INT64_C(10) << 30, NULL, 0, 0, "",           \
        "What the cache may take on disk. What was not asked for longest goes first.")             \
    X("cache-min-free", BYTES, "SIZE", (site).cache_min_free, INT64_C(64) << 20, NULL, 0, 0, "",   \
        "What is to be left free on the cache's disk: what was not asked for longest goes, and "   \
        "replies are not stored while there is less.")                                             \
    X("first-answer-seconds", COUNT, "N", (site).first_answer_seconds, SI_FIRST_ANSWER_SECONDS,    \
        NULL, 0, 31536000, "seconds",                                                              \
        "For how long a CDN or another shared cache may take a first answer for fresh, until it "  \
        "asks whether there is a better one.")                                                     \
    X("cdn-cache-control", TEXT, "NAME", (site).cdn_cache_control, SI_CDN_CACHE_CONTROL, NULL, 0,  \
        0, "",                                                                                     \
        "Header field that tells shared caches alone how long to keep a reply, such as "           \
        "Surrogate-Control; off: none.")                                                           \
    X("trusted-edges", TEXT, "CIDR,...", (site).trusted_edges, NULL, "none", 0, 0, "",             \
        "Addresses or networks (10.0.0.0/8) of CDNs and proxies in front, parted by commas: the "  \
        "class of clients that they tell in " SI_HEADER_CLASS                                      \
        " counts instead of Accept, User-Agent and client hints.")                                 \
    X("dpr-header", TEXT, "NAME", (site).dpr_header, NULL, "none", 0, 0, "",                       \
        "Request header in which a CDN tells the pixel ratio of clients without hints: the name "  \
        "of one that is a number, or akamai for its X-Akamai-Device-Characteristics. Companies "   \
        "may name another (DprHeader).")                                                           \
    X("playground", PARSED, "SWITCH", playground, NULL, "on, but off with a config folder", 0, 0,  \
        "",                                                                                        \
        "on or off: whether / is the playground, where people try requests (docs/playground.md).") \
    X("playground-uploads", PARSED, "SWITCH", uploads, NULL, "off", 0, 0, "",                      \
        "on or off: whether visitors of the playground may upload pictures, which only they see, " \
        "for an "                                                                                  \
        "hour.")                                                                                   \
    X("trusted-proxies", TEXT, "CIDR,...", (site).trusted_proxies, NULL, "none", 0, 0, "",         \
        "Addresses or networks of proxies and CDNs in front, parted by commas: the client's "      \
        "address that they tell in X-Forwarded-For, or by the PROXY protocol, counts in logs, "    \
        "address filters and --misses-per-client.")                                                \
    X("proxy-protocol", PARSED, "WORD", proxy_protocol, NULL, "off", 0, 0, "",                     \
        "on: connections to --listen and --tls-listen begin with the PROXY protocol, in either "   \
        "version, as load balancers speak it; X-Forwarded-For is not looked at then.")             \
    SI_LINE_LIMITS(SI_LINE_OPTION, X, (site).line)                                                 \
    X("network-good", TEXT, "MBIT,MS", (site).network_good,                                        \
        SI_NETWORK_LIMIT_TEXT(SI_NETWORK_LIMIT_GOOD), NULL, 0, 0, "",                              \
        "Where lines to clients stop being excellent: those that carry less than so many Mbit/s, " \
        "or whose round trip takes longer than so many milliseconds, are good at best.")           \
    X("network-poor", TEXT, "MBIT,MS", (site).network_poor,                                        \
        SI_NETWORK_LIMIT_TEXT(SI_NETWORK_LIMIT_POOR), NULL, 0, 0, "",                              \
        "From where on they are poor, likewise.")                                                  \
    X("network-header", TEXT, "NAME", (site).network_header, NULL, "none", 0, 0, "",               \
        "Request header by which a CDN or proxy tells the class of a client's line, excellent, "   \
        "good or poor; companies may name another (NetworkHeader).")                               \
    X("renderers-at", TEXT, "ADDR:PORT,...", (site).renderers_at, NULL, "here", 0, 0, "",          \
        "Machines with `smartimg renderer --listen ADDR:PORT` that render for this server, which " \
        "starts no renderers of its own then: each recipe goes to the same one, and to others "    \
        "while that does not answer. All have the same --root and --seal-key. --renderers says "   \
        "how many renderer processes they have in all.")                                           \
    SI_FLEET_OPTIONS(X, fleet)                                                                     \
    SI_RENDERERS_OPTION(X, "renderers", pool)                                                      \
    X("refine-share", COUNT, "PERCENT", (site).refine_share, SI_REFINE_SHARE, NULL, 0, 100,        \
        "percent",                                                                                 \
        "Share of the renderers that may refine first answers while they have nothing else to "    \
        "do, and at most half of them; 0: first answers stay what they are.")                      \
    X("misses-per-client", COUNT, "N", (site).misses_per_client, 0, "any number", 0, 1000000,      \
        "a second",                                                                                \
        "Requests that need a renderer which one client, an IPv4 address or an IPv6 network of "   \
        "64 bits, may make a second, on average over ten; more get 503. Hits of the cache and "    \
        "refinements do not count. Behind a proxy or a CDN all clients have its address, unless "  \
        "it is one of --trusted-proxies.")                                                         \
    X("workers", COUNT, "N", (site).nginx_workers, 0, "one per processor", 1, 256, "",             \
        "Number of nginx's worker processes.")                                                     \
    X("access-log", TEXT, "FILE", (site).access_log, NULL,                                         \
        "access-ADDR-PORT.log in " SI_LOG_OF_ROOT                                                  \
        " for root, else in $XDG_STATE_HOME/" SI_LOG_OF_USER " or ~/.local/state/" SI_LOG_OF_USER, \
        0, 0, "", "File to log requests to. A full disk costs lines of it, and nothing else.")     \
    X("log-size", BYTES, "SIZE", (site).log_size, INT64_C(100) << 20, NULL, 0, 0, "",              \
        "Size from which FILE of the access log, and of the error log, is moved to FILE.1; five "  \
        "old files are kept, the last one FILE.5. 0: they grow, or something else moves them "     \
        "and sends SIGUSR1.")                                                                      \
    X("error-log", TEXT, "FILE", (site).error_log, NULL, "standard error", 0, 0, "",               \
        "File for nginx's complaints.")                                                            \
    X("user", TEXT, "NAME", (site).user, NULL,                                                     \
        "smartimg, www-data or nobody, with the right to read any folder", 0, 0, "",               \
        "When started by root: the user whom nginx's workers run as and originals are opened as, " \
        "who must be able to read the images. Renderers run as " SI_RENDER_USER                    \
        " or nobody, who need no files.")                                                          \
    X("log-format", TEXT, "FORMAT", (site).log_format, SI_LOG_TEXT, NULL, 0, 0, "",                \
        SI_LOG_TEXT ": lines of the access log are for people; " SI_LOG_JSON                       \
                    ": each is a JSON object, with times of renders and traces, and refreshes "    \
                    "and refinements have lines, too (docs/operation.md).")

/* Of `renderer` alone. `address` is a const char *. */
#define SI_RENDERER_OPTIONS(X, pool, address)                                                      \
    X("socket", TEXT, "PATH", (pool).socket_path, NULL, "none", 0, 0, "",                          \
        "Listens on a Unix socket at PATH for cheap first answers, and at PATH-dear and "          \
        "PATH-refine for dear ones and refinements; only this user may connect.")                  \
    X("listen", TEXT, "ADDR:PORT", address, NULL, "nowhere", 0, 0, "",                             \
        "Listens on TCP, at PORT for cheap first answers and at the three behind it for the "      \
        "other "                                                                                   \
        "lanes. It renders what servers with the same --seal-key ask for, and nothing else; but "  \
        "nothing is encrypted, so use it only between machines that trust each other.")            \
    SI_RENDERERS_OPTION(X, "workers", pool)                                                        \
    X("config", TEXT, "DIR", (pool).config, NULL, "none", 0, 0, "",                                \
        "Configuration folder, of which this command reads the sources of originals (sections "    \
        "[source NAME]), and nothing else.")

/* What is made of a row: an option, and its si_initial. */
#define SI_OPTION_ROW(name, kind, argument, target, initial, words, minimum, maximum, unit, help)  \
    {name, 0, argument, SI_OPTION_##kind, &(target), help, minimum, maximum},
#define SI_INITIAL_ROW(name, kind, argument, target, initial, words, minimum, maximum, unit, help) \
    {SI_INITIAL_##kind(initial), words, unit},
#define SI_INITIAL_TEXT(value) value, 0
#define SI_INITIAL_PARSED(value) value, 0
#define SI_INITIAL_FLAG(value) value, 0
#define SI_INITIAL_COUNT(value) NULL, value
#define SI_INITIAL_BYTES(value) NULL, value

#endif
