/* What writing and scoring JPEG 2000 share with reading originals of it. */
#ifndef SI_CODEC_JP2_PARTS_H
#define SI_CODEC_JP2_PARTS_H

#include <openjpeg.h>

enum { SI_JP2_MESSAGE = 200, SI_JP2_STREAM_BUFFER = 64 * 1024 };

/* Has the first line of the first error of `codec` written to `message`, which must live as long;
 * warnings and reports are dropped. */
void si_jp2_listen(opj_codec_t *codec, char message[SI_JP2_MESSAGE]);

#endif
