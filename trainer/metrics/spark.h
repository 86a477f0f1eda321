/* Curves and bars out of characters: block elements of Unicode, or ASCII.
 *
 *     ltd_spark s = LTD_SPARK_INIT;
 *     ltd_spark_push(&s, reward);
 *     ltd_spark_draw(&s, 40, true, &line);          the whole history in 40 columns
 *     ltd_spark_bar(0.41, 20, true, &line);
 *
 * Thread rule: pure functions over the caller's struct. */
#ifndef LTD_TRAINER_SPARK_H
#define LTD_TRAINER_SPARK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { LTD_SPARK_BINS = 256 };

/* A history of any length in a fixed room: means over bins that grow. */
typedef struct ltd_spark {
    double bin[LTD_SPARK_BINS];
    int n;            /* full bins */
    int64_t each;     /* values a bin; 0: none so far */
    double sum;       /* of the bin that fills */
    int64_t in_sum;   /* values in it */
    double low, high; /* of the bins, as drawn last */
} ltd_spark;

/* clang-format off */
#define LTD_SPARK_INIT {{0}, 0, 0, 0, 0, 0, 0}
/* clang-format on */

/* One more value; those that are not finite are passed over. */
void ltd_spark_push(ltd_spark *s, double value);
/* Append the history in `columns` at most; returns the columns taken, 0 while it is empty.  Sets
 * low and high: the values of the lowest and the highest level. */
int ltd_spark_draw(ltd_spark *s, int columns, bool utf8, ltd_str *out);

/* Append a bar of `columns` of which a share [0, 1] is filled. */
void ltd_spark_bar(double share, int columns, bool utf8, ltd_str *out);

#ifdef __cplusplus
}
#endif
#endif
