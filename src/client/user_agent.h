/* What only the User-Agent of a browser tells: formats that no Accept header announced, and how
 * dense the screens of its devices are. */
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

/* The pixel ratio that all devices of this kind have at least: 2 of an iPhone or iPod touch with
 * iOS 7 or later and of an iPad with iOS 10 or later, which no model with fewer pixels runs; 0,
 * which tells nothing, of all others. Most iPhones have 3, but nothing says which. An iPad that
 * calls itself a Macintosh, as it does by default, cannot be told from one. Who borrows these names
 * gets 0. Linear in the length of `user_agent`; fast where it names none of them. */
double si_user_agent_ratio(si_str user_agent);

#endif
