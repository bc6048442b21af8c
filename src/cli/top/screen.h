/* A terminal as a screen of its own, and as it was before in any end but SIGKILL's. */
#ifndef SI_CLI_TOP_SCREEN_H
#define SI_CLI_TOP_SCREEN_H

#include <poll.h>
#include <stdbool.h>

/* Keys, and what else happens. */
typedef enum si_screen_event {
    SI_SCREEN_NOTHING,
    SI_SCREEN_QUIT, /* q, the end of input, or a signal that ends programs */
    SI_SCREEN_UP,
    SI_SCREEN_DOWN,
    SI_SCREEN_PAGE_UP,
    SI_SCREEN_PAGE_DOWN,
    SI_SCREEN_TOP,
    SI_SCREEN_REDRAW /* another size, or the terminal is ours again */
} si_screen_event;

/* Takes the terminal of standard input and output: false, with a complaint, if they are none. At
 * most once at a time. Signals that end, stop, or tell of another size are events from now on. */
bool si_screen_open(void);

/* Gives it back. Nothing if it was not taken. */
void si_screen_close(void);

/* Size in characters, at least 1 each. */
void si_screen_size(int *rows, int *columns);

enum { SI_SCREEN_POLLS = 2 };

/* What to poll for until there may be an event. */
void si_screen_polls(struct pollfd polls[SI_SCREEN_POLLS]);

/* The next event; does not wait. A stop (Ctrl-Z) happens in here, with the terminal given back
 * meanwhile. */
si_screen_event si_screen_next(void);

/* Drawing: a row from the top, cut to the width; then what is left is cleared. `text` is UTF-8 of
 * characters that are one column wide. */
typedef enum si_screen_style { SI_SCREEN_PLAIN, SI_SCREEN_BOLD, SI_SCREEN_REVERSE } si_screen_style;
void si_screen_begin(void);
void si_screen_row(const char *text, si_screen_style style);
void si_screen_end(void);

#endif
