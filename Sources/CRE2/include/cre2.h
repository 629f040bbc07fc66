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

/* Compiles an expression in RE2's own syntax, which is Perl's as far as it goes, for lobstack_re2_search. Takes 8 MiB
   of memory at most. As with lobstack_re2_compile, the result is never NULL. */
lobstack_re2 *lobstack_re2_compile_perl(const char *pattern, size_t length);

/* How many groups the expression has, without the whole match. */
int lobstack_re2_groups(const lobstack_re2 *expression);

/* The name of a group, from 1 on; NULL when it has none. Lives as long as the expression. */
const char *lobstack_re2_group_name(const lobstack_re2 *expression, int group);

/* Finds the first match from an offset on; what is before counts for ^ and \b. "offsets" has room for two numbers by
   each of "count" groups, where 0 is the whole match: begin and end, or -1 and -1 for a group that took no part. */
int lobstack_re2_search(const lobstack_re2 *expression, const char *text, size_t length, size_t start,
                        ptrdiff_t *offsets, int count);

#ifdef __cplusplus
}
#endif

#endif
