#include "render/read/derived_items.h"

bool si_derived_add(si_derived_items *items, uint32_t from, uint32_t to) {
    if (items->count == SI_DERIVED_PICTURES) {
        return false;
    }
    items->references[items->count].from = from;
    items->references[items->count++].to = to;
    return true;
}

/* Adds to *made what showing an item takes. */
static bool count(const si_derived_items *items, uint32_t id, int depth, int *made) {
    if (depth > SI_DERIVED_DEPTH || ++*made > SI_DERIVED_PICTURES) {
        return false;
    }
    for (int i = 0; i < items->count; i++) {
        if (items->references[i].from == id &&
            !count(items, items->references[i].to, depth + 1, made)) {
            return false;
        }
    }
    return true;
}

bool si_derived_are_few(const si_derived_items *items) {
    int made = 0;
    for (int i = 0; i < items->count; i++) {
        bool first = i == 0 || items->references[i].from != items->references[i - 1].from;
        if (first && !count(items, items->references[i].from, 0, &made)) {
            return false;
        }
    }
    return true;
}
