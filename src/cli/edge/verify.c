/* smartimg verify-cdn: the command and what it prints. */
#include "cli/edge/verify.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "cli/cli.h"

static const char *origin;
static bool json, insecure, as_is;

typedef struct fault_text {
    const char *name, *advice;
} fault_text;

static const fault_text faults[SI_VERIFY_FAULT_COUNT] = {
#define X(id, name, advice) {name, advice},
    SI_VERIFY_FAULTS(X)
#undef X
};

/* ---- printing ---- */

static const char *type_of(const si_verify_reply *r, char *out, size_t size) {
    const char *type = si_verify_header_of(r, "Content-Type");
    if (r->status == 200) {
        snprintf(out, size, "%.*s", (int)strcspn(type, ";"), type);
    } else {
        snprintf(out, size, "status %d", r->status);
    }
    return out;
}

static void print_clients(const si_verify *v) {
    printf("%-23s  %-16s  %-18s  %9s  %-5s  %-6s\n", "client", "class", "type", "bytes", "first",
        "second");
    for (int i = 0; i < SI_VERIFY_CLIENT_COUNT; i++) {
        char class[SI_CLIENT_CLASS_SIZE], type[40];
        const si_verify_reply *a = &v->first[i], *b = &v->second[i];
        printf("%-23s  %-16s  %-18s  %9zu  %-5s  %-6s\n", si_verify_clients[i].name,
            si_client_print(&v->classes[i], class), type_of(b, type, sizeof type), b->body.len,
            si_verify_sign_text(si_verify_sign_of(a, NULL)),
            si_verify_sign_text(si_verify_sign_of(b, a)));
    }
}

/* Findings of one fault together, its advice once. */
static void print_findings(const si_verify *v) {
    for (int fault = 0; fault < SI_VERIFY_FAULT_COUNT; fault++) {
        bool any = false;
        for (int i = 0; i < v->finding_count; i++) {
            if ((int)v->findings[i].fault == fault) {
                printf("%s%s%s  %s\n", any ? "" : "\n", any ? "" : faults[fault].name,
                    any ? "" : ":\n", v->findings[i].text);
                any = true;
            }
        }
        if (any) {
            printf("  → %s\n", faults[fault].advice);
        }
    }
    if (v->finding_count == 0) {
        printf("\nNothing is wrong, by %d requests.\n", si_verify_requests());
    } else {
        printf("\n%d findings, by %d requests.\n", v->finding_count, si_verify_requests());
    }
}

static void print_json_client(const si_verify *v, int i) {
    char class[SI_CLIENT_CLASS_SIZE], type[40];
    const si_verify_reply *a = &v->first[i], *b = &v->second[i];
    printf("%s{", i > 0 ? "," : "");
    si_json_text(stdout, "name", si_verify_clients[i].name);
    putchar(',');
    si_json_text(stdout, "class", si_client_print(&v->classes[i], class));
    putchar(',');
    si_json_text(stdout, "type", type_of(b, type, sizeof type));
    printf(",\"status\":%d,\"bytes\":%zu,", b->status, b->body.len);
    si_json_text(stdout, "vary", si_verify_header_of(b, "Vary"));
    putchar(',');
    si_json_text(stdout, "first", si_verify_sign_text(si_verify_sign_of(a, NULL)));
    putchar(',');
    si_json_text(stdout, "second", si_verify_sign_text(si_verify_sign_of(b, a)));
    putchar('}');
}

static void print_json(const si_verify *v) {
    putchar('{');
    si_json_text(stdout, "url", v->url);
    printf(",\"ok\":%s,\"requests\":%d,\"clients\":[", v->finding_count == 0 ? "true" : "false",
        si_verify_requests());
    for (int i = 0; i < SI_VERIFY_CLIENT_COUNT; i++) {
        print_json_client(v, i);
    }
    printf("],\"findings\":[");
    for (int i = 0; i < v->finding_count; i++) {
        const si_verify_finding *f = &v->findings[i];
        printf("%s{", i > 0 ? "," : "");
        si_json_text(stdout, "fault", faults[f->fault].name);
        putchar(',');
        si_json_text(stdout, "text", f->text);
        putchar(',');
        si_json_text(stdout, "advice", faults[f->fault].advice);
        putchar('}');
    }
    printf("]}\n");
}

/* ---- the command ---- */

static bool is_address(const char *url) {
    bool http = strncmp(url, "http://", 7) == 0 || strncmp(url, "https://", 8) == 0;
    return http && strpbrk(url, " #\"<>\r\n") == NULL && strlen(url) < SI_VERIFY_URL_SIZE / 2;
}

