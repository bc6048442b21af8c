/* Which of the formats that no Accept header announced a browser shows, by its User-Agent. */
#ifndef SI_CLIENT_USER_AGENT_H
#define SI_CLIENT_USER_AGENT_H

#include "base/str.h"

/* SI_FORMAT_BIT(SI_FORMAT_JP2) for Safari 5 and later before iOS/iPadOS 14.0 or macOS 11, and for
 * every other browser on such an iOS, since all are WebKit there; SI_FORMAT_BIT(SI_FORMAT_JXR) for
 * Internet Explorer 9 and later and Edge 12 to 17 (docs/decisions.md, SI-10 and SI-11); else 0.
 *
 * A browser that borrows these names, or a robot that does, gets 0: a wrong yes is a broken image,
 * a wrong no only a larger one. Linear in the length of `user_agent`. */
unsigned si_user_agent_formats(si_str user_agent);

#endif
