/* Calls through pointers: quicksort that compares by a function it is given. */
#include "kernel.h"

#include <stddef.h>

enum { COUNT = 1 << 19, ROUNDS = 2 };

typedef struct item {
    uint32_t key, value;
} item;
typedef int compare_fn(const item *, const item *);

static item items[COUNT];

static int by_key(const item *a, const item *b)
{
    return (a->key > b->key) - (a->key < b->key);
}

static int by_value(const item *a, const item *b)
{
    return (a->value > b->value) - (a->value < b->value);
}

static compare_fn *volatile orders[] = {by_key, by_value};

static void swap(item *a, item *b)
{
    item old = *a;
    *a = *b;
    *b = old;
}

static void insertion_sort(item *list, ptrdiff_t count, compare_fn *compare)
{
    for (ptrdiff_t i = 1; i < count; i++) {
        for (ptrdiff_t j = i; j > 0 && compare(&list[j], &list[j - 1]) < 0; j--) {
            swap(&list[j], &list[j - 1]);
        }
    }
}

static void sort(item *list, ptrdiff_t count, compare_fn *compare)
{
    while (count > 12) {
        item pivot = list[count / 2];
        ptrdiff_t low = 0, high = count - 1;
        while (low <= high) {
            while (compare(&list[low], &pivot) < 0) {
                low++;
            }
            while (compare(&list[high], &pivot) > 0) {
                high--;
            }
            if (low <= high) {
                swap(&list[low++], &list[high--]);
            }
        }
        sort(list, high + 1, compare);
        list += low;
        count -= low;
    }
    insertion_sort(list, count, compare);
}

static uint64_t kernel(void)
{
    uint32_t state = 2463534242u;
    uint64_t sum = 0;
    for (int round = 0; round < ROUNDS; round++) {
        for (uint32_t i = 0; i < COUNT; i++) {
            items[i] = (item){next_random(&state), next_random(&state)};
        }
        sort(items, COUNT, orders[round & 1]);
        for (uint32_t i = 0; i < COUNT; i += 97) {
            sum = sum * 31 + items[i].key;
        }
    }
    return sum;
}
