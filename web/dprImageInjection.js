/* For apps that are rendered by the client: puts the probe image of srvwrk.js before all that the body will have. */
(() => {
    "use strict";

    const names = Array.from({length: 41}, (_, i) => (10 + i) / 10 + "x");

    function inject() {
        const probe = document.createElement("img");
        probe.alt = "";
        probe.style.cssText = "width:1px;height:1px;display:none";
        probe.srcset = names.map(name => `aem_dm_dpr_${name}.jpg ${name}`).join();
        probe.src = "aem_dm_dpr_1x.jpg";
        document.body.prepend(probe);
    }

    if (document.body) inject();
    else new MutationObserver((_, observer) => {
        if (document.body) {
            observer.disconnect();
            inject();
        }
    }).observe(document.documentElement, {childList: true});
})();
