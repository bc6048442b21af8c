/* Gaussians as weights and as boxes, for the filters that blur. */
#ifndef SI_RENDER_PIXEL_GAUSSIAN_H
#define SI_RENDER_PIXEL_GAUSSIAN_H

/* σ from which three boxes replace the Gaussian, and below which it is the identity, pixels. */
#define SI_GAUSSIAN_BOX_FROM 8.0
#define SI_GAUSSIAN_SMALLEST 0.01

/* Weights for distances 0…reach, integrated over the pixels' area, normalised to a sum of 1 over
 * both sides. malloc'ed, NULL when memory runs out. */
float *si_gaussian_kernel(double sigma, int reach);

/* A box: a running mean over 2·half + 1 values, the two beyond counting by `part`; so its width,
 * and with it its variance, is continuous. This one's variance is σ²/3. */
void si_gaussian_box(double sigma, int *half, float *part);

#endif
