#include "trainer/train/action_map.h"

#include <inttypes.h>
#include <math.h>

#include "agents/table.h"

/* How likely the text is to pass through the best node that could be expanded; NaN: not known. */
static float confidence(const ltd_env *env, const ltd_step *step)
{
    const ltd_env_options *o = ltd_env_get_options(env);
    if (!o->positions) return ltd_table_confidence_of(ltd_env_state(env)->tree);
    ltd_contract contract = step->turn == LTD_TURN_DEPTH ? o->depth_contract : o->size_contract;
    if (ltd_contract_is_paper(contract) || !step->obs) return NAN;
    return step->obs[LTD_OBS_AT_BEAM];
}

static int saw(void *ctx, const ltd_env *env, const ltd_step *step, int32_t action, float logprob,
               ltd_err *err)
{
    ltd_action_map *map = ctx;
    (void)logprob;
    (void)err;
    float c = confidence(env, step);
    int32_t n = ltd_env_forwards(env), k = (int32_t)(c * LTD_ACTION_CLASSES);
    map->last = NULL;
    if (!(c >= 0) || n > LTD_TREE_MAX_DEPTH) return LTD_OK;
    map->last = &map->cell[n][k < LTD_ACTION_CLASSES ? k : LTD_ACTION_CLASSES - 1];
    map->forwards = n;
    if (step->turn != LTD_TURN_DEPTH) return LTD_OK;
    map->last->asked++;
    map->last->went_on += action == LTD_DEPTH_CONTINUE;
    return LTD_OK;
}

/* Where it was asked last is where it stopped, unless the last forward went without a question. */
static void ended(void *ctx, const ltd_env *env, const ltd_info *info)
{
    ltd_action_map *map = ctx;
    (void)env;
    if (!map->last || info->forwards != map->forwards) return;
    map->last->stopped++;
    map->last->nodes += info->size;
}

ltd_witness ltd_action_map_witness(ltd_action_map *map)
{
    return (ltd_witness){.saw = saw, .ctx = map, .ended = ended};
}

void ltd_action_map_csv(const ltd_action_map *map, ltd_str *out)
{
    ltd_str_puts(out, "forwards,confidence_from,confidence_to,asked,went_on,stopped,nodes\n");
    for (int32_t n = 0; n <= LTD_TREE_MAX_DEPTH; n++) {
        for (int32_t k = 0; k < LTD_ACTION_CLASSES; k++) {
            const ltd_action_cell *c = &map->cell[n][k];
            if (!c->asked && !c->stopped) continue;
            ltd_str_printf(out, "%d,%g,%g,%" PRId64 ",%" PRId64 ",%" PRId64 ",", n,
                           (double)k / LTD_ACTION_CLASSES, (double)(k + 1) / LTD_ACTION_CLASSES,
                           c->asked, c->went_on, c->stopped);
            if (c->stopped) ltd_str_printf(out, "%.4g", (double)c->nodes / (double)c->stopped);
            ltd_str_puts(out, "\n");
        }
    }
}
