/* A command line for the JavaScript engine: runs the file it is given, with print(). */
#include <stdio.h>
#include <stdlib.h>

#include "duktape.h"

static duk_ret_t print(duk_context *context)
{
    puts(duk_safe_to_string(context, 0));
    return 0;
}

static char *read_file(const char *path, size_t *ret_size)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        return NULL;
    }
    fseek(file, 0, SEEK_END);
    *ret_size = (size_t)ftell(file);
    rewind(file);
    char *text = malloc(*ret_size + 1);
    if (text && fread(text, 1, *ret_size, file) != *ret_size) {
        free(text);
        text = NULL;
    }
    fclose(file);
    return text;
}

int main(int argc, char **argv)
{
    size_t size;
    char *text = argc == 2 ? read_file(argv[1], &size) : NULL;
    if (!text) {
        fputs("usage: js FILE\n", stderr);
        return 2;
    }
    duk_context *context = duk_create_heap_default();
    duk_push_c_function(context, print, 1);
    duk_put_global_string(context, "print");
    duk_eval_lstring(context, text, size);
    duk_destroy_heap(context);
    free(text);
    return 0;
}
