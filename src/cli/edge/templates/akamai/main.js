// Akamai EdgeWorker (main.js) for /is/*: tells smartimg the class of the client in X-Smartimg-Class, and has it in the
// cache key, by the variable PMUSER_SMARTIMG_CLASS that the rules define. `smartimg edge-config akamai` prints it,
// docs/cdn.md tells what it relies on, tests/cdn runs it.

@CLASSIFY@
export function onClientRequest(request) {
    var told = classOf(function (name) {
        var values = request.getHeader(name);
        return values ? values.join(',') : '';
    });
    request.setHeader('X-Smartimg-Class', told);
    request.setVariable('PMUSER_SMARTIMG_CLASS', told);
    request.cacheKey.includeVariable('PMUSER_SMARTIMG_CLASS');
}
