#include "quality/jpeg_fit.h"

#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

enum { BASE = 1000, ZERO_RUN = 0xF0, EOB = 0x00, LEVELS = 2 };

/* The standard's tables (ISO/IEC 10918-1, K.1 and K.2), row by row. */
static const uint8_t standard[2][DCTSIZE2] = {
    {16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56,
        14, 17, 22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104,
        113, 92, 49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99},
    {17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99,
        47, 66, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
        99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99},
};

/* Position in the block of each place in zigzag order. */
static const uint8_t zigzag[DCTSIZE2] = {0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12,
    19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29,
    22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63};

typedef struct error_state {
    struct jpeg_error_mgr mgr;
    jmp_buf back;
} error_state;

int si_jpeg_fit_pack(si_jpeg_fit f) {
    return BASE + f.lambda * 100 + f.flat * 10 + f.chroma;
}

si_jpeg_fit si_jpeg_fit_unpack(int tune) {
    return (si_jpeg_fit){tune / 100 % 10, tune / 10 % 10, tune % 10};
}

static void on_error(j_common_ptr c) {
    longjmp(((error_state *)c->err)->back, 1);
}

static void on_message(j_common_ptr c) {
    (void)c;
}

/* ---- quantization tables ---- */

static void make_table(const uint8_t *from, float quality, double flat, double scale, UINT16 *out) {
    double percent = quality < 50 ? 5000 / (double)quality : 200 - 2 * (double)quality, middle = 0;
    for (int i = 1; i < DCTSIZE2; i++) {
        middle += log(from[i]) / (DCTSIZE2 - 1);
    }
    for (int i = 0; i < DCTSIZE2; i++) {
        double q = i == 0 ? from[0] : exp(log(from[i]) * (1 - flat) + middle * flat * 0.75);
        q = round(q * percent / 100 * scale);
        out[i] = (UINT16)(q < 1 ? 1 : q > 255 ? 255 : q);
    }
}

/* ---- one block ---- */

/* Bits of each run/size symbol, by the default Huffman table; optimized ones are shaped alike. */
static void code_lengths(const JHUFF_TBL *table, uint8_t *lengths) {
    memset(lengths, 16, 256);
    for (int bits = 1, i = 0; bits <= 16; bits++) {
        for (int n = 0; n < table->bits[bits]; n++) {
            lengths[table->huffval[i++]] = (uint8_t)bits;
        }
    }
}

static int size_of(int level) {
    return 32 - __builtin_clz((unsigned)level);
}

static double bits_of(const uint8_t *lengths, int run, int level) {
    int size = size_of(level);
    return run / 16 * lengths[ZERO_RUN] + lengths[(run % 16) << 4 | size] + size;
}

/* One place where a coefficient may stay: what it costs to come here with each of its levels. */
typedef struct stop {
    int place; /* zigzag */
    int level[LEVELS];
    double cost[LEVELS];
    int from[LEVELS], from_level[LEVELS]; /* the stop before, −1 = none */
    double zeroed;                        /* error of all coefficients up to here, if zero */
} stop;

/* Quantizes the block's AC levels; `x` in units of the quantizer, zigzag order. */
static void quantize_ac(const double *x, const uint8_t *lengths, double lambda, int *levels) {
    stop stops[DCTSIZE2];
    int count = 0;
    double zeroed = 0;
    for (int i = 1; i < DCTSIZE2; i++) {
        double size = fabs(x[i]), before = zeroed;
        zeroed += size * size;
        levels[i] = 0;
        if (size < 0.5) {
            continue;
        }
        stop *s = &stops[count];
        *s = (stop){.place = i, .zeroed = zeroed};
        int nearest = (int)(size + 0.5);
        for (int k = 0; k < LEVELS; k++) {
            int level = nearest - k;
            s->level[k] = level;
            s->cost[k] = INFINITY;
            for (int j = -1; level > 0 && j < count; j++) {
                int run = i - (j < 0 ? 0 : stops[j].place) - 1;
                double gap = before - (j < 0 ? 0 : stops[j].zeroed), error = size - level;
                double here = gap + error * error + lambda * bits_of(lengths, run, level);
                for (int m = 0; m < (j < 0 ? 1 : LEVELS); m++) {
                    double cost = here + (j < 0 ? 0 : stops[j].cost[m]);
                    if (cost < s->cost[k]) {
                        s->cost[k] = cost;
                        s->from[k] = j;
                        s->from_level[k] = m;
                    }
                }
            }
        }
        count++;
    }
    double best = zeroed + lambda * lengths[EOB];
    int at = -1, level = 0;
    for (int j = 0; j < count; j++) {
        for (int k = 0; k < LEVELS; k++) {
            double end = stops[j].place == DCTSIZE2 - 1 ? 0 : lambda * lengths[EOB];
            double cost = stops[j].cost[k] + zeroed - stops[j].zeroed + end;
            if (cost < best) {
                best = cost;
                at = j;
                level = k;
            }
        }
    }
    while (at >= 0) {
        const stop *s = &stops[at];
        levels[s->place] = x[s->place] < 0 ? -s->level[level] : s->level[level];
        at = s->from[level];
        level = s->from_level[level];
    }
}

