#include "quality/jpeg_fit.h"

#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include "quality/jpeg_fit_tables.h"

enum {
    BASE = 100000,
    ZERO_RUN = 0xF0,
    EOB = 0x00,
    LEVELS = 2,
    SYMBOLS = 256,
    SAMPLE = 6, /* one row of blocks in so many tells how frequent symbols are */
    SCANS_MAX = 8
};

/* Bits of chroma count so much less than luma's, as errors there count more with our score. */
static const double chroma_lambda = 0.36;

/* Position in the block of each place in zigzag order. */
static const uint8_t zigzag[DCTSIZE2] = {0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12,
    19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29,
    22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63};

typedef struct error_state {
    struct jpeg_error_mgr mgr;
    jmp_buf back;
} error_state;

si_jpeg_fit si_jpeg_fit_usual(void) {
    return (si_jpeg_fit){.lambda = 50, .tilt = 5, .chroma = 5, .mask = 5};
}

int si_jpeg_fit_pack(si_jpeg_fit f) {
    return BASE + f.lambda * 1000 + f.tilt * 100 + f.chroma * 10 + f.mask;
}

si_jpeg_fit si_jpeg_fit_unpack(int tune) {
    return (si_jpeg_fit){tune / 1000 % 100, tune / 100 % 10, tune / 10 % 10, tune % 10};
}

static void on_error(j_common_ptr c) {
    longjmp(((error_state *)c->err)->back, 1);
}

static void on_message(j_common_ptr c) {
    (void)c;
}

/* ---- quantization tables ---- */

static void make_table(
    const uint16_t *from, float quality, double tilt, double scale, UINT16 *out) {
    double percent = quality < 50 ? 5000 / (double)quality : 200 - 2 * (double)quality, middle = 0;
    for (int i = 1; i < DCTSIZE2; i++) {
        middle += log(from[i]) / (DCTSIZE2 - 1);
    }
    for (int i = 0; i < DCTSIZE2; i++) {
        double q = i == 0 ? from[0] : exp(middle + (log(from[i]) - middle) * tilt);
        q = round(q / 8 * percent / 100 * scale);
        out[i] = (UINT16)(q < 1 ? 1 : q > 255 ? 255 : q);
    }
}

/* ---- one block ---- */

/* Bits of each run/size symbol, by the default Huffman table. */
static void code_lengths(const JHUFF_TBL *table, float *lengths) {
    for (int i = 0; i < SYMBOLS; i++) {
        lengths[i] = 16;
    }
    for (int bits = 1, i = 0; bits <= 16; bits++) {
        for (int n = 0; n < table->bits[bits]; n++) {
            lengths[table->huffval[i++]] = (float)bits;
        }
    }
}

static int size_of(int level) {
    return 32 - __builtin_clz((unsigned)level);
}

/* One place where a coefficient may stay. What follows it depends on the place alone, so only its
 * best level and the best way to come here are kept. */
typedef struct stop {
    int place;       /* zigzag */
    int level, from; /* from: the stop before, −1 = none */
    double cost;     /* of all up to here … */
    double reach;    /* … less the error there would be if all of it were zero */
} stop;

/* The cheapest way to a stop at `place` with a level of `size` bits, from those before it: error
 * and bits but those of the level itself. */
static double cheapest_way(const stop *stops, int count, int place, int size, const float *lengths,
    double lambda, int *from) {
    double least = INFINITY;
    for (int j = -1; j < count; j++) {
        double reach = j < 0 ? 0 : stops[j].reach;
        if (reach >= least) {
            continue;
        }
        int run = place - (j < 0 ? 0 : stops[j].place) - 1;
        double bits = (float)(run / 16) * lengths[ZERO_RUN] + lengths[(run % 16) << 4 | size];
        double cost = reach + lambda * bits;
        if (cost < least) {
            least = cost;
            *from = j;
        }
    }
    return least;
}

/* Bits that a lower level saves at most, but for rare symbols: where more error than they are worth
 * would come of it, it is not looked at. A level of 1 costs two bits at least. */
static const double bits_saved = 10, bits_least = 2;

