#include "tests/support/golden.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *root(void)
{
    const char *r = getenv("LTD_SOURCE_ROOT");
    return r ? r : ".";
}

bool golden_path(char *ret, size_t n, const char *name)
{
    const char *set = getenv("LTD_GOLDEN");
    if (set && *set) {
        snprintf(ret, n, "%s/%s", set, name);
        return access(ret, R_OK) == 0;
    }
    snprintf(ret, n, "%s/tests/golden/%s", root(), name);
    if (access(ret, R_OK) == 0) return true;
    snprintf(ret, n, "%s/../shared/golden/%s", root(), name);
    return access(ret, R_OK) == 0;
}

bool source_path(char *ret, size_t n, const char *name)
{
    snprintf(ret, n, "%s/%s", root(), name);
    return access(ret, R_OK) == 0;
}

const char *default_model(void)
{
    static char path[1024];
    const char *set = getenv("LTD_MODEL");
    if (set && *set) return access(set, R_OK) == 0 ? set : NULL;
    snprintf(path, sizeof path, "%s/models.cache/SmolLM2-135M-Instruct.Q4_1.gguf", root());
    return access(path, R_OK) == 0 ? path : NULL;
}
