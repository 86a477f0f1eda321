/* Do two checkpoints hold the same policies?
 *
 *     same_policy A.h5 B.h5 1e-5      weights and moments within that, all else equal
 *
 * Exit code 0: they do.  What differs is told on standard output. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/checkpoint/checkpoint.h"

static ltd_checkpoint *open_file(const char *path)
{
    ltd_checkpoint *c;
    ltd_err err = LTD_ERR_INIT;
    if (ltd_checkpoint_open(&c, path, &err) == LTD_OK) return c;
    printf("%s\n", err.msg);
    exit(1);
}

/* The largest difference; infinite when they can't be compared. */
static double differ(const ltd_checkpoint_entry *a, const ltd_checkpoint_entry *b)
{
    if (!b || a->type != b->type || a->bytes != b->bytes) return INFINITY;
    if (a->type != LTD_CHECKPOINT_F32) return memcmp(a->data, b->data, a->bytes) ? INFINITY : 0;
    const float *x = a->data, *y = b->data;
    double most = 0;
    for (size_t i = 0; i < a->bytes / sizeof *x; i++)
        most = fmax(most, fabs((double)x[i] - (double)y[i]));
    return most;
}

int main(int argc, char **argv)
{
    if (argc != 4) return 2;
    ltd_checkpoint *a = open_file(argv[1]), *b = open_file(argv[2]);
    double within = atof(argv[3]), most = 0;
    int seen = 0, bad = 0;
    for (size_t i = 0; i < ltd_checkpoint_count(a); i++) {
        const ltd_checkpoint_entry *e = ltd_checkpoint_at(a, i);
        if (strncmp(e->name, "policy/", 7) != 0 && strncmp(e->name, "adam/", 5) != 0) continue;
        double d = differ(e, ltd_checkpoint_find(b, e->name));
        seen += e->type == LTD_CHECKPOINT_F32;
        if (d > most) most = d;
        if (!(d <= within)) bad++, printf("%s differs by %g\n", e->name, d);
    }
    printf("%d arrays, difference %g at most\n", seen, most);
    ltd_checkpoint_close(a);
    ltd_checkpoint_close(b);
    return bad || !seen;
}
