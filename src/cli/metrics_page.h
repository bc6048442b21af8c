/* The reference page of the metrics, made from the tables of base/metrics.h and base/pool_status.h.
 */
#ifndef SI_CLI_METRICS_PAGE_H
#define SI_CLI_METRICS_PAGE_H

/* Prints docs/metrics.md to stdout. */
void si_metrics_page(void);

#endif
