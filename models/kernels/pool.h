/* A small pool of threads for work that lasts microseconds: wake by spinning, then by futex.
 *
 *     ltd_pool_run(pool, fn, ctx, n_tasks);         fn(ctx, task, thread) for task 0 .. n_tasks-1
 *
 * Each thread has a run of neighbouring tasks, the same in every region of as many, and takes them
 * one by one; who is done takes from the ends of others' runs.  So a thread mostly finds in its
 * caches what it used before, and a preempted one delays its own task only; while that happens
 * again and again, fewer threads are used.  Which thread runs a task is not defined; results must
 * not depend on it.  Thread rule: one caller at a time.  The caller takes part; with one thread no
 * other is made. */
#ifndef LTD_MODELS_KERNELS_POOL_H
#define LTD_MODELS_KERNELS_POOL_H

#include <stdint.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { LTD_POOL_MAX_THREADS = 64, LTD_POOL_MAX_TASKS = (1 << 20) - 1 };

typedef struct ltd_pool ltd_pool;
typedef void ltd_pool_fn(void *ctx, int32_t task, int32_t thread);

/* `threads` includes the caller; 0 = one for each processor we may run on.  LTD_EINVAL, LTD_ENOMEM.
 * *ret owned. */
int ltd_pool_new(ltd_pool **ret, int32_t threads, ltd_err *err);
void ltd_pool_free(ltd_pool *pool);
int32_t ltd_pool_threads(const ltd_pool *pool);

/* Run all tasks; returns when the last is done.  n_tasks in [0, LTD_POOL_MAX_TASKS]. */
void ltd_pool_run(ltd_pool *pool, ltd_pool_fn *fn, void *ctx, int32_t n_tasks);

#ifdef __cplusplus
}
#endif
#endif
