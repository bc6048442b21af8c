#include "cli/site_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/origin_ask.h"
#include "base/uploads.h"
#include "base/wire.h"
#include "cli/nginx_conf.h"
#include "cli/renderers_at.h"
#include "renderer/pool.h"

enum {
    TEMPLATE_MAX = 1 << 20,
    READY_SLACK_MS = 2000 /* after the longest request: its renderer is killed, and another there */
};

static bool read_template(const char *name, si_bytes *out) {
    char piece[8192];
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    ssize_t n = -1;
    while (fd >= 0 && out->len < TEMPLATE_MAX && (n = read(fd, piece, sizeof piece)) > 0 &&
           si_bytes_append(out, piece, (size_t)n)) {
    }
    if (fd >= 0) {
        close(fd);
    }
    return n == 0;
}

static bool write_text(const char *name, const si_bytes *text) {
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && write(fd, text->data, text->len) == (ssize_t)text->len;
    if (!ok) {
        si_complain("cannot write %s: %s", name, strerror(errno));
    }
    if (fd >= 0) {
        close(fd);
    }
    return ok;
}

/* Writes the file `to` from a template. */
static bool fill_template(const char *template, const si_template_value *values, const char *to) {
    si_bytes text = {0}, filled = {0};
    si_diag diag = {0};
    bool ok = read_template(template, &text);
    if (!ok) {
        si_complain("cannot read %s", template);
    } else if (si_template_fill((si_str){(char *)text.data, text.len}, values, &filled, &diag) !=
               SI_OK) {
        ok = false;
        si_complain_diag(&diag);
    } else {
        ok = write_text(to, &filled);
    }
    si_bytes_free(&text);
    si_bytes_free(&filled);
    return ok;
}

static const char *tls_lines(const si_site_options *o, si_site *s) {
    if (o->tls_listen == NULL) {
        return "";
    }
    bool old = si_site_nginx_version(s) < 1025001; /* http2 became a directive of its own */
    return si_site_text(s, "listen %s ssl%s%s;%s ssl_certificate %s; ssl_certificate_key %s;",
        o->tls_listen, old ? " http2" : "", o->proxy_protocol ? " proxy_protocol" : "",
        old ? "" : " http2 on;", si_nginx_word(&s->arena, s->tls_cert),
        si_nginx_word(&s->arena, s->tls_key));
}

/* Where the client scripts are, seen from the template: beside it if they are installed. */
static const char *scripts_line(si_site *s) {
    int folder = (int)(strrchr(s->conf_template, '/') - s->conf_template);
    const char *folders[] = {si_site_text(s, "%.*s/web", folder, s->conf_template),
        si_site_text(s, "%.*s/../web", folder, s->conf_template)};
    for (int i = 0; i < 2; i++) {
        if (si_site_readable(si_site_text(s, "%s/smartimg.js", folders[i]))) {
            return si_site_text(
                s, "root %s;", si_nginx_word(&s->arena, si_site_absolute(s, folders[i])));
        }
    }
    return "return 404;";
}

/* What passes everything else at the admin listener to the purge service, which looks at the token.
 */
static const char *purge_lines(const si_site_options *o, si_site *s) {
    return !o->purges ? ""
                      : si_site_text(s,
                            "location / { scgi_pass unix:%s; scgi_pass_request_headers off; "
                            "scgi_pass_request_body off; scgi_param SCGI 1; "
                            "scgi_param " SI_PARAM_PURGE_METHOD " $request_method; "
                            "scgi_param " SI_PARAM_PURGE_PATH " $request_uri; "
                            "scgi_param " SI_PARAM_PURGE_TOKEN " $http_authorization; "
                            "scgi_read_timeout 1h; scgi_ignore_client_abort on; "
                            "scgi_next_upstream off; } ",
                            s->purge_socket);
}

static const char *admin_lines(const si_site_options *o, si_site *s) {
    return o->admin_listen == NULL ? ""
                                   : si_site_text(s,
                                         "server { listen %s; access_log off; "
                                         "location = /metrics { smartimg_metrics%s%s; } %s}",
                                         o->admin_listen, o->fleet ? " " : "",
                                         o->fleet ? s->fleet_report : "", purge_lines(o, s));
}

static const char *user_line(si_site *s) {
    return geteuid() != 0 ? "" : si_site_text(s, "user %s %s;", s->user, s->group);
}

