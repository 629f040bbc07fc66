#include "cre2.h"

#include <re2/re2.h>

#include <vector>

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

lobstack_re2 *lobstack_re2_compile_perl(const char *pattern, size_t length) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(8 << 20);
  return new lobstack_re2(re2::StringPiece(pattern, length), options);
}

int lobstack_re2_groups(const lobstack_re2 *expression) {
  return expression->is_usable ? expression->expression.NumberOfCapturingGroups() : 0;
}

const char *lobstack_re2_group_name(const lobstack_re2 *expression, int group) {
  if (!expression->is_usable) return nullptr;
  const auto &names = expression->expression.CapturingGroupNames();
  const auto found = names.find(group);
  return found == names.end() ? nullptr : found->second.c_str();
}

int lobstack_re2_search(const lobstack_re2 *expression, const char *text, size_t length, size_t start,
                        ptrdiff_t *offsets, int count) {
  if (!expression->is_usable || start > length || count < 0) return 0;
  std::vector<re2::StringPiece> groups(count);
  const re2::StringPiece piece(text, length);
  if (!expression->expression.Match(piece, start, length, re2::RE2::UNANCHORED, groups.data(), count)) return 0;
  for (int index = 0; index < count; index++) {
    const bool is_part = groups[index].data() != nullptr;
    offsets[2 * index] = is_part ? groups[index].data() - text : -1;
    offsets[2 * index + 1] = is_part ? offsets[2 * index] + static_cast<ptrdiff_t>(groups[index].size()) : -1;
  }
  return 1;
}