/* Scheme and host are those of `base`, a path behind them included; the rest is the URL's. */
static bool set_origin(si_verify *v, const char *base) {
    const char *host = strstr(v->url, "://") + 3, *path = strchr(host, '/');
    size_t len = strlen(base);
    while (len > 0 && base[len - 1] == '/') {
        len--;
    }
    if (!is_address(base) || strpbrk(base, "?") != NULL || path == NULL) {
        return false;
    }
    snprintf(v->origin, sizeof v->origin, "%.*s%s", (int)len, base, path);
    return true;
}

/* Addresses that nobody has asked for show best what the edge does with new ones. */
static void set_url(si_verify *v, const char *url) {
    if (as_is) {
        snprintf(v->url, sizeof v->url, "%s", url);
    } else {
        snprintf(v->url, sizeof v->url, "%s%csmartimg-verify=%lx%x", url,
            strchr(url, '?') != NULL ? '&' : '?', (unsigned long)time(NULL), (unsigned)getpid());
    }
}

/* Rounds, with an item in the query, or without it if there is no answer: locked addresses may not
 * be changed. False if there is none. */
static bool ask(si_verify *v, const char *url) {
    for (;;) {
        bool answered = true;
        si_verify_rounds(v);
        si_verify_judge_rounds(v);
        for (int i = 0; i < v->finding_count; i++) {
            answered &= v->findings[i].fault != SI_VERIFY_FAULT_NO_ANSWER;
        }
        if (answered || as_is || v->first[0].status == 0) {
            return answered;
        }
        as_is = true;
        v->finding_count = 0;
        si_verify_free(v);
        set_url(v, url);
        if (origin != NULL) {
            (void)set_origin(v, origin); /* which was right before */
        }
    }
}

static int run(char **operands, int count) {
    (void)count;
    static si_verify v; /* its replies are large */
    if (!is_address(operands[0])) {
        si_complain("verify-cdn: %s is no address such as https://images.example.com/is/image/a/b",
            operands[0]);
        return SI_EXIT_USAGE;
    }
    set_url(&v, operands[0]);
    if (origin != NULL && !set_origin(&v, origin)) {
        si_complain("verify-cdn: --origin: %s is no address such as http://10.0.0.5:8080", origin);
        return SI_EXIT_USAGE;
    }
    if (!si_verify_open(insecure)) {
        return SI_EXIT_FAILED;
    }
    if (ask(&v, operands[0])) {
        si_verify_probe(&v);
    }
    if (json) {
        print_json(&v);
    } else {
        print_clients(&v);
        print_findings(&v);
    }
    int status = v.finding_count == 0 ? SI_EXIT_OK : SI_EXIT_FAILED;
    si_verify_free(&v);
    si_verify_close();
    return status;
}

static const si_option options[] = {
    {"origin", 0, "URL", SI_OPTION_TEXT, &origin,
        "Scheme and host of smartimg itself: its replies are compared with those of the edge.", 0,
        0},
    {"as-is", 0, NULL, SI_OPTION_FLAG, &as_is,
        "Asks for the URL as it is. Otherwise an item that means nothing is added to its query, so "
        "that the edge has no copy yet, unless that is refused.",
        0, 0},
    {"insecure", 0, NULL, SI_OPTION_FLAG, &insecure, "Accepts any certificate.", 0, 0},
    {"json", 0, NULL, SI_OPTION_FLAG, &json, "Prints one JSON object instead.", 0, 0},
    {0},
};

const si_command si_command_verify_cdn = {
    .name = "verify-cdn",
    .summary = "asks a CDN as eight clients, and says what is wrong",
    .synopsis = "URL [--origin URL] [OPTION]...",
    .description =
        "Asks for an image through a CDN or proxy as eight clients would, twice each, and looks at "
        "the replies: does each client get what it shows, does the second request come from the "
        "cache, is the cache shared by all clients of a class, can strangers tell a class of their "
        "own, are images, ETag, lifetimes and Vary as smartimg sent them, does the query count, do "
        "HEAD, ranges and conditions work? What is wrong is said in sentences, with what to do.\n"
        "\n"
        "The image should be one that converts: of a company with Bfc = true, or with bfc=on, and "
        "large enough that AVIF is smaller. It takes a few seconds, and some forty requests.",
    .examples =
        " smartimg verify-cdn 'https://images.example.com/is/image/acme/shoe?wid=400'\n"
        " smartimg verify-cdn http://127.0.0.1/is/image/acme/shoe --origin http://127.0.0.1:8080",
    .exit_status = " 0  nothing is wrong\n 1  something is, or nobody answered\n 2  wrong usage",
    .options = options,
    .operands_min = 1,
    .operands_max = 1,
    .run = run,
};
