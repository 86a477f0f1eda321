/* Why not one sort: a policy looks at the tree after every draft forward, and each forward adds
 * k*k nodes of which few reach the top.  So the sorted part is kept over forwards; newcomers are
 * split against its last key, the few better ones sorted and merged in, and a deeper question
 * partitions only what waits behind.  Sorting is quicksort with a depth limit (heapsort behind it),
 * on plain integers: no comparison callback, no allocation, no bad case. */
#include "env/rank.h"

#include <string.h>

enum { SMALL = 16 }; /* ranges up to this are sorted by insertion */

uint64_t ltd_rank_key(float score, int32_t index)
{
    uint32_t bits;
    score += 0.0f; /* -0 and 0 tie */
    memcpy(&bits, &score, sizeof bits);
    /* Negative floats grow in magnitude with their bits, which is the descending order we want;
     * the others go in front of them, reversed. */
    uint32_t high = bits & 0x80000000u ? bits : 0x7fffffffu - bits;
    return ((uint64_t)high << 32) | (uint32_t)index;
}

static void swap_keys(uint64_t *a, uint64_t *b)
{
    uint64_t t = *a;
    *a = *b;
    *b = t;
}

static void insertion_sort(uint64_t *v, int32_t n)
{
    for (int32_t i = 1; i < n; i++) {
        uint64_t key = v[i];
        int32_t j = i;
        for (; j > 0 && v[j - 1] > key; j--) v[j] = v[j - 1];
        v[j] = key;
    }
}

static void sift_down(uint64_t *v, int32_t i, int32_t n)
{
    for (int32_t child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && v[child + 1] > v[child]) child++;
        if (v[i] >= v[child]) return;
        swap_keys(&v[i], &v[child]);
    }
}

static void heap_sort(uint64_t *v, int32_t n)
{
    for (int32_t i = n / 2 - 1; i >= 0; i--) sift_down(v, i, n);
    for (int32_t end = n - 1; end > 0; end--) {
        swap_keys(&v[0], &v[end]);
        sift_down(v, 0, end);
    }
}

/* Hoare's partition around the median of three: afterwards v[0 .. ret) <= v[ret .. n), both sides
 * non-empty.  n >= 3. */
static int32_t partition(uint64_t *v, int32_t n)
{
    int32_t mid = n / 2;
    if (v[mid] < v[0]) swap_keys(&v[mid], &v[0]);
    if (v[n - 1] < v[0]) swap_keys(&v[n - 1], &v[0]);
    if (v[n - 1] < v[mid]) swap_keys(&v[n - 1], &v[mid]);
    uint64_t pivot = v[mid];
    int32_t i = 0, j = n - 1;
    for (;;) {
        while (v[i] < pivot) i++;
        while (v[j] > pivot) j--;
        if (i >= j) return i > 0 ? i : 1;
        swap_keys(&v[i++], &v[j--]);
    }
}

static int32_t depth_limit(int32_t n)
{
    int32_t limit = 2;
    for (; n > 1; n >>= 1) limit += 2;
    return limit;
}

static void sort_keys(uint64_t *v, int32_t n, int32_t limit)
{
    while (n > SMALL) {
        if (limit-- == 0) {
            heap_sort(v, n);
            return;
        }
        int32_t cut = partition(v, n);
        if (cut <= n - cut) {
            sort_keys(v, cut, limit);
            v += cut, n -= cut;
        } else {
            sort_keys(v + cut, n - cut, limit);
            n = cut;
        }
    }
    insertion_sort(v, n);
}

/* Bring the `want` smallest of v[n] to its front, in any order.  0 < want < n. */
static void select_front(uint64_t *v, int32_t n, int32_t want)
{
    int32_t limit = depth_limit(n);
    while (n > SMALL) {
        if (limit-- == 0) {
            heap_sort(v, n);
            return;
        }
        int32_t cut = partition(v, n);
        if (want == cut) return;
        if (want < cut) {
            n = cut;
        } else {
            v += cut, n -= cut, want -= cut;
        }
    }
    insertion_sort(v, n);
}

void ltd_rank_clear(ltd_rank *rank)
{
    rank->sorted = rank->settled = rank->count = 0;
}

void ltd_rank_push(ltd_rank *rank, uint64_t key)
{
    rank->keys[rank->count++] = key;
}

/* Merge keys[0 .. a) and keys[a .. a + b), both ascending. */
static void merge_runs(ltd_rank *rank, int32_t a, int32_t b)
{
    uint64_t *keys = rank->keys;
    memcpy(rank->spare, keys + a, (size_t)b * sizeof *keys);
    for (int32_t out = a + b - 1; b > 0; out--) {
        if (a > 0 && keys[a - 1] > rank->spare[b - 1])
            keys[out] = keys[--a];
        else
            keys[out] = rank->spare[--b];
    }
}

/* Newcomers better than the last sorted key join the sorted part, the others wait. */
static void settle(ltd_rank *rank)
{
    uint64_t *keys = rank->keys;
    int32_t sorted = rank->sorted, better = sorted;
    if (sorted > 0) {
        uint64_t last = keys[sorted - 1];
        for (int32_t i = rank->settled; i < rank->count; i++)
            if (keys[i] < last) swap_keys(&keys[i], &keys[better++]);
    }
    rank->settled = rank->count;
    if (better == sorted) return;
    sort_keys(keys + sorted, better - sorted, depth_limit(better - sorted));
    merge_runs(rank, sorted, better - sorted);
    rank->sorted = better;
}

const uint64_t *ltd_rank_best(ltd_rank *rank, int32_t n)
{
    if (n > rank->count) n = rank->count;
    if (rank->settled < rank->count) settle(rank);
    if (n > rank->sorted) {
        uint64_t *rest = rank->keys + rank->sorted;
        int32_t want = n - rank->sorted, left = rank->count - rank->sorted;
        if (want < left) select_front(rest, left, want);
        sort_keys(rest, want, depth_limit(want));
        rank->sorted = n;
    }
    return rank->keys;
}
