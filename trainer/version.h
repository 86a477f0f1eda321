/* Which program this is: recorded in every result. */
#ifndef LTD_TRAINER_VERSION_H
#define LTD_TRAINER_VERSION_H

#ifdef __cplusplus
extern "C" {
#endif

/* "0.1.0"; static storage. */
const char *ltd_version(void);
/* Git's name of the commit, "-dirty" behind it when the tree had changes; "unknown" outside a
 * repository. */
const char *ltd_commit(void);

#ifdef __cplusplus
}
#endif
#endif
