/* Request-scoped memory: many small allocations, one release. */
#ifndef SI_BASE_ARENA_H
#define SI_BASE_ARENA_H

#include <stddef.h>

/* Zero-initialize; release everything with si_arena_free(). Not safe to share between threads. */
typedef struct si_arena {
    struct si_arena_block *blocks;
    size_t total; /* bytes handed out so far */
    size_t limit; /* most that may be handed out, bytes; 0 = SI_ARENA_LIMIT */
} si_arena;

enum { SI_ARENA_LIMIT = 16 << 20 };

/* Zeroed memory, aligned for any type, or NULL when memory or the limit is used up. */
void *si_arena_alloc(si_arena *a, size_t size);

/* Copy of `len` bytes with a NUL behind them, or NULL. */
char *si_arena_copy(si_arena *a, const char *text, size_t len);

/* printf into the arena, or NULL. */
char *si_arena_printf(si_arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Frees all memory of the arena; it may be used again. */
void si_arena_free(si_arena *a);

#endif
