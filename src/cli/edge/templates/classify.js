var ranges = [
@FORMATS@
];
var agents = [
@AGENTS@
];
var ratios = [
@RATIOS@
];
var devices = [
@DEVICES@
];
var network = [
@NETWORK@
];
var strange = @STRANGE@;
var wildcard = @WILDCARD@;
var noDevice = @NO_DEVICE@;

// The text of the first rule that matches.
function first(rules, text, otherwise) {
    for (var i = 0; i < rules.length; i++) {
        if (rules[i][0].test(text)) {
            return rules[i][1];
        }
    }
    return otherwise;
}

function formatsOf(accept, agent) {
    // Refusals, strange weights and quoted strings are rare, and no task for regular expressions: the formats that
    // everybody shows are right for them.
    if (strange.test(accept)) {
        return 'plain';
    }
    var named = '';
    for (var i = 0; i < ranges.length; i++) {
        if (ranges[i][0].test(accept)) {
            named += ranges[i][1];
        }
    }
    if (named !== '') {
        return named.substring(1);
    }
    if (!/[^ \t]/.test(accept) || wildcard.test(accept)) {
        return first(agents, agent, 'plain');
    }
    return 'plain';
}

// The class of a client, as smartimg itself reads the headers. `header(name)` gives the value of a header whose name
// is in lower case, '' if there is none.
function classOf(header) {
    var agent = header('user-agent');
    var text = formatsOf(header('accept'), agent);
    // Browsers tell their pixel ratio only after Accept-CH, which companies with `Dpr = true` send; Apple's not at all.
    var ratio = first(ratios, header('sec-ch-dpr') || header('dpr'), null);
    text += ratio !== null ? ratio : noDevice.test(header('accept')) ? '' : first(devices, agent, '');
    for (var i = 0; i < network.length; i++) {
        if (network[i][1].test(header(network[i][0]))) {
            return text + network[i][2];
        }
    }
    return text;
}

// Vary for caches behind this one, which know no class; `vary` and `acceptCh` are headers of the reply.
function varyOf(vary, acceptCh) {
    if (!/X-Smartimg-Class/i.test(vary)) {
        return vary;
    }
    return acceptCh ? '@VARY_HINTS@' : 'Accept, User-Agent@VARY_NETWORK@';
}
