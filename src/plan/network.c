/* Network classes: whether a request adapts to the line to its client, and to which class. */
#include "picture/limits.h"
#include "plan/plan_steps.h"

/* What the header says that the company, else the server, names for edges. */
static si_network read_edge_header(const si_query *q, si_plan *plan) {
    const si_client_headers *h = plan->asked;
    const char *name = q->all->attributes->network_header;
    if (name[0] == '\0' && h->settings != NULL) {
        name = h->settings->network_header;
    }
    if (name[0] == '\0') {
        return SI_NETWORK_UNKNOWN;
    }
    plan->network_header = name;
    return si_plan_edge_network(h, name);
}

/* Whether the reply is encoded with loss, so that there is a quality to lower. Who asks for no
 * loss, be it by quality 100 (docs/decisions.md, SI-24), gets none; JPEG has no such form. */
static bool is_lossy(const si_recipe *r) {
    bool png = r->format == SI_FORMAT_PNG;
    bool converted = png && r->smart && r->ladder_len > 0;
    bool exact = r->lossless || (r->quality == SI_QUALITY_MAX && r->format != SI_FORMAT_JPEG);
    return r->req == SI_REQ_IMG && !exact &&
           (converted || (SI_FORMATS_LOSSY & SI_FORMAT_BIT(r->format)) != 0);
}

void si_plan_network(const si_query *q, si_plan *plan) {
    si_client *client = &plan->client;
    si_switch on = q->asked.network;
    if (on == SI_SWITCH_OFF || (on == SI_SWITCH_UNSET && !q->all->attributes->network)) {
        return;
    }
    plan->vary |= client->network_used;
    plan->accept_ch |= SI_USED_NETWORK;
    plan->network_adapts = true;
    if (client->told.edge == SI_NETWORK_UNKNOWN) { /* no class has told it */
        client->told.edge = read_edge_header(q, plan);
    }
    client->network = si_network_decide(&client->told, q->asked.line_class, &plan->network_private);
    si_recipe *r = q->recipe;
    if (client->network == SI_NETWORK_POOR) { /* docs/decisions.md, D-8 */
        r->dpr = 1;
        r->dpr_held = false;
    }
    if (client->network > SI_NETWORK_EXCELLENT && is_lossy(r)) {
        r->network = client->network;
    }
}

si_network si_plan_edge_network(const si_client_headers *headers, const char *name) {
    return headers->find != NULL
               ? si_network_by_name(si_str_trim(headers->find(headers->context, si_str_of(name))))
               : SI_NETWORK_UNKNOWN;
}
