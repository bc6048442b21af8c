/* The reference page of attributes and record fields, made from their tables. */
#ifndef SI_CLI_CONFIG_PAGE_H
#define SI_CLI_CONFIG_PAGE_H

/* Prints docs/attributes.md to stdout. */
void si_config_page(void);

#endif
