/* smartimg render: one request without a server. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/request.h"

static si_request_options request;
static const char *out_path;
static bool with_headers;

/* Writes headers (if wanted) and body. */
static bool write_reply(FILE *to, const si_exchange *x) {
    si_bytes head = {0};
    bool ok = true;
    if (with_headers) {
        ok = si_exchange_headers(x, &head) && si_bytes_append(&head, "\r\n", 2) &&
             fwrite(head.data, 1, head.len, stdout) == head.len && fflush(stdout) == 0;
        si_bytes_free(&head);
    }
    return ok && fwrite(x->answer.body.data, 1, x->answer.body.len, to) == x->answer.body.len &&
           fflush(to) == 0;
}

static int write_error(const si_exchange *x) {
    si_bytes head = {0};
    if (with_headers && si_exchange_headers(x, &head)) {
        printf("%.*s\r\n", (int)head.len, (char *)head.data);
    }
    si_bytes_free(&head);
    int len = (int)x->answer.body.len;
    while (len > 0 && x->answer.body.data[len - 1] == '\n') {
        len--;
    }
    si_complain("%.*s", len, (char *)x->answer.body.data);
    return SI_EXIT_FAILED;
}

static int write_to_path(const si_exchange *x) {
    bool to_file = out_path != NULL && strcmp(out_path, "-") != 0;
    if (!to_file && isatty(STDOUT_FILENO) && x->plan.recipe.req == SI_REQ_IMG) {
        si_complain("an image is no sight in a terminal: name a file with -o, or use a pipe");
        return SI_EXIT_FAILED;
    }
    FILE *to = to_file ? fopen(out_path, "wb") : stdout;
    bool ok = to != NULL && write_reply(to, x);
    int why = errno;
    if (to_file && to != NULL && fclose(to) != 0) {
        why = errno;
        ok = false;
    }
    if (!ok) {
        si_complain("cannot write %s: %s", to_file ? out_path : "the reply", strerror(why));
    }
    return ok ? SI_EXIT_OK : SI_EXIT_FAILED;
}

static int run(char **operands, int count) {
    (void)count;
    si_exchange x = {0};
    int status = SI_EXIT_FAILED;
    if (si_exchange_make(&request, operands[0], &x)) {
        status = x.answer.status == 200 ? write_to_path(&x) : write_error(&x);
    }
    si_exchange_end(&x);
    return status;
}

static const si_option options[] = {
    {"output", 'o', "FILE", SI_OPTION_TEXT, &out_path,
        "Writes the reply's body to FILE. Default: standard output.", 0, 0},
    {"include", 'i', NULL, SI_OPTION_FLAG, &with_headers,
        "Prints the reply's headers to standard output first, those that the server adds included.",
        0, 0},
    SI_REQUEST_OPTIONS(request),
    {0},
};

const si_command si_command_render = {
    .name = "render",
    .summary = "answers one request without a server",
    .synopsis = "URL [-o FILE] [-i] [OPTION]...",
    .description =
        "Answers URL as the server would, and writes the body of the reply. URL is a path with its "
        "query, such as '/is/image/demo/shoe?wid=300'; a scheme and host before it are ignored. "
        "Quote it: shells make something of ? and &.\n"
        "\n"
        "Which format comes out depends on --accept and --user-agent, as it does in a browser. "
        "Nothing is cached, and purges "
        "make no difference.",
    .exit_status = " 0  the reply has status 200\n"
                   " 1  it has another, and its text is on stderr; or the reply cannot be written\n"
                   " 2  wrong usage",
    .examples =
        " smartimg render '/is/image/demo/shoe?wid=300' --root pictures -o shoe.jpg\n"
        " smartimg render '/is/image/demo/shoe?hei=500&qlt=85' -i --accept image/avif -o shoe.avif",
    .options = options,
    .operands_min = 1,
    .operands_max = 1,
    .run = run,
};
