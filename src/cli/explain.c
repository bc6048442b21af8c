/* smartimg explain: why a request is answered with what it is. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/explain_steps.h"
#include "cli/request.h"
#include "client/client.h"
#include "renderer/explanation.h"

static si_request_options request;
static bool as_json, recipe_only, with_steps;
static si_steps steps;

/* ---- text ---- */

static char *number(double v, int decimals, char *out) {
    if (isnan(v)) {
        snprintf(out, 32, "-");
    } else {
        snprintf(out, 32, "%.*f", decimals, v);
    }
    return out;
}

static void print_table(const si_choice *c) {
    int wide = (int)strlen("settings");
    for (int i = 0; i < c->candidate_count; i++) {
        int len = (int)strlen(c->candidates[i].settings);
        wide = len > wide ? len : wide;
    }
    printf("  %-6s  %-*s  %9s  %7s  %9s  %8s  %s\n", "format", wide, "settings", "bytes", "score",
        "encode ms", "score ms", "verdict");
    for (int i = 0; i < c->candidate_count; i++) {
        const si_candidate *k = &c->candidates[i];
        char score[32], encode[32], scoring[32];
        printf("  %-6s  %-*s  %9zu  %7s  %9s  %8s  %s\n", si_format_name(k->format), wide,
            k->settings, k->bytes, number(k->score, 2, score), number(k->encode_ms, 1, encode),
            number(k->score_ms, 1, scoring), si_candidate_verdict(c, i));
    }
}

/* One sentence: why this one was sent. */
static void print_reason(const si_exchange *x) {
    const si_choice *c = &x->answer.choice;
    const si_recipe *r = &x->plan.recipe;
    const char *format = si_format_name(c->format);
    if (!r->smart && r->network != SI_NETWORK_UNKNOWN) {
        printf("The requested %s is sent, at quality %d instead of %d, as the client's line is %s. "
               "It is not converted: this request is exempt, or the company has not switched it on "
               "(Bfc).\n",
            format, x->answer.quality, r->quality, si_network_name(r->network));
        return;
    }
    if (!r->smart) {
        printf("The requested %s is sent: this request is exempt from conversion, or the company "
               "has not switched it on (Bfc).\n",
            format);
        return;
    }
    if (r->ladder_len == 0 && c->winner == c->requested) {
        printf(
            "The requested %s is sent: the client shows no other format that might be smaller.\n",
            format);
        return;
    }
    const si_candidate *asked = &c->candidates[c->requested];
    if (c->winner != c->requested) {
        printf("The %s is sent: of all that score at least %.2f (the requested %s scores %.2f) it "
               "is the smallest, and with %zu bytes saves %.0f %% of the %zu that were asked for",
            format, c->target - SI_SCORE_SLACK, si_format_name(asked->format),
            c->target + c->lowered, c->candidates[c->winner].bytes,
            100.0 * (double)c->saved / (double)asked->bytes, asked->bytes);
    } else if (c->saved < 0) {
        printf(
            "The requested %s is sent: the best conversion that looks as good would be %ld bytes "
            "larger",
            format, -c->saved);
    } else {
        printf("The requested %s is sent: no conversion that looks as good is smaller", format);
    }
    printf("%s.\n", c->complete ? "" : ", as far as a first answer searches");
}

/* The pixel ratio, where the client was looked at for one. */
static void print_ratio(const si_exchange *x) {
    const si_client *c = &x->plan.client;
    char used[32], found[32];
    if (!x->planned || !(x->plan.accept_ch & SI_USED_DPR)) {
        return;
    }
    si_real_print(x->plan.recipe.dpr, used);
    si_real_print(c->dpr, found);
    printf("ratio    %s (", used);
    if (strcmp(used, found) != 0) {
        printf("of %s, by DprSteps or WidthHints of the company; ", found);
    }
    printf("%s)\n", si_ratio_source_text(c->dpr_source));
}

static void print_text(const si_exchange *x) {
    char class[SI_CLIENT_CLASS_SIZE];
    const si_answer *a = &x->answer;
    printf("client   %s\n", si_client_print(&x->plan.client, class));
    print_ratio(x);
    if (x->planned) {
        printf("recipe   %s\n", x->plan.recipe_text);
    }
    if (a->status != 200) {
        printf("reply    %d\n", a->status);
        return;
    }
    if (a->choice.candidate_count == 0) {
        printf("reply    %s, %zu bytes\n", a->content_type, a->body.len);
        return;
    }
    if (x->plan.network_adapts) {
        printf("network  %s\n", si_network_name(x->plan.client.network));
    }
    if (!isnan(a->choice.target)) {
        printf("target   %.2f (SSIMULACRA2 of the requested encoding", a->choice.target);
        if (a->choice.lowered > 0) {
            printf(", %.2f, lowered by %.2f for the network", a->choice.target + a->choice.lowered,
                a->choice.lowered);
        }
        printf("; %.1f less is allowed)\n", SI_SCORE_SLACK);
    }
    printf("\n");
    print_table(&a->choice);
    printf("\n");
    print_reason(x);
}

/* ---- JSON ---- */

