/* Pixel ratio and format conversion: what depends on the client. */
#include "plan/plan_steps.h"
#include "picture/limits.h"

static si_density_steps steps_of(const si_attributes *a) {
    const si_value_RATIOS *own = &a->dpr_steps;
    return own->count > 0 ? (si_density_steps){own->at, own->count} : si_density_all_steps;
}

/* Finds the ratio of this client, and notes what it depends on. */
static double detect_ratio(const si_query *q, si_plan *plan) {
    const si_attributes *a = q->all->attributes;
    si_str setting = a->dpr_header[0] != '\0' ? si_str_of(a->dpr_header) : plan->asked->dpr_header;
    plan->vary_header = si_client_ratio(plan->asked, setting, &plan->client);
    plan->vary |= plan->client.dpr_used;
    plan->accept_ch |= SI_USED_DPR;
    plan->critical_ch |= a->critical_ch;
    return si_density_snap(plan->client.dpr, steps_of(a));
}

/* WidthHints: no more pixels than the client shows, which it says of the picture, else of the whole
 * viewport (docs/decisions.md, D-16). Only where the reply's width at ratio 1 is known from the
 * request, and is not a tile of some view. */
static double limit_to_width(const si_query *q, si_plan *plan, double ratio) {
    const si_attributes *a = q->all->attributes;
    const si_view *view = &q->recipe->picture.view;
    const si_client *c = &plan->client;
    if (!a->width_hints) {
        return ratio;
    }
    plan->accept_ch |= SI_USED_WIDTH;
    if (ratio <= 1 || view->wid <= 0 || view->has_rect || c->dpr_source == SI_RATIO_OF_CLASS) {
        return ratio;
    }
    plan->vary |= SI_USED_WIDTH;
    double shown = c->width > 0 ? c->width : c->viewport_width * ratio;
    return shown > 0 ? si_density_enough(ratio, steps_of(a), view->wid, shown) : ratio;
}

/* Pixel ratio: URL or preset, else the company's switch with what the client is found to have. A
 * ratio that is asked for is obeyed (the table of the vendor's dpr page); one that was detected
 * does not go beyond what the original has. */
static void resolve_dpr(const si_query *q, si_plan *plan) {
    double ratio = 1;
    si_switch on = q->asked.dpr;
    if (on == SI_SWITCH_ON && q->asked.dpr_value > 0) {
        ratio = q->asked.dpr_value;
    } else if (on == SI_SWITCH_ON || (on == SI_SWITCH_UNSET && q->all->attributes->dpr)) {
        ratio = limit_to_width(q, plan, detect_ratio(q, plan));
        q->recipe->dpr_held = ratio > 1;
    }
    q->recipe->dpr = ratio > SI_DPR_MAX ? SI_DPR_MAX : ratio;
}

/* Replies that rely on what only the requested format has, or on other colours than sRGB, are sent
 * as they are asked for (docs/decisions.md, D-10). */
static bool exempt(const si_recipe *r) {
    return r->icc_embed || r->xmp_embed || r->path_embed || r->jpeg_size > 0 ||
           r->pixel_type == SI_PIXEL_CMYK || r->pixel_keep || r->icc.path[0] != '\0';
}

/* Format conversion: which formats this client, this company and this request allow
 * (docs/protocol.md, Smart Imaging). */
static void resolve_formats(const si_query *q, si_plan *plan) {
    static const si_format order[] = {
        SI_FORMAT_AVIF, SI_FORMAT_JXL, SI_FORMAT_WEBP, SI_FORMAT_JP2, SI_FORMAT_JXR};
    si_recipe *r = q->recipe;
    const si_attributes *a = q->all->attributes;
    bool wanted = q->asked.bfc == SI_SWITCH_ON || (q->asked.bfc == SI_SWITCH_UNSET && a->bfc);
    bool eligible = r->format == SI_FORMAT_JPEG || r->format == SI_FORMAT_PNG;
    if (!wanted || !eligible || exempt(r)) {
        return;
    }
    r->smart = true;
    plan->vary |= plan->client.used;
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        si_format f = order[i];
        if ((f == SI_FORMAT_AVIF && !a->avif) || (f == SI_FORMAT_JXL && !a->jxl) ||
            !(plan->client.formats & SI_FORMAT_BIT(f))) {
            continue;
        }
        r->ladder[r->ladder_len++] = f;
    }
}

void si_plan_formats(const si_query *q, si_plan *plan) {
    resolve_dpr(q, plan);
    if (q->recipe->req == SI_REQ_IMG) {
        resolve_formats(q, plan);
    }
}
