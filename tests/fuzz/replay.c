/* Runs a fuzz target over the files given, and over those in the folders given (not below them).
 *
 *     replay_gguf tests/golden/malformed tests/fuzz/corpus/gguf
 *
 * Prints the number of inputs; 1 when a path can't be read or there was none. */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "tests/fuzz/fuzz.h"

static int run_file(const char *path)
{
    ltd_err err = LTD_ERR_INIT;
    ltd_file map;
    if (ltd_file_map(&map, path, &err) < 0) {
        fprintf(stderr, "replay: %s\n", err.msg);
        return -1;
    }
    /* A copy of the exact size: a read behind the end is then seen by the sanitizer. */
    uint8_t *copy = malloc(map.size ? map.size : 1);
    int count = -1;
    if (copy) {
        if (map.size) memcpy(copy, map.data, map.size);
        LLVMFuzzerTestOneInput(copy, map.size);
        count = 1;
    }
    free(copy);
    ltd_file_unmap(&map);
    return count;
}

static int run_folder(const char *folder)
{
    DIR *dir = opendir(folder);
    if (!dir) {
        perror(folder);
        return -1;
    }
    int total = 0;
    for (struct dirent *entry; total >= 0 && (entry = readdir(dir));) {
        char path[PATH_MAX];
        struct stat st;
        if (*entry->d_name == '.') continue;
        if (snprintf(path, sizeof path, "%s/%s", folder, entry->d_name) >= (int)sizeof path ||
            stat(path, &st) < 0 || !S_ISREG(st.st_mode))
            continue;
        int n = run_file(path);
        total = n < 0 ? n : total + n;
    }
    closedir(dir);
    return total;
}

int main(int argc, char **argv)
{
    int total = 0;
    for (int i = 1; i < argc; i++) {
        struct stat st;
        if (stat(argv[i], &st) < 0) {
            perror(argv[i]);
            return 1;
        }
        int n = S_ISDIR(st.st_mode) ? run_folder(argv[i]) : run_file(argv[i]);
        if (n < 0) return 1;
        total += n;
    }
    printf("%d inputs\n", total);
    return total ? 0 : 1;
}
