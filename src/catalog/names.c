#include "base/hash.h"
#include "catalog/names.h"

struct si_names_slot {
    const char *name; /* NULL = free */
    void *thing;
    uint32_t hash;
};

enum { FIRST_ROOM = 16 };

/* FNV-1a with a final mix, since the low bits choose the slot. */
static uint32_t hash_of(si_str name, bool nocase) {
    uint32_t h = SI_HASH32_START;
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.p[i];
        if (nocase && c >= 'A' && c <= 'Z') {
            c += 32;
        }
        h = si_hash32(h, c);
    }
    return h ^ (h >> 15);
}

/* The slot of a name, or the free one where it belongs. */
static struct si_names_slot *slot_of(const si_names *names, si_str name, uint32_t hash) {
    for (size_t i = hash & (names->room - 1);; i = (i + 1) & (names->room - 1)) {
        struct si_names_slot *s = &names->slots[i];
        if (s->name == NULL) {
            return s;
        }
        si_str have = si_str_of(s->name);
        if (s->hash == hash &&
            (names->nocase ? si_str_eq_nocase(have, name) : si_str_eq(have, name))) {
            return s;
        }
    }
}

void *si_names_find(const si_names *names, si_str name) {
    if (names->count == 0) {
        return NULL;
    }
    return slot_of(names, name, hash_of(name, names->nocase))->thing;
}

static bool grow(si_names *names, si_arena *arena) {
    si_names larger = *names;
    larger.room = names->room > 0 ? names->room * 2 : FIRST_ROOM;
    larger.slots = si_arena_alloc(arena, larger.room * sizeof *larger.slots);
    if (larger.slots == NULL) {
        return false;
    }
    for (size_t i = 0; i < names->room; i++) {
        const struct si_names_slot *s = &names->slots[i];
        if (s->name != NULL) {
            *slot_of(&larger, si_str_of(s->name), s->hash) = *s;
        }
    }
    *names = larger;
    return true;
}

bool si_names_put(si_names *names, si_arena *arena, const char *name, void *thing) {
    if (names->count * 2 >= names->room && !grow(names, arena)) {
        return false;
    }
    uint32_t hash = hash_of(si_str_of(name), names->nocase);
    struct si_names_slot *s = slot_of(names, si_str_of(name), hash);
    names->count += s->name == NULL;
    *s = (struct si_names_slot){name, thing, hash};
    return true;
}

bool si_names_next(const si_names *names, size_t *at, const char **name, void **thing) {
    while (*at < names->room) {
        const struct si_names_slot *s = &names->slots[(*at)++];
        if (s->name != NULL) {
            *name = s->name;
            *thing = s->thing;
            return true;
        }
    }
    return false;
}
