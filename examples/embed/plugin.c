/*
 * The guest: a plugin that finds the lines of a text that contain a word.
 *
 * Written against the canonical ABI by hand, to show what goes over the boundary; a bindings
 * generator writes this part for you. No libc: the memory is a bump allocator that is emptied after
 * each call.
 */
#include <stddef.h>
#include <stdint.h>

#define EXPORT(name) __attribute__((export_name(name)))

__attribute__((import_module("acme:editor/log@1.0.0"), import_name("write"))) void host_write(
    uint32_t level, const char *message, size_t message_len);

enum { HEAP_BYTES = 1 << 20, LEVEL_NOTE = 0, LEVEL_WARNING = 1 };

static _Alignas(16) uint8_t heap[HEAP_BYTES];
static size_t heap_used;

/* The host asks for memory here when it passes strings and lists in. */
EXPORT("cabi_realloc")
void *cabi_realloc(void *old, size_t old_size, size_t align, size_t size)
{
    (void)old;
    (void)old_size;
    size_t at = (heap_used + align - 1) & ~(align - 1);
    if (at > HEAP_BYTES || size > HEAP_BYTES - at) {
        __builtin_trap();
    }
    heap_used = at + size;
    return heap + at;
}

typedef struct str {
    const char *ptr;
    size_t len;
} str;

/* record line { number: u32, text: string } */
typedef struct line {
    uint32_t number;
    str text;
} line;

/* result<list<line>, string> */
typedef struct find_result {
    uint8_t is_error;
    union {
        struct {
            line *ptr;
            size_t len;
        } lines;
        str error;
    };
} find_result;

static int contains(str text, str word)
{
    for (size_t i = 0; i + word.len <= text.len; i++) {
        size_t k = 0;
        while (k < word.len && text.ptr[i + k] == word.ptr[k]) {
            k++;
        }
        if (k == word.len) {
            return 1;
        }
    }
    return 0;
}

static str take_line(str *text)
{
    str first = {text->ptr, 0};
    while (first.len < text->len && text->ptr[first.len] != '\n') {
        first.len++;
    }
    size_t skip = first.len < text->len ? first.len + 1 : first.len;
    text->ptr += skip;
    text->len -= skip;
    return first;
}

EXPORT("acme:editor/lines@1.0.0#find")
find_result *find(const char *text_ptr, size_t text_len, const char *word_ptr, size_t word_len)
{
    static const char EMPTY[] = "the word is empty";
    static const char SEARCHING[] = "searching";
    static find_result result;
    str text = {text_ptr, text_len};
    str word = {word_ptr, word_len};
    if (word_len == 0) {
        host_write(LEVEL_WARNING, EMPTY, sizeof EMPTY - 1);
        result.is_error = 1;
        result.error = (str){EMPTY, sizeof EMPTY - 1};
        return &result;
    }
    host_write(LEVEL_NOTE, SEARCHING, sizeof SEARCHING - 1);
    result.is_error = 0;
    result.lines.ptr = cabi_realloc(NULL, 0, _Alignof(line), 0);
    result.lines.len = 0;
    for (uint32_t number = 1; text.len != 0; number++) {
        str current = take_line(&text);
        if (contains(current, word)) {
            line *found = cabi_realloc(NULL, 0, _Alignof(line), sizeof *found);
            *found = (line){number, current};
            result.lines.len++;
        }
    }
    return &result;
}

/* Called when the host has read the result. */
EXPORT("cabi_post_acme:editor/lines@1.0.0#find")
void find_done(find_result *r)
{
    (void)r;
    heap_used = 0;
}
