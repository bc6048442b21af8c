/* A reply as a tree of named elements with attributes, written as XML or JSON: req=set.
 *
 * Values that only a renderer knows are gaps: the number of a layer of the recipe's picture and a
 * letter that says what of it is wanted. */
#ifndef SI_REPLY_SET_TREE_H
#define SI_REPLY_SET_TREE_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/str.h"

/* What can be wanted of a layer. */
typedef enum si_gap {
    SI_GAP_WIDTH = 'x', /* of its original or smart crop, pixels */
    SI_GAP_HEIGHT = 'y',
    SI_GAP_RELATIONS = 'c', /* elements for the smart crops of its original */
} si_gap;

typedef struct si_set_element si_set_element;

/* Elements live in the arena. Zero-initialize but for the arena. */
typedef struct si_set_tree {
    si_arena *arena;
    bool failed; /* out of memory, whatever the functions below were doing */
} si_set_tree;

/* How JSON has an element. */
enum {
    SI_SET_CHILDREN_FIRST = 1, /* its elements before its attributes */
};

/* A new element at the end of `parent`, NULL = a root. Never NULL. `name` stays where it is. */
si_set_element *si_set_tree_add(
    si_set_tree *t, si_set_element *parent, const char *name, unsigned json);

/* A new attribute; `value` stays where it is, NULL means that memory ran out. */
void si_set_tree_set(si_set_tree *t, si_set_element *e, const char *name, const char *value);

/* The same, of a value that a renderer knows. */
void si_set_tree_gap(si_set_tree *t, si_set_element *e, const char *name, int layer, si_gap what);

/* The same of elements: in JSON it stands for the value of the member `name`, in XML for all of
 * them. */
void si_set_tree_hole(
    si_set_tree *t, si_set_element *parent, const char *name, int layer, si_gap what);

/* Appends the tree; in JSON attributes and elements are members of objects, all values strings, a
 * single element of a name an object and several an array. False if memory runs out. */
bool si_set_tree_write_xml(const si_set_element *e, si_bytes *out);
bool si_set_tree_write_json(const si_set_element *e, si_bytes *out);

typedef enum si_next_gap { SI_GAPS_OVER, SI_GAP_FOUND, SI_GAP_MALFORMED } si_next_gap;

/* Finds the next gap of a written tree: the text before it goes to *before, *rest moves behind it.
 * SI_GAPS_OVER: there is none, and *before is all that is left. */
si_next_gap si_set_gap_next(const char **rest, si_str *before, int *layer, si_gap *what);

#endif
