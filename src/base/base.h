/*
 * The compiler floor: attributes, scope guards and checked integers that read the same on every
 * compiler the project is built with (clang 22, GCC 12), all in gnu2x.
 */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SW_VERSION "0.1.0" /* of the project, as in meson.build */

#define SW_NODISCARD    __attribute__((warn_unused_result))
#define SW_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define SW_NORETURN     __attribute__((noreturn))
#define SW_LIKELY(x)    __builtin_expect(!!(x), 1)
#define SW_UNLIKELY(x)  __builtin_expect(!!(x), 0)
#define SW_COUNTOF(a)   (sizeof(a) / sizeof((a)[0]))

/* The struct that the member at `p` lies in; p may point to const. */
#define SW_CONTAINER_OF(p, T, member)                               \
    __extension__({                                                 \
        const __typeof__(((T *)0)->member) *sw_member_ = (p);       \
        (T *)(void *)((uintptr_t)sw_member_ - offsetof(T, member)); \
    })

/* Public symbols of the library; everything else is hidden. */
#define SW_EXPORT __attribute__((visibility("default")))

/*
 * Scope guard: SW_AUTO(sw_fd_close) int fd = ...;
 * SW_DEFINE_AUTO declares the destructor once; it must accept a zero or -1 value.
 */
#define SW_AUTO(fn) __attribute__((cleanup(fn##_p)))
#define SW_DEFINE_AUTO(T, fn)       \
    static inline void fn##_p(T *p) \
    {                               \
        fn(*p);                     \
    }

/* Moves out of an owner so that its SW_AUTO becomes a no-op. */
#define SW_TAKE(p)                     \
    __extension__({                    \
        __typeof__(p) sw_taken_ = (p); \
        (p) = NULL;                    \
        sw_taken_;                     \
    })

/* C23's <stdckdint.h> names; true means overflow. */
#if defined(__has_include) && __has_include(<stdckdint.h>) && __STDC_VERSION__ > 201710L
#    include <stdckdint.h>
#else
#    define ckd_add(r, a, b) __builtin_add_overflow((a), (b), (r))
#    define ckd_sub(r, a, b) __builtin_sub_overflow((a), (b), (r))
#    define ckd_mul(r, a, b) __builtin_mul_overflow((a), (b), (r))
#endif

/* An invariant that the sandbox rests on: checked in release builds too; a failure aborts. */
#define SW_CHECK(e)              \
    do {                         \
        if (SW_UNLIKELY(!(e))) { \
            __builtin_trap();    \
        }                        \
    } while (0)

#define SW_MIN(a, b) ((a) < (b) ? (a) : (b))
#define SW_MAX(a, b) ((a) > (b) ? (a) : (b))

/* Rounds up to a power-of-two multiple. The caller knows that the sum does not wrap. */
static inline uint64_t sw_align_up(uint64_t value, uint64_t align)
{
    assert(align != 0 && (align & (align - 1)) == 0);
    return (value + align - 1) & ~(align - 1);
}
