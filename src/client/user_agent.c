#include "client/user_agent.h"

#include <string.h>

#include "base/format.h"

enum { ABSENT = -1, VERSION_MAX = 9999 };

/* Words that decide by their presence or by the version behind them. */
#define MARKS(X)                                                                                   \
    X(AppleWebKit)                                                                                 \
    X(Macintosh)                                                                                   \
    X(Opera)                                                                                       \
    X(Trident)                                                                                     \
    X(MSIE)                                                                                        \
    X(Edge)

/* What a User-Agent says. Versions are major versions, 0 if none follows, ABSENT without the word;
 * where a word comes twice, the first counts. */
typedef struct marks {
#define X(word) int word;
    MARKS(X)
#undef X
    int safari_version; /* from Version/, which Safari puts right behind its engine */
    int ios;
    int macos;         /* 10 on macOS 11 and later too: Safari went on saying 10_15_7 */
    bool other_webkit; /* a browser or a system that imitates Apple's */
    bool iphone, ipad; /* which device it is, in front of a semicolon, as Apple's own have it */
    bool robot;
} marks;

static const char *const other_webkits[] = {"Android", "Chrome", "Edg", "Silk"};

/* In lower case. Found anywhere in a word, as in Googlebot; http, since robots leave an address. */
static const char *const robots[] = {"bot", "crawl", "http", "preview", "spider"};

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_word(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Of words with a letter at least, nearly all of which differ from nearly all texts by the first.
 */
static bool is(si_str word, const char *text) {
    return word.len > 0 && word.p[0] == text[0] && si_str_eq(word, si_str_of(text));
}

/* `part` is in lower case; its first letter alone rules nearly everything out. */
static bool contains_nocase(si_str word, si_str part) {
    for (size_t i = 0; i + part.len <= word.len; i++) {
        if ((word.p[i] | 0x20) == part.p[0] &&
            si_str_eq_nocase((si_str){word.p + i, part.len}, part)) {
            return true;
        }
    }
    return false;
}

/* The number right behind a word, as in "MSIE 9.0", "Edge/17" and "OS 13_7"; 0 if there is none. */
static int version_behind(const char *p, const char *end) {
    int version = 0;
    if (p < end && (*p == '/' || *p == ' ')) {
        for (p++; p < end && is_digit(*p) && version <= VERSION_MAX; p++) {
            version = version * 10 + (*p - '0');
        }
    }
    return version;
}

static void set_first(int *mark, int version) {
    if (*mark == ABSENT) {
        *mark = version;
    }
}

static void note_device(marks *m, si_str word, bool ends) {
    m->iphone |= is(word, "iPod") || (is(word, "iPhone") && ends);
    m->ipad |= is(word, "iPad") && ends;
}

static void note_word(marks *m, si_str word, si_str before, int version) {
#define X(name)                                                                                    \
    if (is(word, #name)) {                                                                         \
        set_first(&m->name, version);                                                              \
    }
    MARKS(X)
#undef X
    if (is(word, "Version") && is(before, "Gecko")) {
        set_first(&m->safari_version, version);
    } else if (is(word, "OS") && (is(before, "CPU") || is(before, "iPhone"))) {
        set_first(&m->ios, version);
    } else if (is(word, "X") && is(before, "OS") && version > 0) {
        set_first(&m->macos, version);
    }
    for (size_t i = 0; i < sizeof other_webkits / sizeof *other_webkits; i++) {
        m->other_webkit |= is(word, other_webkits[i]);
    }
    for (size_t i = 0; i < sizeof robots / sizeof *robots; i++) {
        m->robot |= contains_nocase(word, si_str_of(robots[i]));
    }
}

static marks read_marks(si_str ua) {
    marks m = {
#define X(word) .word = ABSENT,
        MARKS(X)
#undef X
            .safari_version = ABSENT,
        .ios = ABSENT,
        .macos = ABSENT,
    };
    si_str before = {NULL, 0};
    size_t i = 0;
    while (i < ua.len) {
        size_t start = i;
        while (i < ua.len && is_word(ua.p[i])) {
            i++;
        }
        if (i > start) {
            si_str word = {ua.p + start, i - start};
            note_word(&m, word, before, version_behind(ua.p + i, ua.p + ua.len));
            note_device(&m, word, i < ua.len && ua.p[i] == ';');
            before = word;
        } else {
            i++;
        }
    }
    return m;
}

static bool shows_jxr(const marks *m) {
    if (m->Edge != ABSENT) {
        return m->Edge >= 12 && m->Edge <= 17;
    }
    if (m->Trident != ABSENT) {
        return m->Trident >= 5; /* the engine of IE 9; compatibility view lies in MSIE only */
    }
    return m->MSIE >= 9 && m->Opera == ABSENT;
}

static bool shows_jp2(const marks *m) {
    if (m->AppleWebKit == ABSENT || m->other_webkit) {
        return false;
    }
    if (m->ios != ABSENT) {
        return m->ios >= 5 && m->ios < 14; /* whatever the browser calls itself */
    }
    if (m->Macintosh == ABSENT) {
        return false;
    }
    /* Safari 14 and 15 ran on macOS 10.14 and 10.15 too, without WebP there. On macOS 11 they give
     * the same User-Agent, but are here only if they did not ask for an image; JPEG 2000 they show
     * on both. */
    return (m->safari_version >= 5 && m->safari_version <= 13) ||
           (m->safari_version >= 14 && m->safari_version <= 15 && m->macos == 10);
}

unsigned si_user_agent_formats(si_str user_agent) {
    marks m = read_marks(user_agent);
    if (m.robot) {
        return 0;
    }
    if (shows_jxr(&m)) {
        return SI_FORMAT_BIT(SI_FORMAT_JXR); /* first: IEMobile 11 calls itself an iPhone as well */
    }
    return shows_jp2(&m) ? SI_FORMAT_BIT(SI_FORMAT_JP2) : 0;
}

/* Whether the word that all of Apple's handheld devices have in common is there. */
static bool names_device(si_str ua) {
    const char *p = ua.p, *end = ua.p + ua.len;
    while (p != NULL && (p = memchr(p, 'i', (size_t)(end - p))) != NULL) {
        if (++p < end && *p == 'P') {
            return true;
        }
    }
    return false;
}

double si_user_agent_ratio(si_str user_agent) {
    enum { IPHONE_SINCE = 7, IPAD_SINCE = 10 };
    if (user_agent.len == 0 || !names_device(user_agent)) {
        return 0;
    }
    marks m = read_marks(user_agent);
    if (m.robot || m.other_webkit || (!m.iphone && !m.ipad)) {
        return 0;
    }
    return m.ios == ABSENT || m.ios >= (m.ipad ? IPAD_SINCE : IPHONE_SINCE) ? 2 : 0;
}
