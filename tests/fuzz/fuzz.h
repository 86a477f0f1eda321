/* A fuzz target is one function over bytes: it must not crash, leak or hang, whatever they are.
 * libFuzzer calls it with mutated inputs (option fuzz); replay.c with files, as a normal test. */
#ifndef LTD_TESTS_FUZZ_FUZZ_H
#define LTD_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
