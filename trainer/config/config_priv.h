/* What the files of the configuration share.  Private to trainer/config*.c. */
#ifndef LTD_TRAINER_CONFIG_PRIV_H
#define LTD_TRAINER_CONFIG_PRIV_H

#include "trainer/config/config.h"

/* The field of a key. */
static inline void *ltd_config_field(ltd_config *config, const ltd_key *key)
{
    return (char *)config + key->offset;
}

static inline const void *ltd_config_field_const(const ltd_config *config, const ltd_key *key)
{
    return (const char *)config + key->offset;
}

/* Code point at *p of a NUL-terminated text, moving *p behind it; 0 at the end, -1 when the bytes
 * are no UTF-8. */
int32_t ltd_config_utf8_next(const char **p);

#endif
