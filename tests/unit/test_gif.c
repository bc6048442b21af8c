/* GIF originals: every frame as a player shows it, against a reference that draws the frames as
 * their descriptions say. The files are written here, with an LZW that never compresses. */
#include "originals.h"

#include <fcntl.h>
#include <unistd.h>

#include "render/read/read_gif.h"

enum { WIDTH = 24, HEIGHT = 16, MAX_FRAMES = 6 };

typedef struct frame {
    int x, y, w, h;
    int dispose, key; /* key −1: none */
    bool local;       /* palette of its own */
    uint8_t pixels[WIDTH * HEIGHT];
} frame;

static void put16(file *f, int v) {
    put(f, (uint8_t[]){(uint8_t)v, (uint8_t)(v >> 8)}, 2);
}

/* Colour i of palette 0 (global) or 1 (of frames). */
static void colour(int palette, int i, uint8_t rgba[4]) {
    rgba[0] = (uint8_t)(i * 30 + 5);
    rgba[1] = palette != 0 ? 200 : 20;
    rgba[2] = (uint8_t)(255 - i * 20);
    rgba[3] = 255;
}

static void put_palette(file *f, int palette) {
    for (int i = 0; i < 8; i++) {
        uint8_t rgba[4];
        colour(palette, i, rgba);
        put(f, rgba, 3);
    }
}

/* Codes of 4 bits: a clear code before every sixth pixel keeps them so. */
static void put_data(file *f, const uint8_t *pixels, int n) {
    uint8_t codes[2 * WIDTH * HEIGHT + 2];
    int count = 0;
    for (int i = 0; i < n; i++) {
        if (i % 6 == 0) {
            codes[count++] = 8;
        }
        codes[count++] = pixels[i];
    }
    codes[count++] = 9;
    codes[count] = 0;
    put(f, (uint8_t[]){3}, 1);
    int bytes = (count + 1) / 2;
    for (int i = 0; i < bytes; i++) {
        if (i % 255 == 0) {
            put(f, (uint8_t[]){(uint8_t)(bytes - i < 255 ? bytes - i : 255)}, 1);
        }
        put(f, (uint8_t[]){(uint8_t)(codes[2 * i] | codes[2 * i + 1] << 4)}, 1);
    }
    put(f, (uint8_t[]){0}, 1);
}

static void write_file(file *f, const frame *frames, int count) {
    f->len = 0;
    put(f, "GIF89a", 6);
    put16(f, WIDTH);
    put16(f, HEIGHT);
    put(f, (uint8_t[]){0xf2, 3, 0}, 3);
    put_palette(f, 0);
    for (int i = 0; i < count; i++) {
        const frame *r = &frames[i];
        bool key = r->key >= 0;
        put(f, (uint8_t[]){'!', 0xf9, 4, (uint8_t)(r->dispose << 2 | key)}, 4);
        put16(f, 7 + i);
        put(f, (uint8_t[]){key ? (uint8_t)r->key : 0, 0, ','}, 3);
        put16(f, r->x);
        put16(f, r->y);
        put16(f, r->w);
        put16(f, r->h);
        put(f, (uint8_t[]){r->local ? 0x82 : 0}, 1);
        if (r->local) {
            put_palette(f, 1);
        }
        put_data(f, r->pixels, r->w * r->h);
    }
    put(f, ";", 1);
}

typedef uint8_t screen[HEIGHT][WIDTH][4];

static void draw(screen s, const frame *r) {
    for (int i = 0; i < r->w * r->h; i++) {
        int x = r->x + i % r->w, y = r->y + i / r->w;
        if (x < WIDTH && y < HEIGHT && r->pixels[i] != r->key) {
            colour(r->local, r->pixels[i], s[y][x]);
        }
    }
}

static void dispose(screen s, screen before, const frame *r) {
    for (int y = 0; y < HEIGHT; y++) {
        for (int x = 0; x < WIDTH; x++) {
            bool inside = x >= r->x && x < r->x + r->w && y >= r->y && y < r->y + r->h;
            if (r->dispose == 2 && inside) {
                memset(s[y][x], 0, 4);
            } else if (r->dispose == 3 || r->dispose == 4) {
                memcpy(s[y][x], before[y][x], 4);
            }
        }
    }
}

static void check_frames(const frame *frames, int count, unsigned seed) {
    static file f;
    screen shown = {0}, before;
    si_gif *gif = NULL;
    si_gif_facts facts;
    si_diag diag = {0};
    write_file(&f, frames, count);
    int fd = to_fd(f.data, f.len);
    if (si_gif_open(fd, NULL, &gif, &facts, &diag) != SI_OK) {
        fail_msg("%s", diag.text);
    }
    assert_int_equal(facts.frames, count);
    assert_int_equal(facts.width, WIDTH);
    assert_int_equal(facts.height, HEIGHT);
    for (int i = 0; i < count; i++) {
        const uint8_t *rgba = NULL;
        int delay = 0;
        bool clear = false;
        assert_int_equal(si_gif_next(gif, &rgba, &delay, &diag), SI_OK);
        assert_int_equal(delay, 10 * (7 + i));
        memcpy(before, shown, sizeof before);
        draw(shown, &frames[i]);
        if (memcmp(rgba, shown, sizeof shown) != 0) {
            fail_msg("seed %u: frame %d differs", seed, i);
        }
        for (int k = 3; k < (int)sizeof shown; k += 4) {
            clear |= rgba[k] != 255;
        }
        assert_true(facts.alpha || !clear);
        assert_true(i > 0 || facts.first_alpha || !clear);
        dispose(shown, before, &frames[i]);
    }
    assert_int_not_equal(si_gif_next(gif, &(const uint8_t *){NULL}, &(int){0}, &diag), SI_OK);
    si_gif_close(gif);
    close(fd);
}