static void quantize_block(
    JCOEF *block, const UINT16 *table, const uint8_t *lengths, double lambda) {
    double x[DCTSIZE2];
    int levels[DCTSIZE2];
    for (int i = 0; i < DCTSIZE2; i++) {
        x[i] = block[zigzag[i]] / (double)table[zigzag[i]];
    }
    levels[0] = (int)lround(x[0]);
    quantize_ac(x, lengths, lambda, levels);
    for (int i = 0; i < DCTSIZE2; i++) {
        block[zigzag[i]] = (JCOEF)levels[i];
    }
}

/* ---- the file ---- */

static void quantize_all(
    j_decompress_ptr in, j_compress_ptr out, jvirt_barray_ptr *arrays, double lambda) {
    for (int c = 0; c < in->num_components; c++) {
        const jpeg_component_info *info = &in->comp_info[c];
        const UINT16 *table = out->quant_tbl_ptrs[out->comp_info[c].quant_tbl_no]->quantval;
        uint8_t lengths[256];
        code_lengths(out->ac_huff_tbl_ptrs[c > 0], lengths);
        for (JDIMENSION y = 0; y < info->height_in_blocks; y++) {
            JBLOCKARRAY row = in->mem->access_virt_barray((j_common_ptr)in, arrays[c], y, 1, TRUE);
            for (JDIMENSION x = 0; x < info->width_in_blocks; x++) {
                quantize_block(row[0][x], table, lengths, lambda);
            }
        }
    }
}

static void set_tables(j_compress_ptr out, const si_encode_params *p, si_jpeg_fit fit) {
    for (int t = 0; t < 2; t++) {
        if (out->quant_tbl_ptrs[t] == NULL) {
            out->quant_tbl_ptrs[t] = jpeg_alloc_quant_table((j_common_ptr)out);
        }
        make_table(standard[t], p->quality, fit.flat / 10.0, t > 0 ? 0.3 + fit.chroma / 10.0 : 1,
            out->quant_tbl_ptrs[t]->quantval);
        out->quant_tbl_ptrs[t]->sent_table = FALSE;
    }
    for (int c = 0; c < out->num_components; c++) {
        out->comp_info[c].quant_tbl_no = c > 0;
        out->comp_info[c].dc_tbl_no = out->comp_info[c].ac_tbl_no = c > 0;
    }
}

/* Requantizes `exact`. libjpeg's memory destination allocates `*file`. */
static bool requantize(
    const si_bytes *exact, const si_encode_params *p, unsigned char **file, unsigned long *len) {
    error_state error;
    struct jpeg_decompress_struct in = {.err = jpeg_std_error(&error.mgr)};
    struct jpeg_compress_struct out = {.err = &error.mgr};
    error.mgr.error_exit = on_error;
    error.mgr.output_message = on_message;
    if (setjmp(error.back) != 0) {
        jpeg_destroy_compress(&out);
        jpeg_destroy_decompress(&in);
        return false;
    }
    si_jpeg_fit fit = si_jpeg_fit_unpack(p->tune);
    jpeg_create_decompress(&in);
    jpeg_create_compress(&out);
    jpeg_mem_src(&in, exact->data, (unsigned long)exact->len);
    jpeg_read_header(&in, TRUE);
    jvirt_barray_ptr *arrays = jpeg_read_coefficients(&in);
    jpeg_mem_dest(&out, file, len);
    jpeg_copy_critical_parameters(&in, &out);
    set_tables(&out, p, fit);
    out.optimize_coding = TRUE;
    jpeg_simple_progression(&out);
    if (p->dpi > 0) {
        out.density_unit = 1; /* per inch */
        out.X_density = out.Y_density = (UINT16)(p->dpi < 65535 ? p->dpi : 65535);
    }
    quantize_all(&in, &out, arrays, fit.lambda / 100.0);
    jpeg_write_coefficients(&out, arrays);
    jpeg_finish_compress(&out);
    jpeg_finish_decompress(&in);
    jpeg_destroy_compress(&out);
    jpeg_destroy_decompress(&in);
    return true;
}

si_result si_jpeg_fit_encode(
    const si_image *image, const si_encode_params *params, si_bytes *out, si_diag *diag) {
    si_encode_params finest = *params;
    finest.quality = 100; /* every quantizer is 1 */
    finest.tune = 0;
    finest.progressive = finest.optimize = false;
    si_bytes exact = {0};
    unsigned char *file = NULL;
    unsigned long len = 0;
    si_result result = si_codec_encode(SI_FORMAT_JPEG, image, &finest, &exact, diag);
    if (result == SI_OK && !requantize(&exact, params, &file, &len)) {
        result = si_fail(diag, SI_ERR_INTERNAL, "jpeg: coefficients refused");
    }
    if (result == SI_OK && !si_bytes_append(out, file, len)) {
        result = si_fail(diag, SI_ERR_MEMORY, "jpeg: no memory");
    }
    free(file);
    si_bytes_free(&exact);
    return result;
}
