// Akamai EdgeWorker (main.js) for /is/*: has the class of the client in the cache key, by the variable
// PMUSER_SMARTIMG_CLASS that the rules define, and that they tell smartimg in X-Smartimg-Class. `smartimg edge-config akamai` prints it,
// docs/cdn.md tells what it relies on, tests/cdn runs it.

@CLASSIFY@
export function onClientRequest(request) {
    var told = classOf(function (name) {
        var values = request.getHeader(name);
        return values ? values.join(',') : '';
    });
    request.setVariable('PMUSER_SMARTIMG_CLASS', told);
    request.cacheKey.includeVariable('PMUSER_SMARTIMG_CLASS');
}