static unsigned next_random(unsigned *state) {
    *state = *state * 1103515245 + 12345;
    return *state >> 16;
}

static int below(unsigned *state, int n) {
    return (int)(next_random(state) % (unsigned)n);
}

static void random_frame(unsigned *s, frame *r) {
    bool all = below(s, 3) == 0;
    r->x = all ? 0 : below(s, WIDTH - 1);
    r->y = all ? 0 : below(s, HEIGHT - 1);
    r->w = all ? WIDTH : 1 + below(s, WIDTH - 1);
    r->h = all ? HEIGHT : 1 + below(s, HEIGHT - 1);
    r->dispose = below(s, 5);
    r->key = below(s, 2) == 0 ? -1 : below(s, 8);
    r->local = below(s, 3) == 0;
    for (int i = 0; i < r->w * r->h; i++) {
        r->pixels[i] = (uint8_t)below(s, 8);
    }
}

static void frames_as_a_player_shows_them(void **state) {
    (void)state;
    static frame frames[MAX_FRAMES];
    for (unsigned seed = 1; seed <= 200; seed++) {
        unsigned s = seed;
        int count = 1 + below(&s, MAX_FRAMES);
        for (int i = 0; i < count; i++) {
            random_frame(&s, &frames[i]);
        }
        frames[0].w = frames[0].x + frames[0].w > WIDTH ? WIDTH - frames[0].x : frames[0].w;
        frames[0].h = frames[0].y + frames[0].h > HEIGHT ? HEIGHT - frames[0].y : frames[0].h;
        check_frames(frames, count, seed);
    }
}

/* An opaque frame that is disposed of leaves the screen transparent, not colour 0. */
static void disposal_to_background(void **state) {
    (void)state;
    static frame frames[2] = {{.w = WIDTH, .h = HEIGHT, .dispose = 2, .key = -1},
        {.x = 4, .y = 4, .w = 4, .h = 4, .key = -1}};
    check_frames(frames, 2, 0);
}

static void broken(void **state) {
    (void)state;
    static frame frames[2] = {
        {.w = WIDTH, .h = HEIGHT, .key = -1}, {.w = WIDTH, .h = HEIGHT, .key = -1}};
    static file f;
    write_file(&f, frames, 1);
    const size_t first = f.len - 1;
    write_file(&f, frames, 2);
    for (size_t len = 0; len < f.len; len++) { /* no crash; what is refused is told */
        si_gif *gif = NULL;
        si_gif_facts facts = {0};
        si_diag diag = {0};
        int fd = to_fd(f.data, len);
        si_result code = si_gif_open(fd, NULL, &gif, &facts, &diag);
        for (int i = 0; i < facts.frames && code == SI_OK; i++) {
            code = si_gif_next(gif, &(const uint8_t *){NULL}, &(int){0}, &diag);
        }
        assert_true(code == SI_OK || diag.text[0] != '\0');
        if (code == SI_OK && len + 2 < first) { /* its last two bytes hold no pixels */
            fail_msg("%zu of %zu bytes are taken for %d frames", len, f.len, facts.frames);
        }
        si_gif_close(gif);
        close(fd);
    }
}

/* A frame that libnsgif does not see, of 65,535² pixels beside the screen: nothing of it is
 * decoded, for which 16 GB would be wanted. */
static void frame_beside_the_screen(void **state) {
    (void)state;
    const char *root = getenv("SMARTIMG_SOURCE_ROOT");
    char path[4096];
    si_gif *g = NULL;
    si_gif_facts facts;
    const uint8_t *rgba = NULL;
    int delay_ms;
    si_diag diag = {0};
    snprintf(path, sizeof path, "%s/tests/bombs/found/frame-hidden.gif", root != NULL ? root : ".");
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    assert_int_equal(si_gif_open(fd, NULL, &g, &facts, &diag), SI_OK);
    if (si_gif_next(g, &rgba, &delay_ms, &diag) != SI_OK) {
        fail_msg("%s", diag.text);
    }
    for (int i = 0; i < 4 * facts.width * facts.height; i++) {
        assert_int_equal(rgba[i], 0);
    }
    si_gif_close(g);
    close(fd);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_as_a_player_shows_them),
        cmocka_unit_test(disposal_to_background),
        cmocka_unit_test(broken),
        cmocka_unit_test(frame_beside_the_screen),
    };
    return cmocka_run_group_tests(tests, start_render, NULL);
}
