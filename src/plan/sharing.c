#include "plan/sharing.h"

static bool is_any(const si_value_LIST *list) {
    for (int i = 0; i < list->count; i++) {
        if (strcmp(list->items[i], "*") == 0) {
            return true;
        }
    }
    return false;
}

/* What a field with that list says to an origin. */
static si_str answer(const si_value_LIST *list, si_str origin) {
    if (is_any(list)) {
        return SI_STR("*");
    }
    for (int i = 0; i < list->count && origin.len > 0; i++) {
        if (si_str_eq_nocase(si_str_of(list->items[i]), origin)) {
            return origin;
        }
    }
    return SI_STR("");
}

static bool chooses(const si_value_LIST *list) {
    return list->count > 0 && !is_any(list);
}

void si_sharing_of(const si_plan *plan, si_str origin, si_sharing *out) {
    const si_attributes *a = plan->attributes;
    *out = (si_sharing){SI_STR(""), SI_STR(""), SI_STR("")};
    if (a != NULL) {
        out->allow_origin = answer(&a->allow_origin, origin);
        out->timing_origin = answer(&a->timing_origin, origin);
        out->resource_policy = si_str_of(a->resource_policy);
    }
}

bool si_sharing_varies(const si_attributes *a) {
    return chooses(&a->allow_origin) || chooses(&a->timing_origin);
}