/* NAME and the networks of a list as words, or "" for none. */
static const char *networks_line(si_site *s, const char *name, const char *list) {
    if (si_str_trim(si_str_of(list)).len == 0) {
        return "";
    }
    char *words = si_arena_copy(&s->arena, list, strlen(list));
    for (char *c = words; c != NULL && *c != '\0'; c++) {
        *c = *c == ',' ? ' ' : *c;
    }
    return words != NULL ? si_site_text(s, "%s %s;", name, words) : NULL;
}

/* The client's address is the last one that no proxy has: those before it are only its word. */
static const char *trusted_proxies_line(const si_site_options *o, si_site *s) {
    const char *line = networks_line(s, "smartimg_trusted_proxies", o->trusted_proxies);
    if (line == NULL || line[0] == '\0') {
        return line;
    }
    si_str rest = si_str_of(o->trusted_proxies), network;
    while (si_str_next(&rest, ',', &network)) {
        network = si_str_trim(network);
        if (network.len > 0) {
            line = si_site_text(s, "%s set_real_ip_from %.*s;", line, SI_STR_ARG(network));
        }
    }
    return si_site_text(s, "%s real_ip_header %s; real_ip_recursive on;", line,
        o->proxy_protocol ? "proxy_protocol" : "X-Forwarded-For");
}

static const char *network_line(const si_site_options *o, si_site *s) {
    const char *words = "";
#define X(x, limits, field, name, ...)                                                             \
    words = si_site_text(s, "%s%s" name "=%d", words, words[0] != '\0' ? " " : "", limits.field);
    SI_LINE_LIMITS(X, , o->line)
#undef X
    return words;
}

/* In the server. */
static const char *playground_line(si_site *s) {
    return s->page != NULL ? si_site_text(s, "include %s/playground.conf;", s->run) : "";
}

/* The kinds that are served, parted by commas. */
static const char *served_kinds(uint32_t refused, si_site *s) {
    static const char *const names[SI_KIND_COUNT] = {
#define X(id, name) [SI_KIND_##id] = (name),
        SI_KINDS(X)
#undef X
    };
    const char *words = "";
    for (int i = SI_KIND_NONE + 1; i < SI_KIND_COUNT; i++) {
        if ((refused & SI_KIND_BIT(i)) == 0) {
            words = si_site_text(s, "%s%s%s", words, words[0] != '\0' ? "," : "", names[i]);
        }
    }
    return words;
}

/* Before any server. */
static const char *playground_http_lines(const si_site_options *o, si_site *s) {
    if (s->page == NULL) {
        return "";
    }
    const char *lines =
        si_site_text(s, "limit_conn_zone smartimg zone=smartimg_uploads:64k; smartimg_kinds %s;",
            served_kinds(o->refused_kinds, s));
    return s->uploads == NULL ? lines
                              : si_site_text(s, "%s smartimg_uploads %s;", lines,
                                    si_nginx_word(&s->arena, s->uploads));
}

/* The renderers of a lane. */
static const char *servers(const si_site_options *o, si_site *s, si_lane lane, bool any) {
    if (o->renderers_at != NULL) {
        return si_renderers_at_lines(&s->arena, o->renderers_at, lane, any);
    }
    char name[SI_LANE_PATH_MAX];
    si_pool_lane_path(s->socket, lane, name);
    return any ? si_site_text(s, "server unix:%s max_fails=0;", name)
               : si_site_text(
                     s, "server unix:%s max_fails=0; server unix:%s max_fails=0;", name, name);
}

