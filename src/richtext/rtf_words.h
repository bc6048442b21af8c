/* The control words of text= and textPs= (docs/text.md, Words), one row each:
 *
 *   X(word, setter, argument, modes, N when none is written, least N, largest N)
 *
 * N beyond its range is held to it. `modes` says in which of the two commands the word means
 * something; in the other it is skipped like an unknown one. Setters are in rtf_words.c. */
#ifndef SI_RICHTEXT_RTF_WORDS_H
#define SI_RICHTEXT_RTF_WORDS_H

#define SI_RTF_WORDS(X)                                                                            \
    /* tables */                                                                                   \
    X("fonttbl", destination, SI_RTF_FONTS, BOTH, 0, 0, 0)                                         \
    X("colortbl", destination, SI_RTF_RGB, BOTH, 0, 0, 0)                                          \
    X("cmykcolortbl", destination, SI_RTF_CMYK, BOTH, 0, 0, 0) /* textPs= reads it over */         \
    X("iscolortbl", destination, SI_RTF_IS, PS, 0, 0, 0)                                           \
    X("fcharset", charset, 0, BOTH, 0, 0, 255)                                                     \
    X("red", component, 0, BOTH, 0, 0, 255)                                                        \
    X("green", component, 1, BOTH, 0, 0, 255)                                                      \
    X("blue", component, 2, BOTH, 0, 0, 255)                                                       \
    X("cyan", component, 0, BOTH, 0, 0, 100)                                                       \
    X("magenta", component, 1, BOTH, 0, 0, 100)                                                    \
    X("yellow", component, 2, BOTH, 0, 0, 100)                                                     \
    X("black", component, 3, BOTH, 0, 0, 100)                                                      \
    /* header words that change what follows */                                                    \
    X("ansicpg", code_page, 0, BOTH, 1252, 0, 65535)                                               \
    X("deff", default_font, 0, BOTH, 0, 0, 32767)                                                  \
    /* groups without text for us, even where they are not marked with \* */                       \
    X("stylesheet", destination, SI_RTF_SKIP, BOTH, 0, 0, 0)                                       \
    X("info", destination, SI_RTF_SKIP, BOTH, 0, 0, 0)                                             \
    X("pict", destination, SI_RTF_SKIP, BOTH, 0, 0, 0)                                             \
    X("object", destination, SI_RTF_SKIP, BOTH, 0, 0, 0)                                           \
    X("header", destination, SI_RTF_SKIP, BOTH, 0, 0, 0)                                           \
    X("footer", destination, SI_RTF_SKIP, BOTH, 0, 0, 0)                                           \
    X("footnote", destination, SI_RTF_SKIP, BOTH, 0, 0, 0)                                         \
    X("filetbl", destination, SI_RTF_SKIP, BOTH, 0, 0, 0)                                          \
    /* box; twips */                                                                               \
    X("margl", margin, 0, PS, 0, 0, 31680)                                                         \
    X("margt", margin, 1, PS, 0, 0, 31680)                                                         \
    X("margr", margin, 2, PS, 0, 0, 31680)                                                         \
    X("margb", margin, 3, PS, 0, 0, 31680)                                                         \
    X("vertalt", vertical_align, SI_TEXT_TOP, BOTH, 0, 0, 0)                                       \
    X("vertalc", vertical_align, SI_TEXT_MIDDLE, BOTH, 0, 0, 0)                                    \
    X("vertalb", vertical_align, SI_TEXT_BOTTOM, BOTH, 0, 0, 0)                                    \
    X("stextflow", text_flow, 0, PS, 0, 0, 1)                                                      \
    X("copyfitlines", copyfit_lines, 0, PS, 0, 0, 10000)                                           \
    X("copyfitmaxlines", copyfit_max_lines, 0, PS, 0, 0, 10000)                                    \
    /* paragraph; twips */                                                                         \
    X("pard", paragraph_plain, 0, PS, 0, 0, 0)                                                     \
    X("ql", align, SI_TEXT_LEFT, BOTH, 0, 0, 0)                                                    \
    X("qr", align, SI_TEXT_RIGHT, BOTH, 0, 0, 0)                                                   \
    X("qc", align, SI_TEXT_CENTER, BOTH, 0, 0, 0)                                                  \
    X("qj", align, SI_TEXT_JUSTIFY, PS, 0, 0, 0)                                                   \
    X("lastql", last_align, SI_TEXT_LEFT, PS, 0, 0, 0)                                             \
    X("lastqr", last_align, SI_TEXT_RIGHT, PS, 0, 0, 0)                                            \
    X("lastqc", last_align, SI_TEXT_CENTER, PS, 0, 0, 0)                                           \
    X("lastqj", last_align, SI_TEXT_JUSTIFY, PS, 0, 0, 0)                                          \
    X("fi", indent, 0, PS, 0, -31680, 31680)                                                       \
    X("li", indent, 1, PS, 0, -31680, 31680)                                                       \
    X("ri", indent, 2, PS, 0, -31680, 31680)                                                       \
    X("sb", indent, 3, BOTH, 0, 0, 31680)                                                          \
    X("sa", indent, 4, BOTH, 0, 0, 31680)                                                          \
    X("sl", line_spacing, 0, BOTH, 0, -31680, 31680)                                               \
    X("slmult", line_multiple, 0, BOTH, 1, 0, 1)                                                   \
    /* character; sizes and shifts in half-points */                                               \
    X("plain", character_plain, 0, PS, 0, 0, 0)                                                    \
    X("f", font, 0, BOTH, 0, 0, 32767)                                                             \
    X("fs", font_size, 0, BOTH, 24, 1, 32767)                                                      \
    X("cf", color, 0, BOTH, 0, 0, 32767)                                                           \
    X("b", bold, 0, BOTH, 1, 0, 1)                                                                 \
    X("i", italic, 0, BOTH, 1, 0, 1)                                                               \
    X("ul", underline, SI_TEXT_UL_SINGLE, BOTH, 1, 0, 1)                                           \
    X("ulw", underline, SI_TEXT_UL_WORD, BOTH, 1, 0, 1)                                            \
    X("uldb", underline, SI_TEXT_UL_DOUBLE, BOTH, 1, 0, 1)                                         \
    X("uld", underline, SI_TEXT_UL_DOTTED, BOTH, 1, 0, 1)                                          \
    X("uldash", underline, SI_TEXT_UL_DASHED, BOTH, 1, 0, 1)                                       \
    X("uldashd", underline, SI_TEXT_UL_DASHED, BOTH, 1, 0, 1)                                      \
    X("uldashdd", underline, SI_TEXT_UL_DASHED, BOTH, 1, 0, 1)                                     \
    X("ulth", underline, SI_TEXT_UL_THICK, BOTH, 1, 0, 1)                                          \
    X("ulwave", underline, SI_TEXT_UL_WAVE, BOTH, 1, 0, 1)                                         \
    X("ulnone", underline, SI_TEXT_UL_NONE, BOTH, 0, 0, 0)                                         \
    X("sub", script, SI_TEXT_SUB, BOTH, 1, 0, 1)                                                   \
    X("super", script, SI_TEXT_SUPER, BOTH, 1, 0, 1)                                               \
    X("nosupersub", script, SI_TEXT_BASE, BOTH, 0, 0, 0)                                           \
    X("caps", caps, SI_TEXT_CAPS, BOTH, 1, 0, 1)                                                   \
    X("scaps", caps, SI_TEXT_SMALL_CAPS, PS, 1, 0, 1)                                              \
    /* advanced */                                                                                 \
    X("up", rise, 1, BOTH, 6, 0, 32767)                                                            \
    X("dn", rise, -1, BOTH, 6, 0, 32767)                                                           \
    X("kerning", kerning, 0, BOTH, 1, 0, 32767)                                                    \
    X("kerningoptical", kerning, 0, PS, 1, 0, 1) /* no better than the font's own pairs */         \
    X("kerningmetric", kerning, 0, BOTH, 1, 0, 1)                                                  \
    X("expnd", expand, 4, BOTH, 0, -6336, 6336)      /* quarter-points */                          \
    X("expndtw", expand, 20, BOTH, 0, -31680, 31680) /* twips */                                   \
    X("charscalex", char_scale, 0, BOTH, 100, 1, 1000)                                             \
    X("charscaley", char_scale, 1, BOTH, 100, 1, 1000)                                             \
    X("ltrch", direction, SI_TEXT_DIR_LTR, NORM, 0, 0, 0)                                          \
    X("rtlch", direction, SI_TEXT_DIR_RTL, NORM, 0, 0, 0)                                          \
    X("copyfit", copyfit, 0, PS, 0, 0, 32767)                                                      \
    X("baselinedir", nothing, 0, PS, 0, 0, 0)                                                      \
    /* characters */                                                                               \
    X("par", paragraph_end, 0, BOTH, 0, 0, 0)                                                      \
    X("line", character, 0x2028, BOTH, 0, 0, 0)                                                    \
    X("u", unicode, 0, BOTH, 0, -32768, 65535)                                                     \
    X("uc", unicode_skip, 0, BOTH, 1, 0, 255)                                                      \
    X("loch", byte_class, 0, BOTH, 0, 0, 0)                                                        \
    X("hich", byte_class, 0, BOTH, 0, 0, 0)                                                        \
    X("dbch", byte_class, 1, BOTH, 0, 0, 0)

#endif
