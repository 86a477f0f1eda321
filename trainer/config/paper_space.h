/* The space in which the paper's policies play ("Learning to Draft", arXiv 2603.01639); what
 * EAGLE-3 does in it by default is told by agents/fixed.h.
 *
 *     p->top_k = LTD_PAPER_TOP_K;
 *
 * configs/paper.yaml says the same to a run. */
#ifndef LTD_TRAINER_PAPER_SPACE_H
#define LTD_TRAINER_PAPER_SPACE_H

#include "agents/fixed.h"

/* Forwards count the resync: the forced first expansion makes 2, the most of 12 expansions 13.
 * Sizes go by 20 up to 240, in the released code by 10. */
enum {
    LTD_PAPER_TOP_K = LTD_EAGLE_TOP_K,
    LTD_PAPER_MIN_FORWARDS = 2,
    LTD_PAPER_MAX_FORWARDS = 13,
    LTD_PAPER_MOST_NODES = 240,
    LTD_PAPER_SIZES = 12,
    LTD_PAPER_SIZE_STEP = LTD_PAPER_MOST_NODES / LTD_PAPER_SIZES
};

#endif