/* Quantizes the block's AC levels; `x` in units of the quantizer, zigzag order. */
static void quantize_ac(const double *x, const float *lengths, double lambda, int *levels) {
    stop stops[DCTSIZE2];
    int count = 0;
    double zeroed = 0;
    for (int i = 1; i < DCTSIZE2; i++) {
        double size = fabs(x[i]), before = zeroed;
        zeroed += size * size;
        levels[i] = 0;
        if (2 * size - 1 < lambda * bits_least) {
            continue;
        }
        stop *s = &stops[count];
        *s = (stop){.place = i, .cost = INFINITY};
        int nearest = (int)(size + 0.5), from = -1, bits = 0;
        bool exact = 2 * (size - nearest) + 1 > lambda * bits_saved;
        double way = 0;
        for (int level = nearest; level > 0 && level > nearest - (exact ? 1 : LEVELS); level--) {
            if (size_of(level) != bits) {
                bits = size_of(level);
                way = before + cheapest_way(stops, count, i, bits, lengths, lambda, &from);
            }
            double error = size - level, cost = way + error * error + lambda * bits;
            if (cost < s->cost) {
                s->cost = cost;
                s->level = level;
                s->from = from;
            }
        }
        s->reach = s->cost - zeroed;
        count++;
    }
    double best = lambda * lengths[EOB];
    int at = -1;
    for (int j = 0; j < count; j++) {
        double cost = stops[j].reach + (stops[j].place == DCTSIZE2 - 1 ? 0 : lambda * lengths[EOB]);
        if (cost < best) {
            best = cost;
            at = j;
        }
    }
    for (; at >= 0; at = stops[at].from) {
        const stop *s = &stops[at];
        levels[s->place] = x[s->place] < 0 ? -s->level : s->level;
    }
}

/* How often each symbol comes, and from that its bits. */
typedef struct census {
    double count[SYMBOLS], total;
} census;

static void count_symbols(const int *levels, census *n) {
    int run = 0;
    for (int i = 1; i < DCTSIZE2; i++) {
        if (levels[i] == 0) {
            run++;
            continue;
        }
        n->count[ZERO_RUN] += run / 16;
        n->count[(run % 16) << 4 | size_of(abs(levels[i]))]++;
        n->total += run / 16 + 1;
        run = 0;
    }
    if (run > 0) {
        n->count[EOB]++;
        n->total++;
    }
}

static void lengths_by(const census *n, float *lengths) {
    const double rare = 0.3; /* what did not come may come yet */
    for (int i = 0; i < SYMBOLS; i++) {
        double bits = -log2((n->count[i] + rare) / (n->total + rare * SYMBOLS / 4));
        lengths[i] = (float)fmin(fmax(bits, 1), 16);
    }
}

/* ---- all blocks of one component ---- */

typedef struct plane {
    j_decompress_ptr in;
    jvirt_barray_ptr blocks;
    JDIMENSION width, height; /* in blocks */
    const UINT16 *table;
    double lambda, mask;    /* mask: exponent of a block's detail in its λ */
    double detail;          /* mean of log_detail() */
    double units[DCTSIZE2]; /* 1 ÷ quantizer, zigzag order */
    float lengths[SYMBOLS];
} plane;

static double log_detail(const JCOEF *block, const UINT16 *table) {
    double sum = 4; /* below this all blocks are smooth alike */
    for (int i = 1; i < DCTSIZE2; i++) {
        double x = block[i] / (double)table[i];
        sum += x * x;
    }
    return log(sum);
}

static JBLOCKROW row_of(const plane *p, JDIMENSION y) {
    return p->in->mem->access_virt_barray((j_common_ptr)p->in, p->blocks, y, 1, TRUE)[0];
}

static void measure_detail(plane *p) {
    double sum = 0;
    for (JDIMENSION y = 0; y < p->height; y++) {
        JBLOCKROW row = row_of(p, y);
        for (JDIMENSION x = 0; x < p->width; x++) {
            sum += log_detail(row[x], p->table);
        }
    }
    p->detail = sum / p->width / p->height;
}

static void quantize_block(const plane *p, const JCOEF *block, int *levels) {
    double x[DCTSIZE2], lambda = p->lambda;
    if (p->mask != 0) {
        double factor = exp(p->mask * (log_detail(block, p->table) - p->detail));
        lambda *= fmin(fmax(factor, 0.25), 4);
    }
    for (int i = 0; i < DCTSIZE2; i++) {
        x[i] = block[zigzag[i]] * p->units[i];
    }
    levels[0] = (int)lround(x[0]);
    quantize_ac(x, p->lengths, lambda, levels);
}

