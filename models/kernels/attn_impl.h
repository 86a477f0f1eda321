/* Attention, over sixteen-lane vectors: the part of ops_impl.h that reads the K/V cache.
 *
 * Both passes over the cache are one product, c[q][lane] += a[q][k] * b[k][lane] for k ascending:
 *     scores    lanes are the 16 keys of a block, k runs over the dims (K lies transposed)
 *     sums      lanes are dims, k runs over the keys
 * so no sum crosses lanes, and a key's score is the same wherever in a block it lies.  Up to
 * ATTN_TILE queries share each vector that is read and widened: fewer when registers are few.
 *
 * Keys are taken in logical order: slots 0 .. n_past-1, then the tail.  A row that sees the same
 * keys in the same order gets the same bits wherever they lie, which is what makes a tree node
 * equal to its plain decode step.  That holds with windows too: a key's lane in the softmax is its
 * number in the whole order, and keys before the window are left out of sums, whoever else reads
 * their block. */

#include "models/kernels/simd16.h"

/* Tiles are unrolled into registers, a body for each shape; one body of loops where nothing stays
 * in registers, in plain C and under sanitizers: they would take minutes to compile. */
#if defined(__has_feature)
#define ATTN_HAS(x) __has_feature(x)
#else
#define ATTN_HAS(x) 0
#endif
#if !defined(__AVX2__) || defined(__SANITIZE_ADDRESS__) || ATTN_HAS(address_sanitizer)
#define ATTN_BODY static __attribute__((noinline))
#define ATTN_UNROLL
#else
#define ATTN_BODY static inline __attribute__((always_inline))
#if defined(__clang__)
#define ATTN_UNROLL _Pragma("unroll")
#else
#define ATTN_UNROLL _Pragma("GCC unroll 12")
#endif
#endif

#if defined(__AVX512F__)
enum { ATTN_TILE = 12, ATTN_REGISTERS = 24 };
#else
enum { ATTN_TILE = 6, ATTN_REGISTERS = 6 }; /* each is two */
#endif
/* What a head has of K, or of V, lies in one piece: a step reads each once, from memory. */
#if defined(__AVX2__)
#define ATTN_AHEAD(p) _mm_prefetch((p) + 8192, _MM_HINT_T0)
#else
#define ATTN_AHEAD(p) (void)(p)
#endif
enum { ATTN_WIDEST = 4 };
/* The first n queries of a tile, vectors of a query.  clang keeps arrays in registers only when the
 * loop itself has constant bounds. */
#define ATTN_EACH_Q(n) ATTN_UNROLL for (size_t q = 0; q < ATTN_TILE; q++) if (q < (size_t)(n))
#define ATTN_EACH_V(n) ATTN_UNROLL for (size_t v = 0; v < ATTN_WIDEST; v++) if (v < (size_t)(n))
/* Vectors that a tile of so many queries is wide. */
#define ATTN_WIDTH(nq) ((nq)*4 <= ATTN_REGISTERS ? 4 : (nq)*2 <= ATTN_REGISTERS ? 2 : 1)

/* c[q][v] += sum over k < n of a[q][k] * b[k][v], v a vector. */
typedef struct attn_product {
    const float *a;
    size_t lda;
    const void *b; /* halves or floats */
    bool f16;
    size_t ldb, next;    /* elements from one k, one v, to the next */
    const int32_t *rows; /* what to take for k in b; NULL: k itself */
    int32_t n;
    float *c; /* vectors of a row side by side */
    size_t ldc;
    bool fresh; /* c is zero, whatever it holds */
} attn_product;

static inline v16 OPS(attn_load)(const void *b, size_t at, const bool f16)
{
    return f16 ? v16_load_f16((const uint16_t *)b + at) : v16_load((const float *)b + at);
}

/* Constant nq, nv and f16: all of c in registers. */
ATTN_BODY void OPS(attn_tile)(const attn_product *p, const int nq, const int nv, const bool f16)
{
    v16 b[ATTN_WIDEST], c[ATTN_TILE][ATTN_WIDEST];
    const float *a = p->a;
    size_t lda = p->lda, ldb = p->ldb, ldc = p->ldc, next = p->next;
    ATTN_EACH_Q(nq)
    {
        ATTN_EACH_V(nv)
        {
            c[q][v] = p->fresh ? v16_set1(0) : v16_load(p->c + q * ldc + 16 * v);
        }
    }
    for (int32_t k = 0; k < p->n; k++, a++) {
        size_t at = (size_t)(p->rows ? p->rows[k] : k) * ldb;
        ATTN_EACH_V(nv)
        {
            b[v] = OPS(attn_load)(p->b, at + v * next, f16);
            ATTN_AHEAD((const char *)p->b + (at + v * next) * (f16 ? 2 : 4));
        }
        ATTN_EACH_Q(nq)
        {
            v16 w = v16_set1(a[q * lda]);
            ATTN_EACH_V(nv)
            {
                c[q][v] = v16_fma(w, b[v], c[q][v]);
            }
        }
    }
    ATTN_EACH_Q(nq)
    {
        ATTN_EACH_V(nv)
        {
            v16_store(p->c + q * ldc + 16 * v, c[q][v]);
        }
    }
}

