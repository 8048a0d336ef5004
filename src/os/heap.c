#include "heap.h"

static sw_heap_node *meld(sw_heap_node *a, sw_heap_node *b)
{
    if (a == NULL || b == NULL) {
        return a != NULL ? a : b;
    }
    if (b->key < a->key) {
        sw_heap_node *first = b;
        b = a;
        a = first;
    }
    b->prev = a;
    b->next = a->child;
    if (a->child != NULL) {
        a->child->prev = b;
    }
    a->child = b;
    a->next = a->prev = NULL;
    return a;
}

/* Melds siblings two by two from the left, then the results from the right. */
static sw_heap_node *meld_siblings(sw_heap_node *first)
{
    sw_heap_node *pairs = NULL;
    while (first != NULL) {
        sw_heap_node *a = first, *b = a->next;
        first = b == NULL ? NULL : b->next;
        a->next = a->prev = NULL;
        if (b != NULL) {
            b->next = b->prev = NULL;
        }
        sw_heap_node *pair = meld(a, b);
        pair->next = pairs;
        pairs = pair;
    }
    sw_heap_node *root = NULL;
    while (pairs != NULL) {
        sw_heap_node *next = pairs->next;
        pairs->next = NULL;
        root = meld(root, pairs);
        pairs = next;
    }
    return root;
}

void sw_heap_put(sw_heap_node **heap, sw_heap_node *n)
{
    n->child = n->next = n->prev = NULL;
    *heap = meld(*heap, n);
}

void sw_heap_take(sw_heap_node **heap, sw_heap_node *n)
{
    if (n == *heap) {
        *heap = meld_siblings(n->child);
    } else {
        if (n->prev->child == n) {
            n->prev->child = n->next;
        } else {
            n->prev->next = n->next;
        }
        if (n->next != NULL) {
            n->next->prev = n->prev;
        }
        *heap = meld(*heap, meld_siblings(n->child));
    }
    n->child = n->next = n->prev = NULL;
}