static void quantize_plane(plane *p) {
    int levels[DCTSIZE2];
    census symbols = {0};
    for (JDIMENSION y = 0; y < p->height; y += SAMPLE) {
        JBLOCKROW row = row_of(p, y);
        for (JDIMENSION x = 0; x < p->width; x++) {
            quantize_block(p, row[x], levels);
            count_symbols(levels, &symbols);
        }
    }
    lengths_by(&symbols, p->lengths);
    for (JDIMENSION y = 0; y < p->height; y++) {
        JBLOCKROW row = row_of(p, y);
        for (JDIMENSION x = 0; x < p->width; x++) {
            quantize_block(p, row[x], levels);
            for (int i = 0; i < DCTSIZE2; i++) {
                row[x][zigzag[i]] = (JCOEF)levels[i];
            }
        }
    }
}

static void quantize_all(
    j_decompress_ptr in, j_compress_ptr out, jvirt_barray_ptr *arrays, si_jpeg_fit fit) {
    for (int c = 0; c < in->num_components; c++) {
        plane p = {.in = in,
            .blocks = arrays[c],
            .width = in->comp_info[c].width_in_blocks,
            .height = in->comp_info[c].height_in_blocks,
            .table = out->quant_tbl_ptrs[out->comp_info[c].quant_tbl_no]->quantval,
            .lambda = fit.lambda / 1000.0 * (c > 0 ? chroma_lambda : 1),
            .mask = (fit.mask - 5) * 0.05};
        for (int i = 0; i < DCTSIZE2; i++) {
            p.units[i] = 1.0 / p.table[zigzag[i]];
        }
        code_lengths(out->ac_huff_tbl_ptrs[c > 0], p.lengths);
        if (p.mask != 0) {
            measure_detail(&p);
        }
        quantize_plane(&p);
    }
}

/* ---- the file ---- */

/* Scripts are told apart by where luma's spectrum is split, and by which planes send their last bit
 * on its own. The first is the best on most pictures. */
static const struct script {
    int split; /* last coefficient of luma's first scan */
    bool luma_bit, chroma_bit;
} scripts[] = {
    {2, true, false}, {12, true, false}, {5, true, true}, {2, true, true}, {5, false, false}};

static int write_script(const struct script *s, int components, jpeg_scan_info *scans) {
    int n = 0;
    scans[n++] = (jpeg_scan_info){components, {0, 1, 2}, 0, 0, 0, 0};
    scans[n++] = (jpeg_scan_info){1, {0}, 1, s->split, 0, s->luma_bit};
    for (int c = 1; c < components; c++) {
        scans[n++] = (jpeg_scan_info){1, {c}, 1, DCTSIZE2 - 1, 0, s->chroma_bit};
    }
    scans[n++] = (jpeg_scan_info){1, {0}, s->split + 1, DCTSIZE2 - 1, 0, s->luma_bit};
    for (int c = 0; c < components; c++) {
        if (c == 0 ? s->luma_bit : s->chroma_bit) {
            scans[n++] = (jpeg_scan_info){1, {c}, 1, DCTSIZE2 - 1, 1, 0};
        }
    }
    return n;
}

static void set_tables(
    j_compress_ptr out, const si_jpeg_tables *tables, const si_encode_params *p, si_jpeg_fit fit) {
    double tilt = 1 + (fit.tilt - 5) * 0.1, chroma = exp((fit.chroma - 5) * 0.1);
    for (int t = 0; t < 2; t++) {
        if (out->quant_tbl_ptrs[t] == NULL) {
            out->quant_tbl_ptrs[t] = jpeg_alloc_quant_table((j_common_ptr)out);
        }
        make_table(
            tables->of[t], p->quality, tilt, t > 0 ? chroma : 1, out->quant_tbl_ptrs[t]->quantval);
        out->quant_tbl_ptrs[t]->sent_table = FALSE;
    }
    for (int c = 0; c < out->num_components; c++) {
        out->comp_info[c].quant_tbl_no = c > 0;
        out->comp_info[c].dc_tbl_no = out->comp_info[c].ac_tbl_no = c > 0;
    }
}

