/* URLs of image requests in other sizes: pure functions, for pages, bundlers and Node. docs/client.md */

/* Widths in pixels that cover phones to large screens in steps of at most 1.5. */
export const WIDTHS = [160, 240, 320, 480, 640, 828, 1080, 1280, 1600, 1920, 2560, 3200];

/* The query's items: what stands between its & outside of braces and parentheses. */
function items(query) {
    const found = [""];
    let depth = 0;
    for (const c of query) {
        if (c == "&" && depth == 0) found.push("");
        else {
            found[found.length - 1] += c;
            depth = Math.max(0, depth + ("{(".includes(c) ? 1 : "})".includes(c) ? -1 : 0));
        }
    }
    return found.filter(item => item);
}

const nameOf = item => item.split("=", 1)[0].toLowerCase();

/* The URL for a picture of `width` pixels: wid= is that, hei= keeps its ratio to the wid= that was there (without one it
 * goes), dpr= is off, as the width already counts the screen's pixels; with a quality, qlt= is that. The rest stays. */
export function sized(url, width, quality) {
    const [, address, query = "", fragment = ""] = /^([^?#]*)(?:\?([^#]*))?(#.*)?$/s.exec(url);
    const all = items(query), last = name => Number((all.filter(item => nameOf(item) == name).pop() || "").slice(4));
    const wid = last("wid"), hei = last("hei");
    const gone = ["wid", "hei", "dpr", ...quality ? ["qlt"] : []];
    const kept = all.filter(item => !gone.includes(nameOf(item)));
    kept.push(`wid=${width}`);
    if (wid > 0 && hei > 0) kept.push(`hei=${Math.max(1, Math.round(hei * width / wid))}`);
    if (quality) kept.push(`qlt=${quality}`);
    kept.push("dpr=off");
    return `${address}?${kept.join("&")}${fragment}`;
}

/* The value of an img's srcset attribute. */
export const srcset = (url, widths = WIDTHS) =>
    widths.map(width => `${sized(url, width).replace(/\s/g, encodeURIComponent)} ${width}w`).join(", ");
