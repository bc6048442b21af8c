/* `smartimg explain --steps`: how a plan came about. */
#ifndef SI_CLI_EXPLAIN_STEPS_H
#define SI_CLI_EXPLAIN_STEPS_H

#include "base/bytes.h"
#include "base/steps.h"

/* Prints the steps to stdout, a line each, with where each is written behind it. */
void si_explain_steps(const si_steps *steps);

/* Prints them as a JSON array. */
void si_explain_steps_json(const si_steps *steps);

#endif
