/* smartimg top: what a running server does, as it does it. */
#include <curl/curl.h>
#include <langinfo.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "cli/cache_claim.h"
#include "cli/cli.h"
#include "cli/ready_probe.h"
#include "cli/top/lines.h"
#include "cli/top/screen.h"

enum { PAGE_MAX = 16 << 20, GRAPH = 60, ANSWER_SECONDS = 10 };

static bool once;
static int interval = 2; /* seconds */

/* A look at a server, again and again. */
typedef struct watch {
    const char *url;
    CURLM *multi;
    CURL *curl;
    bool asking;
    si_bytes page;
    si_samples before, now;
    si_top_lines lines;
    char trouble[200];   /* why there was no page lately, "" = there was */
    double graph[GRAPH]; /* requests a second, the newest last; NAN = none */
    int first;           /* line that is shown first */
} watch;

/* ---- asking ---- */

static size_t on_body(char *data, size_t size, size_t count, void *context) {
    si_bytes *page = context;
    bool fits = page->len + size * count <= PAGE_MAX;
    return fits && si_bytes_append(page, data, size * count) ? size * count : 0;
}

static bool open_curl(watch *w) {
    if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK) {
        w->multi = curl_multi_init();
        w->curl = curl_easy_init();
    }
    if (w->multi == NULL || w->curl == NULL) {
        si_complain("out of memory");
        return false;
    }
    curl_easy_setopt(w->curl, CURLOPT_URL, w->url);
    curl_easy_setopt(w->curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(w->curl, CURLOPT_TIMEOUT, (long)ANSWER_SECONDS);
    curl_easy_setopt(w->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(w->curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(w->curl, CURLOPT_WRITEDATA, &w->page);
    return true;
}

static void close_curl(watch *w) {
    if (w->asking) {
        curl_multi_remove_handle(w->multi, w->curl);
    }
    curl_easy_cleanup(w->curl);
    curl_multi_cleanup(w->multi);
    curl_global_cleanup();
}

static void ask(watch *w) {
    si_bytes_free(&w->page);
    w->asking = curl_multi_add_handle(w->multi, w->curl) == CURLM_OK;
}

/* Keeps a page that has come. */
static void take_page(watch *w) {
    si_samples fresh = {.at_ns = si_now_ns()};
    if (!si_samples_read(&fresh, &w->page)) {
        snprintf(w->trouble, sizeof w->trouble, "this is no page of metrics");
        si_samples_free(&fresh);
        return;
    }
    w->trouble[0] = '\0';
    si_samples_free(&w->before);
    w->before = w->now;
    w->now = fresh;
    if (!si_top_lines_make(&w->before, &w->now, &w->lines)) {
        snprintf(w->trouble, sizeof w->trouble, "out of memory");
    }
    memmove(w->graph, w->graph + 1, (GRAPH - 1) * sizeof *w->graph);
    w->graph[GRAPH - 1] = w->lines.requests;
}

/* Whether an answer, or that there is none, has just come. */
static bool has_answer(watch *w) {
    int running, left;
    long status = 0;
    (void)curl_multi_perform(w->multi, &running);
    const CURLMsg *message = curl_multi_info_read(w->multi, &left);
    if (message == NULL || message->msg != CURLMSG_DONE) {
        return false;
    }
    CURLcode code = message->data.result;
    curl_easy_getinfo(w->curl, CURLINFO_RESPONSE_CODE, &status);
    curl_multi_remove_handle(w->multi, w->curl);
    w->asking = false;
    if (code != CURLE_OK) {
        snprintf(w->trouble, sizeof w->trouble, "no answer: %s", curl_easy_strerror(code));
    } else if (status != 200) {
        snprintf(w->trouble, sizeof w->trouble, "status %ld", status);
    } else {
        take_page(w);
    }
    return true;
}

/* Asks, and waits for the answer. */
static bool ask_and_wait(watch *w) {
    ask(w);
    while (w->asking && !has_answer(w)) {
        (void)curl_multi_poll(w->multi, NULL, 0, 1000, NULL);
    }
    if (w->trouble[0] != '\0') {
        si_complain("%s: %s", w->url, w->trouble);
    }
    return w->trouble[0] == '\0';
}

/* ---- drawing ---- */

/* The requests of the last looks as a graph, of blocks or digits. */
static void draw_graph(const watch *w, char *out, size_t room) {
    static const char *const blocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static const char *const digits[] = {".", "1", "2", "3", "4", "5", "6", "7"};
    const char *const *marks = strcmp(nl_langinfo(CODESET), "UTF-8") == 0 ? blocks : digits;
    double most = 0;
    size_t used = 0;
    for (int i = 0; i < GRAPH; i++) {
        most = w->graph[i] > most ? w->graph[i] : most;
    }
    out[0] = '\0';
    for (int i = 0; i < GRAPH; i++) {
        int step = most > 0 ? (int)(w->graph[i] / most * 7) : 0;
        if (!isnan(w->graph[i])) {
            used += (size_t)snprintf(out + used, room - used, "%s", marks[step]);
        }
    }
    snprintf(out + used, room - used, "  most: %.1f requests a second", most);
}

static void draw(watch *w) {
    char text[1000], clock[32];
    int rows, columns;
    time_t now = time(NULL);
    struct tm tm;
    strftime(clock, sizeof clock, "%H:%M:%S", localtime_r(&now, &tm));
    si_screen_size(&rows, &columns);
    int room = rows - 2, last = w->lines.count - (room > 0 ? room : 0);
    w->first = w->first > last ? last : w->first;
    w->first = w->first < 0 ? 0 : w->first;
    si_screen_begin();
    snprintf(text, sizeof text, "smartimg top  %s  %s  %s", clock,
        w->trouble[0] != '\0' ? w->trouble : "q: ends", w->url);
    si_screen_row(text, w->trouble[0] != '\0' ? SI_SCREEN_REVERSE : SI_SCREEN_BOLD);
    draw_graph(w, text, sizeof text);
    si_screen_row(text, SI_SCREEN_PLAIN);
    for (int i = w->first; i < w->lines.count; i++) {
        si_screen_row(
            w->lines.items[i].text, w->lines.items[i].heading ? SI_SCREEN_BOLD : SI_SCREEN_PLAIN);
    }
    si_screen_end();
}

/* ---- the live view ---- */

/* Takes an event; false if it was the end. */
static bool take_event(watch *w, si_screen_event event) {
    int rows, columns;
    si_screen_size(&rows, &columns);
    switch (event) {
    case SI_SCREEN_QUIT:
        return false;
    case SI_SCREEN_UP:
        w->first--;
        break;
    case SI_SCREEN_DOWN:
        w->first++;
        break;
    case SI_SCREEN_PAGE_UP:
        w->first -= rows / 2;
        break;
    case SI_SCREEN_PAGE_DOWN:
        w->first += rows / 2;
        break;
    case SI_SCREEN_TOP:
        w->first = 0;
        break;
    default:
        break;
    }
    draw(w);
    return true;
}

static void wait_for_something(watch *w, int64_t until_ns) {
    struct pollfd polls[SI_SCREEN_POLLS];
    struct curl_waitfd fds[SI_SCREEN_POLLS];
    si_screen_polls(polls);
    for (int i = 0; i < SI_SCREEN_POLLS; i++) {
        fds[i] = (struct curl_waitfd){.fd = polls[i].fd, .events = CURL_WAIT_POLLIN};
    }
    (void)curl_multi_poll(
        w->multi, fds, SI_SCREEN_POLLS, w->asking ? 1000 : si_until_ms(until_ns), NULL);
}

static int watch_live(watch *w) {
    if (!ask_and_wait(w) || !si_screen_open()) {
        return SI_EXIT_FAILED;
    }
    int64_t next_ns = si_now_ns() + interval * SI_SECOND;
    draw(w);
    for (bool on = true; on;) {
        if (!w->asking && si_now_ns() >= next_ns) {
            next_ns = si_now_ns() + interval * SI_SECOND;
            ask(w);
        }
        wait_for_something(w, next_ns);
        if (w->asking && has_answer(w)) {
            draw(w);
        }
        si_screen_event event;
        while (on && (event = si_screen_next()) != SI_SCREEN_NOTHING) {
            on = take_event(w, event);
        }
    }
    si_screen_close();
    return SI_EXIT_OK;
}

/* ---- once ---- */

static int print_once(watch *w) {
    const struct timespec pause = {.tv_sec = interval};
    if (!ask_and_wait(w)) {
        return SI_EXIT_FAILED;
    }
    nanosleep(&pause, NULL);
    if (!ask_and_wait(w)) {
        return SI_EXIT_FAILED;
    }
    for (int i = 0; i < w->lines.count; i++) {
        printf("%s\n", w->lines.items[i].text);
    }
    return SI_EXIT_OK;
}

/* ---- the command ---- */

/* The address of the metrics: what was named, or where the server of the usual cache folder has
 * them; in the arena. NULL, with a complaint, if it has them nowhere. */
static const char *find_url(const char *named, si_arena *arena) {
    char address[300];
    si_cache_server usual;
    if (named == NULL) {
        bool known = si_cache_server_usual(arena, &usual) && usual.admin_listen != NULL;
        if (!known) {
            si_complain("top: name the address that `smartimg serve` was given as --admin-listen");
            return NULL;
        }
        return si_arena_printf(
            arena, "http://%s/metrics", si_typed_address(usual.admin_listen, address));
    }
    const char *host = strstr(named, "://");
    host = host != NULL ? host + 3 : named;
    const char *path = strchr(host, '/');
    return si_arena_printf(arena, "%s%s%s", host == named ? "http://" : "", named,
        path == NULL             ? "/metrics"
        : strcmp(path, "/") == 0 ? "metrics"
                                 : "");
}

static int run(char **operands, int count) {
    si_arena arena = {0};
    watch w = {.url = find_url(count > 0 ? operands[0] : NULL, &arena)};
    int status = SI_EXIT_USAGE;
    for (int i = 0; i < GRAPH; i++) {
        w.graph[i] = NAN;
    }
    if (w.url != NULL) {
        setlocale(LC_CTYPE, "");
        status = !open_curl(&w) ? SI_EXIT_FAILED : once ? print_once(&w) : watch_live(&w);
        close_curl(&w);
    }
    si_bytes_free(&w.page);
    si_samples_free(&w.before);
    si_samples_free(&w.now);
    si_top_lines_free(&w.lines);
    si_arena_free(&arena);
    return status;
}

static const si_option options[] = {
    {"interval", 0, "SECONDS", SI_OPTION_COUNT, &interval,
        "How long one look is behind the other, 1 to 3600 seconds. Default: 2.", 1, 3600},
    {"once", 0, NULL, SI_OPTION_FLAG, &once,
        "Takes two looks, prints what the second one shows, with rates since the first, and ends. "
        "Needs no terminal.",
        0, 0},
    {0},
};

const si_command si_command_top = {
    .name = "top",
    .summary = "shows what a running server does, live",
    .synopsis = "[URL] [OPTION]...",
    .description =
        "Shows the metrics of a running server at the terminal, anew every other second: requests, "
        "hits and misses, formats, bytes saved, what renderers do and what waits for them, "
        "refinements, latencies. All families are shown that the server has. URL is its address "
        "of metrics, or ADDR:PORT of --admin-listen; without one, that of the server of the cache "
        "folder which `smartimg serve` has unless told otherwise.\n"
        "\n"
        "Keys: q ends; j, k, arrows, blank, b, page keys and g move. The terminal is as it was "
        "before after any end but SIGKILL.",
    .exit_status = " 0  ended by q or a signal, or printed once\n 1  the server does not answer, "
                   "or there is no terminal\n 2  wrong usage",
    .examples = " smartimg top 127.0.0.1:9090\n smartimg top --once --interval 10",
    .options = options,
    .operands_max = 1,
    .run = run,
};
