/* The table each ops_<isa>.c defines.  Private to models/kernels. */
#ifndef LTD_MODELS_KERNELS_TABLES_H
#define LTD_MODELS_KERNELS_TABLES_H

#include "models/kernels/kernels.h"

const ltd_kernels *ltd_kernels_plain(void);
const ltd_kernels *ltd_kernels_avx2(void);
const ltd_kernels *ltd_kernels_vnni(void);
/* NULL when the operating system gives no AMX state. */
const ltd_kernels *ltd_kernels_amx(void);
/* That, with tiles for as few rows as one, whatever it costs: for tests. */
const ltd_kernels *ltd_kernels_amx_tiles(void);

/* For AMX, whose row operations and small blocks are VNNI's. */
void ltd_vnni_linear(const ltd_packed *w, const ltd_acts *x, int32_t m, int32_t tile0,
                     int32_t tile1, float *y, size_t ldy);

#endif
