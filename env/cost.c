/* Points are sorted by (context, rows), so that the rows measured at one context are a run.  Runs
 * need not hold the same rows: each is interpolated by itself, then the two around the context
 * are. */
#include "env/cost.h"

/* Is the point of (context, rows) behind this pair? */
static bool behind(const ltd_cost_point *p, int32_t context, int32_t rows)
{
    return p->context != context ? p->context > context : p->rows > rows;
}

/* First point of p[n] with (context, rows) > the pair. */
static int32_t upper(const ltd_cost_point *p, int32_t n, int32_t context, int32_t rows)
{
    int32_t low = 0;
    while (low < n) {
        int32_t mid = low + (n - low) / 2;
        if (behind(&p[mid], context, rows))
            n = mid;
        else
            low = mid + 1;
    }
    return low;
}

static double between(double x, double x0, double x1, double y0, double y1)
{
    return y0 + (x - x0) / (x1 - x0) * (y1 - y0);
}

/* Along one context: p[first .. end). */
static double along_rows(const ltd_cost_point *p, int32_t first, int32_t end, int32_t rows)
{
    int32_t above = first + upper(p + first, end - first, p[first].context, rows);
    if (above == first) return p[first].ms;
    if (above == end) return p[end - 1].ms;
    return between(rows, p[above - 1].rows, p[above].rows, p[above - 1].ms, p[above].ms);
}

static double look_up(const ltd_cost_point *p, int32_t n, int32_t rows, int32_t context)
{
    if (n <= 0) return 0;
    /* [low_first, low_end): the last context <= ours; [low_end, high_end): the one after. */
    int32_t low_end = upper(p, n, context, INT32_MAX), low_first = 0, high_end = low_end;
    if (low_end > 0) low_first = upper(p, low_end, p[low_end - 1].context, 0);
    if (low_end < n) high_end = upper(p, n, p[low_end].context, INT32_MAX);
    if (low_end == n) return along_rows(p, low_first, low_end, rows);
    double high = along_rows(p, low_end, high_end, rows);
    if (low_end == 0) return high;
    double low = along_rows(p, low_first, low_end, rows);
    return between(context, p[low_first].context, p[low_end].context, low, high);
}

double ltd_cost_verify(const ltd_cost *cost, int32_t rows, int32_t context)
{
    return look_up(cost->verify, cost->n_verify, rows, context);
}

double ltd_cost_draft(const ltd_cost *cost, int32_t rows, int32_t context)
{
    return look_up(cost->draft, cost->n_draft, rows, context);
}

double ltd_cost_ar(const ltd_cost *cost, int32_t context)
{
    double middle = ltd_cost_verify(cost, 1, cost->middle_context);
    if (!(middle > 0)) return cost->t_ar_ms;
    return cost->t_ar_ms * ltd_cost_verify(cost, 1, context) / middle;
}

double ltd_cost_cycle(const ltd_cost *cost, const ltd_cost_work *w)
{
    double ms = (double)cost->commit_ms + (w->forwards + 2) * (double)cost->decide_ms;
    if (w->forwards > 0) ms += ltd_cost_draft(cost, 1, w->context);
    if (w->forwards > 0 && w->waiting > 1) ms += (w->waiting - 1) * (double)cost->waiting_ms;
    if (w->forwards > 1) ms += (w->forwards - 1) * ltd_cost_draft(cost, w->top_k, w->context);
    return ms + ltd_cost_verify(cost, w->size + 1, w->context);
}
