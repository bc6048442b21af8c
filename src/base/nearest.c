#include "base/nearest.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static char lower(char c) {
    return (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

static int least(int a, int b) {
    return a < b ? a : b;
}

/* Only cells that are at most `most` off the diagonal can hold a number that counts. */
int si_name_steps(si_str a, si_str b, int most) {
    enum { WIDTH = 2 * SI_NEAREST_STEPS + 3 }; /* the band, and a border of it on each side */
    const int far = most + 1;
    assert(most >= 0 && most <= SI_NEAREST_STEPS);
    if (a.len > SI_NEAREST_LENGTH || b.len > SI_NEAREST_LENGTH) {
        return far;
    }
    const int rows = (int)a.len, columns = (int)b.len;
    if (abs(rows - columns) > most) {
        return far;
    }
    int rings[3][WIDTH] = {{0}}; /* rows i − 2, i − 1 and i; cell k is column i + k − most − 1 */
    for (int i = 0; i <= rows; i++) {
        int *row = rings[i % 3], *above = rings[(i + 2) % 3], *second = rings[(i + 1) % 3];
        row[0] = row[2 * most + 2] = far;
        for (int k = 1; k <= 2 * most + 1; k++) {
            const int j = i + k - most - 1;
            row[k] = far;
            if (j < 0 || j > columns) {
                continue;
            }
            if (i == 0 || j == 0) {
                row[k] = least(i + j, far);
                continue;
            }
            const bool same = lower(a.p[i - 1]) == lower(b.p[j - 1]);
            int steps = least(above[k] + !same, least(above[k + 1], row[k - 1]) + 1);
            if (i > 1 && j > 1 && lower(a.p[i - 1]) == lower(b.p[j - 2]) &&
                lower(a.p[i - 2]) == lower(b.p[j - 1])) {
                steps = least(steps, second[k] + 1);
            }
            row[k] = least(steps, far);
        }
    }
    return rings[rows % 3][columns - rows + most + 1];
}

void si_nearest_to(si_nearest *n, si_str wanted) {
    int most = wanted.len < 3 ? 0 : wanted.len < 6 ? 1 : wanted.len < 10 ? 2 : SI_NEAREST_STEPS;
    *n = (si_nearest){.wanted = wanted, .most = most, .steps = most + 1};
}

void si_nearest_offer(si_nearest *n, si_str name) {
    int steps = si_name_steps(n->wanted, name, n->most);
    if (steps > n->most || steps > n->steps) {
        return;
    }
    char copy[SI_NEAREST_LENGTH + 1] = "";
    memcpy(copy, name.p, name.len);
    if (steps < n->steps || strcmp(copy, n->name) < 0) {
        n->steps = steps;
        memcpy(n->name, copy, sizeof copy);
    }
}
