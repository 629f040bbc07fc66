#ifndef LOBSTACK_CRE2_H
#define LOBSTACK_CRE2_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A compiled regular expression of RE2 (github.com/google/re2), which matches in time linear to the text. */
typedef struct lobstack_re2 lobstack_re2;

/* Compiles a POSIX extended regular expression (RE2's "posix_syntax"). The result is never NULL; where it cannot be
   used, lobstack_re2_error tells why. */
lobstack_re2 *lobstack_re2_compile(const char *pattern, size_t length);
void lobstack_re2_free(lobstack_re2 *expression);

/* NULL when the expression can be used. */
const char *lobstack_re2_error(const lobstack_re2 *expression);

/* Whether the whole text matches. */
int lobstack_re2_matches(const lobstack_re2 *expression, const char *text, size_t length);

#ifdef __cplusplus
}
#endif

#endif
