#include "cli/site_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/pool_status.h"
#include "cli/cache_claim.h"
#include "cli/log_files.h"
#include "picture/seal.h"
#include "process/confine.h"

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

static bool give_file_away(const si_site *s, const char *name) {
    return lchown(name, s->uid, s->gid) == 0 || errno == ENOENT;
}

/* Before anything in the folder is changed. */
static bool claim_cache(const si_site_options *o, si_site *s) {
    const si_cache_server says = {
        .root = s->root, .config = s->config, .listen = o->listen, .admin_listen = o->admin_listen};
    s->claim = si_cache_claim(s->cache, &says);
    return s->claim >= 0;
}

/* A folder with subfolder that we, and whom we run as, can write to. */
bool si_site_prepare_cache(const si_site_options *o, si_site *s) {
    const char *images = si_site_text(s, "%s/images", s->cache),
               *probe = si_site_text(s, "%s/.probe", s->cache);
    int fd = -1;
    bool ok = make_folders(s->cache, 0755) && make_folders(images, 0700) &&
              (fd = open(probe, O_WRONLY | O_CREAT | O_CLOEXEC, 0600)) >= 0 && unlink(probe) == 0;
    if (fd >= 0) {
        close(fd);
    }
    if (ok && !claim_cache(o, s)) {
        return false;
    }
    ok = ok &&
         (s->uid == geteuid() || (give_cache_away(s, images) && give_file_away(s, s->generations) &&
                                     give_file_away(s, s->position)));
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
bool si_site_prepare_uploads(const si_site_options *o, si_site *s) {
    const char *uploads = si_site_text(s, "%s/uploads", s->cache);
    const char *arriving = si_site_text(s, "%s/uploads-arriving", s->cache);
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
bool si_site_prepare_originals(const si_site_options *o, si_site *s) {
    uid_t uid = geteuid();
    gid_t gid = getegid();
    s->originals = o->originals != NULL ? si_site_absolute(s, o->originals)
                                        : si_site_text(s, "%s/originals", s->cache);
    if (uid == 0) {
        si_set_other_user(s->uid);
        si_render_user(&uid, &gid);
    }
    if (!make_folders(s->originals, 0755) || chmod(s->originals, 0700) != 0 ||
        (geteuid() == 0 && chown(s->originals, uid, gid) != 0)) {
        si_complain("cannot make folder %s for originals: %s", s->originals, strerror(errno));
        return false;
    }
    return true;
}

/* A disk that takes no log costs the log. Anything else that is wrong with a file that was named is
 * nginx's to complain of. */
bool si_site_prepare_logs(const si_site_options *o, si_site *s) {
    s->error_log = si_site_absolute(s, o->error_log);
    s->access_log = o->access_log != NULL ? si_site_absolute(s, o->access_log)
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

bool si_site_prepare_run_folder(si_site *s) {
    const char *base = getenv("XDG_RUNTIME_DIR");
    size_t room =
        sizeof((struct sockaddr_un *)0)->sun_path - sizeof "/smartimg-XXXXXX/render.sock-foreign";
    if (base == NULL || base[0] != '/' || strlen(base) > room || access(base, W_OK) != 0 ||
        s->uid != geteuid() ||                       /* who could not get into our own */
        strpbrk(base, " \t\n\"'\\;{}#$:") != NULL) { /* it goes into nginx.conf as it is */
        base = "/tmp";
    }
    char *run = (char *)si_site_text(s, "%s/smartimg-XXXXXX", base);
    if (mkdtemp(run) == NULL || (s->uid != geteuid() && chown(run, s->uid, s->gid) != 0)) {
        si_complain("cannot make a run folder in %s: %s", base, strerror(errno));
        return false;
    }
    s->run = run;
    s->socket = si_site_text(s, "%s/render.sock", run);
    s->conf = si_site_text(s, "%s/nginx.conf", run);
    s->fleet_report = si_site_text(s, "%s/fleet.metrics", run);
    s->purge_socket = si_site_text(s, "%s/purge.sock", run);
    return true;
}

bool si_site_prepare_status(si_site *s) {
    s->status_file = si_site_text(s, "%s/pool.status", s->run);
    int fd = open(s->status_file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    void *map = MAP_FAILED;
    if (fd >= 0 && ftruncate(fd, sizeof *s->status) == 0) {
        map = mmap(NULL, sizeof *s->status, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    }
    if (map == MAP_FAILED) {
        si_complain("cannot make %s: %s", s->status_file, strerror(errno));
    } else {
        s->status = map;
    }
    if (fd >= 0) {
        close(fd);
    }
    return map != MAP_FAILED;
}

/* The key that nginx seals recipes with: the one that was named, or a new one, which nobody but the
 * owner of the run folder can read. It never is in the memory of this process, which renderers are
 * forked from. */
bool si_site_prepare_seal_key(const si_site_options *o, si_site *s) {
    if (o->seal_key != NULL) {
        s->seal_key = si_site_absolute(s, o->seal_key);
    } else {
        int random = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
        s->seal_key = si_site_text(s, "%s/seal.key", s->run);
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

void si_site_remove_run_folder(const si_site *s) {
    if (s->run != NULL) {
        remove_folder(s->run);
    }
}
