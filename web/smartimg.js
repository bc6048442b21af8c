/* Tells the image server the screen's pixel ratio and how good the line is, in URLs of images: docs/client.md.
 *
 *     <script src="/smartimg.js" data-hosts="images.example.com"></script>
 *
 * Page script and service worker in one. ?wid=300 becomes ?dpr=on,2&wid=300: what comes first gives way to what
 * follows, presets too. Whatever fails leaves requests as they are. */
(() => {
    "use strict";

    const RATIOS = [1, 1.25, 1.5, 2, 2.5, 3, 4];    // those of src/client/density.h
    const POOR = 0.7, GOOD = 4;                     // Mbit/s, as in src/client/network.h

    /* The nearest ratio; of two, the larger. */
    const snap = ratio => RATIOS.reduce((best, step) => Math.abs(step - ratio) <= Math.abs(best - ratio) ? step : best);

    /* Mbit/s of downloads [start, end, bytes], in ms: all bytes over the time in which any was on its way. */
    function rate(downloads) {
        let bytes = 0, time = 0, last = 0;
        for (const [start, end, size] of [...downloads].sort((a, b) => a[0] - b[0])) {
            bytes += size;
            time += Math.max(0, end - Math.max(last, start));
            last = Math.max(last, end);
        }
        return downloads.length > 2 && bytes > 2e4 ? bytes / 125 / time : undefined;
    }

    /* The class of a line, "" = excellent or unknown. navigator.connection counts below 4g: faster, it guesses. */
    function network({saveData, effectiveType} = {}, downloads) {
        const mbits = rate(downloads);
        return saveData || /2g/.test(effectiveType) || mbits < POOR ? "poor" :
            effectiveType == "3g" || mbits < GOOD ? "good" : "";
    }

    /* The URL with dpr= and network= where it has none, if it is ours. Queries that end in a lock, or are obfuscated,
     * must stay. */
    function change(url, {hosts, path}, ratio, line) {
        const {host, pathname, search} = new URL(url), query = search.slice(1), words = [];
        if (!hosts.some(h => h == "*" || h == host) || !pathname.startsWith(path) || /(^|&)[\w+/%]+=*$/.test(query)) return url;
        if (ratio && !/(^|&)dpr=/i.test(query)) words.push("dpr=on," + snap(ratio));
        if (line && !/(^|&)network=/i.test(query)) words.push("network=" + line);
        return words.length ? url.replace(/\?|(?=#)|$/, "?" + words.join("&") + (query && "&")) : url;
    }

    /* Downloads of images with sizes: WebKit tells them to the page, others to the worker. */
    function watch(path, report) {
        new PerformanceObserver(list => {
            const origin = performance.timeOrigin, images = list.getEntries().filter(
                e => e.transferSize && e.encodedBodySize && new URL(e.name).pathname.startsWith(path));
            if (images[0]) report(images.map(e => [origin + e.responseStart, origin + e.responseEnd, e.encodedBodySize]));
        }).observe({type: "resource", buffered: true});
    }

    function page() {
        const {src = "/smartimg.js", dataset: options = {}} = document.currentScript || {}, workers = navigator.serviceWorker;
        if (!workers) return;

        const at = new URL(src, document.baseURI), {path = "/is/image/", hosts = [location.host, at.host], cors} = options;
        const url = new URL(options.worker || (at.origin == origin ? at : "/smartimg.js"), document.baseURI);
        const scope = new URL(options.scope || "/", document.baseURI).href;
        for (const [name, value] of Object.entries({hosts, path, cors})) value != null && url.searchParams.set(name, value);

        const send = (message, ...ports) => workers.ready.then(({active}) => active.postMessage({smartimg: message}, ports));
        let told;
        const tell = () => send({ratio: told = devicePixelRatio});
        const look = () => {    // zoom, or another screen
            if (told == devicePixelRatio) return;
            tell();
            matchMedia(`(resolution: ${told}dppx)`).addEventListener("change", look, {once: true});
        };

        workers.getRegistration(scope).then(found => {
            const there = found && found.scope == scope && found.active, name = there && new URL(there.scriptURL).pathname;
            const own = name == url.pathname || /\/(smartimg|srvwrk)\.js$/.test(name);
            if ("off" in options) return own && found.unregister();
            look();
            addEventListener("resize", look);
            document.addEventListener("visibilitychange", tell);
            workers.addEventListener("controllerchange", tell);
            watch(path, downloads => send({downloads}));
            // a worker of the site's own stays
            return there && !own ? 0 : workers.register(url, {scope});
        }).catch(error => console.warn("smartimg.js is off:", error));

        // what came to nothing: once more, without the worker
        const again = new WeakSet();
        addEventListener("error", ({target}) => {
            if (target.tagName != "IMG" || !workers.controller || again.has(target)) return;
            again.add(target);
            const {port1, port2} = new MessageChannel();
            port1.onmessage = () => target.srcset ? target.srcset = target.srcset : target.src = target.src;
            send({leave: target.currentSrc || target.src}, port2);
        }, true);
    }

    function worker() {
        const own = !self.smartimg;     // else the site's own worker imports this file
        const given = self.smartimg || Object.fromEntries(new URL(location).searchParams), KEY = "/.smartimg";
        const options = {path: given.path || "/is/image/", hosts: String(given.hosts || location.host).split(/[\s,]+/)};
        const ratios = new Map(), leave = new Set();
        let last, downloads = [];

        // workers come and go
        const known = caches.match(KEY).then(kept => kept && kept.text()).then(kept => last = last || kept).catch(() => 0);
        const tell = (client, ratio) => {
            ratios.set(client, last = ratio);
            return caches.open("smartimg").then(cache => cache.put(KEY, new Response(ratio))).catch(() => 0);
        };
        const add = list => downloads = downloads.concat(list).slice(-20);
        self.smartimg = {tell, network, change};

        if (own) {
            addEventListener("install", () => skipWaiting());
            addEventListener("activate", event => event.waitUntil(clients.claim()));
        }
        addEventListener("message", ({data, source, ports}) => {
            const {ratio, downloads = [], leave: url} = data && data.smartimg || {};
            add(downloads);
            if (ratio) tell(source.id, ratio);
            if (url && change(url, options, 1) != url && leave.add(url)) ports[0].postMessage(1);
        });
        addEventListener("fetch", event => {
            const {request, request: {url}} = event;
            if (request.method != "GET" || request.destination != "image" || request.headers.has("range") ||
                leave.has(url) || change(url, options, 1, "poor") == url) return;
            event.respondWith((async () => {
                try {
                    await known;
                    const wanted = change(url, options, ratios.get(event.clientId) || last, network(navigator.connection, downloads));
                    if (wanted != url) {
                        const asked = new Request(wanted, request), open = given.cors != null && new URL(url).origin != origin;
                        const reply = await fetch(open ? new Request(asked, {mode: "cors", credentials: "omit"}) : asked);
                        if (reply.ok || reply.type == "opaque") return reply;
                    }
                } catch {}
                return fetch(request);
            })());
        });
        watch(options.path, add);
    }

    self.document ? page() : self.clients && worker();
})();