/* A body for each number of queries; `wide`: ATTN_WIDTH vectors, else one. */
#define ATTN_TILE_OF(nq)                                                                           \
    static void OPS(attn_tile##nq)(const attn_product *p, bool wide)                               \
    {                                                                                              \
        if (wide)                                                                                  \
            p->f16 ? OPS(attn_tile)(p, nq, ATTN_WIDTH(nq), true)                                   \
                   : OPS(attn_tile)(p, nq, ATTN_WIDTH(nq), false);                                 \
        else                                                                                       \
            p->f16 ? OPS(attn_tile)(p, nq, 1, true) : OPS(attn_tile)(p, nq, 1, false);             \
    }
ATTN_TILE_OF(1)
ATTN_TILE_OF(2)
ATTN_TILE_OF(3)
ATTN_TILE_OF(4)
ATTN_TILE_OF(5)
ATTN_TILE_OF(6)
#if defined(__AVX512F__)
ATTN_TILE_OF(7)
ATTN_TILE_OF(8)
ATTN_TILE_OF(9)
ATTN_TILE_OF(10)
ATTN_TILE_OF(11)
ATTN_TILE_OF(12)
#endif

static void (*const OPS(attn_tiles)[ATTN_TILE + 1])(const attn_product *p, bool wide) = {
    NULL,
    OPS(attn_tile1),
    OPS(attn_tile2),
    OPS(attn_tile3),
    OPS(attn_tile4),
    OPS(attn_tile5),
    OPS(attn_tile6),
#if defined(__AVX512F__)
    OPS(attn_tile7),
    OPS(attn_tile8),
    OPS(attn_tile9),
    OPS(attn_tile10),
    OPS(attn_tile11),
    OPS(attn_tile12),
#endif
};

/* The product of any number of queries and vectors, in tiles as even as can be. */
static void OPS(attn_multiply)(const attn_product *all, int32_t nq, int32_t nv)
{
    int32_t tiles = (nq + ATTN_TILE - 1) / ATTN_TILE;
    for (int32_t t = 0; t < tiles; t++) {
        int32_t q = nq * t / tiles, m = nq * (t + 1) / tiles - q, width = ATTN_WIDTH(m);
        attn_product p = *all;
        p.a += (size_t)q * p.lda;
        p.c += (size_t)q * p.ldc;
        for (int32_t v = 0; v < nv;) {
            bool wide = nv - v >= width;
            int32_t step = wide ? width : 1;
            OPS(attn_tiles)[m](&p, wide);
            p.b = (const char *)p.b + (size_t)step * p.next * (p.f16 ? 2 : 4);
            p.c += 16 * step;
            v += step;
        }
    }
}

/* --- which keys --- */

enum { ATTN_MASK = LTD_ATTN_BLOCK - 1 };

/* A problem, and what follows from it. */
typedef struct attn_work {
    const ltd_attn *a;
    int32_t heads, queries;       /* of a row, of all rows */
    size_t dims;                  /* head_dim rounded up to 16 */
    int32_t plain[LTD_ATTN_ROWS]; /* keys of a row that lie in the slots of their number */
    int32_t least, most;          /* of these numbers */
    int32_t first, last;          /* least and largest number of a row's first key */
} attn_work;

static inline int32_t OPS(attn_first)(const ltd_attn *a, int32_t r)
{
    return a->first ? a->first[r] : 0;
}

static inline int32_t OPS(attn_keys)(const ltd_attn *a, int32_t r)
{
    return a->n_past + a->start[r + 1] - a->start[r];
}

/* The slots of a row's tail, by key number from `key` on. */
static inline const int32_t *OPS(attn_tail)(const ltd_attn *a, int32_t r, int32_t key)
{
    return a->tail + a->start[r] + (key - a->n_past);
}

static void OPS(attn_survey)(const ltd_attn *a, attn_work *w)
{
    w->a = a;
    w->heads = a->h1 - a->h0;
    w->queries = a->rows * w->heads;
    w->dims = ((size_t)a->head_dim + 15) / 16 * 16;
    w->least = w->first = INT32_MAX;
    w->most = w->last = 0;
    for (int32_t r = 0; r < a->rows; r++) {
        int32_t n = a->n_past, keys = OPS(attn_keys)(a, r), first = OPS(attn_first)(a, r);
        while (n < keys && *OPS(attn_tail)(a, r, n) == n) n++;
        w->plain[r] = n;
        w->least = n < w->least ? n : w->least;
        w->most = n > w->most ? n : w->most;
        w->first = first < w->first ? first : w->first;
        w->last = first > w->last ? first : w->last;
    }
}

/* --- scores --- */

/* Of the n blocks from number `block` on, by all queries, to c. */
static void OPS(attn_dots)(const attn_work *w, int32_t block, int32_t n, float *c, size_t ldc)
{
    const ltd_attn *a = w->a;
    size_t size = (size_t)a->head_dim * LTD_ATTN_BLOCK;
    attn_product p = {.a = a->work,
                      .lda = w->dims,
                      .b = (const char *)a->k + (size_t)block * size * (a->f16 ? 2 : 4),
                      .f16 = a->f16,
                      .ldb = LTD_ATTN_BLOCK,
                      .next = size,
                      .n = a->head_dim,
                      .c = c,
                      .ldc = ldc,
                      .fresh = true};
    OPS(attn_multiply)(&p, w->queries, n);
}

/* The lowest block behind `after` that a row's tail needs, INT32_MAX when there is none. */
static int32_t OPS(attn_next_block)(const attn_work *w, int32_t after)
{
    int32_t least = INT32_MAX;
    for (int32_t r = 0; r < w->a->rows; r++) {
        const int32_t *tail = OPS(attn_tail)(w->a, r, w->plain[r]);
        int32_t n = OPS(attn_keys)(w->a, r) - w->plain[r];
        for (int32_t j = 0; j < n; j++) {
            int32_t block = tail[j] / LTD_ATTN_BLOCK;
            least = block > after && block < least ? block : least;
        }
    }
    return least;
}

/* Scores of the keys of `block` in the rows' tails go to the places of their numbers. */
static void OPS(attn_pick)(const attn_work *w, int32_t block, const float *dots)
{
    const ltd_attn *a = w->a;
    for (int32_t r = 0; r < a->rows; r++, dots += w->heads * LTD_ATTN_BLOCK) {
        float *scores = a->scores + (size_t)(r * w->heads) * a->lds;
        for (int32_t key = w->plain[r], n = OPS(attn_keys)(a, r); key < n; key++) {
            int32_t slot = *OPS(attn_tail)(a, r, key);
            if (slot / LTD_ATTN_BLOCK != block) continue;
            for (int32_t h = 0; h < w->heads; h++)
                scores[(size_t)h * a->lds + (size_t)key] =
                    dots[h * LTD_ATTN_BLOCK + (slot & ATTN_MASK)];
        }
    }
}

/* Whole blocks are computed for all rows: what a row does not see is overwritten or not read. */
static void OPS(attn_scores)(const attn_work *w)
{
    const ltd_attn *a = w->a;
    int32_t begin = w->first / LTD_ATTN_BLOCK;
    int32_t end = (w->most + ATTN_MASK) / LTD_ATTN_BLOCK;
    if (begin < end)
        OPS(attn_dots)(w, begin, end - begin, a->scores + begin * LTD_ATTN_BLOCK, a->lds);
    float dots[LTD_ATTN_GROUP * LTD_ATTN_BLOCK];
    for (int32_t b = -1; (b = OPS(attn_next_block)(w, b)) != INT32_MAX;) {
        OPS(attn_dots)(w, b, 1, dots, LTD_ATTN_BLOCK);
        OPS(attn_pick)(w, b, dots);
    }
}

/* The largest lane of m and of n vectors at x; four at a time, lest each wait for the one before.
 */
static float OPS(attn_largest)(v16 m, const float *x, int32_t n)
{
    v16 four[4] = {m, m, m, m};
    int32_t j = 0;
    for (; j + 4 <= n; j += 4)
        for (int i = 0; i < 4; i++) four[i] = v16_max(four[i], v16_load(x + 16 * (j + i)));
    for (; j < n; j++) four[0] = v16_max(four[0], v16_load(x + 16 * j));
    return v16_hmax(v16_max(v16_max(four[0], four[1]), v16_max(four[2], four[3])));
}

static inline v16 OPS(attn_weights)(float *scores, v16 x, v16 m)
{
    v16 e = v16_exp(v16_sub(x, m));
    v16_store(scores, e);
    return e;
}

/* scores[first .. n) -> weights e^(s - largest); returns their sum.  The other lanes of the first
 * and the last vector are nobody's: they repeat a score, and add nothing to the sum. */
static float OPS(attn_softmax)(float *scores, int32_t first, int32_t n)
{
    int32_t skip = first / 16 * 16, last = (n - skip - 1) / 16 * 16;
    scores += skip;
    first -= skip;
    n -= skip;
    v16 zero = v16_set1(0), seen = v16_set1(scores[first]);
    v16 x0 = v16_inside(v16_load(scores), seen, first, n), x1 = x0;
    if (last) x1 = v16_inside(v16_load(scores + last), seen, 0, n - last);
    v16 m = v16_set1(OPS(attn_largest)(v16_max(x0, x1), scores + 16, last / 16 - 1));
    v16 sum = v16_inside(OPS(attn_weights)(scores, x0, m), zero, first, n);
    for (int32_t j = 16; j < last; j += 16)
        sum = v16_add(sum, OPS(attn_weights)(scores + j, v16_load(scores + j), m));
    if (!last) return v16_sum(sum);
    v16 rest = OPS(attn_weights)(scores + last, x1, m);
    return v16_sum(v16_add(sum, v16_inside(rest, zero, 0, n - last)));
}

/* --- sums --- */

/* Queries q .. q + nq - 1 take in keys [from, to), from the slots of their numbers or from those
 * listed. */
static void OPS(attn_sum)(const attn_work *w, int32_t q, int32_t nq, int32_t from, int32_t to,
                          const int32_t *slots)
{
    if (from >= to) return;
    const ltd_attn *a = w->a;
    size_t skip = slots ? 0 : (size_t)from * w->dims * (a->f16 ? 2 : 4);
    attn_product p = {.a = a->scores + (size_t)q * a->lds + from,
                      .lda = a->lds,
                      .b = (const char *)a->v + skip,
                      .f16 = a->f16,
                      .ldb = w->dims,
                      .next = 16,
                      .rows = slots,
                      .n = to - from,
                      .c = a->work + (size_t)q * w->dims,
                      .ldc = w->dims};
    OPS(attn_multiply)(&p, nq, (int32_t)(w->dims / 16));
}

static inline int32_t OPS(attn_larger)(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

/* Rows take their keys in order: those before the largest window's begin each for itself, what all
 * see together, then the rest each for itself. */
static void OPS(attn_sums)(const attn_work *w)
{
    const ltd_attn *a = w->a;
    int32_t heads = w->heads, joint = w->last < w->least ? w->last : w->least;
    for (int32_t r = 0; r < a->rows; r++)
        OPS(attn_sum)(w, r * heads, heads, OPS(attn_first)(a, r), joint, NULL);
    if (w->last < w->least) OPS(attn_sum)(w, 0, w->queries, w->last, w->least, NULL);
    for (int32_t r = 0; r < a->rows; r++) {
        int32_t from = OPS(attn_larger)(OPS(attn_first)(a, r), w->least);
        OPS(attn_sum)(w, r * heads, heads, from, w->plain[r], NULL);
        from = OPS(attn_larger)(from, w->plain[r]);
        OPS(attn_sum)
        (w, r * heads, heads, from, OPS(attn_keys)(a, r), OPS(attn_tail)(a, r, from));
    }
}

static void OPS(attention)(const ltd_attn *a)
{
    attn_work w;
    OPS(attn_survey)(a, &w);
    float *work = a->work, total[LTD_ATTN_GROUP];
    v8 scale = v8_set1(a->scale);
    for (int32_t q = 0; q < w.queries; q++, work += w.dims) {
        const float *x = a->q + (size_t)(q / w.heads) * a->ldq +
                         (size_t)(a->h0 + q % w.heads) * (size_t)a->head_dim;
        for (int32_t d = 0; d < a->head_dim; d += 8)
            v8_store(work + d, v8_mul(v8_load(x + d), scale));
    }
    OPS(attn_scores)(&w);
    for (int32_t q = 0; q < w.queries; q++) {
        int32_t r = q / w.heads;
        total[q] = OPS(attn_softmax)(a->scores + (size_t)q * a->lds, OPS(attn_first)(a, r),
                                     OPS(attn_keys)(a, r));
    }
    memset(a->work, 0, (size_t)w.queries * w.dims * sizeof *a->work);
    OPS(attn_sums)(&w);
    work = a->work;
    for (int32_t q = 0; q < w.queries; q++, work += w.dims) {
        float *out = a->out + (size_t)(q / w.heads) * a->ldo +
                     (size_t)(a->h0 + q % w.heads) * (size_t)a->head_dim;
        v8 inv = v8_set1(1.0f / total[q]);
        for (int32_t d = 0; d < a->head_dim; d += 8)
            v8_store(out + d, v8_mul(v8_load(work + d), inv));
    }
}
