/* Gives images a srcset of their widths: docs/client.md.
 *
 *     <script type="module" src="/responsive.js"></script>
 *     <img data-smartimg="https://images.example.com/is/image/demo/product" alt="…" loading="lazy">
 *
 * Without a value, data-smartimg takes the URL of src. data-widths may list the widths; without a sizes attribute it
 * is the width in which the image is shown, and follows it. */

import {WIDTHS, sized, srcset} from "./smartimg-url.js";

const upgraded = new WeakSet();

/* "auto" is for lazy images, in browsers that know it; others pass over the word. */
const show = (image, width) =>
    image.sizes = `${image.loading == "lazy" ? "auto, " : ""}${Math.max(1, Math.ceil(width))}px`;

/* An image as wide as it is by nature is so because of its sizes, and has nothing to follow. */
const resized = typeof ResizeObserver == "function" && new ResizeObserver(entries => {
    for (const {target, contentRect: {width}} of entries)
        if (width && Math.abs(width - target.naturalWidth) >= 1) show(target, width);
});

/* Gives one <img data-smartimg> its srcset, once. */
export function upgrade(image) {
    const url = image.dataset.smartimg || image.getAttribute("src");
    if (upgraded.has(image) || !url) return;
    upgraded.add(image);
    const widths = image.dataset.widths ? image.dataset.widths.split(/[\s,]+/).map(Number).filter(w => w > 0) : WIDTHS;
    if (!image.sizes || image.sizes == "auto") {
        show(image, image.clientWidth || image.parentElement.clientWidth || innerWidth);
        if (resized) resized.observe(image);
    }
    image.srcset = srcset(url, widths);
    if (!image.getAttribute("src")) image.src = sized(url, widths[Math.floor(widths.length / 2)]);
}

/* Upgrades all there are below a node, and all that will be. */
export function upgradeAll(root = document) {
    const search = node => {
        if (node.matches?.("img[data-smartimg]")) upgrade(node);
        node.querySelectorAll?.("img[data-smartimg]").forEach(upgrade);
    };
    search(root);
    new MutationObserver(changes => changes.forEach(({addedNodes}) => addedNodes.forEach(search)))
        .observe(root, {childList: true, subtree: true});
}

if (typeof document == "object") upgradeAll();
