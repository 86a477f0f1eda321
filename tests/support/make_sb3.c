/* Writes a zip of Stable-Baselines3's form, for tests of the programs:
 *
 *     make_sb3 FILE.zip INPUTS HIDDEN ACTIONS tanh|relu|open SEED */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/file.h"
#include "tests/support/sb3zip.h"

int main(int argc, char **argv)
{
    if (argc != 7) return 2;
    ltd_err err = LTD_ERR_INIT;
    const int32_t in = atoi(argv[2]), hidden = atoi(argv[3]), out = atoi(argv[4]);
    const char *data = strcmp(argv[5], "open") == 0   ? NULL
                       : strcmp(argv[5], "relu") == 0 ? SB3_DATA_RELU
                                                      : SB3_DATA_TANH;
    sb3_tensors t;
    size_t size;
    sb3_tensors_make(&t, (const int32_t[]){in, hidden, out}, 2, (const int32_t[]){in, 16, 1}, 2,
                     strtoull(argv[6], NULL, 10));
    void *bytes = sb3zip(&size, &t, data, 0);
    int rc = ltd_file_write(argv[1], bytes, size, &err);
    if (rc < 0) fprintf(stderr, "make_sb3: %s\n", err.msg);
    free(bytes);
    sb3_tensors_free(&t);
    return rc < 0;
}
