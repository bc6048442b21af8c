/* Windows code pages, for \'HH in RTF. */
#ifndef SI_RICHTEXT_CODEPAGE_H
#define SI_RICHTEXT_CODEPAGE_H

#include <stdint.h>

/* The code page of an RTF character set (\fcharsetN): 874 or 1250…1258; 0 for character set 1 (the
 * document's own), −1 for a double-byte set, −2 for symbol fonts. Unknown ones are 1252. */
int si_codepage_of_charset(long charset);

/* Unicode character of a byte; 0 where the page has none. Unknown pages are 1252. */
uint32_t si_codepage_char(int page, uint8_t byte);

#endif
