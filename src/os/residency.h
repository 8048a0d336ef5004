/*
 * Which pages of a mapping hold memory: how an instance slot is wiped page by page.
 *
 * Linux tells in /proc/self/pagemap. The answer is exact for anonymous memory and private views of
 * files, swapped-out pages included, as long as no other thread touches the pages meanwhile.
 */
#pragma once

#include "base/base.h"

typedef enum sw_residency {
    SW_PAGE_NONE, /* never touched: reads as zero, or as the file */
    SW_PAGE_FILE, /* shows the file, unwritten */
    SW_PAGE_OWN,  /* memory of this process: may have been written */
} sw_residency;

#define SW_RESIDENCY_MAX 512u /* pages per question */

/* False: not to be found out here (no /proc, or an old kernel). Thread-safe; sound after fork. */
bool sw_residency_of(const void *start, size_t pages, uint8_t ret_pages[SW_RESIDENCY_MAX]);
