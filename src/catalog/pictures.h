/* The files that requests may be about, company by company, for the playground. */
#ifndef SI_CATALOG_PICTURES_H
#define SI_CATALOG_PICTURES_H

#include "catalog/catalog.h"

/* Bounds of a listing, which runs where nothing may take long. */
enum {
    SI_PICTURES_ENTRIES = 4000, /* of folders, that are looked at */
    SI_PICTURES_DEPTH = 4,      /* folders below a company's */
    SI_PICTURES_MS = 500        /* after which nothing more is looked at, should files be slow */
};

/* A file with an extension of an original; whether a request for it is answered is another
 * question. Borrowed for the call. */
typedef struct si_listed_picture {
    const char *company; /* root id; "" = the default company, SI_UPLOADS_COMPANY = an upload */
    const char *object;  /* below the company's folder, with its extension */
    const char *path;    /* as recipes have it */
} si_listed_picture;

/* Tells the uploads of `session` first, then files in no company's folder, then each company's
 * pictures in the order of their names, those of a folder before those of folders in it. A folder
 * that several companies have is told once; hidden names, and links to folders, are left out. Ends
 * when `tell` returns false. Returns true if everything was told. */
bool si_catalog_pictures(const si_catalog *c, si_str session,
    bool (*tell)(void *context, const si_listed_picture *file), void *context);

#endif
