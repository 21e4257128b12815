// What the reference does with ftfy and html.unescape, as far as prompts need it: mis-decoded UTF-8
// of a whole text, HTML entities (numbers and the names below), straight quotes, ligatures and
// full-width forms, line breaks, control characters and terminal escapes, NFC; then white space
// runs to one space, and lower case.
#include <unicode/bytestream.h>
#include <unicode/locid.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>
#include <unicode/utf8.h>

#include <array>
#include <map>
#include <optional>

#include "model/sam3/tokenizer.hpp"

namespace samovar::model::sam3 {
namespace {

using icu::UnicodeString;

/// U+00A0 to U+00FF.
constexpr std::array<const char*, 96> latin_names{
    "nbsp",   "iexcl",  "cent",   "pound",  "curren", "yen",    "brvbar", "sect",   "uml",
    "copy",   "ordf",   "laquo",  "not",    "shy",    "reg",    "macr",   "deg",    "plusmn",
    "sup2",   "sup3",   "acute",  "micro",  "para",   "middot", "cedil",  "sup1",   "ordm",
    "raquo",  "frac14", "frac12", "frac34", "iquest", "Agrave", "Aacute", "Acirc",  "Atilde",
    "Auml",   "Aring",  "AElig",  "Ccedil", "Egrave", "Eacute", "Ecirc",  "Euml",   "Igrave",
    "Iacute", "Icirc",  "Iuml",   "ETH",    "Ntilde", "Ograve", "Oacute", "Ocirc",  "Otilde",
    "Ouml",   "times",  "Oslash", "Ugrave", "Uacute", "Ucirc",  "Uuml",   "Yacute", "THORN",
    "szlig",  "agrave", "aacute", "acirc",  "atilde", "auml",   "aring",  "aelig",  "ccedil",
    "egrave", "eacute", "ecirc",  "euml",   "igrave", "iacute", "icirc",  "iuml",   "eth",
    "ntilde", "ograve", "oacute", "ocirc",  "otilde", "ouml",   "divide", "oslash", "ugrave",
    "uacute", "ucirc",  "uuml",   "yacute", "thorn",  "yuml"};

const std::map<std::string, UChar32>& entities() {
  static const auto all = [] {
    std::map<std::string, UChar32> m{{"amp", '&'},      {"lt", '<'},       {"gt", '>'},
                                     {"quot", '"'},     {"apos", '\''},    {"hellip", 0x2026},
                                     {"ndash", 0x2013}, {"mdash", 0x2014}, {"lsquo", 0x2018},
                                     {"rsquo", 0x2019}, {"ldquo", 0x201C}, {"rdquo", 0x201D},
                                     {"bull", 0x2022},  {"euro", 0x20AC},  {"trade", 0x2122}};
    for (std::size_t i = 0; i < latin_names.size(); ++i)
      m[latin_names[i]] = static_cast<UChar32>(0xA0 + i);
    return m;
  }();
  return all;
}

/// `name` is what stands between '&' and ';'.
std::optional<UChar32> entity(const std::string& name) {
  if (name.size() < 2) return std::nullopt;
  if (name[0] != '#') {
    const auto found = entities().find(name);
    return found == entities().end() ? std::nullopt : std::optional(found->second);
  }
  const bool hex = name[1] == 'x' || name[1] == 'X';
  const std::string digits = name.substr(hex ? 2 : 1);
  if (digits.empty() || digits.size() > 7 ||
      digits.find_first_not_of(hex ? "0123456789abcdefABCDEF" : "0123456789") != std::string::npos)
    return std::nullopt;
  const long value = std::stol(digits, nullptr, hex ? 16 : 10);
  const bool valid = value > 0 && value <= 0x10FFFF && !(value >= 0xD800 && value <= 0xDFFF);
  return valid ? static_cast<UChar32>(value) : UChar32{0xFFFD};
}

UnicodeString unescape(const UnicodeString& text) {
  constexpr std::int32_t name_max = 10;
  UnicodeString out;
  for (std::int32_t i = 0; i < text.length(); ++i) {
    const std::int32_t end = text[i] == '&' ? text.indexOf(u';', i) : -1;
    if (end > i && end - i <= name_max) {
      std::string name;
      text.tempSubStringBetween(i + 1, end).toUTF8String(name);
      if (const auto c = entity(name)) {
        out.append(*c);
        i = end;
        continue;
      }
    }
    out.append(text[i]);
  }
  return out;
}

/// The byte that Windows-1252 writes for c (Latin-1 where it has none), or -1.
int windows_byte(UChar32 c) {
  constexpr std::array<UChar32, 32> high{
      0x20AC, 0x81,   0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
      0x2039, 0x0152, 0x8D,   0x017D, 0x8F,   0x90,   0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
      0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x9D,   0x017E, 0x0178};
  if (c < 0x100) return static_cast<int>(c);
  for (std::size_t i = 0; i < high.size(); ++i)
    if (high[i] == c) return static_cast<int>(0x80 + i);
  return -1;
}

/// UTF-8 that was read as Windows-1252, read again. Only when the whole text is such.
UnicodeString read_again(const UnicodeString& text) {
  std::string bytes;
  bool beyond_ascii = false;
  for (std::int32_t i = 0; i < text.length(); i = text.moveIndex32(i, 1)) {
    const int b = windows_byte(text.char32At(i));
    if (b < 0) return text;
    beyond_ascii = beyond_ascii || b >= 0x80;
    bytes.push_back(static_cast<char>(b));
  }
  if (!beyond_ascii) return text;
  const auto size = static_cast<std::int32_t>(bytes.size());
  for (std::int32_t i = 0; i < size;) {
    UChar32 c = 0;
    U8_NEXT(bytes.data(), i, size, c);
    if (c < 0) return text;
  }
  return UnicodeString::fromUTF8(bytes);
}

bool is_compatibility_letter(UChar32 c) {
  return (c >= 0xFB00 && c <= 0xFB06) || c == 0x132 || c == 0x133 || c == 0x149 ||
         (c >= 0x1C4 && c <= 0x1CC) || (c >= 0x1F1 && c <= 0x1F3) || (c >= 0xFF01 && c <= 0xFFEF) ||
         c == 0x3000;
}

bool is_dropped(UChar32 c) {
  return c <= 0x08 || c == 0x0B || (c >= 0x0E && c <= 0x1F) || c == 0x7F ||
         (c >= 0x206A && c <= 0x206F) || c == 0xFEFF || (c >= 0xFFF9 && c <= 0xFFFC);
}

/// One past a terminal escape (ESC [ digits letter) that begins at i; i where there is none.
std::int32_t after_escape(const UnicodeString& t, std::int32_t i) {
  if (t[i] != 0x1B || i + 1 >= t.length() || t[i + 1] != '[') return i;
  std::int32_t j = i + 2;
  while (j < t.length() && ((t[j] >= '0' && t[j] <= '9') || t[j] == ';')) ++j;
  const bool letter = j < t.length() && ((t[j] | 0x20) >= 'a' && (t[j] | 0x20) <= 'z');
  return letter ? j + 1 : i;
}

UnicodeString plain_characters(const UnicodeString& t) {
  UErrorCode problem = U_ZERO_ERROR;
  const auto* compatible = icu::Normalizer2::getNFKCInstance(problem);
  UnicodeString out;
  for (std::int32_t i = 0; i < t.length();) {
    if (const auto after = after_escape(t, i); after != i) {
      i = after;
      continue;
    }
    const UChar32 c = t.char32At(i);
    i = t.moveIndex32(i, 1);
    if (c == 0x2BC || (c >= 0x2018 && c <= 0x201B))
      out.append(u'\'');
    else if (c >= 0x201C && c <= 0x201F)
      out.append(u'"');
    else if (c == '\r' || c == 0x85 || c == 0x2028 || c == 0x2029)
      out.append(u'\n');
    else if (is_compatibility_letter(c))
      out.append(compatible->normalize(UnicodeString(c), problem));
    else if (!is_dropped(c))
      out.append(c);
  }
  UnicodeString composed = icu::Normalizer2::getNFCInstance(problem)->normalize(out, problem);
  return U_FAILURE(problem) ? out : composed;
}

UnicodeString single_spaces(const UnicodeString& t) {
  UnicodeString out;
  bool gap = false;
  for (std::int32_t i = 0; i < t.length(); i = t.moveIndex32(i, 1)) {
    const UChar32 c = t.char32At(i);
    if (u_isUWhiteSpace(c)) {
      gap = true;
      continue;
    }
    if (gap && !out.isEmpty()) out.append(u' ');
    gap = false;
    out.append(c);
  }
  return out;
}

}  // namespace

std::string clean_prompt(std::string_view utf8) {
  UnicodeString t = UnicodeString::fromUTF8(
      icu::StringPiece(utf8.data(), static_cast<std::int32_t>(utf8.size())));
  if (t.indexOf(u'<') < 0) t = unescape(t);
  t = plain_characters(read_again(t));
  t = single_spaces(unescape(unescape(t)));
  t.toLower(icu::Locale::getRoot());
  std::string out;
  t.toUTF8String(out);
  return out;
}

}  // namespace samovar::model::sam3
