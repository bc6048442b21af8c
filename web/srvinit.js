/* For pages that were made for the vendor's client-side pixel ratio: loads smartimg.js, which lies beside this file,
 * with srvwrk.js as its worker. data-hosts and the other attributes of smartimg.js may stand here as well; without
 * data-hosts, images of all hosts take part. */
(() => {
    "use strict";

    const from = document.currentScript, script = document.createElement("script");
    Object.assign(script.dataset, {hosts: "*", worker: new URL("srvwrk.js", from.src)}, from.dataset);
    script.src = new URL("smartimg.js", from.src);
    document.head.append(script);
})();
