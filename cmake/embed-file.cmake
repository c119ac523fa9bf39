# SPDX-License-Identifier: BSD-2-Clause
#
# cmake -DIN=file -DOUT=file.c -DSYMBOL=name -P embed-file.cmake: see DqEmbed.cmake.
file(READ "${IN}" hex HEX)
string(LENGTH "${hex}" digits)
math(EXPR len "${digits} / 2")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," hex "${hex}")
string(REGEX REPLACE "((0x..,)(0x..,)(0x..,)(0x..,)(0x..,)(0x..,)(0x..,)(0x..,))" "\\1\n" hex "${hex}")
file(WRITE "${OUT}.tmp" "/* made by cmake/embed-file.cmake */
#include <stddef.h>
extern const unsigned char ${SYMBOL}[];
extern const size_t ${SYMBOL}_len;
const unsigned char ${SYMBOL}[] = {
${hex} 0 };
const size_t ${SYMBOL}_len = ${len};
")
file(RENAME "${OUT}.tmp" "${OUT}")
