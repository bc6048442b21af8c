/* The reference pages of the configuration, made from the tables of attributes, record fields, and
 * options of the servers. */
#ifndef SI_CLI_CONFIG_PAGE_H
#define SI_CLI_CONFIG_PAGE_H

/* Prints docs/attributes.md to stdout. */
void si_config_page(void);

/* Prints docs/configuration.md to stdout. */
void si_config_options_page(void);

#endif
