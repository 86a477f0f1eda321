/* Made-up records (env/trace.h), whose heads know the true continuation now and then.
 *
 * meson: name `made_trace` among the dependencies. */
#ifndef LTD_TESTS_SUPPORT_MADE_TRACE_H
#define LTD_TESTS_SUPPORT_MADE_TRACE_H

#include "env/trace.h"

enum { MADE_TRACE_TOP_K = 3, MADE_TRACE_PROMPT = 5 };

/* Frees what is in *trace, which may be zero, and fills it with texts of so many positions. */
void made_trace(ltd_trace *trace, uint64_t seed, int32_t texts, int32_t positions,
                int32_t forwards);

#endif
