/* What writer and reader of C headers share. */
#ifndef LTD_AGENTS_EXPORT_CHEADER_PRIV_H
#define LTD_AGENTS_EXPORT_CHEADER_PRIV_H

/* The first line: this, 64 hex digits of the SHA-256 of all that follows, and the comment's end. */
#define LTD_CHEADER_DIGEST "/* SHA-256 of what follows: "

#endif
