/* What takes the place of a missing image, and of an error. */
#include <string.h>

#include "base/percent.h"
#include "plan/plan_steps.h"

static void restart(si_query *q, const char *object, const char *what) {
    si_asked asked = q->asked;
    si_step_add(q->all->steps, SI_STEP_INSTEAD, NULL, "of all of this the %s \"%s\"", what, object);
    *q = (si_query){.all = q->all,
        .company = q->all->main,
        .object = si_str_of(object),
        .object_raw = si_str_of(object),
        .replaced = true,
        .recipe = q->recipe};
    si_query_init(q);
    q->asked.type = asked.type;
    q->asked.shape = asked.shape;
    q->all->has_hours = q->all->record_forever = false;
    *q->all->diag = (si_diag){0};
}

si_result si_plan_default_image(si_query *q, si_str query, si_plan *plan) {
    si_reading *all = q->all;
    const si_diag missing = *all->diag;
    const char *name =
        q->asked.default_image != NULL ? q->asked.default_image : all->attributes->default_image;
    bool replaceable = q->asked.type == SI_TYPE_IMG || q->asked.type == SI_TYPE_TMB ||
                       q->asked.type == SI_TYPE_TILE;
    if (!all->image_missing || !replaceable || name[0] == '\0' ||
        all->attributes->default_image_mode != 0) {
        return missing.code;
    }
    restart(q, name, "default image");
    si_result result = si_query_open(q, query);
    result = result == SI_OK ? si_plan_image(q, query, plan) : result;
    if (result != SI_OK) {
        *all->diag = missing;
        return missing.code;
    }
    const si_record *r = q->found.is.record;
    if (r == NULL || r->expiration <= SI_EXPIRATION_INHERIT) {
        all->hours = all->attributes->default_expiration;
    }
    return SI_OK;
}

/* Every byte percent-encoded, so that none means anything to the parser. */
static const char *encode(const char *text, si_arena *arena) {
    char *out = si_arena_alloc(arena, strlen(text) * 3 + 1), *to = out;
    for (; out != NULL && *text != '\0'; text++) {
        to = si_percent_encode_byte((unsigned char)*text, to);
    }
    return out;
}

si_result si_plan_error_image(si_query *q, si_plan *plan) {
    si_reading *all = q->all;
    const si_diag error = *all->diag;
    const char *name = all->attributes != NULL ? all->attributes->error_image : "";
    si_request_type type = q->asked.type;
    bool image =
        type == SI_TYPE_IMG || type == SI_TYPE_TMB || type == SI_TYPE_MASK || type == SI_TYPE_TILE;
    if (name[0] == '\0' || !image || si_result_status(error.code) >= 500 || q->all->main == NULL) {
        return error.code;
    }
    restart(q, name, "error image");
    all->access.company = all->main; /* which shows it to those whom it refuses, too */
    all->access.attributes = all->attributes;
    const char *title = encode(si_result_title(error.code), all->arena);
    const char *message = all->attributes->error_detail >= 2 ? encode(error.text, all->arena) : "";
    bool defined = title != NULL && message != NULL &&
                   si_variable_define(&q->variables, SI_STR("error.title"), si_str_of(title),
                       SI_LEVEL_QUERY, all->arena) &&
                   si_variable_define(&q->variables, SI_STR("error.message"), si_str_of(message),
                       SI_LEVEL_QUERY, all->arena);
    q->replaced = false; /* its record's Modifier counts, but there is no query */
    si_result result = defined ? si_query_open(q, SI_STR("")) : SI_ERR_MEMORY;
    result = result == SI_OK ? si_plan_image(q, SI_STR(""), plan) : result;
    if (result != SI_OK) {
        *all->diag = error;
        return error.code;
    }
    all->has_hours = true;
    all->hours = 0;
    plan->error_image = true;
    return SI_OK;
}
