#include "cli/site.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/wire.h"
#include "catalog/address_filter.h"
#include "cli/nginx_conf.h"
#include "client/network.h"
#include "renderer/pool.h"

enum { TEMPLATE_MAX = 1 << 20 };

/* ---- where things are ---- */

static bool readable(const char *path) {
    return path != NULL && access(path, R_OK) == 0;
}

/* printf into the site's arena; running out of memory here ends the program. */
static const char *path(si_site *s, const char *fmt, ...) SI_PRINTF(2, 3);

static const char *path(si_site *s, const char *fmt, ...) {
    char text[PATH_MAX];
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    const char *copy =
        len >= 0 && len < PATH_MAX ? si_arena_copy(&s->arena, text, (size_t)len) : NULL;
    if (copy == NULL) {
        si_complain("path too long");
        exit(SI_EXIT_FAILED);
    }
    return copy;
}

static const char *absolute(si_site *s, const char *name) {
    char here[PATH_MAX];
    if (name == NULL || name[0] == '/' || getcwd(here, sizeof here) == NULL) {
        return name;
    }
    return path(s, "%s/%s", here, name);
}

static bool find_parts(si_site *s) {
    char exe[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", exe, sizeof exe - 1);
    exe[len > 0 ? len : 0] = '\0';
    char *slash = strrchr(exe, '/');
    if (slash != NULL) {
        *slash = '\0';
    }
    const char *conf_dir = getenv(SI_ENV_CONF_DIR);
    const char *templates[] = {conf_dir != NULL ? path(s, "%s/nginx.conf.in", conf_dir) : NULL,
        path(s, "%s/../share/smartimg/nginx.conf.in", exe), /* installed; then a build folder */
        path(s, "%s/../../../conf/nginx.conf.in", exe)};
    const char *modules[] = {getenv(SI_ENV_MODULE),
        path(s, "%s/../lib/smartimg/ngx_http_smartimg_module.so", exe),
        path(s, "%s/../edge/ngx_http_smartimg_module.so", exe)};
    for (int i = 2; i >= 0; i--) {
        s->conf_template = readable(templates[i]) ? templates[i] : s->conf_template;
        s->module = readable(modules[i]) ? absolute(s, modules[i]) : s->module;
    }
    if (s->conf_template == NULL) {
        si_complain("cannot find nginx.conf.in: name its folder in " SI_ENV_CONF_DIR);
    } else if (s->module == NULL) {
        si_complain(
            "cannot find ngx_http_smartimg_module.so: was the project built without nginx?");
    }
    return s->conf_template != NULL && s->module != NULL;
}

static bool find_nginx(si_site *s) {
    const char *folders = getenv("PATH");
    si_str rest =
               si_str_of(path(s, "%s:/usr/sbin:/usr/local/sbin", folders != NULL ? folders : "")),
           folder;
    while (si_str_next(&rest, ':', &folder)) {
        const char *candidate = path(s, "%.*s/nginx", SI_STR_ARG(folder));
        if (folder.len > 0 && access(candidate, X_OK) == 0) {
            s->nginx = candidate;
            return true;
        }
    }
    si_complain("cannot find nginx: is it installed?");
    return false;
}

/* Major version × 1,000,000 + minor × 1000 + patch; 0 if it does not say. */
static int nginx_version(const si_site *s) {
    char command[PATH_MAX + 16];
    int major = 0, minor = 0, patch = 0;
    snprintf(command, sizeof command, "'%s' -v 2>&1", s->nginx);
    FILE *p = strchr(s->nginx, '\'') == NULL ? popen(command, "re") : NULL;
    if (p != NULL) {
        if (fscanf(p, "nginx version: nginx/%d.%d.%d", &major, &minor, &patch) != 3) {
            major = minor = patch = 0;
        }
        pclose(p);
    }
    return (major * 1000 + minor) * 1000 + patch;
}

static bool find_user(const si_site_options *o, si_site *s) {
    s->uid = geteuid();
    s->gid = getegid();
    if (o->user != NULL) {
        struct passwd *p = getpwnam(o->user);
        if (p == NULL || (geteuid() != 0 && p->pw_uid != geteuid())) {
            si_complain(
                p == NULL ? "there is no user %s" : "only root can run as user %s", o->user);
            return false;
        }
        s->uid = p->pw_uid;
        s->gid = p->pw_gid;
    }
    struct group *g = getgrgid(s->gid);
    s->group = path(s, "%s", g != NULL ? g->gr_name : "root");
    return true;
}

/* ---- folders ---- */

static bool make_folders(const char *name, mode_t mode) {
    char part[PATH_MAX];
    snprintf(part, sizeof part, "%s", name);
    for (char *c = part + 1;; c++) {
        if (*c == '/' || *c == '\0') {
            char end = *c;
            *c = '\0';
            if (mkdir(part, mode) != 0 && errno != EEXIST) {
                return false;
            }
            *c = end;
            if (end == '\0') {
                return true;
            }
        }
    }
}

/* A folder with subfolder that we, and whom we run as, can write to. */
static bool prepare_cache(si_site *s) {
    const char *images = path(s, "%s/images", s->cache), *probe = path(s, "%s/.probe", s->cache);
    int fd = -1;
    bool ok = make_folders(s->cache, 0755) && make_folders(images, 0700) &&
              (fd = open(probe, O_WRONLY | O_CREAT | O_CLOEXEC, 0600)) >= 0 && unlink(probe) == 0;
    if (fd >= 0) {
        close(fd);
    }
    if (ok && s->uid != geteuid()) {
        ok = chown(s->cache, s->uid, s->gid) == 0 && chown(images, s->uid, s->gid) == 0;
    }
    if (!ok) {
        si_complain("cache folder %s is not writable: %s", s->cache, strerror(errno));
    }
    return ok;
}

static bool prepare_run_folder(si_site *s) {
    const char *base = getenv("XDG_RUNTIME_DIR");
    size_t room =
        sizeof((struct sockaddr_un *)0)->sun_path - sizeof "/smartimg-XXXXXX/render.sock-refine";
    if (base == NULL || base[0] != '/' || strlen(base) > room || access(base, W_OK) != 0 ||
        s->uid != geteuid() ||                       /* who could not get into our own */
        strpbrk(base, " \t\n\"'\\;{}#$:") != NULL) { /* it goes into nginx.conf as it is */
        base = "/tmp";
    }
    char *run = (char *)path(s, "%s/smartimg-XXXXXX", base);
    if (mkdtemp(run) == NULL || (s->uid != geteuid() && chown(run, s->uid, s->gid) != 0)) {
        si_complain("cannot make a run folder in %s: %s", base, strerror(errno));
        return false;
    }
    s->run = run;
    s->socket = path(s, "%s/render.sock", run);
    s->conf = path(s, "%s/nginx.conf", run);
    return true;
}

static int remove_entry(const char *name, const struct stat *st, int type, struct FTW *where) {
    (void)st;
    (void)type;
    (void)where;
    remove(name);
    return 0;
}

/* ---- certificate ---- */

/* Runs openssl and waits for it. */
static bool run_openssl(const char *const *arguments) {
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);
        dup2(null, STDIN_FILENO);
        dup2(null, STDOUT_FILENO);
        dup2(null, STDERR_FILENO);
        umask(077);
        execvp("openssl", (char *const *)arguments);
        _exit(127);
    }
    int status;
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static bool make_certificate(si_site *s) {
    s->tls_cert = path(s, "%s/cert.pem", s->run);
    s->tls_key = path(s, "%s/key.pem", s->run);
    const char *const arguments[] = {"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
        "ec_paramgen_curve:prime256v1", "-nodes", "-days", "90", "-subj", "/CN=localhost",
        "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1", "-keyout", s->tls_key,
        "-out", s->tls_cert, NULL};
    if (!run_openssl(arguments)) {
        si_complain(
            "cannot make a certificate with openssl: name one with --tls-cert and --tls-key");
        return false;
    }
    si_complain("warning: HTTPS uses a self-signed certificate made just now, which browsers will "
                "not trust; name a real one with --tls-cert and --tls-key");
    return true;
}

