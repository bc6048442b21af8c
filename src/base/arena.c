#include "base/arena.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_SIZE = 8192, ALIGNMENT = 16 };

struct si_arena_block {
    struct si_arena_block *next;
    size_t used, size;
    _Alignas(ALIGNMENT) char data[];
};

void *si_arena_alloc(si_arena *a, size_t size) {
    size_t limit = a->limit != 0 ? a->limit : SI_ARENA_LIMIT;
    if (size > limit) {
        return NULL;
    }
    size = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    if (a->total + size > limit) {
        return NULL;
    }
    struct si_arena_block *b = a->blocks;
    if (b == NULL || b->size - b->used < size) {
        size_t room = size > BLOCK_SIZE ? size : BLOCK_SIZE;
        b = malloc(sizeof *b + room);
        if (b == NULL) {
            return NULL;
        }
        *b = (struct si_arena_block){.next = a->blocks, .size = room};
        a->blocks = b;
    }
    assert(b->used <= b->size && size <= b->size - b->used);
    void *p = b->data + b->used;
    b->used += size;
    a->total += size;
    return memset(p, 0, size);
}

char *si_arena_copy(si_arena *a, const char *text, size_t len) {
    if (len == SIZE_MAX) {
        return NULL;
    }
    char *copy = si_arena_alloc(a, len + 1);
    if (copy != NULL && len > 0) {
        memcpy(copy, text, len);
    }
    return copy;
}

char *si_arena_printf(si_arena *a, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    char *text = len < 0 ? NULL : si_arena_alloc(a, (size_t)len + 1);
    if (text != NULL) {
        va_start(args, fmt);
        vsnprintf(text, (size_t)len + 1, fmt, args);
        va_end(args);
    }
    return text;
}

void si_arena_free(si_arena *a) {
    struct si_arena_block *b = a->blocks;
    while (b != NULL) {
        struct si_arena_block *next = b->next;
        free(b);
        b = next;
    }
    a->blocks = NULL;
    a->total = 0;
}
