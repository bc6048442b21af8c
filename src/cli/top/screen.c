#include "cli/top/screen.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "cli/cli.h"

/* Control sequences of ECMA-48, and xterm's second screen, which all terminals of today have. */
#define NO_CURSOR "\033[?25l"
#define SECOND_SCREEN "\033[?1049h" NO_CURSOR
#define FIRST_SCREEN "\033[0m\033[?25h\033[?1049l"

static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
static const int faults[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};

static struct termios before;
static volatile sig_atomic_t taken; /* the terminal is ours */
static int signals = -1;
static sigset_t mask_before;
static char frame[1 << 17]; /* what is drawn, in one piece */
static size_t drawn;
static int row, rows, columns;

/* ---- taking and giving back; giving back is safe in signal handlers ---- */

static void write_all(const char *text, size_t len) {
    while (len > 0) {
        ssize_t n = write(STDOUT_FILENO, text, len);
        if (n < 0 && errno != EINTR) {
            return; /* the terminal has gone, which SIGHUP tells */
        }
        text += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
}

static void give_back(void) {
    if (taken) {
        taken = 0;
        write_all(FIRST_SCREEN, sizeof FIRST_SCREEN - 1);
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &before);
    }
}

static bool take(void) {
    struct termios raw = before;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    raw.c_cc[VMIN] = 0;
    raw.c_cc[VTIME] = 0;
    if (tcsetattr(STDIN_FILENO, TCSANOW, &raw) != 0) {
        return false;
    }
    taken = 1;
    write_all(SECOND_SCREEN, sizeof SECOND_SCREEN - 1);
    return true;
}

static void on_fault(int number) {
    give_back();
    raise(number); /* whose handler is gone */
}

static void catch_faults(void) {
    struct sigaction action = {.sa_handler = on_fault, .sa_flags = SA_RESETHAND | SA_NODEFER};
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        sigaction(faults[i], &action, NULL);
    }
}

bool si_screen_open(void) {
    const char *term = getenv("TERM");
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || term == NULL ||
        strcmp(term, "dumb") == 0 || tcgetattr(STDIN_FILENO, &before) != 0) {
        si_complain("this is no terminal to draw on; --once prints once");
        return false;
    }
    sigset_t mask;
    sigemptyset(&mask);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        sigaddset(&mask, ends[i]);
    }
    sigaddset(&mask, SIGWINCH);
    sigaddset(&mask, SIGTSTP);
    sigaddset(&mask, SIGCONT);
    sigprocmask(SIG_BLOCK, &mask, &mask_before);
    signals = signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC);
    static bool registered;
    if (!registered) {
        registered = atexit(give_back) == 0;
        catch_faults();
    }
    if (signals < 0 || !take()) {
        si_complain("cannot take the terminal: %s", strerror(errno));
        si_screen_close();
        return false;
    }
    return true;
}

void si_screen_close(void) {
    give_back();
    if (signals >= 0) {
        close(signals);
        signals = -1;
        sigprocmask(SIG_SETMASK, &mask_before, NULL);
    }
}

/* ---- events ---- */

void si_screen_size(int *out_rows, int *out_columns) {
    struct winsize size = {.ws_row = 0};
    (void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
    *out_rows = size.ws_row > 0 ? size.ws_row : 24;
    *out_columns = size.ws_col > 0 ? size.ws_col : 80;
}

void si_screen_polls(struct pollfd polls[SI_SCREEN_POLLS]) {
    polls[0] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
    polls[1] = (struct pollfd){.fd = signals, .events = POLLIN};
}

/* As Ctrl-Z is to do, with the terminal as it was meanwhile. */
static void stop_here(void) {
    give_back();
    raise(SIGSTOP);
    (void)take();
}

static si_screen_event next_signal(void) {
    struct signalfd_siginfo info;
    if (read(signals, &info, sizeof info) != (ssize_t)sizeof info) {
        return SI_SCREEN_NOTHING;
    }
    switch (info.ssi_signo) {
    case SIGTSTP:
        stop_here();
        return SI_SCREEN_REDRAW;
    case SIGCONT: /* perhaps after a SIGSTOP, when a shell has had the terminal */
        (void)take();
        return SI_SCREEN_REDRAW;
    case SIGWINCH:
        return SI_SCREEN_REDRAW;
    default:
        return SI_SCREEN_QUIT;
    }
}

static si_screen_event key_of(const char *keys, ssize_t n) {
    static const struct {
        const char *keys;
        si_screen_event event;
    } known[] = {{"q", SI_SCREEN_QUIT}, {"Q", SI_SCREEN_QUIT}, {"\004", SI_SCREEN_QUIT},
        {"k", SI_SCREEN_UP}, {"\033[A", SI_SCREEN_UP}, {"\033OA", SI_SCREEN_UP},
        {"j", SI_SCREEN_DOWN}, {"\033[B", SI_SCREEN_DOWN}, {"\033OB", SI_SCREEN_DOWN},
        {"\033[5~", SI_SCREEN_PAGE_UP}, {"b", SI_SCREEN_PAGE_UP}, {" ", SI_SCREEN_PAGE_DOWN},
        {"\033[6~", SI_SCREEN_PAGE_DOWN}, {"g", SI_SCREEN_TOP}, {"\033[H", SI_SCREEN_TOP},
        {"\014", SI_SCREEN_REDRAW}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        size_t len = strlen(known[i].keys);
        if ((size_t)n >= len && memcmp(keys, known[i].keys, len) == 0) {
            return known[i].event;
        }
    }
    return SI_SCREEN_NOTHING;
}

/* Of keys that come faster than they are read, the first counts. */
static si_screen_event next_key(void) {
    char keys[64];
    struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
    if (poll(&p, 1, 0) <= 0) {
        return SI_SCREEN_NOTHING;
    }
    ssize_t n = read(STDIN_FILENO, keys, sizeof keys);
    if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN)) {
        return SI_SCREEN_QUIT; /* the terminal has gone */
    }
    return n > 0 ? key_of(keys, n) : SI_SCREEN_NOTHING;
}

si_screen_event si_screen_next(void) {
    si_screen_event event = next_signal();
    return event != SI_SCREEN_NOTHING ? event : next_key();
}

/* ---- drawing ---- */

static void put(const char *text, size_t len) {
    if (len <= sizeof frame - drawn) {
        memcpy(frame + drawn, text, len);
        drawn += len;
    }
}

static void put_text(const char *text) {
    put(text, strlen(text));
}

void si_screen_begin(void) {
    si_screen_size(&rows, &columns);
    row = 0;
    drawn = 0;
    put_text("\033[H");
}

/* Bytes of as many characters as fit into a row. */
static size_t cut(const char *text) {
    size_t i = 0;
    for (int width = 0; text[i] != '\0'; i++) {
        bool begins = ((unsigned char)text[i] & 0xc0) != 0x80;
        if (begins && width == columns) {
            break;
        }
        width += begins;
    }
    return i;
}

void si_screen_row(const char *text, si_screen_style style) {
    if (row == rows) {
        return;
    }
    put_text(
        row > 0 ? "\r\n\033[K" : "\033[K"); /* behind a full row it would take the last character */
    put_text(style == SI_SCREEN_BOLD ? "\033[1m" : style == SI_SCREEN_REVERSE ? "\033[7m" : "");
    put(text, cut(text));
    put_text(style != SI_SCREEN_PLAIN ? "\033[0m" : "");
    row++;
}

void si_screen_end(void) {
    if (row < rows) {
        put_text("\r\n\033[J");
    }
    put_text(NO_CURSOR); /* some terminals show it again in another size */
    write_all(frame, drawn);
}
