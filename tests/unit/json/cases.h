/* SPDX-License-Identifier: Apache-2.0 */
/* Texts that every reader of src/json judges alike: RFC 8259, and Writ's stricter rules. */
#ifndef TESTS_UNIT_JSON_CASES_H
#define TESTS_UNIT_JSON_CASES_H

#include "base/str.h"

struct json_case {
	struct str text;
	bool accept;
};

/* clang-format off */
#define YES(lit) {STR_INIT(lit), true}
#define NO(lit) {STR_INIT(lit), false}

static const struct json_case json_cases[] = {
	/* structure */
	YES("{}"), YES("[]"), YES("[[]]"), YES("[{}]"), YES("{\"a\":{}}"), YES("{\"a\":[]}"),
	YES(" [ ] "), YES("\t{\r\n} "), YES("[1 , 2]"), YES("{ \"a\" : 1 , \"b\" : 2 }"),
	YES("[[[[[[[[[[]]]]]]]]]]"), YES("[[],[],{},[{}]]"), YES("{\"a\":{\"b\":{\"c\":[{}]}}}"),
	NO(""), NO(" "), NO("\n"), NO("["), NO("]"), NO("{"), NO("}"), NO("[[]"), NO("[]]"),
	NO("{}}"), NO("[}"), NO("{]"), NO("[,]"), NO("{,}"), NO("[1,]"), NO("[,1]"), NO("[1,,2]"),
	NO("{\"a\":1,}"), NO("{,\"a\":1}"), NO("[1 2]"), NO("[1:2]"), NO("{\"a\",1}"), NO("{\"a\"}"),
	NO("{\"a\":}"), NO("{:1}"), NO("{1:1}"), NO("{null:1}"), NO("{a:1}"), NO("{'a':1}"),
	NO("{\"a\":1 \"b\":2}"), NO("{\"a\"::1}"), NO("{\"a\":1,,\"b\":2}"), NO("{\"a\":1"),
	NO("[\"a\""), NO("[1"), NO("{\"a\""), NO("{\"a\":"), NO("[1]x"), NO("[1\0]"), NO("[1\0,2]"), NO("[1],"), NO("1 2"),
	NO("[]\0"), NO("\0[]"), NO("[\0]"), NO("[1\f]"), NO("[1\v]"), NO("\xc2\xa0[]"),
	NO("[\xe2\x81\xa0]"), NO("/**/[]"), NO("[1]//x"), NO("[1,/*x*/2]"), NO("#\n1"), NO("({})"),
	NO("\xef\xbb\xbf[]"), NO("[]\xef\xbb\xbf"), NO("\xff\xfe[\0]\0"), NO("<a>"), NO("*"),
	NO("[\"a\",\n4\n,1,"), NO("{\"a\":[}"), NO("[{]"), NO("{\"a\":1]"), NO("[1}"),
	/* words */
	YES("true"), YES("false"), YES("null"), YES("[true,false,null]"), YES(" null\n"),
	NO("tru"), NO("fals"), NO("nul"), NO("True"), NO("NULL"), NO("truex"), NO("nulll"), NO("n"),
	NO("undefined"), NO("NaN"), NO("Infinity"), NO("-Infinity"), NO("[nan]"), NO("[-inf]"),
	NO("true1"), NO("[truefalse]"), NO("[true false]"),
	/* numbers */
	YES("0"), YES("-0"), YES("1"), YES("-1"), YES("10"), YES("123456789012345678901234567890"),
	YES("0.5"), YES("-0.5"), YES("1.0"), YES("1e5"), YES("1E5"), YES("1e+5"), YES("1e-5"),
	YES("0e0"), YES("0E+0"), YES("0.0e-0"), YES("1.5e10"), YES("1e400"), YES("-1e-400"),
	YES("[0,1]"), YES("0.00000000000000000000000000000000000000000000000000000000000001"),
	NO("-"), NO("+1"), NO("--1"), NO("- 1"), NO("01"), NO("-01"), NO("00"), NO("0x1"), NO("1."),
	NO("1.e1"), NO(".1"), NO("-.1"), NO("1e"), NO("1e+"), NO("1E-"), NO("1e1.5"), NO("1ee1"),
	NO("1e5e5"), NO("0.1.2"), NO("1_000"), NO("1,000"), NO("0b1"), NO("1f"), NO("\xef\xbc\x91"),
	NO("1 e5"), NO("0 1"), NO("2.e+3"), NO("0.e1"), NO("0e"), NO("1a"), NO("[-]"), NO("[1.]"),
	NO("[1e]"), NO("[-a]"), NO("[012]"), NO("{\"a\":-}"),
	/* strings */
	YES("\"\""), YES("\"a\""), YES("\" \""), YES("\"\\\"\""), YES("\"\\\\\""), YES("\"\\/\""),
	YES("\"\\b\\f\\n\\r\\t\""), YES("\"\\u0000\""), YES("\"\\u001f\""), YES("\"\\u0022\""),
	YES("\"\\uABCD\""), YES("\"\\uabcd\""), YES("\"\\uFFFF\""), YES("\"\\ufdd0\""),
	YES("\"\\ud83d\\ude00\""), YES("\"\\uD83D\\uDE00\""), YES("\"\\udbff\\udfff\""),
	YES("\"\x7f\""), YES("\"\\\\u0000\""), YES("\"\\\\n\""), YES("\"/*\""), YES("\"[]{},:\""),
	NO("\""), NO("\"a"), NO("\"\\\""), NO("\"\\"), NO("\"\\\\\\\""), NO("'a'"), NO("a"),
	NO("\"\\x41\""), NO("\"\\a\""), NO("\"\\v\""), NO("\"\\0\""), NO("\"\\'\""), NO("\"\\U0041\""),
	NO("\"\\u\""), NO("\"\\u1\""), NO("\"\\u12\""), NO("\"\\u123\""), NO("\"\\u123g\""),
	NO("\"\\u 123\""), NO("\"\\u+123\""), NO("\"\\u12"), NO("\"\\u123\"4\""),
	NO("\"\n\""), NO("\"\t\""), NO("\"\0\""), NO("\"\x1f\""), NO("\"\r\""), NO("\"\\\n\""),
	NO("\"\\\0\""), NO("\"\\\xc3\xa9\""), NO("\"a\"b"), NO("\"a\" \"b\""), NO("[\"a\"\"b\"]"),
	/* surrogates */
	NO("\"\\ud800\""), NO("\"\\udfff\""), NO("\"\\ud800a\""), NO("\"\\ud800\\n\""),
	NO("\"\\ud800\\u0041\""), NO("\"\\ud800\\ud800\""), NO("\"\\ud800\\ue000\""),
	NO("\"\\udc00\\ud800\""), NO("\"\\ud83d\\ude0\""), NO("\"\\ud83d\\\""), NO("\"\\ud83d\\u\""),
	NO("\"\\ud83d\\ude00\\ud83d\""), NO("\"\\ud83d"), NO("{\"\\ud800\":1}"),
	/* UTF-8 */
	YES("\"\xc2\x80\""), YES("\"\xdf\xbf\""), YES("\"\xe0\xa0\x80\""), YES("\"\xed\x9f\xbf\""),
	YES("\"\xee\x80\x80\""), YES("\"\xef\xbf\xbf\""), YES("\"\xf0\x90\x80\x80\""),
	YES("\"\xf4\x8f\xbf\xbf\""), YES("\"\xef\xbb\xbf\""), YES("\"\xe2\x80\xa8\""),
	YES("\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z\xc3\xa9\""), YES("{\"\xc3\xa9\":1}"),
	NO("\"\x80\""), NO("\"\xbf\""), NO("\"\xc0\x80\""), NO("\"\xc1\xbf\""), NO("\"\xc2\""),
	NO("\"\xc2" "a\""), NO("\"\xe0\x9f\xbf\""), NO("\"\xe0\xa0\""), NO("\"\xe2\x82\""),
	NO("\"\xed\xa0\x80\""), NO("\"\xed\xbf\xbf\""), NO("\"\xf0\x8f\xbf\xbf\""),
	NO("\"\xf4\x90\x80\x80\""), NO("\"\xf5\x80\x80\x80\""), NO("\"\xf8\x88\x80\x80\x80\""),
	NO("\"\xff\""), NO("\"\xfe\""), NO("\"\xf0\x9f\x98\""), NO("\"\xe2\x82\xac\x80\""),
	NO("\"\xf0\x9f\x98\x80\x80\""), NO("{\"\xff\":1}"), NO("\xc3\xa9"), NO("[\xff]"), NO("\"\xc3"),
	NO("\"\xe2\x28\xa1\""), NO("\"\xe2\x82\x28\""), NO("\"\xf0\x28\x8c\xbc\""),
	NO("\"\xf0\x9f\x28\xbc\""), NO("\"\xf0\x9f\x98\x28\""),
	/* names appear once */
	YES("{\"a\":1,\"b\":2,\"A\":3,\"\":4,\" a\":5,\"aa\":6}"), YES("{\"a\":{\"a\":[{\"a\":1}]}}"),
	YES("[{\"a\":1},{\"a\":1}]"), YES("{\"a\":1,\"a\\u0000\":2}"), YES("{\"\\u0000\":1,\"\":2}"),
	YES("{\"\xc3\xa9\":1,\"e\xcc\x81\":2}"), YES("{\"\\\\u0061\":1,\"a\":2}"),
	YES("{\"a\":[\"a\",\"a\"],\"b\":{\"a\":0,\"b\":0}}"),
	NO("{\"a\":1,\"a\":1}"), NO("{\"\":1,\"\":2}"), NO("{\"a\":1,\"b\":2,\"a\":3}"),
	NO("{\"x\":{\"a\":1,\"a\":2}}"), NO("[{\"a\":1,\"b\":{},\"a\":2}]"),
	NO("{\"a\":{\"c\":1},\"b\":[{\"d\":1}],\"a\":2}"), NO("{\"\\u0061\":1,\"a\":2}"),
	NO("{\"a\":1,\"\\u0061\":2}"), NO("{\"\\u0061\":1,\"\\u0061\":2}"),
	NO("{\"/\":1,\"\\/\":2}"), NO("{\"\\u000a\":1,\"\\n\":2}"), NO("{\"\\u00e9\":1,\"\xc3\xa9\":2}"),
	NO("{\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":2}"), NO("{\"\\u004d\":1,\"\\u004D\":2}"),
	NO("{\"abcdefghijklmnopqrstuvwxyz\":1,\"x\":0,\"abcdefghijklmnopqrstuvwxyz\":2}"),
	NO("{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"f\":6,\"g\":7,\"h\":8,\"i\":9,\"a\":10}"),
};

#undef YES
#undef NO
/* clang-format on */

#endif
