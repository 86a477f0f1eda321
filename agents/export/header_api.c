/* What an exported header offers to an engine: text that scripts/amalgamate puts behind the
 * environment's own code, and cheader.c behind the policy's constants.  Not compiled by itself.
 *
 * `ltd_policy` becomes the header's name, `ltd_` that name and a line. */

/* --- the nets --- */

/* Room for the widest layer, twice. */
typedef struct ltd_policy_scratch {
    float side[2][LTD_POLICY_WIDEST];
} ltd_policy_scratch;

/* The most probable legal action; the first of equals.  mask NULL: all n are legal. */
static inline int32_t ltd_policy_argmax(const float *logits, const uint8_t *mask, int32_t n)
{
    int32_t best = -1;
    for (int32_t i = 0; i < n; i++)
        if ((!mask || mask[i]) && (best < 0 || logits[i] > logits[best])) best = i;
    return best;
}

#if LTD_POLICY_HAS_DEPTH
/* logits[2]: stop, go on; for an observation of LTD_POLICY_DEPTH_OBS floats. */
static inline void ltd_policy_depth_logits(const float *obs, float *logits, ltd_policy_scratch *s)
{
    ltd_mlp_scalar_net(ltd_policy_depth_parts, LTD_POLICY_DEPTH_LAYERS, LTD_POLICY_DEPTH_RELU, obs,
                       logits, s->side[0], s->side[1]);
}
#endif

#if LTD_POLICY_HAS_SIZE
/* logits[LTD_POLICY_SIZES]: one an entry of ltd_policy_sizes. */
static inline void ltd_policy_size_logits(const float *obs, float *logits, ltd_policy_scratch *s)
{
    ltd_mlp_scalar_net(ltd_policy_size_parts, LTD_POLICY_SIZE_LAYERS, LTD_POLICY_SIZE_RELU, obs,
                       logits, s->side[0], s->side[1]);
}
#endif

/* --- the cycle --- */

/* One text that is being decoded: the caller's storage.  It points into itself: don't move or copy
 * it once it is initialised. */
typedef struct ltd_policy {
    ltd_tree tree; /* the drafted nodes: ltd_tree_*() may read it */
    ltd_obs_state state;
    ltd_policy_scratch scratch;
    float obs[LTD_POLICY_MOST_OBS], logits[LTD_POLICY_MOST_ACTIONS];
    uint8_t mask[LTD_POLICY_MOST_ACTIONS];
    uint64_t storage[LTD_POLICY_STORAGE / 8];
} ltd_policy;

/* Once.  cost: this machine's table, borrowed; NULL: that of the machine the policy was exported
 * on. */
static inline void ltd_policy_init(ltd_policy *p, const ltd_cost *cost)
{
    memset(p, 0, sizeof *p);
    p->tree.k = LTD_POLICY_TOP_K;
    p->tree.max_forwards = LTD_POLICY_MAX_FORWARDS;
    p->tree.max_chain = LTD_POLICY_MAX_CHAIN;
    p->tree.max_size = ltd_policy_sizes[LTD_POLICY_SIZES - 1];
    ltd_tree_place(&p->tree, p->storage);
    ltd_tree_set_survival(&p->tree, LTD_POLICY_SURVIVAL);
    p->state.tree = &p->tree;
    p->state.cost = cost ? cost : &ltd_policy_cost_table;
    p->state.sizes = ltd_policy_sizes;
    p->state.n_sizes = LTD_POLICY_SIZES;
    p->state.max_forwards = LTD_POLICY_MAX_FORWARDS;
    p->state.rate = ltd_policy_rate;
}

/* Before the first cycle of a text. */
static inline void ltd_policy_begin_text(ltd_policy *p)
{
    memset(p->state.recent, 0, sizeof p->state.recent);
}

/* A cycle begins.
 *   context   committed tokens, the root (the next token, not verified yet) not among them
 *   waiting   tokens of text and root that the draft head has not seen: 1, or more after cycles
 *             without a draft forward
 *   chain     [n] what prompt lookup proposes after the root; n 0: nothing, or no lookup
 *   match     tokens that agree before it, the root included: the longest suffix that occurred
 *             before, up to 64
 *   distance  how far back that place is */
