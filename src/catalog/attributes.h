/* Company attributes (docs/attributes.md) as one table, from which parsing, checks,
 * inheritance, `smartimg config check` and docs/attributes.md are made.
 *
 * X(name, field, type, inherits, minimum, maximum, default, unit, help)
 *
 * `inherits` is the class: what an attribute is that a company does not define, and
 * what it is that a company defines as empty.
 *   INHERIT  default company's · default company's
 *   OFF      default company's · empty, which switches the feature off
 *   OWN      the default below · the default below; the default company's says nothing */
#ifndef SI_CATALOG_ATTRIBUTES_H
#define SI_CATALOG_ATTRIBUTES_H

#include "catalog/value.h"

#define SI_ATTRIBUTES(X)                                                                           \
    /* files and identity */                                                                       \
    X(CatalogFile, catalog_file, LIST, OWN, 0, 0, "", "",                                          \
        "image records: data files, later ones replace earlier records")                           \
    X(SvgCatalogFile, svg_catalog_file, LIST, OWN, 0, 0, "", "",                                   \
        "SVG records: data files, read after CatalogFile; a record with the id of an image is "    \
        "left out")                                                                                \
    X(StaticContentCatalogFile, static_catalog_file, LIST, OWN, 0, 0, "", "",                      \
        "static content records: data files")                                                      \
    X(MacroFile, macro_file, TEXT, OWN, 0, 0, "", "",                                              \
        "presets: a data file; [presets] come after it")                                           \
    X(FontMapFile, font_map_file, TEXT, OWN, 0, 0, "", "",                                         \
        "fonts: a data file; [fonts] come after it")                                               \
    X(IccProfileMapFile, icc_profile_map_file, TEXT, OWN, 0, 0, "", "",                            \
        "colour profiles: a data file; [profiles] come after it")                                  \
    X(RuleSetFile, rule_set_file, TEXT, OWN, 0, 0, "", "", "rule set, XML")                        \
    X(RootPath, root_path, TEXT, OFF, 0, 0, "", "",                                                \
        "folder of images, masks, fonts and profiles below the served root; empty = the root "     \
        "itself; defined nowhere = the folder named like the company")                             \
    X(Sources, sources, LIST, OFF, 0, 0, "", "",                                                   \
        "where images and masks are looked for, in this order: folder = the served root, and "     \
        "names "                                                                                   \
        "of sections [source NAME], of servers and buckets (sources.md); empty = folder")          \
    X(StaticContentRootPath, static_root_path, TEXT, OFF, 0, 0, "", "",                            \
        "folder of /is/content below the served root; empty = no static content")                  \
    X(SavePath, save_path, TEXT, OFF, 0, 0, "", "",                                                \
        "target folder of req=saveToFile, which smartimg refuses; empty = off")                    \
    X(FullMatch, full_match, BOOL, INHERIT, 0, 1, "false", "",                                     \
        "the company governs a request only if the record exists, too")                            \
    X(PublishInfo, publish_info, TEXT, INHERIT, 0, 0, "", "", "text that req=catalogprops shows")  \
    X(TimeStamp, time_stamp, DATE, OWN, 0, 0, "", "",                                              \
        "date of records without one; empty = when the company file was changed")                  \
    /* access, security, request shaping */                                                        \
    X(AllowDirectAccess, direct_access, CLASSES, OFF, 0, 0, "exclude:", "",                        \
        "kinds of file that may be reached by path: "                                              \
        "[include:|exclude:]SVG,IS,STATIC,FXG,FLA,IR_VNT,IR_MAT; empty = none")                    \
    X(AllowDirectUrls, allow_direct_urls, BOOL, INHERIT, 0, 1, "false", "",                        \
        "src= and mask= may name pictures on other servers, by absolute address")                  \
    X(ForeignHosts, foreign_hosts, LIST, OFF, 0, 0, "", "",                                        \
        "servers that such addresses may name: host or *.domain, at any port unless :port "        \
        "follows; "                                                                                \
        "IPv6 addresses in brackets; empty = none")                                                \
    X(RootUrl, root_url, TEXT, OFF, 0, 0, "", "",                                                  \
        "what relative addresses of foreign pictures begin with; its host counts as listed")       \
    X(ClientAddressFilter, client_address_filter, ADDRESSES, INHERIT, 0, 0, "", "",                \
        "addresses or networks (a.b.c.d/n, IPv6 too) that are served; empty = all")                \
    X(AccessControlAllowOrigin, allow_origin, LIST, OFF, 0, 0, "*", "",                            \
        "origins whose pages may read the pixels of replies, on a canvas for example: "            \
        "https://shop.example, or * = all; empty = none")                                          \
    X(TimingAllowOrigin, timing_origin, LIST, OFF, 0, 0, "*", "",                                  \
        "origins whose pages may measure how long replies took, written alike")                    \
    X(CrossOriginResourcePolicy, resource_policy, TEXT, OFF, 0, 0, "cross-origin", "",             \
        "whose pages may show replies at all: cross-origin = everybody's, same-site or "           \
        "same-origin; empty = browsers decide")                                                    \
    X(CacheCommandAddresses, cache_command_addresses, ADDRESSES, OFF, 0, 0, "", "",                \
        "addresses or networks whose cache=off and cache=update may have the server render anew; " \
        "empty = nobody's: they get what is cached")                                               \
    X(RequestLock, request_lock, BOOL, INHERIT, 0, 1, "false", "",                                 \
        "queries must end with the lock that belongs to them")                                     \
    X(RequestLockKey, request_lock_key, TEXT, OFF, 0, 0, "", "",                                   \
        "secret of at least 16 characters for locks of HMAC-SHA256; empty = the vendor's lock "    \
        "without a key, which anyone can compute")                                                 \
    X(AllowNested, allow_nested, BOOL, INHERIT, 0, 1, "false", "",                                 \
        "requests of other companies may use this company's pictures, too, as layers, masks and "  \
        "the like, without its lock and from any address")                                         \
    X(PresetsOnly, presets_only, BOOL, INHERIT, 0, 1, "false", "",                                 \
        "a query is one preset, $name$, and nothing else; without a query only records and smart " \
        "crops are sent")                                                                          \
    X(FolderCompanies, folder_companies, BOOL, OWN, 0, 1, "false", "",                             \
        "each folder below RootPath that no company is named like is a company with default "      \
        "attributes; for default.ini only; without a configuration it is so")                      \
    X(RequestObfuscation, request_obfuscation, BOOL, INHERIT, 0, 1, "false", "",                   \
        "queries are base64")                                                                      \
    X(MaxPix, max_pix, PAIR, INHERIT, 0, 65500, "4096,4096", "pixels",                             \
        "largest reply; 0 = no limit")                                                             \
    X(TrustedDomains, trusted_domains, LIST, OFF, 0, 0, "", "",                                    \
        "for SWF output, which smartimg does not have")                                            \
    X(Bfc, bfc, BOOL, INHERIT, 0, 1, "false", "",                                                  \
        "convert JPEG and PNG replies to what each browser shows best")                            \
    X(Avif, avif, BOOL, INHERIT, 0, 1, "true", "", "AVIF may be sent to browsers that show it")    \
    X(Jxl, jxl, BOOL, INHERIT, 0, 1, "true", "", "JPEG XL may be sent to clients that ask for it") \
    X(Dpr, dpr, BOOL, INHERIT, 0, 1, "false", "",                                                  \
        "scale replies by the pixel ratio that a client is found to have (density.md)")            \
    X(DprSteps, dpr_steps, RATIOS, INHERIT, 1, 16, "", "",                                         \
        "pixel ratios that detected ones are taken to, such as 1,2, at most 8; empty = 1, 1.25, "  \
        "1.5, 2, 2.5, 3, 4")                                                                       \
    X(DprHeader, dpr_header, TEXT, INHERIT, 0, 0, "", "",                                          \
        "request header in which a CDN tells the pixel ratio of clients without hints: the name "  \
        "of one that is a number, or akamai; empty = the server's --dpr-header")                   \
    X(WidthHints, width_hints, BOOL, INHERIT, 0, 1, "false", "",                                   \
        "a detected pixel ratio is lowered where a client says that it shows fewer pixels "        \
        "(Sec-CH-Width, Sec-CH-Viewport-Width)")                                                   \
    X(CriticalCh, critical_ch, BOOL, INHERIT, 0, 1, "false", "",                                   \
        "hints that a reply asks for (Accept-CH) are in Critical-CH, too: a browser that opens "   \
        "an image by itself asks again with them")                                                 \
    X(Network, network, BOOL, INHERIT, 0, 1, "false", "",                                          \
        "fewer bytes over lines that are good or poor, rather than excellent")                     \
    X(NetworkHeader, network_header, HEADER, OFF, 0, 0, "", "",                                    \
        "request header by which an edge tells a line's class: excellent, good or poor; empty = "  \
        "the server's")                                                                            \
    X(DigimarcId, digimarc_id, TEXT, INHERIT, 0, 0, "", "",                                        \
        "read and kept, smartimg writes no such marks")                                            \
    /* defaults of requests */                                                                     \
    X(DefaultExt, default_ext, TEXT, OFF, 0, 0, "", "",                                            \
        "extension tried first when a name has none, such as .tif")                                \
    X(DefaultFont, default_font, TEXT, INHERIT, 0, 0, "", "", "font of text that names none")      \
    X(DefaultImage, default_image, TEXT, OFF, 0, 0, "", "",                                        \
        "object sent when an image is not found; empty = error")                                   \
    X(DefaultImageMode, default_image_mode, INT, INHERIT, 0, 1, "0", "",                           \
        "0 = default image replaces the whole request, 1 = the missing source only")               \
    X(ErrorImage, error_image, TEXT, OFF, 0, 0, "", "",                                            \
        "object sent, with status 200, in place of an error; empty = error")                       \
    X(ErrorDetail, error_detail, INT, INHERIT, 0, 3, "2", "",                                      \
        "what errors tell: 0 or 1 = their title, 2 = a message too, 3 = like 2; public sites may " \
        "want 0")                                                                                  \
    X(DefaultPix, default_pix, PAIR, INHERIT, 0, 65500, "1280,1280", "pixels",                     \
        "view cap when no size is asked for; 0 = none")                                            \
    X(DefaultThumbPix, default_thumb_pix, PAIR, INHERIT, 0, 65500, "100,100", "pixels",            \
        "the same of thumbnails")                                                                  \
    X(BkgColor, bkg_color, COLOR, INHERIT, 0, 0, "FFFFFF", "",                                     \
        "fill where the image does not reach")                                                     \
    X(JpegQuality, jpeg_quality, QUALITY, INHERIT, 1, 100, "80,0", "",                             \
        "qlt of requests that name none; flag 1 = full chroma")                                    \
    X(ResMode, res_mode, RESMODE, INHERIT, 0, 0, "sharp2", "",                                     \
        "resampling kernel: bilin, bicub, sharp2, bisharp (or 1 to 4)")                            \
    X(DefaultLocale, default_locale, TEXT, INHERIT, 0, 0, "", "",                                  \
        "locale of requests that name none")                                                       \
    X(LocaleMap, locale_map, LOCALES, INHERIT, 0, 0, "", "",                                       \
        "suffixes of record ids by locale: locale,suffix[,suffix]...[|...]; an empty locale "      \
        "stands for every other")                                                                  \
    X(LocaleStrMap, locale_str_map, LOCALES, INHERIT, 0, 0, "", "",                                \
        "ids of localized strings by locale, written like LocaleMap")                              \
    X(Watermark, watermark, TEXT, OFF, 0, 0, "", "",                                               \
        "record that is laid over every image; empty = none")                                      \
    X(ApplyEffectMask, apply_effect_mask, BOOL, INHERIT, 0, 1, "true", "",                         \
        "effects are cut where they overlap their layer")                                          \
    X(SynthesizeFontStyles, synthesize_font_styles, BOOL, INHERIT, 0, 1, "false", "",              \
        "fake bold and italic instead of an error where the font has none")                        \
    /* caching and expiry */                                                                       \
    X(Expiration, expiration, REAL, INHERIT, -1, 87600, "10", "hours",                             \
        "time to live of images; -1 = never expires")                                              \
    X(DefaultExpiration, default_expiration, REAL, INHERIT, -1, 87600, "1", "hours",               \
        "time to live of default images")                                                          \
    X(NonImgExpiration, non_img_expiration, REAL, INHERIT, -1, 87600, "0.1", "hours",              \
        "time to live of property replies")                                                        \
    X(CacheValidationPolicy, cache_validation_policy, INT, INHERIT, 0, 1, "0", "",                 \
        "read and kept; smartimg notices every changed file and record at once")                   \
    X(UseLastModified, use_last_modified, BOOL, INHERIT, 0, 1, "true", "",                         \
        "send Last-Modified, the newest date of all files and records involved")                   \
    /* colour */                                                                                   \
    X(IccProfileRgb, icc_profile_rgb, TEXT, INHERIT, 0, 0, "", "",                                 \
        "profile of RGB replies: a name or path")                                                  \
    X(IccProfileGray, icc_profile_gray, TEXT, INHERIT, 0, 0, "", "", "profile of grey replies")    \
    X(IccProfileCmyk, icc_profile_cmyk, TEXT, INHERIT, 0, 0, "", "", "profile of CMYK replies")    \
    X(IccProfileSrcRgb, icc_profile_src_rgb, TEXT, INHERIT, 0, 0, "", "",                          \
        "profile of RGB originals without one; empty = IccProfileRgb")                             \
    X(IccProfileSrcGray, icc_profile_src_gray, TEXT, INHERIT, 0, 0, "", "",                        \
        "profile of grey originals without one; empty = IccProfileGray")                           \
    X(IccProfileSrcCmyk, icc_profile_src_cmyk, TEXT, INHERIT, 0, 0, "", "",                        \
        "profile of CMYK originals without one; empty = IccProfileCmyk")                           \
    X(IccRenderIntent, icc_render_intent, INT, INHERIT, 0, 3, "1", "",                             \
        "0 perceptual, 1 relative, 2 saturation, 3 absolute")                                      \
    X(IccBlackPointCompensation, icc_black_point, BOOL, INHERIT, 0, 1, "true", "",                 \
        "black point compensation of icc=")                                                        \
    X(IccDither, icc_dither, BOOL, INHERIT, 0, 1, "false", "", "dithering of icc=")                \
    /* thumbnails and resolution */                                                                \
    X(ThumbType, thumb_type, INT, INHERIT, 1, 3, "2", "", "thumbnails: 1 crop, 2 fit, 3 texture")  \
    X(ThumbRes, thumb_res, REAL, INHERIT, 0.000001, 1000000, "72", "",                             \
        "resolution of texture thumbnails")                                                        \
    X(ThumbBkgColor, thumb_bkg_color, COLOR, INHERIT, 0, 0, "FFFFFF", "", "fill of thumbnails")    \
    X(ThumbHorizAlign, thumb_horiz_align, INT, INHERIT, 1, 3, "2", "",                             \
        "1 left, 2 centre, 3 right")                                                               \
    X(ThumbVertAlign, thumb_vert_align, INT, INHERIT, 1, 3, "2", "", "1 top, 2 centre, 3 bottom")  \
    X(Resolution, resolution, REAL, INHERIT, 0.000001, 1000000, "72", "pixels per unit",           \
        "resolution of objects, for res=")                                                         \
    X(PrintResolution, print_resolution, INT, INHERIT, 0, 10000, "0", "dpi",                       \
        "density tag of replies; 0 = none")                                                        \
    X(DigimarcInfo, digimarc_info, TEXT, INHERIT, 0, 0, "", "", "read and kept, like DigimarcId")  \
    /* video: req=set and req=mbrSet */                                                            \
    X(AudioBitRate, audio_bit_rate, INT, OWN, 0, 2000000000, "0", "bit/s",                         \
        "of videos whose record does not say")                                                     \
    X(VideoBitRate, video_bit_rate, INT, OWN, 0, 2000000000, "0", "bit/s",                         \
        "of videos whose record does not say")                                                     \
    X(TotalStreamBitRate, total_bit_rate, INT, OWN, 0, 2000000000, "0", "bit/s",                   \
        "of videos whose record does not say")                                                     \
    X(VideoSize, video_size, PAIR, OWN, 0, 65500, "0,0", "pixels",                                 \
        "of videos whose record does not say")                                                     \
    X(HttpAppleStreamingContext, http_apple_context, TEXT, OWN, 0, 0, "", "",                      \
        "what addresses in an m3u8 manifest begin with")                                           \
    X(HttpFlashStreamingContext, http_flash_context, TEXT, OWN, 0, 0, "", "",                      \
        "what addresses in an f4m manifest begin with")

typedef struct si_attributes {
#define X(name, field, type, inherits, minimum, maximum, initial, unit, help) si_value_##type field;
    SI_ATTRIBUTES(X)
#undef X
} si_attributes;

/* What holds in place of these defaults where a server has no configuration folder: everything that
 * fits a reply to who asks for it is on, as whoever points it at a folder of pictures expects. */
#define SI_UNCONFIGURED_ATTRIBUTES(X)                                                              \
    X(Bfc, "true")                                                                                 \
    X(Dpr, "true")                                                                                 \
    X(Network, "true")

typedef enum si_inherits { SI_INHERITS_INHERIT, SI_INHERITS_OFF, SI_INHERITS_OWN } si_inherits;

/* A row of the table, for whoever goes through all of them. */
typedef struct si_attribute {
    const char *name;
    const char *type; /* as in the table */
    si_value_field value;
    si_inherits inherits;
    const char *initial, *unit, *help;
} si_attribute;

extern const si_attribute si_attribute_rows[];
extern const int si_attribute_count;

/* The row of a name (any case), or NULL. */
const si_attribute *si_attribute_find(si_str name);

#endif
