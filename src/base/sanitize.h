/* Whether this is a build with AddressSanitizer: its shadow memory is terabytes of address space,
 * and crash signals belong to its report. */
#ifndef SI_BASE_SANITIZE_H
#define SI_BASE_SANITIZE_H

#if defined(__SANITIZE_ADDRESS__)
#define SI_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SI_SANITIZED 1
#endif
#endif
#ifndef SI_SANITIZED
#define SI_SANITIZED 0
#endif

#endif