static bool prepare_tls(const si_site_options *o, si_site *s) {
    if ((o->tls_cert == NULL) != (o->tls_key == NULL)) {
        si_complain("--tls-cert and --tls-key go together");
        return false;
    }
    if (o->tls_listen == NULL) {
        return true;
    }
    if (o->tls_cert == NULL) {
        return make_certificate(s);
    }
    s->tls_cert = absolute(s, o->tls_cert);
    s->tls_key = absolute(s, o->tls_key);
    if (!readable(s->tls_cert) || !readable(s->tls_key)) {
        si_complain("cannot read %s", readable(s->tls_cert) ? s->tls_key : s->tls_cert);
        return false;
    }
    return true;
}

/* ---- the nginx configuration ---- */

static bool port_is_free(const char *address) {
    si_diag diag = {0};
    if (address == NULL) {
        return true;
    }
    int fd = si_pool_listen(address, &diag);
    if (fd < 0) {
        si_complain_diag(&diag);
        return false;
    }
    close(fd);
    return true;
}

static bool read_template(const si_site *s, si_bytes *out) {
    char piece[8192];
    int fd = open(s->conf_template, O_RDONLY | O_CLOEXEC);
    ssize_t n = -1;
    while (fd >= 0 && out->len < TEMPLATE_MAX && (n = read(fd, piece, sizeof piece)) > 0 &&
           si_bytes_append(out, piece, (size_t)n)) {
    }
    if (fd >= 0) {
        close(fd);
    }
    return n == 0;
}

