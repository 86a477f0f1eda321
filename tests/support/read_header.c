/* An exported C header against our own nets: what tests/support/logits.c wrote, read by a program
 * that knows the header alone.  Compile with -DHEADER='"policy.h"', its names begin with `policy`.
 *
 *     read_header FOLDER
 *
 * Fails where a logit differs by more than 1e-5 or an action is another one; prints the largest
 * differences. */
#include <stdio.h>

#include HEADER

static void say(const float *obs, float *logits, policy_scratch *scratch, int size)
{
    if (size)
        policy_size_logits(obs, logits, scratch);
    else
        policy_depth_logits(obs, logits, scratch);
}

/* 0: as it should be. */
static int compare(const char *folder, int size, int floats, int actions)
{
    static float obs[POLICY_MOST_OBS], want[POLICY_MOST_ACTIONS], got[POLICY_MOST_ACTIONS];
    static policy_scratch scratch;
    const char *turn = size ? "size" : "depth";
    char path[4096];
    double most = 0;
    int n = 0, other = 0;
    snprintf(path, sizeof path, "%s/%s.obs", folder, turn);
    FILE *in = fopen(path, "rb");
    snprintf(path, sizeof path, "%s/%s.logits", folder, turn);
    FILE *out = fopen(path, "rb");
    while (in && out && fread(obs, sizeof *obs, (size_t)floats, in) == (size_t)floats &&
           fread(want, sizeof *want, (size_t)actions, out) == (size_t)actions) {
        say(obs, got, &scratch, size);
        for (int i = 0; i < actions; i++)
            if (fabs((double)got[i] - (double)want[i]) > most)
                most = fabs((double)got[i] - (double)want[i]);
        other += policy_argmax(got, NULL, actions) != policy_argmax(want, NULL, actions);
        n++;
    }
    if (in) fclose(in);
    if (out) fclose(out);
    printf("%s C: %.3g on %d, another action on %d\n", turn, most, n, other);
    return n != 1000 || most > 1e-5 || other > 0;
}

int main(int argc, char **argv)
{
    if (argc != 2) return 2;
    int bad = compare(argv[1], 0, POLICY_DEPTH_OBS, 2);
    return compare(argv[1], 1, POLICY_SIZE_OBS, POLICY_SIZES) || bad;
}
