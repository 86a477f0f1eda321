/* The table each ops_<isa>.c defines.  Private to models/kernels. */
#ifndef LTD_MODELS_KERNELS_TABLES_H
#define LTD_MODELS_KERNELS_TABLES_H

#include "models/kernels/kernels.h"

const ltd_kernels *ltd_kernels_plain(void);
const ltd_kernels *ltd_kernels_avx2(void);

#endif