static const char *tls_lines(const si_site_options *o, si_site *s) {
    if (o->tls_listen == NULL) {
        return "";
    }
    bool old = nginx_version(s) < 1025001; /* http2 became a directive of its own */
    return path(s, "listen %s ssl%s%s;%s ssl_certificate %s; ssl_certificate_key %s;",
        o->tls_listen, old ? " http2" : "", o->proxy_protocol ? " proxy_protocol" : "",
        old ? "" : " http2 on;", si_nginx_word(&s->arena, s->tls_cert),
        si_nginx_word(&s->arena, s->tls_key));
}

static const char *admin_lines(const si_site_options *o, si_site *s) {
    return o->admin_listen == NULL ? ""
                                   : path(s,
                                         "server { listen %s; access_log off; "
                                         "location = /metrics { smartimg_metrics; } }",
                                         o->admin_listen);
}

static const char *user_line(const si_site_options *o, si_site *s) {
    return geteuid() != 0 ? ""
                          : path(s, "user %s %s;", o->user != NULL ? o->user : "root", s->group);
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
    return words != NULL ? path(s, "%s %s;", name, words) : NULL;
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
            line = path(s, "%s set_real_ip_from %.*s;", line, SI_STR_ARG(network));
        }
    }
    return path(s, "%s real_ip_header %s; real_ip_recursive on;", line,
        o->proxy_protocol ? "proxy_protocol" : "X-Forwarded-For");
}

static const char *network_line(const si_site_options *o, si_site *s) {
    const char *words = "";
#define X(x, limits, field, name, ...)                                                             \
    words = path(s, "%s%s" name "=%d", words, words[0] != '\0' ? " " : "", limits.field);
    SI_LINE_LIMITS(X, , o->line)
#undef X
    return words;
}

