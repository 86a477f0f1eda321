/* Status codes and the error record that every fallible call of the project fills.
 *
 * 0 is success.  Negative codes are failures and are forwarded unchanged.  Positive codes are
 * conditions that one function documents; its direct caller handles them and never forwards them.
 *
 *     ltd_err err = LTD_ERR_INIT;
 *     if (ltd_gguf_open(&file, path, &err) < 0) fprintf(stderr, "ltd: %s\n", err.msg);
 *
 * Thread rule: an ltd_err belongs to the thread that passes it. */
#ifndef LTD_BASE_STATUS_H
#define LTD_BASE_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

enum ltd_status {
    LTD_OK = 0,
    LTD_EINVAL = -1,       /* an argument, an option or a key that can't be */
    LTD_ENOMEM = -2,       /* no memory */
    LTD_EIO = -3,          /* the operating system refused a file */
    LTD_EFORMAT = -4,      /* a file is not what it should be */
    LTD_EUNSUPPORTED = -5, /* well formed, but not something we handle */
    LTD_ETORCH = -6,       /* libtorch threw */
    LTD_EHDF5 = -7,        /* HDF5 refused */
    LTD_ECANCELED = -8,    /* stopped by the user */
};

/* One failure: filled once where it is born; callers may prefix context.  Storage is the caller's.
 */
typedef struct ltd_err {
    int code;         /* enum ltd_status, 0 = none */
    char msg[320];    /* what, where, found, expected; one line */
    const char *file; /* source of the failure, static storage */
    int line;
} ltd_err;

/* clang-format off */
#define LTD_ERR_INIT {0, {0}, 0, 0}
/* clang-format on */

#if defined(__GNUC__)
#define LTD_PRINTF(a, b) __attribute__((format(printf, a, b)))
#else
#define LTD_PRINTF(a, b)
#endif

/* Fill `err` (may be NULL) at the place where a failure is born, and return `code`:
 *     return ltd_fail(err, LTD_EFORMAT, "%s: magic is '%.4s', expected 'GGUF'", path, magic); */
#define ltd_fail(err, code, ...) ltd_err_set((err), (code), __FILE__, __LINE__, __VA_ARGS__)

/* The function behind ltd_fail().  Returns `code`.  Messages longer than msg are cut. */
int ltd_err_set(ltd_err *err, int code, const char *file, int line, const char *fmt, ...)
    LTD_PRINTF(5, 6);

/* Put "context: " before the message of a failure that is passed on.  Nothing when err is NULL or
 * holds no failure.  Returns err's code, or `code` when err is NULL. */
int ltd_err_prefix(ltd_err *err, int code, const char *fmt, ...) LTD_PRINTF(3, 4);

/* Name of a status code, "OK", "EINVAL"...; static storage. */
const char *ltd_status_name(int code);

#ifdef __cplusplus
}
#endif
#endif
