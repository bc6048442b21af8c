/* Lines of the JSON access log (`smartimg serve --log-format json`, docs/operation.md). */
#ifndef SI_CLI_REPORT_JSON_LINE_H
#define SI_CLI_REPORT_JSON_LINE_H

#include "base/str.h"

/* Takes the request of a line, a JSON object without objects or arrays in it, whose strings are
 * undone in place, so that the line is used up. False if it is none, or tells no status. Method and
 * address are empty, with true, if the line is of no client's request. */
bool si_report_json_line(char *line, size_t len, si_str *method, si_str *target, int *status);

#endif
