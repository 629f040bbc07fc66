#include "cre2.h"

#include <re2/re2.h>

struct lobstack_re2 {
  re2::RE2 expression;
  bool is_usable;

  lobstack_re2(re2::StringPiece pattern, const re2::RE2::Options &options) : expression(pattern, options) {
    is_usable = expression.ok();
  }
};

lobstack_re2 *lobstack_re2_compile(const char *pattern, size_t length) {
  re2::RE2::Options options(re2::RE2::POSIX);
  // What is wrong is told by lobstack_re2_error, not on standard error.
  options.set_log_errors(false);
  return new lobstack_re2(re2::StringPiece(pattern, length), options);
}

void lobstack_re2_free(lobstack_re2 *expression) { delete expression; }

const char *lobstack_re2_error(const lobstack_re2 *expression) {
  return expression->is_usable ? nullptr : expression->expression.error().c_str();
}

int lobstack_re2_matches(const lobstack_re2 *expression, const char *text, size_t length) {
  const re2::StringPiece piece(text, length);
  return expression->is_usable && expression->expression.Match(piece, 0, length, re2::RE2::ANCHOR_BOTH, nullptr, 0);
}
