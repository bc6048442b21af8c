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

#include "base/uploads.h"
#include "base/wire.h"
#include "catalog/address_filter.h"
#include "cli/log_files.h"
#include "cli/nginx_conf.h"
#include "picture/seal.h"
#include "process/confine.h"
#include "client/network.h"
#include "renderer/pool.h"

enum {
    TEMPLATE_MAX = 1 << 20,
    READY_SLACK_MS = 2000 /* after the longest request: its renderer is killed, and another there */
};

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

static const char *program_folder(char exe[PATH_MAX]) {
    ssize_t len = readlink("/proc/self/exe", exe, PATH_MAX - 1);
    exe[len > 0 ? len : 0] = '\0';
    char *slash = strrchr(exe, '/');
    if (slash != NULL) {
        *slash = '\0';
    }
    return exe;
}

static bool find_parts(si_site *s) {
    char exe[PATH_MAX];
    (void)program_folder(exe);
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

/* The folder of the playground's page, and the template beside the other one. */
static bool find_playground(si_site *s) {
    char exe[PATH_MAX];
    (void)program_folder(exe);
    const char *web_dir = getenv(SI_ENV_WEB_DIR);
    const char *folders[] = {web_dir != NULL ? path(s, "%s/playground", web_dir) : NULL,
        path(s, "%s/../share/smartimg/playground", exe),
        path(s, "%s/../../../web/playground", exe)};
    for (int i = 2; i >= 0; i--) {
        bool there = folders[i] != NULL && readable(path(s, "%s/index.html", folders[i]));
        s->page = there ? absolute(s, folders[i]) : s->page;
    }
    int folder = (int)(strrchr(s->conf_template, '/') - s->conf_template);
    s->playground_template = path(s, "%.*s/playground.conf.in", folder, s->conf_template);
    if (s->page == NULL) {
        si_complain("cannot find the playground's page: name the folder that its folder is in "
                    "in " SI_ENV_WEB_DIR ", or switch it off with --playground off");
    }
    return s->page != NULL;
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
    static const char *const usual[] = {"smartimg", "www-data", "nobody"};
    s->uid = geteuid();
    s->gid = getegid();
    struct passwd *p = o->user != NULL ? getpwnam(o->user) : NULL;
    for (int i = 0; o->user == NULL && geteuid() == 0 && p == NULL && i < 3; i++) {
        p = getpwnam(usual[i]);
    }
    if (o->user != NULL && (p == NULL || (geteuid() != 0 && p->pw_uid != geteuid()))) {
        si_complain(p == NULL ? "there is no user %s" : "only root can run as user %s", o->user);
        return false;
    }
    if (geteuid() == 0 && (p == NULL || p->pw_uid == 0)) {
        si_complain(p == NULL ? "there is no user that nginx could run as: name one with --user"
                              : "--user %s: nginx does not run as root",
            o->user);
        return false;
    }
    if (p != NULL) {
        s->user = path(s, "%s", p->pw_name);
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

static uid_t owner;
static gid_t owner_group;

static int give_away(const char *name, const struct stat *st, int type, struct FTW *where) {
    (void)type;
    (void)where;
    return st->st_uid == owner || lchown(name, owner, owner_group) == 0 ? 0 : -1;
}

/* Makes the cache that of nginx's user, with all that is in there if it was somebody else's. */
static bool give_cache_away(const si_site *s, const char *images) {
    struct stat st;
    owner = s->uid;
    owner_group = s->gid;
    if (chown(s->cache, s->uid, s->gid) != 0 || stat(images, &st) != 0) {
        return false;
    }
    return st.st_uid == s->uid || nftw(images, give_away, 16, FTW_PHYS | FTW_MOUNT) == 0;
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
    ok = ok && (s->uid == geteuid() || give_cache_away(s, images));
    if (!ok) {
        si_complain("cache folder %s is not writable: %s", s->cache, strerror(errno));
    }
    return ok;
}

static int remove_entry(const char *name, const struct stat *st, int type, struct FTW *where) {
    (void)st;
    (void)type;
    (void)where;
    remove(name);
    return 0;
}

static void remove_folder(const char *name) {
    nftw(name, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

/* Folders for what visitors of the playground upload, and for what of it has not arrived whole.
 * What the server before has left of either goes, unless visitors may still want it. */
static bool prepare_uploads(const si_site_options *o, si_site *s) {
    const char *uploads = path(s, "%s/uploads", s->cache);
    const char *arriving = path(s, "%s/uploads-arriving", s->cache);
    remove_folder(arriving);
    if (!si_site_has_uploads(o)) {
        remove_folder(uploads);
        return true;
    }
    bool ok = make_folders(uploads, 0700) && make_folders(arriving, 0700) &&
              chmod(uploads, 0700) == 0 && chown(uploads, s->uid, s->gid) == 0 &&
              chown(arriving, s->uid, s->gid) == 0;
    if (!ok) {
        si_complain("cannot make a folder for uploads in %s: %s", s->cache, strerror(errno));
    }
    s->uploads = uploads;
    s->arriving = arriving;
    return ok;
}

/* The folder of originals, which the origins process writes to: as whoever renderers run as, if
 * root starts it (process/confine.h). */
static bool prepare_originals(const si_site_options *o, si_site *s) {
    uid_t uid = geteuid();
    gid_t gid = getegid();
    s->originals =
        o->originals != NULL ? absolute(s, o->originals) : path(s, "%s/originals", s->cache);
    if (uid == 0) {
        si_set_other_user(s->uid);
        si_render_user(&uid, &gid);
    }
    if (!make_folders(s->originals, 0755) || chmod(s->originals, 0700) != 0 ||
        chown(s->originals, uid, gid) != 0) {
        si_complain("cannot make folder %s for originals: %s", s->originals, strerror(errno));
        return false;
    }
    return true;
}

/* A disk that takes no log costs the log. Anything else that is wrong with a file that was named is
 * nginx's to complain of. */
static bool prepare_logs(const si_site_options *o, si_site *s) {
    s->error_log = absolute(s, o->error_log);
    s->access_log = o->access_log != NULL ? absolute(s, o->access_log)
                                          : si_default_access_log(o->listen, &s->arena);
    if (s->access_log != NULL && strchr(s->access_log, '$') != NULL) {
        si_complain("the path of the access log must not hold $");
        return false;
    }
    char folder[PATH_MAX] = "";
    if (s->access_log != NULL && o->access_log == NULL) {
        snprintf(folder, sizeof folder, "%s", s->access_log);
        *strrchr(folder, '/') = '\0';
    }
    bool there = s->access_log != NULL && (folder[0] == '\0' || make_folders(folder, 0755)) &&
                 si_log_is_writable(s->access_log);
    bool disk = errno == ENOSPC || errno == EDQUOT || errno == EROFS || errno == EIO;
    if (!there && (o->access_log == NULL || disk)) {
        si_complain("requests are not logged: %s: %s",
            s->access_log != NULL ? s->access_log : "--access-log is not given, no home folder",
            strerror(errno));
        s->access_log = NULL;
    }
    return true;
}

static bool prepare_run_folder(si_site *s) {
    const char *base = getenv("XDG_RUNTIME_DIR");
    size_t room =
        sizeof((struct sockaddr_un *)0)->sun_path - sizeof "/smartimg-XXXXXX/render.sock-foreign";
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

/* The key that nginx seals recipes with: the one that was named, or a new one, which nobody but the
 * owner of the run folder can read. It never is in the memory of this process, which renderers are
 * forked from. */
static bool prepare_seal_key(const si_site_options *o, si_site *s) {
    if (o->seal_key != NULL) {
        s->seal_key = absolute(s, o->seal_key);
    } else {
        int random = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
        s->seal_key = path(s, "%s/seal.key", s->run);
        int out = open(s->seal_key, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        uint8_t key[SI_SEAL_KEY];
        bool made = random >= 0 && out >= 0 && read(random, key, sizeof key) == sizeof key &&
                    write(out, key, sizeof key) == sizeof key;
        explicit_bzero(key, sizeof key);
        if (random >= 0) {
            close(random);
        }
        if (out >= 0) {
            close(out);
        }
        if (!made) {
            si_complain("cannot make %s: %s", s->seal_key, strerror(errno));
            return false;
        }
    }
    struct stat st;
    s->seal_key_file = open(s->seal_key, O_RDONLY | O_CLOEXEC);
    if (s->seal_key_file < 0 || fstat(s->seal_key_file, &st) != 0 || st.st_size < SI_SEAL_KEY) {
        si_complain("--seal-key %s: %s", s->seal_key,
            s->seal_key_file < 0 ? strerror(errno) : "it has less than 32 bytes");
        return false;
    }
    return true;
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
    bool old = nginx_version(s) < 1025001; /* http2 became a directive of its own */
    return path(s, "listen %s ssl%s%s;%s ssl_certificate %s; ssl_certificate_key %s;",
        o->tls_listen, old ? " http2" : "", o->proxy_protocol ? " proxy_protocol" : "",
        old ? "" : " http2 on;", si_nginx_word(&s->arena, s->tls_cert),
        si_nginx_word(&s->arena, s->tls_key));
}

/* Where the client scripts are, seen from the template: beside it if they are installed. */
static const char *scripts_line(si_site *s) {
    int folder = (int)(strrchr(s->conf_template, '/') - s->conf_template);
    const char *folders[] = {path(s, "%.*s/web", folder, s->conf_template),
        path(s, "%.*s/../web", folder, s->conf_template)};
    for (int i = 0; i < 2; i++) {
        if (readable(path(s, "%s/smartimg.js", folders[i]))) {
            return path(s, "root %s;", si_nginx_word(&s->arena, absolute(s, folders[i])));
        }
    }
    return "return 404;";
}

static const char *admin_lines(const si_site_options *o, si_site *s) {
    return o->admin_listen == NULL ? ""
                                   : path(s,
                                         "server { listen %s; access_log off; "
                                         "location = /metrics { smartimg_metrics; } }",
                                         o->admin_listen);
}

static const char *user_line(si_site *s) {
    return geteuid() != 0 ? "" : path(s, "user %s %s;", s->user, s->group);
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

/* In the server. */
static const char *playground_line(si_site *s) {
    return s->page != NULL ? path(s, "include %s/playground.conf;", s->run) : "";
}

/* The kinds that are served, parted by commas. */
static const char *served_kinds(uint32_t refused, si_site *s) {
    static const char *const names[SI_KIND_COUNT] = {
#define X(id, name) [SI_KIND_##id] = name,
        SI_KINDS(X)
#undef X
    };
    const char *words = "";
    for (int i = SI_KIND_NONE + 1; i < SI_KIND_COUNT; i++) {
        if ((refused & SI_KIND_BIT(i)) == 0) {
            words = path(s, "%s%s%s", words, words[0] != '\0' ? "," : "", names[i]);
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
        path(s, "limit_conn_zone smartimg zone=smartimg_uploads:64k; smartimg_kinds %s;",
            served_kinds(o->refused_kinds, s));
    return s->uploads == NULL
               ? lines
               : path(s, "%s smartimg_uploads %s;", lines, si_nginx_word(&s->arena, s->uploads));
}

static bool write_configuration(const si_site_options *o, si_site *s) {
    si_arena *a = &s->arena;
    const si_template_value values[] = {
        {"MODULE", si_nginx_word(a, s->module)},
        {"PREFIX", s->run},
        {"USER_LINE", user_line(s)},
        {"WORKERS", o->nginx_workers > 0 ? path(s, "%d", o->nginx_workers) : "auto"},
        {"ERROR_LOG", s->error_log != NULL ? si_nginx_word(a, s->error_log) : "stderr"},
        {"ACCESS_LOG", s->access_log != NULL ? si_nginx_word(a, s->access_log) : "/dev/null"},
        {"ROOT", si_nginx_word(a, s->root)},
        {"CONFIG_LINE",
            s->config != NULL ? path(s, "smartimg_config %s;", si_nginx_word(a, s->config)) : ""},
        {"SEAL_KEY", si_nginx_word(a, s->seal_key)},
        {"GENERATIONS", si_nginx_word(a, s->generations)},
        {"SCRIPTS_LINE", scripts_line(s)},
        {"CACHE", si_nginx_word(a, path(s, "%s/images", s->cache))},
        {"FIRST_ANSWER_SECONDS", path(s, "%d", o->first_answer_seconds)},
        {"CDN_CACHE_CONTROL", o->cdn_cache_control},
        {"HOME", si_site_has_playground(o) ? "/" : ""},
        {"DPR_HEADER_LINE",
            o->dpr_header != NULL ? path(s, "smartimg_dpr_header %s;", o->dpr_header) : ""},
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
        {"CACHE_MIN_FREE", path(s, "%lldk", (long long)(o->cache_min_free >> 10))},
        {"RENDERERS", path(s, "%d", o->renderers)},
        {"REFINE_SHARE", path(s, "%d", o->refine_share)},
        {"QUEUE_MS", path(s, "%d", o->queue_ms > 0 ? o->queue_ms : SI_POOL_QUEUE_MS)},
        {"READY_MS", path(s, "%d", o->wall_ms + READY_SLACK_MS)},
        {"MISSES_PER_CLIENT", path(s, "%d", o->misses_per_client)},
        {"REPLY_BYTES",
            path(
                s, "%lld", (long long)(o->reply_bytes > 0 ? o->reply_bytes : SI_POOL_REPLY_BYTES))},
        {"RENDERER_SOCKET", s->socket},
        {"LISTEN", o->proxy_protocol ? path(s, "%s proxy_protocol", o->listen) : o->listen},
        {"TLS_SERVER", tls_lines(o, s)},
        {"PLAYGROUND_LINE", playground_line(s)},
        {"PLAYGROUND_HTTP_LINES", playground_http_lines(o, s)},
        {"ADMIN_SERVER", admin_lines(o, s)},
        {0},
    };
    return fill_template(s->conf_template, values, s->conf);
}

/* ---- the playground ---- */

static bool write_playground(si_site *s) {
    if (s->page == NULL) {
        return true;
    }
    const char *arriving = s->arriving != NULL ? s->arriving : path(s, "%s/body", s->run);
    const si_template_value values[] = {
        {"PAGE", si_nginx_word(&s->arena, s->page)},
        {"ARRIVING", si_nginx_word(&s->arena, arriving)},
        {"UPLOAD_BYTES", path(s, "%d", SI_UPLOAD_BYTES)},
        {"UPLOADS_AT_A_TIME", path(s, "%d", SI_UPLOADS_AT_A_TIME)},
        {0},
    };
    return fill_template(s->playground_template, values, path(s, "%s/playground.conf", s->run));
}

const char *si_switch_parse(const char *value, void *to) {
    bool on = strcmp(value, "on") == 0;
    if (!on && strcmp(value, "off") != 0) {
        return "is neither on nor off";
    }
    *(si_switch *)to = on ? SI_SWITCH_ON : SI_SWITCH_OFF;
    return NULL;
}

bool si_site_has_playground(const si_site_options *o) {
    return o->playground != SI_SWITCH_UNSET ? o->playground == SI_SWITCH_ON : o->config == NULL;
}

bool si_site_has_uploads(const si_site_options *o) {
    return si_site_has_playground(o) && o->playground_uploads == SI_SWITCH_ON;
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
    if (o->network_header != NULL && !si_str_is_field_name(si_str_of(o->network_header))) {
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
    if (!si_str_is_field_name(si_str_of(o->cdn_cache_control))) {
        si_complain("--cdn-cache-control takes the name of a header field, or off");
        return false;
    }
    if (o->dpr_header != NULL && !si_str_is_field_name(si_str_of(o->dpr_header))) {
        si_complain("--dpr-header takes the name of a header field, or akamai");
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
           port_is_free(o->tls_listen) && port_is_free(o->admin_listen) &&
           (!si_site_has_playground(o) || find_playground(s)) && prepare_cache(s) &&
           prepare_uploads(o, s) && prepare_originals(o, s) && prepare_logs(o, s) &&
           prepare_run_folder(s) && prepare_seal_key(o, s) && prepare_tls(o, s) &&
           write_playground(s) && write_configuration(o, s);
}

void si_site_remove_run_folder(const si_site *s) {
    if (s->run != NULL) {
        remove_folder(s->run);
    }
}

void si_site_clear(si_site *s) {
    si_site_remove_run_folder(s);
    if (s->seal_key != NULL && s->seal_key_file >= 0) {
        close(s->seal_key_file);
    }
    si_arena_free(&s->arena);
    *s = (si_site){0};
}