static void json_text(const char *text) {
    putchar('"');
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\') {
            printf("\\%c", *c);
        } else if (*c < 0x20) {
            printf("\\u%04x", *c);
        } else {
            putchar(*c);
        }
    }
    putchar('"');
}

static void json_field(const char *name, const char *value) {
    printf("\"%s\":", name);
    json_text(value);
    putchar(',');
}

static void json_number(const char *name, double v, int decimals) {
    char text[32];
    printf("\"%s\":%s,", name, isnan(v) ? "null" : number(v, decimals, text));
}

static void json_candidates(const si_choice *c) {
    si_bytes text = {0};
    bool ok = si_candidates_json(c, &text);
    printf("\"candidates\":%.*s", ok ? (int)text.len : 2, ok ? (const char *)text.data : "[]");
    si_bytes_free(&text);
}

static void print_json(const si_exchange *x) {
    char class[SI_CLIENT_CLASS_SIZE];
    const si_answer *a = &x->answer;
    const si_choice *c = &a->choice;
    printf("{");
    if (with_steps) {
        printf("\"steps\":");
        si_explain_steps_json(&steps);
        putchar(',');
    }
    json_field("client", si_client_print(&x->plan.client, class));
    if (x->planned && (x->plan.accept_ch & SI_USED_DPR)) {
        json_field("ratio_source", si_ratio_source_text(x->plan.client.dpr_source));
    }
    json_field("recipe", x->planned ? x->plan.recipe_text : "");
    json_number("revision", SI_RECIPE_REVISION, 0);
    json_number("status", a->status, 0);
    json_field("content_type", a->content_type);
    json_number("bytes", (double)a->body.len, 0);
    if (a->status == 200 && c->candidate_count > 0) {
        json_field("format", si_format_name(c->format));
        json_number("target", c->target, 4);
        json_number("lowered", c->lowered, 4);
        json_number("score", c->score, 4);
        json_number("saved", (double)c->saved, 0);
        json_field(
            "network", x->plan.network_adapts ? si_network_name(x->plan.client.network) : "off");
        printf("\"full\":%s,\"winner\":%d,\"requested\":%d,", c->complete ? "true" : "false",
            c->winner, c->requested);
    }
    json_candidates(c);
    printf("}\n");
}

static int run(char **operands, int count) {
    (void)count;
    si_exchange x = {0};
    request.plan_only = recipe_only;
    if (with_steps) {
        steps.arena = &x.arena;
        request.steps = &steps;
    }
    if (!si_exchange_make(&request, operands[0], &x)) {
        si_exchange_end(&x);
        return SI_EXIT_FAILED;
    }
    if (with_steps && !as_json) {
        si_explain_steps(&steps);
    }
    if (recipe_only && with_steps && x.planned) {
        printf("%-10s ", "recipe");
    }
    if (recipe_only && x.planned) {
        printf("%s\n", x.plan.recipe_text);
        si_exchange_end(&x);
        return SI_EXIT_OK;
    }
    (as_json ? print_json : print_text)(&x);
    int status = SI_EXIT_OK;
    if (x.answer.status != 200) {
        size_t len = x.answer.body.len;
        while (len > 0 && x.answer.body.data[len - 1] == '\n') {
            len--;
        }
        si_complain("%.*s", (int)len, (char *)x.answer.body.data);
        status = SI_EXIT_FAILED;
    }
    si_exchange_end(&x);
    return status;
}

static const si_option options[] = {
    {"json", 0, NULL, SI_OPTION_FLAG, &as_json, "Prints one JSON object, for programs.", 0, 0},
    {"recipe", 0, NULL, SI_OPTION_FLAG, &recipe_only,
        "Prints the recipe alone, without rendering anything.", 0, 0},
    {"steps", 0, NULL, SI_OPTION_FLAG, &with_steps,
        "Prints first how the recipe came about: rules, objects, presets, commands and what "
        "overrides them, each with the file and line where it is written. With --recipe, nothing "
        "is rendered.",
        0, 0},
    SI_REQUEST_OPTIONS(request),
    {0},
};

const si_command si_command_explain = {
    .name = "explain",
    .summary = "shows how a reply is chosen, and why",
    .synopsis = "URL [--json | --recipe] [--steps] [OPTION]...",
    .description =
        "Answers URL as `smartimg render` does, and prints how that came about instead of the "
        "image: the class of the client, the pixel ratio with what told it, the recipe (the "
        "canonical text of the request, by which "
        "replies are cached), the score that a converted image has to reach, and each encoding "
        "that was tried, with its settings, size, score, times and what became of it.\n"
        "\n"
        "Scores are SSIMULACRA2, by which 100 is identical and 90 hard to tell apart. The target "
        "is the score of the encoding that was asked for, lowered where the request adapts to a "
        "good "
        "or poor network (docs/network.md).",
    .exit_status = " 0  the reply has status 200\n 1  it has another, or there is no such root\n"
                   " 2  wrong usage",
    .examples = " smartimg explain '/is/image/demo/shoe?wid=300&qlt=85' --accept image/avif\n"
                " smartimg explain '/is/image/demo/shoe?$thumb$' --config conf --steps --recipe",
    .options = options,
    .operands_min = 1,
    .operands_max = 1,
    .run = run,
};
