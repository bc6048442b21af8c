/* The service worker of pages that load srvinit.js: smartimg.js, and what such pages have besides, the hidden probe
 * image. Its srcset names a file for every tenth of a pixel ratio; the one that the browser takes tells its own. */
"use strict";

importScripts(new URL("smartimg.js", location));

const PIXEL = '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>';

addEventListener("fetch", event => {
    const [, ratio] = /\/aem_dm_dpr_([1-5](?:\.\d)?)x\.jpg$/.exec(new URL(event.request.url).pathname) || [];
    if (ratio) {
        event.waitUntil(self.smartimg.tell(event.clientId, Number(ratio)));
        event.respondWith(new Response(PIXEL, {headers: {"Content-Type": "image/svg+xml"}}));
    }
});