static bool write_configuration(const si_site_options *o, si_site *s) {
    si_arena *a = &s->arena;
    const si_template_value values[] = {
        {"MODULE", si_nginx_word(a, s->module)},
        {"PREFIX", s->run},
        {"USER_LINE", user_line(o, s)},
        {"WORKERS", o->nginx_workers > 0 ? path(s, "%d", o->nginx_workers) : "auto"},
        {"ERROR_LOG",
            o->error_log != NULL ? si_nginx_word(a, absolute(s, o->error_log)) : "stderr"},
        {"ACCESS_LOG", si_nginx_word(a, s->access_log)},
        {"ROOT", si_nginx_word(a, s->root)},
        {"CONFIG_LINE",
            s->config != NULL ? path(s, "smartimg_config %s;", si_nginx_word(a, s->config)) : ""},
        {"GENERATIONS", si_nginx_word(a, s->generations)},
        {"CACHE", si_nginx_word(a, path(s, "%s/images", s->cache))},
        {"FIRST_ANSWER_SECONDS", path(s, "%d", o->first_answer_seconds)},
        {"CDN_CACHE_CONTROL", o->cdn_cache_control},
        {"TRUSTED_EDGES_LINE", networks_line(s, "smartimg_trusted_edges", o->trusted_edges)},
        {"TRUSTED_PROXIES_LINE", trusted_proxies_line(o, s)},
        {"NETWORK_LINE", network_line(o, s)},
        {"NETWORK_GOOD", si_nginx_word(a, o->network_good)},
        {"NETWORK_POOR", si_nginx_word(a, o->network_poor)},
        {"NETWORK_HEADER_LINE",
            o->network_header == NULL
                ? ""
                : path(s, "smartimg_network_header %s;", si_nginx_word(a, o->network_header))},
        {"CACHE_SIZE", path(s, "%lldk", (long long)(o->cache_size >> 10))},
        {"RENDERERS", path(s, "%d", o->renderers)},
        {"REFINE_SHARE", path(s, "%d", o->refine_share)},
        {"QUEUE_MS", path(s, "%d", o->queue_ms > 0 ? o->queue_ms : SI_POOL_QUEUE_MS)},
        {"MISSES_PER_CLIENT", path(s, "%d", o->misses_per_client)},
        {"REPLY_BYTES",
            path(
                s, "%lld", (long long)(o->reply_bytes > 0 ? o->reply_bytes : SI_POOL_REPLY_BYTES))},
        {"RENDERER_SOCKET", s->socket},
        {"LISTEN", o->proxy_protocol ? path(s, "%s proxy_protocol", o->listen) : o->listen},
        {"TLS_SERVER", tls_lines(o, s)},
        {"ADMIN_SERVER", admin_lines(o, s)},
        {0},
    };
    si_bytes text = {0}, filled = {0};
    si_diag diag = {0};
    bool ok = read_template(s, &text);
    if (!ok) {
        si_complain("cannot read %s", s->conf_template);
    } else if (si_template_fill((si_str){(char *)text.data, text.len}, values, &filled, &diag) !=
               SI_OK) {
        ok = false;
        si_complain_diag(&diag);
    } else {
        int fd = open(s->conf, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        ok = fd >= 0 && write(fd, filled.data, filled.len) == (ssize_t)filled.len;
        if (!ok) {
            si_complain("cannot write %s: %s", s->conf, strerror(errno));
        }
        if (fd >= 0) {
            close(fd);
        }
    }
    si_bytes_free(&text);
    si_bytes_free(&filled);
    return ok;
}

static bool is_field_name(const char *name) {
    static const char tchar[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    return name[0] != '\0' && name[strspn(name, tchar)] == '\0';
}

static bool are_networks(const char *option, const char *list, si_site *s) {
    const si_address_filter *networks;
    bool ok = si_address_filter_read(si_str_of(list), &s->arena, &networks);
    if (!ok) {
        si_complain("%s takes addresses or networks, parted by commas", option);
    }
    return ok;
}

static bool network_is_right(const si_site_options *o) {
    si_network_limit ignored;
    if (!si_network_read_limit(si_str_of(o->network_good), &ignored) ||
        !si_network_read_limit(si_str_of(o->network_poor), &ignored)) {
        si_complain("--network-good and --network-poor take Mbit/s and milliseconds: MBIT,MS");
        return false;
    }
    if (o->network_header != NULL && !si_str_is_header_name(si_str_of(o->network_header))) {
        si_complain("--network-header takes the name of a header field");
        return false;
    }
    if (o->line.poor_loss < o->line.good_loss) {
        si_complain("--network-poor-loss is less than --network-good-loss");
        return false;
    }
    return true;
}

/* ---- public ---- */

bool si_site_prepare(const si_site_options *o, si_site *s) {
    s->root = absolute(s, o->root);
    s->config = absolute(s, o->config);
    s->cache = absolute(s, o->cache != NULL ? o->cache : si_default_cache(&s->arena));
    if (s->cache == NULL) {
        return false;
    }
    s->generations = path(s, "%s/generations", s->cache);
    s->access_log =
        o->access_log != NULL ? absolute(s, o->access_log) : path(s, "%s/" SI_ACCESS_LOG, s->cache);
    if (strchr(s->access_log, '$') != NULL) {
        si_complain("the path of the access log must not hold $");
        return false;
    }
    if (!is_field_name(o->cdn_cache_control)) {
        si_complain("--cdn-cache-control takes the name of a header field, or off");
        return false;
    }
    if (!are_networks("--trusted-edges", o->trusted_edges, s) ||
        !are_networks("--trusted-proxies", o->trusted_proxies, s)) {
        return false;
    }
    if (!network_is_right(o)) {
        return false;
    }
    return find_parts(s) && find_nginx(s) && find_user(o, s) && port_is_free(o->listen) &&
           port_is_free(o->tls_listen) && port_is_free(o->admin_listen) && prepare_cache(s) &&
           prepare_run_folder(s) && prepare_tls(o, s) && write_configuration(o, s);
}

void si_site_remove_run_folder(const si_site *s) {
    if (s->run != NULL) {
        nftw(s->run, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
    }
}

void si_site_clear(si_site *s) {
    si_site_remove_run_folder(s);
    si_arena_free(&s->arena);
    *s = (si_site){0};
}