static inline void ltd_policy_begin(ltd_policy *p, int32_t context, int32_t waiting,
                                    const int32_t *chain, int32_t n, int32_t match,
                                    int32_t distance)
{
    float score[LTD_TREE_MAX_DEPTH];
    if (n > LTD_POLICY_MAX_CHAIN) n = LTD_POLICY_MAX_CHAIN;
    if (n < 1) n = match = distance = 0;
    ltd_tree_reset(&p->tree);
    p->state.context = context;
    p->state.waiting = waiting > 1 ? waiting : 1;
    p->state.match = match;
    p->state.distance = distance;
    p->state.chain = n;
    ltd_obs_begin(&p->state);
    if (n == 0) return;
    ltd_survival_lookup(LTD_POLICY_SURVIVAL, match, score, n);
    ltd_tree_add_chain(&p->tree, match, chain, score, n);
}

/* One more draft forward?  Its rows: before the first the root alone, then the beam: tokens
 * ltd_tree_beam_token() [LTD_POLICY_TOP_K], in the head's state of row ltd_tree_beam_source() of
 * the forward before. */
static inline bool ltd_policy_more(ltd_policy *p)
{
    int32_t done = ltd_tree_forwards(&p->tree);
    if (done >= LTD_POLICY_MAX_FORWARDS) return false;
    if (done < LTD_POLICY_MIN_FORWARDS) return true;
    if (!ltd_turns_asked(done, LTD_POLICY_MIN_FORWARDS, LTD_POLICY_DEPTH_EVERY)) return true;
#if LTD_POLICY_HAS_DEPTH
    ltd_obs_encode(LTD_POLICY_DEPTH_CONTRACT, &p->state, p->obs);
    ltd_policy_depth_logits(p->obs, p->logits, &p->scratch);
    return ltd_policy_argmax(p->logits, NULL, 2) == 1;
#else
    return done < LTD_POLICY_FIXED_FORWARDS;
#endif
}

/* What that forward said: for each row the LTD_POLICY_TOP_K best tokens and their ln p, best first;
 * 1 row at first, then LTD_POLICY_TOP_K of them, row by row. */
static inline void ltd_policy_grow(ltd_policy *p, const int32_t *token, const float *logp)
{
    ltd_tree_grow(&p->tree, token, logp);
}

/* What the target shall verify: root_token and the chosen nodes, parents first; borrowed until the
 * next cycle begins. */
static inline const ltd_selection *ltd_policy_choose(ltd_policy *p, int32_t root_token)
{
    int32_t pool = ltd_tree_count(&p->tree), at = 0;
    if (pool == 0) return ltd_tree_select(&p->tree, root_token, 0);
    if (ltd_turns_sizes(ltd_policy_sizes, LTD_POLICY_SIZES, pool, p->mask, &at) > 1) {
#if LTD_POLICY_HAS_SIZE
        ltd_obs_encode(LTD_POLICY_SIZE_CONTRACT, &p->state, p->obs);
        ltd_policy_size_logits(p->obs, p->logits, &p->scratch);
        at = ltd_policy_argmax(p->logits, p->mask, LTD_POLICY_SIZES);
#else
        at = ltd_turns_nearest(ltd_policy_sizes, LTD_POLICY_SIZES, p->mask, LTD_POLICY_FIXED_SIZE);
#endif
    }
    return ltd_tree_select(&p->tree, root_token, ltd_policy_sizes[at]);
}

/* The cycle has added accept_len tokens: the accepted nodes, and the one behind them. */
static inline void ltd_policy_end(ltd_policy *p, int32_t accept_len)
{
    memmove(p->state.recent + 1, p->state.recent, (LTD_OBS_RECENT - 1) * sizeof p->state.recent[0]);
    p->state.recent[0] = accept_len;
}
