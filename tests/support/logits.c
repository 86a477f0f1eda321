/* What our nets say on the observations that a checkpoint keeps, for others to be compared with:
 * raw f32 files depth.obs, depth.logits, depth.value, size.obs, ... in a folder.
 *
 *     logits runs/a/checkpoints/best.h5 FOLDER
 *
 * Prints "depth 1000 56 2" (observations, floats, actions) for each net. */
#include <stdio.h>
#include <stdlib.h>

#include "trainer/checkpoint/observations.h"
#include "trainer/checkpoint/policy_file.h"

static void *check(void *p, const char *what)
{
    if (p) return p;
    perror(what);
    exit(1);
}

static FILE *create(const char *folder, const char *turn, const char *what)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s.%s", folder, turn, what);
    return check(fopen(path, "wb"), path);
}

static void run(ltd_mlp *net, const struct ltd_observed *met, FILE *to)
{
    size_t n = (size_t)ltd_mlp_dim(net, ltd_mlp_layers(net));
    float *y = check(calloc(n, sizeof *y), "memory");
    for (int32_t i = 0; i < met->n; i++) {
        ltd_mlp_forward(net, met->rows + (size_t)i * (size_t)met->dim, y);
        fwrite(y, sizeof *y, n, to);
    }
    free(y);
    if (fclose(to) != 0) check(NULL, "write");
}

static void write_turn(const char *folder, const char *turn, ltd_mlp *actor, ltd_mlp *critic,
                       const struct ltd_observed *met)
{
    if (!actor) return;
    FILE *obs = create(folder, turn, "obs");
    fwrite(met->rows, sizeof *met->rows, (size_t)met->n * (size_t)met->dim, obs);
    if (fclose(obs) != 0) check(NULL, "write");
    run(actor, met, create(folder, turn, "logits"));
    if (critic) run(critic, met, create(folder, turn, "value"));
    printf("%s %d %d %d\n", turn, met->n, met->dim, ltd_mlp_dim(actor, ltd_mlp_layers(actor)));
}

int main(int argc, char **argv)
{
    ltd_err err = LTD_ERR_INIT;
    ltd_checkpoint *c;
    ltd_policy *p;
    ltd_observations met;
    if (argc != 3) return 2;
    if (ltd_checkpoint_open(&c, argv[1], &err) < 0 ||
        ltd_policy_from_checkpoint(&p, c, argv[1], &err) < 0 ||
        ltd_observations_init(&met, ltd_contract_dim(p->depth_contract),
                              ltd_contract_dim(p->size_contract), &err) < 0 ||
        ltd_observations_get(&met, c, &err) < 0) {
        fprintf(stderr, "%s\n", err.msg);
        return 1;
    }
    write_turn(argv[2], "depth", p->depth, p->depth_critic,
               ltd_observations_of(&met, LTD_TURN_DEPTH));
    write_turn(argv[2], "size", p->size, p->size_critic, ltd_observations_of(&met, LTD_TURN_SIZE));
    ltd_observations_fini(&met);
    ltd_policy_free(p);
    ltd_checkpoint_close(c);
    return 0;
}
