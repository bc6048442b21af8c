#include "codec/jpeg_parts.h"

#include <string.h>

#include <jerror.h>
#include <lcms2.h>
#include <lcms2_plugin.h>

enum {
    MAX_SEGMENT = 65533, /* bytes of a marker's data */
    GUID = 32            /* hexadecimal digits of an MD5 */
};

/* ---- scans ---- */

void si_jpeg_script(j_compress_ptr cinfo, int passes, jpeg_scan_info room[SI_JPEG_MAX_SCANS]) {
    /* first and last coefficient, bit planes known before and left for later */
    static const struct pass {
        int ss, se, ah, al;
    } scripts[3][5] = {
        {{0, 0, 0, 0}, {1, 5, 0, 0}, {6, 63, 0, 0}},
        {{0, 0, 0, 0}, {1, 5, 0, 0}, {6, 63, 0, 1}, {6, 63, 1, 0}},
        {{0, 0, 0, 1}, {1, 5, 0, 0}, {6, 63, 0, 1}, {6, 63, 1, 0}, {0, 0, 1, 0}},
    };
    if (passes < 3 || passes > 5) {
        jpeg_simple_progression(cinfo);
        return;
    }
    int n = 0, components = cinfo->num_components;
    for (int i = 0; i < passes; i++) {
        const struct pass *p = &scripts[passes - 3][i];
        bool dc = p->se == 0;
        for (int c = 0; c < (dc ? 1 : components); c++) {
            jpeg_scan_info *s = &room[n++];
            *s = (jpeg_scan_info){.comps_in_scan = dc ? components : 1,
                .component_index = {dc ? 0 : c, 1, 2, 3},
                .Ss = p->ss,
                .Se = p->se,
                .Ah = p->ah,
                .Al = p->al};
        }
    }
    cinfo->scan_info = room;
    cinfo->num_scans = n;
}

/* ---- segments ---- */

static void write_segment(j_compress_ptr cinfo, int marker, const void *head, size_t head_len,
    const void *data, size_t len) {
    jpeg_write_m_header(cinfo, marker, (unsigned)(head_len + len));
    const uint8_t *p = head;
    for (size_t i = 0; i < head_len; i++) {
        jpeg_write_m_byte(cinfo, p[i]);
    }
    p = data;
    for (size_t i = 0; i < len; i++) {
        jpeg_write_m_byte(cinfo, p[i]);
    }
}

/* The packet's name in upper-case hexadecimal: its MD5, as the XMP specification (part 3, 1.1.3.1)
 * asks. */
static void make_guid(j_compress_ptr cinfo, const void *xmp, size_t len, char guid[GUID + 1]) {
    cmsProfileID id;
    cmsHANDLE md5 = cmsMD5alloc(NULL);
    if (md5 == NULL) {
        ERREXIT1(cinfo, JERR_OUT_OF_MEMORY, 0);
    }
    cmsMD5add(md5, xmp, (cmsUInt32Number)len);
    cmsMD5finish(&id, md5);
    for (int i = 0; i < GUID / 2; i++) {
        snprintf(guid + 2 * i, 3, "%02X", id.ID8[i]);
    }
}

static void put_number(uint8_t *p, size_t v) {
    for (int i = 0; i < 4; i++) {
        p[i] = (uint8_t)(v >> (24 - 8 * i));
    }
}

/* A packet that only names the one in the following segments. */
static void write_extended_xmp(j_compress_ptr cinfo, const uint8_t *xmp, size_t len) {
    static const char app1[] = "http://ns.adobe.com/xap/1.0/";
    static const char extension[] = "http://ns.adobe.com/xmp/extension/";
    char guid[GUID + 1], packet[600];
    make_guid(cinfo, xmp, len, guid);
    int n = snprintf(packet, sizeof packet,
        "<?xpacket begin=\"\xef\xbb\xbf\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>"
        "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\">"
        "<rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">"
        "<rdf:Description rdf:about=\"\" xmlns:xmpNote=\"http://ns.adobe.com/xmp/note/\""
        " xmpNote:HasExtendedXMP=\"%s\"/></rdf:RDF></x:xmpmeta><?xpacket end=\"r\"?>",
        guid);
    write_segment(cinfo, JPEG_APP0 + 1, app1, sizeof app1, packet, (size_t)n);
    uint8_t head[sizeof extension + GUID + 8];
    memcpy(head, extension, sizeof extension);
    memcpy(head + sizeof extension, guid, GUID);
    put_number(head + sizeof extension + GUID, len);
    for (size_t at = 0; at < len;) {
        size_t part = len - at < MAX_SEGMENT - sizeof head ? len - at : MAX_SEGMENT - sizeof head;
        put_number(head + sizeof extension + GUID + 4, at);
        write_segment(cinfo, JPEG_APP0 + 1, head, sizeof head, xmp + at, part);
        at += part;
    }
}

static void write_xmp(j_compress_ptr cinfo, const void *xmp, size_t len) {
    static const char app1[] = "http://ns.adobe.com/xap/1.0/";
    if (len <= MAX_SEGMENT - sizeof app1) {
        write_segment(cinfo, JPEG_APP0 + 1, app1, sizeof app1, xmp, len);
    } else {
        write_extended_xmp(cinfo, xmp, len);
    }
}

/* Blocks that do not fit into one segment go on in the next. */
static void write_photoshop(j_compress_ptr cinfo, const uint8_t *blocks, size_t len) {
    static const char app13[] = "Photoshop 3.0";
    for (size_t at = 0; at < len;) {
        size_t part = len - at < MAX_SEGMENT - sizeof app13 ? len - at : MAX_SEGMENT - sizeof app13;
        write_segment(cinfo, JPEG_APP0 + 13, app13, sizeof app13, blocks + at, part);
        at += part;
    }
}

void si_jpeg_write_metadata(j_compress_ptr cinfo, const si_encode_params *p) {
    if (p->xmp != NULL && p->xmp_len > 0) {
        write_xmp(cinfo, p->xmp, p->xmp_len);
    }
    if (p->paths != NULL && p->paths_len > 0) {
        write_photoshop(cinfo, p->paths, p->paths_len);
    }
    if (p->icc != NULL && p->icc_len > 0) {
        jpeg_write_icc_profile(cinfo, p->icc, (unsigned)p->icc_len);
    }
}
