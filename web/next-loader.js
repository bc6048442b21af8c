/* A loader for next/image: docs/client.md. In next.config.js:
 *
 *     images: { loader: "custom", loaderFile: "./next-loader.js" }
 *
 * src is an address of an image, or what follows /is/image/ of NEXT_PUBLIC_SMARTIMG, the server's address. */

import {sized} from "./smartimg-url.js";

export default function smartimg({src, width, quality}) {
    const url = /^(\/|[a-z][\w+.-]*:)/i.test(src) ? src : `${process.env.NEXT_PUBLIC_SMARTIMG || ""}/is/image/${src}`;
    return sized(url, width, quality);
}