/* What one requantization goes through; libjpeg's errors jump out of it. */
typedef struct work {
    error_state error;
    struct jpeg_decompress_struct in;
    struct jpeg_compress_struct out;
    unsigned char *file; /* being written, allocated by libjpeg's memory destination */
    unsigned long len;
    si_bytes best; /* the smallest so far */
} work;

/* Writes the quantized coefficients by one script. */
static void write_file(
    work *w, jvirt_barray_ptr *arrays, const si_encode_params *p, const struct script *s) {
    jpeg_scan_info scans[SCANS_MAX];
    w->out.num_scans = write_script(s, w->out.num_components, scans);
    w->out.scan_info = scans;
    w->out.optimize_coding = TRUE;
    if (p->dpi > 0) {
        w->out.density_unit = 1; /* per inch */
        w->out.X_density = w->out.Y_density = (UINT16)(p->dpi < 65535 ? p->dpi : 65535);
    }
    w->file = NULL;
    w->len = 0;
    jpeg_mem_dest(&w->out, &w->file, &w->len);
    jpeg_write_coefficients(&w->out, arrays);
    jpeg_finish_compress(&w->out);
}

/* Keeps the file just written if it is the smallest. False without memory. */
static bool keep_smallest(work *w) {
    bool whole = true;
    if (w->best.len == 0 || w->len < w->best.len) {
        w->best.len = 0;
        whole = si_bytes_append(&w->best, w->file, w->len);
    }
    free(w->file);
    w->file = NULL;
    return whole;
}

/* Requantizes `exact` into w->best. */
static bool requantize(
    work *w, const si_jpeg_tables *tables, const si_bytes *exact, const si_encode_params *p) {
    w->in.err = w->out.err = jpeg_std_error(&w->error.mgr);
    w->error.mgr.error_exit = on_error;
    w->error.mgr.output_message = on_message;
    if (setjmp(w->error.back) != 0) {
        jpeg_destroy_compress(&w->out);
        jpeg_destroy_decompress(&w->in);
        return false;
    }
    si_jpeg_fit fit = si_jpeg_fit_unpack(p->tune);
    jpeg_create_decompress(&w->in);
    jpeg_create_compress(&w->out);
    jpeg_mem_src(&w->in, exact->data, (unsigned long)exact->len);
    jpeg_read_header(&w->in, TRUE);
    jvirt_barray_ptr *arrays = jpeg_read_coefficients(&w->in);
    jpeg_copy_critical_parameters(&w->in, &w->out);
    set_tables(&w->out, tables, p, fit);
    quantize_all(&w->in, &w->out, arrays, fit);
    size_t count = p->effort >= SI_JPEG_SCRIPTS ? sizeof scripts / sizeof *scripts : 1;
    bool whole = true;
    for (size_t i = 0; i < count && whole; i++) {
        if (i > 0) { /* ends of a file forget what it was to be like */
            jpeg_copy_critical_parameters(&w->in, &w->out);
            set_tables(&w->out, tables, p, fit);
        }
        write_file(w, arrays, p, &scripts[i]);
        whole = keep_smallest(w);
    }
    jpeg_finish_decompress(&w->in);
    jpeg_destroy_compress(&w->out);
    jpeg_destroy_decompress(&w->in);
    return whole;
}

si_result si_jpeg_fit_encode_with(const si_jpeg_tables *tables, const si_image *image,
    const si_encode_params *params, si_bytes *out, si_diag *diag) {
    si_encode_params finest = *params;
    finest.quality = 100; /* every quantizer is 1 */
    finest.tune = 0;
    finest.progressive = finest.optimize = false;
    si_bytes exact = {0};
    work w = {0};
    si_result result = si_codec_encode(SI_FORMAT_JPEG, image, &finest, &exact, diag);
    if (result == SI_OK && !requantize(&w, tables, &exact, params)) {
        result = si_fail(diag, SI_ERR_INTERNAL, "jpeg: coefficients refused");
    }
    if (result == SI_OK) {
        si_bytes_move(out, &w.best);
    }
    free(w.file);
    si_bytes_free(&w.best);
    si_bytes_free(&exact);
    return result;
}

si_result si_jpeg_fit_encode(
    const si_image *image, const si_encode_params *params, si_bytes *out, si_diag *diag) {
    return si_jpeg_fit_encode_with(&fitted, image, params, out, diag);
}
