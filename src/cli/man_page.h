/* Manual pages in man(7)'s language, made from the tables of commands and options: what `smartimg
 * config man` prints. */
#ifndef SI_CLI_MAN_PAGE_H
#define SI_CLI_MAN_PAGE_H

#include <stdbool.h>

/* Prints the names of all pages, one a line: "smartimg.1", "smartimg-serve.1", "smartimg.ini.5". */
void si_man_page_names(void);

/* Prints the page of that name to stdout; false if there is none. */
bool si_man_page(const char *name);

#endif
