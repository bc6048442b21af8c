#include "cli/report/report_plan.h"

#include <string.h>

#include "base/clock.h"

bool si_report_plan(const si_report_work *work, const si_report_row *row, si_exchange *x,
    si_report_result *result) {
    int64_t start = si_now_ns();
    si_request_options options = *work->request;
    bool image = false;
    options.plan_only = true;
    *x = (si_exchange){0};
    *result = (si_report_result){.status = 200, .target = NAN, .score = NAN};
    if (!si_exchange_make(&options, row->url, x)) {
        si_report_set_error(result, 500, "the request cannot be planned");
    } else if (!x->planned) {
        (void)si_bytes_append(&x->answer.body, "", 1);
        si_report_set_error(result, x->answer.status, (const char *)x->answer.body.data);
    } else {
        image = x->plan.kind == SI_PLAN_RECIPE && x->plan.recipe.req == SI_REQ_IMG;
    }
    result->ms = (double)(si_now_ns() - start) / 1e6;
    if (!image) {
        si_exchange_end(x);
    }
    return image;
}
