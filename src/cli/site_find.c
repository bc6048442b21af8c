#include "cli/site_parts.h"

#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/wire.h"
#include "process/confine.h"

static const char *program_folder(char exe[PATH_MAX]) {
    ssize_t len = readlink("/proc/self/exe", exe, PATH_MAX - 1);
    exe[len > 0 ? len : 0] = '\0';
    char *slash = strrchr(exe, '/');
    if (slash != NULL) {
        *slash = '\0';
    }
    return exe;
}

bool si_site_find_parts(si_site *s) {
    char exe[PATH_MAX];
    (void)program_folder(exe);
    const char *conf_dir = getenv(SI_ENV_CONF_DIR);
    const char *templates[] = {
        conf_dir != NULL ? si_site_text(s, "%s/nginx.conf.in", conf_dir) : NULL,
        si_site_text(
            s, "%s/../share/smartimg/nginx.conf.in", exe), /* installed; then a build folder */
        si_site_text(s, "%s/../../../conf/nginx.conf.in", exe)};
    const char *modules[] = {getenv(SI_ENV_MODULE),
        si_site_text(s, "%s/../lib/smartimg/ngx_http_smartimg_module.so", exe),
        si_site_text(s, "%s/../edge/ngx_http_smartimg_module.so", exe)};
    for (int i = 2; i >= 0; i--) {
        s->conf_template = si_site_readable(templates[i]) ? templates[i] : s->conf_template;
        s->module = si_site_readable(modules[i]) ? si_site_absolute(s, modules[i]) : s->module;
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
bool si_site_find_playground(si_site *s) {
    char exe[PATH_MAX];
    (void)program_folder(exe);
    const char *web_dir = getenv(SI_ENV_WEB_DIR);
    const char *folders[] = {web_dir != NULL ? si_site_text(s, "%s/playground", web_dir) : NULL,
        si_site_text(s, "%s/../share/smartimg/playground", exe),
        si_site_text(s, "%s/../../../web/playground", exe)};
    for (int i = 2; i >= 0; i--) {
        bool there =
            folders[i] != NULL && si_site_readable(si_site_text(s, "%s/index.html", folders[i]));
        s->page = there ? si_site_absolute(s, folders[i]) : s->page;
    }
    int folder = (int)(strrchr(s->conf_template, '/') - s->conf_template);
    s->playground_template = si_site_text(s, "%.*s/playground.conf.in", folder, s->conf_template);
    if (s->page == NULL) {
        si_complain("cannot find the playground's page: name the folder that its folder is in "
                    "in " SI_ENV_WEB_DIR ", or switch it off with --playground off");
    }
    return s->page != NULL;
}

bool si_site_find_nginx(si_site *s) {
    const char *folders = getenv("PATH");
    si_str rest = si_str_of(
               si_site_text(s, "%s:/usr/sbin:/usr/local/sbin", folders != NULL ? folders : "")),
           folder;
    while (si_str_next(&rest, ':', &folder)) {
        const char *candidate = si_site_text(s, "%.*s/nginx", SI_STR_ARG(folder));
        if (folder.len > 0 && access(candidate, X_OK) == 0) {
            s->nginx = candidate;
            return true;
        }
    }
    si_complain("cannot find nginx: is it installed?");
    return false;
}

int si_site_nginx_version(const si_site *s) {
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

bool si_site_find_user(const si_site_options *o, si_site *s) {
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
        s->user = si_site_text(s, "%s", p->pw_name);
        s->uid = p->pw_uid;
        s->gid = p->pw_gid;
    }
    struct group *g = getgrgid(s->gid);
    s->group = si_site_text(s, "%s", g != NULL ? g->gr_name : "root");
    s->reads_any = o->user == NULL;
    return true;
}

bool si_site_become_user(const si_site *s) {
    return geteuid() != 0 || (s->reads_any ? si_become_reader(s->user, s->uid, s->gid)
                                           : si_become_user(s->user, s->uid, s->gid));
}