bool si_site_write_configuration(const si_site_options *o, si_site *s) {
    si_arena *a = &s->arena;
    bool far = o->renderers_at != NULL;
    const si_template_value values[] = {
        {"MODULE", si_nginx_word(a, s->module)},
        {"PREFIX", s->run},
        {"USER_LINE", user_line(s)},
        {"WORKERS", o->nginx_workers > 0 ? si_site_text(s, "%d", o->nginx_workers) : "auto"},
        {"ERROR_LOG", s->error_log != NULL ? si_nginx_word(a, s->error_log) : "stderr"},
        {"ACCESS_LOG", s->access_log != NULL ? si_nginx_word(a, s->access_log) : "/dev/null"},
        {"LOG_FORMAT", si_site_has_json_log(o) ? "smartimg_json" : "smartimg"},
        {"LOG_OWN", si_site_has_json_log(o) ? "on" : "off"},
        {"ROOT", si_nginx_word(a, s->root)},
        {"CONFIG_LINE", s->config != NULL
                            ? si_site_text(s, "smartimg_config %s;", si_nginx_word(a, s->config))
                            : ""},
        {"POOL_STATUS_LINE",
            si_site_text(s, "smartimg_pool_status %s;", si_nginx_word(a, s->status_file))},
        {"SEAL_KEY", si_nginx_word(a, s->seal_key)},
        {"GENERATIONS", si_nginx_word(a, s->generations)},
        {"SCRIPTS_LINE", scripts_line(s)},
        {"CACHE", si_nginx_word(a, si_site_text(s, "%s/images", s->cache))},
        {"FIRST_ANSWER_SECONDS", si_site_text(s, "%d", o->first_answer_seconds)},
        {"CDN_CACHE_CONTROL", o->cdn_cache_control},
        {"HOME", si_site_has_playground(o) ? "/" : ""},
        {"DPR_HEADER_LINE",
            o->dpr_header != NULL ? si_site_text(s, "smartimg_dpr_header %s;", o->dpr_header) : ""},
        {"TRUSTED_EDGES_LINE", networks_line(s, "smartimg_trusted_edges", o->trusted_edges)},
        {"TRUSTED_PROXIES_LINE", trusted_proxies_line(o, s)},
        {"NETWORK_LINE", network_line(o, s)},
        {"NETWORK_GOOD", si_nginx_word(a, o->network_good)},
        {"NETWORK_POOR", si_nginx_word(a, o->network_poor)},
        {"NETWORK_HEADER_LINE", o->network_header == NULL
                                    ? ""
                                    : si_site_text(s, "smartimg_network_header %s;",
                                          si_nginx_word(a, o->network_header))},
        {"CACHE_SIZE", si_site_text(s, "%lldk", (long long)(o->cache_size >> 10))},
        {"CACHE_MIN_FREE", si_site_text(s, "%lldk", (long long)(o->cache_min_free >> 10))},
        {"RENDERERS", si_site_text(s, "%d", o->renderers)},
        {"REFINE_SHARE", si_site_text(s, "%d", o->refine_share)},
        {"QUEUE_MS", si_site_text(s, "%d", o->queue_ms > 0 ? o->queue_ms : SI_POOL_QUEUE_MS)},
        {"READY_MS", si_site_text(s, "%d", o->wall_ms + READY_SLACK_MS)},
        {"MISSES_PER_CLIENT", si_site_text(s, "%d", o->misses_per_client)},
        {"REPLY_BYTES",
            si_site_text(
                s, "%lld", (long long)(o->reply_bytes > 0 ? o->reply_bytes : SI_POOL_REPLY_BYTES))},
        {"ORIGINS_SOCKET", si_site_text(s, "%s" SI_ORIGINS_SUFFIX, s->socket)},
        {"SERVERS_CHEAP", servers(o, s, SI_LANE_CHEAP, false)},
        {"SERVERS_DEAR", servers(o, s, SI_LANE_DEAR, false)},
        {"SERVERS_FOREIGN", servers(o, s, SI_LANE_FOREIGN, false)},
        {"SERVERS_REFINE", servers(o, s, SI_LANE_REFINE, false)},
        {"SERVERS_ANY", servers(o, s, SI_LANE_CHEAP, true)},
        {"RENDER_SEAL_LINE",
            far ? "scgi_param " SI_PARAM_RENDER_SEAL " $smartimg_render_seal;" : ""},
        {"CONNECT_TIMEOUT", far ? "1s" : "5s"},
        {"READY_NEXT", far ? "error timeout" : "off"},
        {"LISTEN", o->proxy_protocol ? si_site_text(s, "%s proxy_protocol", o->listen) : o->listen},
        {"TLS_SERVER", tls_lines(o, s)},
        {"PLAYGROUND_LINE", playground_line(s)},
        {"PLAYGROUND_HTTP_LINES", playground_http_lines(o, s)},
        {"ADMIN_SERVER", admin_lines(o, s)},
        {0},
    };
    return fill_template(s->conf_template, values, s->conf);
}

bool si_site_write_playground(si_site *s) {
    if (s->page == NULL) {
        return true;
    }
    const char *arriving = s->arriving != NULL ? s->arriving : si_site_text(s, "%s/body", s->run);
    const si_template_value values[] = {
        {"PAGE", si_nginx_word(&s->arena, s->page)},
        {"ARRIVING", si_nginx_word(&s->arena, arriving)},
        {"UPLOAD_BYTES", si_site_text(s, "%d", SI_UPLOAD_BYTES)},
        {"UPLOADS_AT_A_TIME", si_site_text(s, "%d", SI_UPLOADS_AT_A_TIME)},
        {0},
    };
    return fill_template(
        s->playground_template, values, si_site_text(s, "%s/playground.conf", s->run));
}
