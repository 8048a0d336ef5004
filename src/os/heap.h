/*
 * What is due first: a pairing heap of nodes that lie in the caller's structs. Putting in is
 * constant work, taking out is logarithmic (amortised), nothing is allocated. Timers are kept in
 * it.
 */
#pragma once

#include "base/base.h"

typedef struct sw_heap_node sw_heap_node;

/* In a heap node `prev` is the parent for a first child and the left sibling otherwise. */
struct sw_heap_node {
    uint64_t key;
    sw_heap_node *child, *next, *prev;
};

/* The heap is its root: the node with the smallest key, or NULL. */
static inline bool sw_heap_holds(const sw_heap_node *heap, const sw_heap_node *n)
{
    return n == heap || n->prev != NULL;
}

/* The node is in no heap; its key is set. */
void sw_heap_put(sw_heap_node **heap, sw_heap_node *n);

/* The node is in this heap. */
void sw_heap_take(sw_heap_node **heap, sw_heap_node *n);
