/* Who gets at the pictures of a protected company: one with a lock (RequestLock), with addresses
 * that it serves (ClientAddressFilter), with rules that ask for either, or with PresetsOnly.
 *
 * A request is admitted to its own company once it has passed all of these there. Whatever else it
 * names - by src=, mask=, template=, defaultImage=, is(…), a set, or attributes and records of its
 * company - is asked about here. Another company's object is given out only if
 *   - that company is not protected, or says AllowNested;
 *   - the request has been admitted there;
 *   - all that protects it is a lock with the same key as one that the request has passed, or
 *     addresses, of which the client's is one (docs/decisions.md, P44).
 *
 * A file belongs to the company whose RootPath is the longest around it. So a protected company's
 * files are not reached through the folder above them, nor through a folder that is served as a
 * company, whatever that is called. Companies that name exactly the same folder share it. */
#ifndef SI_CATALOG_ACCESS_H
#define SI_CATALOG_ACCESS_H

#include "catalog/catalog.h"

/* What a request has shown of itself. */
typedef struct si_access {
    const si_catalog *catalog;
    si_str address;                  /* of the client, as text; may be empty */
    const si_company *company;       /* that has admitted it; NULL = none */
    const si_attributes *attributes; /* of that company, as its rules left them */
    bool by_address; /* out: an address filter was asked, so another client may be refused */
} si_access;

bool si_company_is_protected(const si_catalog *c, const si_company *company);

/* Whether the request may use objects, texts and presets of a company in its picture. */
bool si_access_company(si_access *a, const si_company *company);

/* Whether it may be led to another company by rules: that company's lock is still to be checked,
 * but nobody else asks for its addresses. */
bool si_access_rewritten(si_access *a, const si_company *company);

/* The folders that a company may have files in. */
typedef enum si_folder { SI_FOLDER_IMAGES, SI_FOLDER_STATIC } si_folder;

/* Whether it may have a file of `owner`, a path below that folder, which need not be there. */
bool si_access_file(si_access *a, const si_company *owner, si_folder folder, si_str path);

#endif
