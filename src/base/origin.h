/* Origins: where originals come from other than from the served root (docs/sources.md). One is a
 * server that is asked over http or https, or a bucket of S3 or what speaks like it. Companies name
 * them in their attribute Sources; a section [source NAME] says what each is.
 *
 * An origin has the layout of the served root: what lies at a path below the root lies at the same
 * path there, behind Url or in Bucket, with Prefix before it.
 *
 * In recipes the path of such an original is SI_ORIGIN_PATH, the origin, the version, and the path
 * in the origin: "/origin/NAME@OWNER/VERSION/PATH". It is absolute, as no path below the root is.
 * The version is a hash of what the origin says of the file's state (ETag, or else its time and
 * size), so that a changed original makes another recipe. */
#ifndef SI_BASE_ORIGIN_H
#define SI_BASE_ORIGIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

#define SI_ORIGIN_PATH "/origin/"
#define SI_ORIGIN_FOLDER "folder" /* in Sources: the served root */

enum {
    SI_ORIGIN_NAME_MAX = 64,   /* bytes of a name, … */
    SI_ORIGIN_OWNER_MAX = 255, /* … of the company that defines it, … */
    SI_ORIGIN_KEY_MAX = 1024,  /* … of a path in an origin, with its NUL, … */
    SI_ORIGIN_EXTENSION = 16,  /* … and of an extension, with its dot and NUL */
    SI_ORIGIN_VERSION = 16,    /* hex digits */
    SI_ORIGIN_CANDIDATES = 8   /* names that are tried for one without an extension, at most */
};

/* What an origin is like: a section [source NAME] of a company file. Rows are
 * X(Name, field, type, minimum, maximum, default, unit, help), types those of catalog/value.h. */
#define SI_ORIGIN_SETTINGS(X)                                                                       \
    X(Url, url, TEXT, 0, 0, "", "",                                                                 \
        "http or https address that paths are put behind: an origin is either this or a Bucket")    \
    X(Bucket, bucket, TEXT, 0, 0, "", "", "bucket of S3 or of what speaks like it")                 \
    X(Region, region, TEXT, 0, 0, "us-east-1", "", "region of the bucket, part of signatures")      \
    X(Endpoint, endpoint, TEXT, 0, 0, "", "",                                                       \
        "http or https address of the S3 service; empty = https://s3.REGION.amazonaws.com")         \
    X(PathStyle, path_style, BOOL, 0, 1, "false", "",                                               \
        "true = ENDPOINT/BUCKET/path, as most services other than Amazon's want it; false = the "   \
        "bucket is part of the host's name")                                                        \
    X(Prefix, prefix, TEXT, 0, 0, "", "", "what stands before each path, such as masters/")         \
    X(Credentials, credentials, TEXT, 0, 0, "", "",                                                 \
        "keys of a bucket: file:PATH (lines AccessKeyId = …, SecretAccessKey = …, perhaps "     \
        "SessionToken = …), environment (AWS_ACCESS_KEY_ID and so on, as the server was started " \
        "with), or instance (the role of the machine or container); empty = the bucket is public")  \
    X(CaFile, ca_file, TEXT, 0, 0, "", "",                                                          \
        "file in PEM with the certificates that vouch for the server, instead of the system's: "    \
        "for services whose certificate is of an authority of one's own")                           \
    X(Private, may_be_private, BOOL, 0, 1, "false", "",                                             \
        "true = it may have addresses of private networks or of this machine")                      \
    X(Extensions, extensions, TEXT, 0, 0, "", "",                                                   \
        "extensions that are tried, after DefaultExt, for a name without one, parted by commas, "   \
        "6 at most: .jpg,.png")                                                                     \
    X(Fresh, fresh, INT, 0, 31536000, "60", "seconds",                                              \
        "after which it is asked whether an original has changed")                                  \
    X(Missing, missing, INT, 0, 31536000, "10", "seconds",                                          \
        "after which it is asked again for one that was not there")                                 \
    X(StaleIfError, stale, INT, 0, 31536000, "86400", "seconds",                                    \
        "for which what is known of an original counts while the origin does not answer")           \
    X(ForbiddenIsMissing, forbidden_is_missing, BOOL, 0, 1, "false", "",                            \
        "true = 403 says that there is no such original, as S3 does to those who may not list")     \
    X(ConnectMs, connect_ms, INT, 10, 60000, "3000", "milliseconds", "time for a connection")       \
    X(IdleMs, idle_ms, INT, 1000, 600000, "5000", "milliseconds",                                   \
        "for which an answer may bring nothing, in steps of a second")                              \
    X(TotalMs, total_ms, INT, 100, 600000, "20000", "milliseconds",                                 \
        "time for an original in all, with all tries")                                              \
    X(Retries, retries, INT, 0, 10, "2", "",                                                        \
        "tries after the first, if there was no connection, or 429, 500, 502, 503 or 504")          \
    X(MaxSize, max_megabytes, INT, 1, 4096, "256", "MiB", "what an original may have")              \
    X(Connections, connections, INT, 1, 256, "16", "", "requests that it gets at a time")

typedef const char *si_origin_TEXT;
typedef bool si_origin_BOOL;
typedef int si_origin_INT;

typedef struct si_origin {
    const char *name;
    const char *owner; /* id of the company that defines it, "" = the default company */
#define X(name, field, type, minimum, maximum, initial, unit, help) si_origin_##type field;
    SI_ORIGIN_SETTINGS(X)
#undef X
    uint64_t id; /* hash of all of the above: another one after a change */
    int line;    /* of its section */
} si_origin;

/* Several, in the order of companies; the items are borrowed from whoever keeps them. */
typedef struct si_origins {
    int count;
    const si_origin *const *items;
} si_origins;

/* The origin that "NAME@OWNER" names, or NULL. */
const si_origin *si_origins_find(const si_origins *all, si_str name);

/* The path of an original as recipes have it, taken apart; borrowed. */
typedef struct si_origin_path {
    si_str origin; /* NAME@OWNER */
    uint64_t version;
    const char *key; /* the path in the origin, without Prefix */
} si_origin_path;

/* False if it is no such path. */
bool si_origin_path_read(const char *path, si_origin_path *out);

/* Whether a path in a recipe is that of an original in an origin. */
static inline bool si_is_in_origin(const char *path) {
    return strncmp(path, SI_ORIGIN_PATH, sizeof SI_ORIGIN_PATH - 1) == 0;
}

#endif
