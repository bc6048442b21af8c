// The pure functions of web/, without a browser, and the size of smartimg.js. Node 18 or later; the last line is
// "N passed, N failed, N skipped".
//
//     node tests/client/functions.mjs

import assert from "node:assert";
import {cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from "node:fs";
import {tmpdir} from "node:os";
import {join} from "node:path";
import {fileURLToPath, pathToFileURL} from "node:url";
import vm from "node:vm";
import zlib from "node:zlib";

const WEB = fileURLToPath(new URL("../../web/", import.meta.url));
const text = name => readFileSync(join(WEB, name), "utf8");

/* A source of the server; a test that needs one that is not there is skipped. */
class Skipped extends Error {}
function source(name) {
    const file = new URL(`../../src/${name}`, import.meta.url);
    if (!existsSync(file)) throw new Skipped(`there is no src/${name}`);
    return readFileSync(file, "utf8");
}

/* smartimg.js as a worker without a browser around it: its functions. */
function worker() {
    const scope = {
        URL, Map, Set, location: {host: "site.example", search: ""}, clients: {}, navigator: {},
        caches: {match: () => Promise.resolve()}, addEventListener() {},
        PerformanceObserver: class { observe() {} },
    };
    scope.location = new URL("https://site.example/smartimg.js");
    scope.self = scope;
    vm.runInNewContext(text("smartimg.js"), scope);
    return scope.smartimg;
}

/* Modules of web/ from a folder where Node takes them for such. */
const folder = mkdtempSync(join(tmpdir(), "smartimg-functions-"));
process.on("exit", () => rmSync(folder, {recursive: true}));
cpSync(WEB, folder, {recursive: true});
writeFileSync(join(folder, "package.json"), '{"type": "module"}');
const load = name => import(pathToFileURL(join(folder, name)));

const {change, network} = worker();
const {sized, srcset, WIDTHS} = await load("smartimg-url.js");
const {default: loader} = await load("next-loader.js");
const options = {hosts: ["site.example", "images.example:8080"], path: "/is/image/"};
const at = "https://site.example/is/image/a";

const tests = {
    "smartimg.js is below 3 KB, compressed"() {
        assert.ok(zlib.gzipSync(text("smartimg.js"), {level: 9}).length < 3072);
    },
    "ratios are those of the server"() {
        const [, steps] = /define SI_DENSITY_STEPS\(X\)(.*)/.exec(source("client/density.h"));
        assert.deepEqual(JSON.parse("[" + /RATIOS = \[(.*?)\]/.exec(text("smartimg.js"))[1] + "]"),
                         [...steps.matchAll(/X\((.*?)\)/g)].map(m => Number(m[1])));
    },
    "classes begin where the server's do"() {
        const limits = source("client/network.h"), [, poor, good] = /POOR = ([\d.]+), GOOD = ([\d.]+)/.exec(text("smartimg.js"));
        assert.equal(/SI_NETWORK_LIMIT_POOR ([\d.]+)/.exec(limits)[1], poor);
        assert.equal(/SI_NETWORK_LIMIT_GOOD ([\d.]+)/.exec(limits)[1], good);
    },
    "the nearest ratio, of two the larger"() {
        for (const [ratio, told] of [[0.5, 1], [1, 1], [1.1, 1], [1.125, 1.25], [1.3, 1.25], [1.7, 1.5], [1.75, 2], [2.2, 2],
                                     [2.25, 2.5], [2.625, 2.5], [2.75, 3], [3.4, 3], [3.5, 4], [9, 4]])
            assert.equal(change(at, options, ratio, ""), `${at}?dpr=on,${told}`);
    },
    "hosts with their ports, and below the path alone"() {
        for (const [url, ours] of [["https://images.example:8080/is/image/b", true], ["https://images.example/is/image/b", false],
                                   ["https://site.example/is/content/b", false], ["https://site.example/is/imageset/b", false],
                                   ["data:,/is/image/b", false], ["https://other.example/is/image/a", false]])
            assert.equal(change(url, options, 2, "") != url, ours, url);
        assert.equal(change("https://other.example/is/image/a", {...options, hosts: ["*"]}, 2, ""),
                     "https://other.example/is/image/a?dpr=on,2");
    },
    "what a URL says itself"() {
        for (const [query, told] of [["?dpr=off", "?network=good&dpr=off"], ["?network=on", "?dpr=on,2&network=on"],
                                     ["?a=1&Dpr=on&NETWORK=off", "?a=1&Dpr=on&NETWORK=off"], ["?x=?", "?dpr=on,2&network=good&x=?"],
                                     ["#top", "?dpr=on,2&network=good#top"], ["?#top", "?dpr=on,2&network=good#top"],
                                     ["?wid=3&beef", "?wid=3&beef"], ["?d2lkPTM%3D", "?d2lkPTM%3D"]])
            assert.equal(change(at + query, options, 2, "good"), at + told);
        assert.equal(change(at, options, undefined, ""), at);
    },
    "the class of a line from what the browser says"() {
        for (const [connection, told] of [[undefined, ""], [{effectiveType: "4g", downlink: 0.1}, ""], [{effectiveType: "3g"}, "good"],
                                          [{effectiveType: "2g"}, "poor"], [{effectiveType: "slow-2g"}, "poor"],
                                          [{effectiveType: "4g", saveData: true}, "poor"]])
            assert.equal(network(connection, []), told);
    },
    "the class of a line from downloads"() {
        const after = (ms, ...bytes) => bytes.map((size, i) => [i * 10000, i * 10000 + ms, size]);
        assert.equal(network({}, after(100, 9000, 9000)), "");                     // too few
        assert.equal(network({}, after(100, 90, 90, 90)), "");                     // too small
        assert.equal(network({}, after(100, 60000, 60000, 60000)), "");            // 4.8 Mbit/s
        assert.equal(network({}, after(150, 60000, 60000, 60000)), "good");        // 3.2
        assert.equal(network({}, after(1000, 60000, 60000, 60000)), "poor");       // 0.48
        assert.equal(network({}, after(0, 60000, 60000, 60000)), "");
        assert.equal(network({effectiveType: "3g"}, after(1000, 60000, 60000, 60000)), "poor");
        // three at a time share the line: 180 KB within 360 ms are 4 Mbit/s
        assert.equal(network({}, [[20, 360, 60000], [0, 350, 60000], [10, 355, 60000]]), "");
    },
    "other sizes keep what else a URL says"() {
        for (const [url, told] of [["/a", "/a?wid=320&dpr=off"], ["/a?wid=100&hei=50&fmt=png", "/a?fmt=png&wid=320&hei=160&dpr=off"],
                                   ["/a?hei=50&qlt=3", "/a?qlt=3&wid=320&dpr=off"], ["/a?$p$&dpr=on,2", "/a?$p$&wid=320&dpr=off"],
                                   ["/a?layer=1&src=is{b?wid=3&hei=4}&WID=9", "/a?layer=1&src=is{b?wid=3&hei=4}&wid=320&dpr=off"],
                                   ["https://h/a?#x", "https://h/a?wid=320&dpr=off#x"]])
            assert.equal(sized(url, 320), told);
        assert.equal(sized("/a?qlt=3", 320, 60), "/a?wid=320&qlt=60&dpr=off");
    },
    "srcset"() {
        assert.equal(srcset("/a?text= x", [100, 200]), "/a?text=%20x&wid=100&dpr=off 100w, /a?text=%20x&wid=200&dpr=off 200w");
        assert.equal(srcset("/a").split(", ").length, WIDTHS.length);
        WIDTHS.slice(1).forEach((width, i) => assert.ok(width > WIDTHS[i] && width <= 1.5 * WIDTHS[i]));
    },
    "the loader of Next.js"() {
        process.env.NEXT_PUBLIC_SMARTIMG = "https://images.example.com";
        assert.equal(loader({src: "demo/product?$p$", width: 640, quality: 75}),
                     "https://images.example.com/is/image/demo/product?$p$&wid=640&qlt=75&dpr=off");
        assert.equal(loader({src: "/is/image/a", width: 640}), "/is/image/a?wid=640&dpr=off");
        assert.equal(loader({src: "https://other.example/is/image/a", width: 64}), "https://other.example/is/image/a?wid=64&dpr=off");
    },
};

let passed = 0, failed = 0, skipped = 0;
for (const [name, test] of Object.entries(tests)) {
    try {
        await test();
        passed++;
    } catch (error) {
        if (error instanceof Skipped) skipped++;
        else failed++;
        console.log(`${name}: ${error instanceof Skipped ? error.message : error.stack}`);
    }
}
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = failed ? 1 : 0;
